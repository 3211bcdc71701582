import type { Sql } from '../../contract.js';
import { TidemarkError } from '../../errors.js';
import type { OriginNames } from './origin-tables.js';
import { relationOf } from './tables.js';

/** What the system catalog says of the tables of an origin, asked once. */

export interface OriginColumnType {
  /** pg_type.typname; of a domain that of what it is made of. */
  readonly typeName: string;
  /** pg_type.typcategory: 'S' for text of any kind. */
  readonly category: string;
}
export type ColumnTypes = ReadonlyMap<string, OriginColumnType>;

const COLUMNS = `select n.i::int as "at", c.oid is not null as "exists", a.attname::text as "name",
  b.typname::text as "typeName", b.typcategory::text as "category"
from unnest($1::text[]) with ordinality n(name, i)
left join pg_class c on c.oid = to_regclass(n.name)
left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_type y on y.oid = a.atttypid
left join pg_type b on b.oid = case y.typtype when 'd' then y.typbasetype else y.oid end`;

const TABLES = `select c.relname::text as "name" from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = any('{r,p,v,m,f}') and case when $1::text is null
  then pg_table_is_visible(c.oid) and n.nspname not in ('pg_catalog', 'information_schema') else n.nspname = $1::text end`;

interface ColumnRow extends OriginColumnType {
  readonly at: number;
  readonly exists: boolean;
  readonly name: string | null;
}

/**
 * The types of each table's columns, or an ORIGIN_NOT_READY that names what is missing and the nearest that is there. All
 * tables in one statement:
 *
 * ```sql
 * select … from unnest($1::text[]) with ordinality n(name, i)
 * left join pg_class c on c.oid = to_regclass(n.name) left join pg_attribute a on a.attrelid = c.oid …
 * ```
 */
export async function columnTypes(
  sql: Sql,
  tables: readonly OriginNames[],
): Promise<ReadonlyMap<string, ColumnTypes | TidemarkError>> {
  const rows = (await sql.query(COLUMNS, [tables.map(relationOf)])).rows as readonly ColumnRow[];
  const found = new Map<string, ColumnTypes | TidemarkError>();
  for (const [i, table] of tables.entries()) {
    const own = rows.filter(({ at }) => at === i + 1);
    found.set(table.type, own.some(({ exists }) => exists) ? typesOf(table, own) : await missingTable(sql, table));
  }
  return found;
}

function typesOf(table: OriginNames, rows: readonly ColumnRow[]): ColumnTypes | TidemarkError {
  const types = new Map(rows.flatMap((row) => (row.name === null ? [] : [[row.name, row] as const])));
  for (const [option, column] of columnsOf(table)) {
    if (types.has(column)) continue;
    const where = `tables.${table.type}.${option}: expected a column of ${relationOf(table)}, got '${column}'`;
    return new TidemarkError('ORIGIN_NOT_READY', `${where}; ${nearest(column, [...types.keys()])}.`);
  }
  return types;
}

/** Each column, with where it was named. */
function columnsOf(table: OriginNames): readonly (readonly [option: string, column: string])[] {
  const { id, deletedAt, deleted, branch } = table;
  const named = { id, deletedAt, deleted, branch };
  return [
    ...Object.entries(named).flatMap(([option, name]) => (name === undefined ? [] : [[option, name] as const])),
    ...table.columns.map(({ field, column }) => [`columns.${field}`, column] as const),
    ...[...table.parents].map(([parent, column]) => [`parents.${parent}`, column] as const),
    ...table.orderBy.map(({ column }, i) => [`orderBy[${String(i)}]`, column] as const),
  ];
}

async function missingTable(sql: Sql, table: OriginNames): Promise<TidemarkError> {
  const { rows } = await sql.query(TABLES, [table.schema ?? null]);
  const names = (rows as readonly { name: string }[]).map(({ name }) => name);
  const where = `tables.${table.type}.table: expected a table or view, got ${relationOf(table)}`;
  return new TidemarkError('ORIGIN_NOT_READY', `${where}, which does not exist; ${nearest(table.table, names)}.`);
}

function nearest(name: string, known: readonly string[]): string {
  const [best] = [...known].sort((a, b) => distance(name, a) - distance(name, b) || (a < b ? -1 : 1));
  return best === undefined ? 'there is none' : `the nearest that exists is '${best}'`;
}

/** How many letters have to be put in, taken out or changed (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, other] of [...b].entries()) {
      const changed = (row[j] as number) + (letter.toLowerCase() === other.toLowerCase() ? 0 : 1);
      next.push(Math.min(changed, (row[j + 1] as number) + 1, (next[j] as number) + 1));
    }
    row = next;
  }
  return row.at(-1) as number;
}
