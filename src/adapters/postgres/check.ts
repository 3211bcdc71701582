import type { SpatialFault, SpatialSystem, Sql } from '../../contract.js';
import { messageOf } from '../../errors.js';
import { type Column, type IndexKey, type Relation, relationIn } from './catalog.js';
import { findSql } from './find.js';
import { type CheckedTable, quoted, relationOf } from './tables.js';

/** Rows from which on a table is too large to be read whole for every question. */
const MANY_ROWS = 10_000;

const TYPE_OF_ID = { text: 'text', number: 'bigint', bigint: 'bigint', uuid: 'uuid' } as const;
const NUMBERS = ['int2', 'int4', 'int8', 'numeric'];

/** What keeps these tables from being asked well; empty if nothing does. Mended in this order. */
export async function checkTables(
  sql: Sql,
  tables: readonly CheckedTable[],
  system: SpatialSystem,
): Promise<readonly SpatialFault[]> {
  const postgis = await postgisFaults(sql);
  if (postgis.length > 0) return postgis;
  const faults: SpatialFault[] = [];
  for (const table of tables) faults.push(...(await tableFaults(sql, table, system)));
  return faults;
}

const POSTGIS = `select e.extversion as "version", quote_ident(n.nspname) as "schema",
  current_setting('search_path') as "path", to_regprocedure('st_makepoint(float8, float8)') is not null as "reachable"
from pg_extension e join pg_namespace n on n.oid = e.extnamespace where e.extname = 'postgis'`;

async function postgisFaults(sql: Sql): Promise<readonly SpatialFault[]> {
  const { rows } = await sql.query(POSTGIS, []);
  const [found] = rows as readonly { version: string; schema: string; path: string; reachable: boolean }[];
  const fault = (what: string, mend: string): readonly SpatialFault[] => [{ type: null, what, mend }];
  if (found === undefined) return fault('The database has no PostGIS.', 'create extension postgis');
  const { version, schema, path, reachable } = found;
  if (Number.parseInt(version, 10) < 3) {
    return fault(`PostGIS is ${version}; expected 3.0 or later.`, 'alter extension postgis update');
  }
  if (reachable) return [];
  return fault(
    `PostGIS is in the schema ${schema}, which the search_path does not name.`,
    `alter role current_user set search_path to ${path === '' ? schema : `${path}, ${schema}`}`,
  );
}

async function tableFaults(sql: Sql, table: CheckedTable, system: SpatialSystem): Promise<readonly SpatialFault[]> {
  const relation = await relationIn(sql, table);
  if (relation === undefined) return [missingTable(table, system)];
  const columns = [...columnFaults(table, relation, system), ...geometryFaults(table, relation, system)];
  const indexes = ['r', 'p', 'm'].includes(relation.kind) ? indexFaults(table, relation, system) : [];
  const faults = [...columns, ...indexes];
  return columns.length === 0 ? [...faults, ...(await planFaults(sql, table, { relation, system }))] : faults;
}

// ── The table and its columns ───────────────────────────────────────────────────────────────────────────────────

/** The type of each column that the table is told to have, as it would be made. */
function declared(table: CheckedTable, { srid }: SpatialSystem): ReadonlyMap<string, string> {
  const { deletedAt, deleted, branch } = table;
  return new Map([
    ...Object.values(table.columns).map((column) => [column, 'text'] as const),
    ...(deletedAt === undefined ? [] : [[deletedAt, 'timestamptz'] as const]),
    ...(deleted === undefined ? [] : [[deleted, 'boolean not null default false'] as const]),
    ...(branch === undefined ? [] : [[branch, 'text'] as const]),
    [table.geometry, `geometry(Geometry, ${String(srid)})`],
    [table.id, TYPE_OF_ID[table.idType]],
  ]);
}

