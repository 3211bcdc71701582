import { createHash } from 'node:crypto';
import { TidemarkError } from '../../errors.js';
import { quotedSchema } from './schema/name.js';
import { checkName, quoted } from './tables.js';

/**
 * A table whose rows are the entities of one type, described as for `postgis()` and `pgOrigin()`. All names are those of the
 * database, unquoted.
 */
export interface TriggerTable {
  readonly table: string;
  /** Left out: what the search_path finds when the SQL is run. */
  readonly schema?: string | undefined;
  /** The column of the entity's id. */
  readonly id: string;
  /** Of no use here: ids are text until the model's `parseId` reads them. */
  readonly idType?: string | undefined;
  /** The column of type `geometry`: read as GeoJSON. */
  readonly geometry?: string | undefined;
  /** A column that is null for as long as the row is live. */
  readonly deletedAt?: string | undefined;
  /** A boolean column that is true once the row is deleted. */
  readonly deleted?: string | undefined;
  /** The column of the branch. */
  readonly branch?: string | undefined;
  /** By parent type, the column that holds the parent's id. */
  readonly parents?: Readonly<Record<string, string | undefined>> | undefined;
  /** By field of the model, its column. Columns that no field has go by their own names. */
  readonly columns?: Readonly<Record<string, string | TriggerColumn | undefined>> | undefined;
  /** Of no use here. */
  readonly orderBy?: readonly unknown[] | undefined;
}

export interface TriggerColumn {
  readonly column: string;
  /** Left out: a timestamptz as a Date, a bigint as a number or bigint, a geometry as GeoJSON, the rest as JSON has it. */
  readonly as?: 'geojson' | 'text' | 'number' | 'bigint' | undefined;
  /** Of no use here: what is null is null. */
  readonly optional?: boolean | undefined;
}

export interface TriggersOptions {
  /** By entity type. */
  readonly tables: Readonly<Record<string, TriggerTable>>;
  /** Where migrations have made the outbox. Default 'tidemark'. */
  readonly schema?: string | undefined;
}

/** Of `jsonb_build_object`: 100 arguments. */
const MOST_FIELDS = 50;
const BODY = '$tidemark$';
const NAMES = ['schema', 'geometry', 'deletedAt', 'deleted', 'branch'] as const;

/**
 * SQL that lets every write of these tables be announced, whoever makes it: psql, a migration, another service. It is
 * for your own migrations, may be run again, and runs nothing by itself. Each row that is written makes a row of the outbox, with
 * those columns of its old and new image that are named here; what one transaction writes becomes one change.
 *
 *     create trigger … after insert or update or delete on "settlements" for each row execute function …
 *
 * Name every field that the model's `parents`, `deleted` and `geometry` look at: where one is missing, all lists and spatial
 * answers of the type go stale with each write. `truncate` makes everything of the type stale.
 *
 * Writes that are told of by `tide.transaction` would be told twice: `set local tidemark.quiet = 'on'` in their
 * transactions keeps the triggers still. Throws INVALID_OPTION for a name that is none.
 *
 * @example
 * console.log(triggersSql({
 *   tables: {
 *     settlement: { table: 'settlements', id: 'id', deletedAt: 'deleted_at', parents: { kingdom: 'kingdom_id' },
 *       columns: { kingdomId: 'kingdom_id', name: 'name', deletedAt: 'deleted_at' } },
 *   },
 * }));
 */
export function triggersSql({ tables, schema }: TriggersOptions): string {
  const home = quotedSchema(schema);
  return Object.entries(tables)
    .map(([type, table]) => triggersOf(type, table, home))
    .join('\n');
}

function triggersOf(type: string, table: TriggerTable, home: string): string {
  const where = `tables.${type}`;
  checkName(`${where}.table`, table.table);
  checkName(`${where}.id`, table.id);
  for (const name of NAMES) if (table[name] !== undefined) checkName(`${where}.${name}`, table[name]);
  const fields = fieldsOf(where, table);
  if ([type, ...fields.keys()].some((name) => name.includes(BODY)))
    throw new TidemarkError('INVALID_OPTION', `${where}: expected names without ${BODY}, got one with it.`);
  const relation = [table.schema, table.table].flatMap((name) => (name === undefined ? [] : [quoted(name)])).join('.');
  // Two types may lie in tables of one name, and a name has 63 bytes.
  const mark = createHash('sha256')
    .update(JSON.stringify([type, table.schema ?? null, table.table]))
    .digest('hex')
    .slice(0, 8);
  const [rows, truncate] = ['changed', 'truncated'].map(
    (what) => `${home}."${what}_${table.table.slice(0, 40)}_${mark}"`,
  );
  const [onRow, onTruncate] = [`"tidemark_${mark}_row"`, `"tidemark_${mark}_truncate"`];
  return `-- ${relation}: ${JSON.stringify(type)}
create or replace function ${String(rows)}() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as ${BODY}
${rowBody(type, table, { fields, home })}${BODY};
create or replace function ${String(truncate)}() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as ${BODY}
begin
  if current_setting('tidemark.quiet', true) is distinct from 'on' then
    perform ${home}.outbox_note(jsonb_build_object('v', 1, 'truncated', ${literal(type)}));
  end if;
  return null;
end
${BODY};
drop trigger if exists ${onRow} on ${relation};
create trigger ${onRow} after insert or update or delete on ${relation}
  for each row execute function ${String(rows)}();
drop trigger if exists ${onTruncate} on ${relation};
create trigger ${onTruncate} after truncate on ${relation}
  for each statement execute function ${String(truncate)}();
`;
}

