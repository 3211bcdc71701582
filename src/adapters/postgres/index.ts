import type { Spatial, SpatialMatch, SpatialSystem, Sql } from '../../contract.js';
import { TidemarkError, messageOf } from '../../errors.js';
import { checkTables } from './check.js';
import { findSql } from './find.js';
import { distanceSql, overlapsSql } from './shapes.js';
import type { Statement } from './statement.js';
import { type CheckedTable, type IdType, type NamedTable, type PostgisTable, tableOf, tablesOf } from './tables.js';

export { type PgOutboxOptions, pgOutbox } from './outbox.js';
export { type TriggerColumn, type TriggerTable, type TriggersOptions, triggersSql } from './triggers.js';
export { pgBus } from './bus.js';
export { migrations } from './migrations.js';
export { pgMarks } from './marks.js';
export { postgres } from './replicas.js';
export { pgStore } from './store.js';
export type { PgBusOptions } from './bus.js';
export type { PgClient, PgNotification, PgPool } from './client.js';
export type { ListenerOptions } from './listener.js';
export type { PgMarksOptions } from './marks.js';
export type { Migration, MigrationsOptions } from './migrations.js';
export type { PostgresOptions, PostgresParts } from './replicas.js';
export type { PgStoreOptions } from './store.js';
export { drizzleSql, kyselySql, knexSql, pgSql, prismaSql } from './handles.js';
export { pgOrigin } from './origin.js';
export type { OriginConnection, OriginPool } from './origin-run.js';
export type {
  ModelShape,
  OriginColumn,
  OriginOrder,
  OriginSettings,
  OriginTable,
  PgOrigin,
  PgOriginOptions,
} from './origin-types.js';
export { distanceSql, findSql, overlapsSql, tableOf };
export type { CheckedTable, IdType, NamedTable, PostgisTable, Statement };

export interface PostgisOptions {
  /** A Pool or Client of `pg`; whoever made it ends it. */
  readonly sql: Sql;
  /** By entity type. */
  readonly tables: Readonly<Record<string, PostgisTable>>;
}

/**
 * Spatial queries in PostGIS 3.0 or later, over the tables that hold the rows anyway: one statement per question, in which
 * every value is a parameter. Distances follow the model; what lies in what is decided in the plane of the coordinates,
 * geodesic or not, as it is in the process.
 *
 * Ids of type 'text' are ordered by code points, which is the order of their code units unless a table has ids with
 * characters beyond U+FFFF and others with some from U+E000.
 *
 * Throws INVALID_OPTION for names that are none; its methods reject with INVALID_OPTION for a type without a table or a
 * field without a column, with SPATIAL_NOT_READY where SRIDs differ, with the error of the database otherwise.
 *
 * @example
 * const spatial = postgis({
 *   sql: new Pool({ connectionString }),
 *   tables: { place: { table: 'places', id: 'id', geometry: 'geom', deletedAt: 'deleted_at', columns: { kind: 'kind' } } },
 * });
 */
export function postgis({ sql, tables }: PostgisOptions): Spatial {
  if (typeof (sql as Sql | undefined)?.query !== 'function') {
    throw new TidemarkError('INVALID_OPTION', `sql: expected a Pool or Client of pg, got ${messageOf(sql)}.`);
  }
  const byType = tablesOf(tables);
  const tableFor = (type: string): CheckedTable => {
    const table = byType.get(type);
    if (table !== undefined) return table;
    const known = [...byType.keys()].map((name) => `'${name}'`).join(', ');
    throw new TidemarkError('INVALID_OPTION', `tables: expected a table for '${type}', got ${known || 'none'}.`);
  };
  const rowsOf = async (statement: Statement, system: SpatialSystem): Promise<readonly unknown[]> => {
    try {
      return (await sql.query(statement.text, statement.values)).rows;
    } catch (error) {
      throw mixedSrids(error, system) ?? error;
    }
  };
  return {
    async find(ask) {
      const table = tableFor(ask.type);
      if (ask.signal.aborted)
        throw new TidemarkError('ABORTED', 'find: the signal fired.', { cause: ask.signal.reason });
      const rows = await rowsOf(findSql(table, ask), ask.system);
      return rows.map((row) => matchOf(table, row as FoundRow));
    },
    async distance(a, b, system) {
      const [row] = (await rowsOf(distanceSql(a, b, system), system)) as readonly { distance: number | null }[];
      if (typeof row?.distance === 'number') return row.distance;
      throw new TidemarkError('INVALID_GEOMETRY', 'distance: expected two geometries with a point, got an empty one.');
    },
    async overlaps(a, b, system) {
      const [row] = (await rowsOf(overlapsSql(a, b, system), system)) as readonly { overlaps: boolean }[];
      return row?.overlaps === true;
    },
    async check(types, system) {
      return checkTables(sql, types.map(tableFor), system);
    },
  };
}

interface FoundRow {
  readonly id: string;
  readonly distance: number | null;
}

function matchOf({ idType }: CheckedTable, { id, distance }: FoundRow): SpatialMatch {
  if (idType === 'bigint') return { id: BigInt(id), distance };
  if (idType !== 'number') return { id, distance };
  const number = Number(id);
  return { id: Number.isInteger(number) && !Number.isSafeInteger(number) ? BigInt(id) : number, distance };
}

/** PostGIS says "Operation on mixed SRID geometries (Point, 4326) != (Point, 3857)", and not whose each is. */
function mixedSrids(error: unknown, { srid }: SpatialSystem): TidemarkError | undefined {
  const said = messageOf(error);
  if (!/mixed SRID/i.test(said)) return undefined;
  const found = [...said.matchAll(/\(\w+, (\d+)\)/g)].map(([, number]) => Number(number));
  const other = found.find((number) => number !== srid);
  const both = `expected geometries of the model's SRID ${String(srid)} only, got some of ${other === undefined ? 'another' : `SRID ${String(other)}`}`;
  return new TidemarkError('SPATIAL_NOT_READY', `${both}; check() says which column, and the SQL that mends it.`, {
    cause: error,
  });
}