function missingTable(table: CheckedTable, system: SpatialSystem): SpatialFault {
  const columns = [...declared(table, system)].reverse().map(([name, type]) => `${quoted(name)} ${type}`);
  const key = [table.id, table.branch].filter((name) => name !== undefined).map(quoted);
  const create = `create table ${relationOf(table)} (${[...columns, `primary key (${key.join(', ')})`].join(', ')})`;
  return {
    type: table.type,
    what: `There is no table ${relationOf(table)}.`,
    mend: [create, ...spatialIndexes(table, system).map(({ create }) => create)].join('; '),
  };
}

function columnFaults(table: CheckedTable, { kind, columns }: Relation, system: SpatialSystem): SpatialFault[] {
  const faults: SpatialFault[] = [];
  for (const [name, type] of declared(table, system)) {
    if (columns.has(name)) continue;
    const mend = alter({ table, kind }, `add column ${quoted(name)} ${type}`);
    faults.push({ type: table.type, what: `${relationOf(table)} has no column ${quoted(name)}.`, mend });
  }
  const id = columns.get(table.id);
  const isNumber = NUMBERS.includes(id?.typeName ?? '');
  const fits = { text: true, number: isNumber, bigint: isNumber, uuid: id?.typeName === 'uuid' };
  if (id !== undefined && !fits[table.idType]) {
    const what = `${columnName(table, table.id)} is of type ${id.type}, which orders otherwise than ids of type '${table.idType}'.`;
    faults.push({ type: table.type, what, mend: null });
  }
  return faults;
}

function geometryFaults(table: CheckedTable, { kind, columns }: Relation, { srid }: SpatialSystem): SpatialFault[] {
  const column = columns.get(table.geometry);
  if (column === undefined || column.srid === srid) return [];
  const what = `${columnName(table, table.geometry)} is of type ${column.type}; expected geometry(Geometry,${String(srid)}).`;
  const using = convertedTo(srid, quoted(table.geometry), column);
  const change = `alter column ${quoted(table.geometry)} type geometry(Geometry, ${String(srid)}) using ${using ?? ''}`;
  return [{ type: table.type, what, mend: using === undefined ? null : alter({ table, kind }, change) }];
}

/** A column whose type has no SRID may hold geometries of any; those that have none themselves are taken at their word. */
function convertedTo(srid: number, name: string, { typeName, srid: has }: Column): string | undefined {
  if (typeName === 'geography') return `ST_Transform(${name}::geometry, ${String(srid)})`;
  if (has === null) return undefined;
  if (has !== 0) return `ST_Transform(${name}, ${String(srid)})`;
  const [set, transform] = ['ST_SetSRID', 'ST_Transform'].map((change) => `${change}(${name}, ${String(srid)})`);
  return `case ST_SRID(${name}) when 0 then ${String(set)} else ${String(transform)} end`;
}

/** Only tables can be altered so. */
const alter = ({ table, kind }: { table: CheckedTable; kind: string }, change: string): string | null =>
  ['r', 'p'].includes(kind) ? `alter table ${relationOf(table)} ${change}` : null;

const columnName = (table: CheckedTable, column: string): string => `${relationOf(table)}.${quoted(column)}`;

// ── Its indexes ─────────────────────────────────────────────────────────────────────────────────────────────────

interface NeededIndex {
  readonly what: string;
  readonly create: string;
  readonly serves: (index: IndexKey) => boolean;
}

function spatialIndexes(table: CheckedTable, { distance }: SpatialSystem): readonly NeededIndex[] {
  const name = quoted(table.geometry);
  const where = columnName(table, table.geometry);
  const on = `create index on ${relationOf(table)} using gist`;
  const plain: NeededIndex = {
    what: `${where} has no GiST index.`,
    create: `${on} (${name})`,
    serves: ({ method, opclass, key }) =>
      method === 'gist' && opclass === 'gist_geometry_ops_2d' && key === table.geometry,
  };
  if (distance === 'planar') return [plain];
  const onGeography = new RegExp(`^${table.geometry}::(\\w+\\.)?geography$`);
  const geodesic: NeededIndex = {
    what: `${where} has no GiST index on its geography, by which metres are measured.`,
    create: `${on} ((${name}::geography))`,
    serves: ({ method, opclass, key }) =>
      method === 'gist' && opclass === 'gist_geography_ops' && onGeography.test(key),
  };
  return [plain, geodesic];
}

