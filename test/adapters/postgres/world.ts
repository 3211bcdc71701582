import type { Pool } from 'pg';
import { type PostgisTable, postgis } from '../../../src/adapters/postgres/index.js';
import type { Geometry, Position, Spatial, SpatialAsk, SpatialQuestion, SpatialSystem } from '../../../src/contract.js';

export const PLANAR: SpatialSystem = { srid: 3857, distance: 'planar' };
export const GEODESIC: SpatialSystem = { srid: 4326, distance: 'geodesic' };

/** A question with nothing special about it. */
export const ask = (question: SpatialQuestion, beside: Partial<SpatialAsk> = {}): SpatialAsk => ({
  type: 'place',
  system: PLANAR,
  branches: ['main'],
  question,
  where: [],
  limit: undefined,
  signal: new AbortController().signal,
  ...beside,
});

export const at = (x: number, y: number): Position => ({ x, y });
export const point = (x: number, y: number): Geometry => ({ type: 'Point', coordinates: [x, y] });

/** From corner to corner. */
export const square = (minX: number, minY: number, maxX: number, maxY: number): Geometry => ({
  type: 'Polygon',
  coordinates: [
    [
      [minX, minY],
      [maxX, minY],
      [maxX, maxY],
      [minX, maxY],
      [minX, minY],
    ],
  ],
});

export interface PlaceRow {
  readonly id: string;
  readonly geometry: Geometry | null;
  readonly branch?: string;
  readonly kind?: string | null;
  readonly size?: number | null;
  readonly deleted?: boolean;
}

export interface Places {
  readonly options: PostgisTable;
  readonly spatial: Spatial;
  put(...rows: readonly PlaceRow[]): Promise<void>;
  clear(): Promise<void>;
  find(
    question: SpatialQuestion,
    beside?: Partial<SpatialAsk>,
  ): Promise<readonly (readonly [unknown, number | null])[]>;
  ids(question: SpatialQuestion, beside?: Partial<SpatialAsk>): Promise<readonly unknown[]>;
}

export interface PlacesOptions {
  readonly pool: Pool;
  readonly schema: string;
  readonly table: string;
  readonly system?: SpatialSystem;
  readonly branches?: boolean;
}

/** A table as a migration would make it; its text columns collate as no JavaScript does. */
export async function places(options: PlacesOptions): Promise<Places> {
  const { pool, schema, table, system = PLANAR, branches = false } = options;
  const name = `${schema}."${table}"`;
  await pool.query(`create table ${name} (
    id text collate "en-x-icu" not null, branch text not null default 'main', kind text collate "en-x-icu", size int,
    "deletedAt" timestamptz, geom geometry(Geometry, ${String(system.srid)}), primary key (id, branch))`);
  await pool.query(`create index on ${name} using gist (geom)`);
  if (system.distance === 'geodesic') await pool.query(`create index on ${name} using gist ((geom::geography))`);
  const described: PostgisTable = {
    ...{ schema, table, id: 'id', geometry: 'geom', deletedAt: 'deletedAt', columns: { kind: 'kind', size: 'size' } },
    ...(branches ? { branch: 'branch' } : {}),
  };
  const spatial = postgis({ sql: pool, tables: { place: described } });
  const insert = `insert into ${name} (id, branch, kind, size, "deletedAt", geom)
    select r.id, r.branch, r.kind, r.size, case when r.deleted then now() end,
      ST_SetSRID(ST_GeomFromGeoJSON(r.geometry), ${String(system.srid)})
    from jsonb_to_recordset($1) r(id text, branch text, kind text, size int, deleted boolean, geometry jsonb)`;
  const find: Places['find'] = async (question, beside) =>
    (await spatial.find(ask(question, { system, ...beside }))).map(({ id, distance }) => [id, distance] as const);
  return {
    options: described,
    spatial,
    async put(...rows) {
      const whole = rows.map((row) => ({ branch: 'main', kind: null, size: null, deleted: false, ...row }));
      await pool.query(insert, [JSON.stringify(whole)]);
    },
    async clear() {
      await pool.query(`truncate ${name}`);
    },
    find,
    ids: async (question, beside) => (await find(question, beside)).map(([id]) => id),
  };
}

/** A row at a point. */
export const place = (id: string, x: number, y: number, beside: Partial<PlaceRow> = {}): PlaceRow => ({
  ...{ id, geometry: point(x, y) },
  ...beside,
});
