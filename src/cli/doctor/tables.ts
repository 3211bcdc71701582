import { originTables } from '../../adapters/postgres/origin-tables.js';
import { quotedSchema } from '../../adapters/postgres/schema/name.js';
import { type ListFault, checkLists } from '../../adapters/postgres/list-indexes.js';
import { checkTables } from '../../adapters/postgres/check.js';
import { tablesOf } from '../../adapters/postgres/tables.js';
import type { PostgisTable } from '../../adapters/postgres/tables.js';
import type { SpatialFault, SpatialSystem, Sql } from '../../contract.js';
import { type CheckId, type Finding, fault, fine, skipped, warning } from './finding.js';

/** What a host's module says of its tables: as `pgOrigin()` and `postgis()` take them. */
export interface HostTables {
  readonly tables: Readonly<Record<string, object>>;
  readonly system: SpatialSystem;
}

/** Throws INVALID_OPTION for names that are none, before anything is asked. */
export function checkNames(schema: string | null, given: HostTables | null): void {
  if (schema !== null) quotedSchema(schema);
  if (given !== null) originTables(given.tables);
}

/** Whether the tables are there, with the indexes that make them quick to read, and the SQL that makes those. */
export async function checkHostTables(sql: Sql, given: HostTables | null): Promise<readonly Finding[]> {
  if (given === null) {
    const what = 'Tables and their indexes were not looked at.';
    return [
      skipped(
        'postgres.indexes',
        what,
        '--app <module> names a module that exports `tables`, as pgOrigin() takes them',
      ),
    ];
  }
  const placed = Object.entries(given.tables).filter(
    ([, table]) => 'geometry' in table && table.geometry !== undefined,
  );
  const spatial = tablesOf(Object.fromEntries(placed) as Record<string, PostgisTable>);
  const lists = await checkLists(sql, given.tables);
  const places = spatial.size === 0 ? [] : await checkTables(sql, [...spatial.values()], given.system);
  const missing = new Set(lists.filter(({ about }) => about === 'table').map(({ type }) => type));
  const found = [
    ...places.map(placeFinding),
    // A table that is missing is said to be, once, with the SQL that makes it.
    ...lists
      .filter(({ about, type }) => about !== 'table' || !places.some((one) => one.type === type))
      .map(listFinding),
  ];
  const tables = Object.keys(given.tables).length;
  const well = (id: CheckId, what: string): readonly Finding[] =>
    found.some((one) => one.id === id) ? [] : [fine(id, what)];
  return [
    ...found,
    ...well('postgres.tables', `${String(tables)} tables are as the app describes them.`),
    ...(missing.size > 0
      ? []
      : well('postgres.indexes', `${String(tables)} tables have the indexes they are read by.`)),
  ];
}

function placeFinding({ type, what, mend }: SpatialFault): Finding {
  if (type === null) return fault('postgres.postgis', what, mend);
  const isIndex = mend?.startsWith('create index') === true;
  return fault(
    isIndex ? 'postgres.indexes' : 'postgres.tables',
    what,
    mend ?? 'Change the table, or what the app says of it.',
  );
}

function listFinding({ about, what, mend }: ListFault): Finding {
  if (about === 'table')
    return fault('postgres.tables', what, 'Run the migrations of the app, or mend what it says of its tables.');
  return (about === 'parent' ? fault : warning)('postgres.indexes', what, mend);
}