/** Where branches are, every row found is looked up in the nearer ones. */
function branchIndexes(table: CheckedTable): readonly NeededIndex[] {
  if (table.branch === undefined) return [];
  return [
    {
      what: `${columnName(table, table.id)} has no index, by which a row is looked up in nearer branches.`,
      create: `create index on ${relationOf(table)} (${quoted(table.id)}, ${quoted(table.branch)})`,
      serves: ({ method, place, key }) => ['btree', 'hash'].includes(method) && place === 1 && key === table.id,
    },
  ];
}

function indexFaults(table: CheckedTable, { indexes }: Relation, system: SpatialSystem): SpatialFault[] {
  const live = [
    ...(table.deletedAt === undefined ? [] : [`${table.deletedAt}ISNULL`]),
    ...(table.deleted === undefined ? [] : [`${table.deleted}ISNOTTRUE`]),
  ];
  const among = (allowed: readonly string[], needed: readonly NeededIndex[]): readonly NeededIndex[] =>
    needed.filter(
      ({ serves }) => !indexes.some((index) => serves(index) && index.conditions.every((one) => allowed.includes(one))),
    );
  // A partial index serves if every question says its condition; the row of a nearer branch may be a deleted one.
  const lacking = [...among(live, spatialIndexes(table, system)), ...among([], branchIndexes(table))];
  return lacking.map(({ what, create }) => ({ type: table.type, what, mend: create }));
}

// ── What the planner says ───────────────────────────────────────────────────────────────────────────────────────

interface Planned {
  readonly relation: Relation;
  readonly system: SpatialSystem;
}

/**
 * A question is planned, not asked: its types have to fit. A view has no index of its own: nothing large that it reads
 * may be read whole. Of a table the catalog has said so; the planner rightly reads a small one whole.
 */
async function planFaults(sql: Sql, table: CheckedTable, { relation, system }: Planned): Promise<SpatialFault[]> {
  const { text, values } = findSql(table, {
    type: table.type,
    system,
    branches: [''],
    question: { kind: 'near', point: { x: 0, y: 0 }, radius: 1 },
    where: Object.keys(table.columns).map((field) => ({ field, oneOf: [null] })),
    limit: undefined,
    signal: new AbortController().signal,
  });
  let plan: readonly unknown[];
  try {
    plan = (await sql.query(`explain (format json, verbose) ${text}`, values)).rows;
  } catch (error) {
    return [{ type: table.type, what: `A question cannot be asked: ${messageOf(error)}.`, mend: null }];
  }
  if (relation.kind !== 'v') return [];
  const { rows } = await sql.query(
    'select oid::regclass::text as "name" from pg_class where oid = any($1::regclass[]) and reltuples >= $2',
    [plan.flatMap((row) => readWhole((row as { 'QUERY PLAN': unknown })['QUERY PLAN'])), MANY_ROWS],
  );
  return (rows as readonly { name: string }[]).map(({ name }) => ({
    type: table.type,
    what: `The view ${relationOf(table)} reads all of ${name}, in which no GiST index serves it.`,
    mend: null,
  }));
}

/** The relations that a plan reads row by row, as SQL names them. */
function readWhole(plan: unknown): readonly string[] {
  if (typeof plan === 'string') return readWhole(JSON.parse(plan));
  if (typeof plan !== 'object' || plan === null) return [];
  const node = plan as Readonly<Record<string, unknown>>;
  const below = Object.values(node).flatMap((value) => (typeof value === 'object' ? readWhole(value) : []));
  if (node['Node Type'] !== 'Seq Scan') return below;
  const name = [node['Schema'], node['Relation Name']].map((part) => `"${String(part).replaceAll('"', '""')}"`);
  return [name.join('.'), ...below];
}
