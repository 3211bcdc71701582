import type { SpatialFault, Sql } from '../../contract.js';
import { type IndexKey, indexesOf } from './catalog.js';
import { columnTypes } from './origin-catalog.js';
import { type OriginNames, originTables } from './origin-tables.js';
import { quoted, relationOf } from './tables.js';

/** What keeps a table's rows from being found by an index, and what it costs. */
export interface ListFault extends SpatialFault {
  /** `table`: it, or a column, is not there. */
  readonly about: 'table' | 'parent' | 'order' | 'deleted';
}

/**
 * What keeps tables as `pgOrigin()` is told of them from being read well: each list of a parent wants an index that begins with
 * the parent's column, and goes on in the list's order; what is deleted softly is found by an index of its own. Throws
 * INVALID_OPTION as `pgOrigin()` does.
 */
export async function checkLists(sql: Sql, given: unknown): Promise<readonly ListFault[]> {
  const tables = [...originTables(given).values()];
  const types = await columnTypes(sql, tables);
  const faults: ListFault[] = [];
  for (const table of tables) {
    const found = types.get(table.type);
    if (found instanceof Error) faults.push({ about: 'table', type: table.type, what: found.message, mend: null });
    else faults.push(...lacking(table, await indexesOf(sql, relationOf(table))));
  }
  return faults;
}

function lacking(table: OriginNames, keys: readonly IndexKey[]): readonly ListFault[] {
  const indexes = [...new Set(keys.map(({ index }) => index))]
    .map((index) => keys.filter((key) => key.index === index))
    .filter(([first]) => first?.method === 'btree');
  const { type, parents, orderBy, deletedAt, deleted } = table;
  const live = deletedAt === undefined ? deletedAs(deleted) : [`${deletedAt}ISNULL`];
  /** Whether an index that any live row is in begins with these columns. */
  const serves = (columns: readonly string[]): boolean =>
    indexes.some(
      (index) =>
        columns.every((column, i) => index.some(({ place, key }) => place === i + 1 && key === column)) &&
        index.every(({ conditions }) => conditions.every((one) => live.includes(one))),
    );
  const where = deletedAt === undefined ? '' : ` where ${quoted(deletedAt)} is null`;
  const order = orderBy.map(({ column }) => column);
  const make = (columns: readonly string[], condition: string): string =>
    `create index concurrently on ${relationOf(table)} (${columns.join(', ')})${condition}`;
  const faults: ListFault[] = [];
  for (const column of new Set(parents.values())) {
    const columns = [
      quoted(column),
      ...orderBy.map(({ column, descending }) => `${quoted(column)}${descending ? ' desc' : ''}`),
    ];
    const name = `${relationOf(table)}.${quoted(column)}`;
    if (!serves([column])) {
      const what = `${name} has no index: each list of a parent reads the whole table.`;
      faults.push({ about: 'parent', type, what, mend: make(columns, where) });
    } else if (order.length > 0 && !serves([column, ...order])) {
      const what = `Lists by ${name} are sorted by ${order.map(quoted).join(', ')} each time they are read.`;
      faults.push({ about: 'order', type, what, mend: make(columns, where) });
    }
  }
  // Such an index holds the deleted rows alone, and costs the live ones nothing.
  const isFound = keys.some(
    ({ place, key, conditions }) => place === 1 && key === deletedAt && !conditions.includes(`${key}ISNULL`),
  );
  if (deletedAt !== undefined && !isFound) {
    const what = `${relationOf(table)}.${quoted(deletedAt)} has no index, by which deleted rows are found and cleared away.`;
    const mend = make([quoted(deletedAt)], ` where ${quoted(deletedAt)} is not null`);
    faults.push({ about: 'deleted', type, what, mend });
  }
  return faults;
}

/** How the catalog writes that a row is live. */
const deletedAs = (column: string | undefined): readonly string[] =>
  column === undefined ? [] : [`${column}ISNOTTRUE`, `NOT${column}`];