interface Field extends TriggerColumn {
  /** The type whose ids it holds. */
  readonly link: string | undefined;
}

/** By field: the columns that are named, and those of parents and geometry that no field has. */
function fieldsOf(where: string, { columns = {}, parents = {}, geometry }: TriggerTable): ReadonlyMap<string, Field> {
  const fields = new Map<string, Field>();
  const linked = new Map(Object.entries(parents).map(([type, column]) => [column, type]));
  const add = (name: string, field: string, { column, as }: TriggerColumn): void => {
    checkName(`${where}.${name}`, column);
    fields.set(field, { column, as, link: linked.get(column) });
  };
  for (const [field, given] of Object.entries(columns))
    if (given !== undefined) add(`columns.${field}`, field, typeof given === 'object' ? given : { column: given });
  const named = new Set([...fields.values()].map(({ column }) => column));
  for (const [type, column] of Object.entries(parents))
    if (column !== undefined && !named.has(column)) add(`parents.${type}`, column, { column });
  if (geometry !== undefined && !named.has(geometry)) add('geometry', geometry, { column: geometry });
  return fields;
}

/** A value of a row as JSON that `outbox-rows.ts` of the core reads. */
function imageOf(value: string, { as, link }: Field, home: string): string {
  const written = (kind: string, type: string): string =>
    `case when ${value} is not null then jsonb_build_array('${kind}', ${value}::${type}) end`;
  if (link !== undefined || as === 'text') return written('j', 'text');
  if (as === 'number') return written('j', 'float8');
  return as === 'bigint' ? written('b', 'text') : `${home}.outbox_image(${value})`;
}

function rowBody(
  type: string,
  { id, branch, deletedAt, deleted }: TriggerTable,
  { fields, home }: { readonly fields: ReadonlyMap<string, Field>; readonly home: string },
): string {
  const image = (row: 'old' | 'new'): string => {
    const pairs = [...fields].map(
      ([name, field]) => `${literal(name)}, ${imageOf(`${row}.${quoted(field.column)}`, field, home)}`,
    );
    const objects: string[] = [];
    for (let from = 0; from === 0 || from < pairs.length; from += MOST_FIELDS)
      objects.push(`jsonb_build_object(${pairs.slice(from, from + MOST_FIELDS).join(', ')})`);
    return objects.join(' || ');
  };
  const links = [...fields].flatMap(([field, { link }]) => (link === undefined ? [] : [[field, link] as const]));
  const gone = (row: 'old' | 'new'): string => {
    const tests = [
      ...(deletedAt === undefined ? [] : [`${row}.${quoted(deletedAt)} is not null`]),
      ...(deleted === undefined ? [] : [`${row}.${quoted(deleted)} is true`]),
    ];
    return tests.length === 0 ? 'false' : `(${tests.join(' or ')})`;
  };
  const key = (row: 'old' | 'new'): string => `${row}.${quoted(id)}::text`;
  const branchOf = (row: 'old' | 'new'): string => (branch === undefined ? 'null' : `${row}.${quoted(branch)}::text`);
  const note = (row: 'old' | 'new', op: string, before: string, after: string): string =>
    `perform ${home}.outbox_note(jsonb_build_object('v', 1, 'row', jsonb_build_object('type', ${literal(type)}, 'op', ${op}, 'id', ${key(row)}, 'branch', ${branchOf(row)}, 'links', ${literal(JSON.stringify(Object.fromEntries(links)))}::jsonb, 'before', ${before}, 'after', ${after})));`;
  return `declare
  before jsonb;
  after jsonb;
begin
  if current_setting('tidemark.quiet', true) = 'on' then return null; end if;
  if tg_op <> 'INSERT' then before := ${image('old')}; end if;
  if tg_op <> 'DELETE' then after := ${image('new')}; end if;
  if tg_op = 'INSERT' then
    ${note('new', `'create'`, 'null', 'after')}
  elsif tg_op = 'DELETE' then
    ${note('old', `'delete'`, 'before', 'null')}
  elsif ${key('old')} is distinct from ${key('new')} or ${branchOf('old')} is distinct from ${branchOf('new')} then
    ${note('old', `'delete'`, 'before', 'null')}
    ${note('new', `'restore'`, 'before', 'after')}
  elsif old *<> new then
    ${note('new', `case when ${gone('new')} and not ${gone('old')} then 'delete' when ${gone('old')} and not ${gone('new')} then 'restore' else 'update' end`, 'before', 'after')}
  end if;
  return null;
end
`;
}

/** As it is written in SQL, whatever `standard_conforming_strings` says. */
function literal(text: string): string {
  const quotes = `'${text.replaceAll("'", "''")}'`;
  return text.includes('\\') ? `E${quotes.replaceAll('\\', '\\\\')}` : quotes;
}
