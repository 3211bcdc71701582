import { describe, expect, test } from 'vitest';
import { type PostgisTable, postgis } from '../../../src/adapters/postgres/index.js';
import type { SpatialFault, SpatialSystem, Sql } from '../../../src/contract.js';
import { describePostgis } from '../../services/postgres.js';
import { GEODESIC, PLANAR, ask, at } from './world.js';

interface Case {
  readonly name: string;
  /** What a migration has made; `$t` is the table. */
  readonly made: string;
  readonly options?: Partial<PostgisTable>;
  readonly system?: SpatialSystem;
  /** What each fault says, in order, each after the ones before it were mended. */
  readonly faults: readonly RegExp[];
}

const PLAIN = 'create table $t (id text primary key, geom geometry(Point, 3857)); create index on $t using gist (geom)';
const EARTH = PLAIN.replace('3857', '4326');
const UNINDEXED = 'create table $t (id text primary key, geom geometry(Point, 3857))';
const UNTYPED = 'create table $t (id text primary key, geom geometry); create index on $t using gist (geom)';
const BRANCHED =
  'create table $t (branch text, id text, geom geometry(Point, 3857), primary key (branch, id)); create index on $t using gist (geom)';
const DELETABLE =
  'create table $t (id text primary key, "deletedAt" timestamptz, gone boolean, geom geometry(Point, 3857))';

const mendable: readonly Case[] = [
  { name: 'no index', made: UNINDEXED, faults: [/"geom" has no GiST index\.$/] },
  {
    name: 'an index that is no GiST index',
    made: `${UNINDEXED}; create index on $t using btree (geom)`,
    faults: [/"geom" has no GiST index\.$/],
  },
  {
    name: 'a GiST index that the plane does not use',
    made: `${UNINDEXED}; create index on $t using gist (geom gist_geometry_ops_nd)`,
    faults: [/"geom" has no GiST index\.$/],
  },
  {
    name: 'an index on some rows only',
    made: `${UNINDEXED}; create index on $t using gist (geom) where id > 'm'`,
    faults: [/"geom" has no GiST index\.$/],
  },
  {
    name: 'an index on rows not deleted, where they are not told apart',
    made: `${DELETABLE}; create index on $t using gist (geom) where "deletedAt" is null`,
    faults: [/"geom" has no GiST index\.$/],
  },
  {
    name: 'a column without an SRID, and rows with none, the right one and another one',
    made: `${UNTYPED}; insert into $t values ('none', ST_MakePoint(1, 1)), ('right', 'SRID=3857;POINT(1 1)'),
      ('other', ST_Transform('SRID=3857;POINT(1 1)'::geometry, 4326))`,
    faults: [/"geom" is of type geometry; expected geometry\(Geometry,3857\)\.$/],
  },
  {
    name: 'a column of another SRID',
    made: `${EARTH}; insert into $t select 'a', ST_Transform('SRID=3857;POINT(1 1)'::geometry, 4326)`,
    faults: [/"geom" is of type geometry\(Point,4326\); expected geometry\(Geometry,3857\)\.$/],
  },
  {
    name: 'a column of type geography',
    made: 'create table $t (id text primary key, geom geography(Point)); create index on $t using gist (geom)',
    faults: [/"geom" is of type geography\(Point,4326\); expected/],
  },
  {
    name: 'no geometry column',
    made: 'create table $t (id text primary key)',
    faults: [/has no column "geom"\.$/, /"geom" has no GiST index\.$/],
  },
  { name: 'no id column', made: PLAIN, options: { id: 'uid' }, faults: [/has no column "uid"\.$/] },
  {
    name: 'no columns for fields, branches and deletions',
    made: PLAIN,
    options: { columns: { kind: 'kind' }, deletedAt: 'deletedAt', deleted: 'gone', branch: 'branch' },
    faults: ['kind', 'deletedAt', 'gone', 'branch'].map((column) => new RegExp(`has no column "${column}"\\.$`)),
  },
  {
    name: 'no table',
    made: '',
    options: { branch: 'branch', deletedAt: 'at', columns: { a: 'b' } },
    faults: [/no table/],
  },
  {
    name: 'branches without an index on the id',
    made: BRANCHED,
    options: { branch: 'branch' },
    faults: [/"id" has no index, by which a row is looked up in nearer branches\.$/],
  },
  {
    name: 'no index on the geography',
    made: EARTH,
    system: GEODESIC,
    faults: [/"geom" has no GiST index on its geography, by which metres are measured\.$/],
  },
];

const well: readonly Omit<Case, 'faults'>[] = [
  { name: 'a table with an index', made: PLAIN },
  { name: 'a partitioned table', made: `${UNINDEXED} partition by hash (id); create index on $t using gist (geom)` },
  {
    name: 'an index with another column before it',
    made: `${UNINDEXED}; alter table $t add column border geometry; create index on $t using gist (border, geom)`,
  },
  {
    name: 'an index on rows not deleted',
    made: `${DELETABLE}; create index on $t using gist (geom) where "deletedAt" is null and gone is not true`,
    options: { deletedAt: 'deletedAt', deleted: 'gone' },
  },
  {
    name: 'upper case and a reserved word',
    made: 'create table $t ("Id" text primary key, "order" geometry(Polygon, 3857)); create index on $t using gist ("order")',
    options: { id: 'Id', geometry: 'order' },
  },
  {
    name: 'both indexes of a geodesic table',
    made: `${EARTH}; create index on $t using gist ((geom::geography))`,
    system: GEODESIC,
  },
  {
    name: 'a materialized view with an index',
    made: `create table $t_base (id text, geom geometry(Point, 3857)); create materialized view $t as select * from $t_base;
      create index on $t using gist (geom)`,
  },
  {
    name: 'a view over a small table',
    made: 'create table $t_base (id text, geom geometry(Point, 3857)); create view $t as select * from $t_base',
  },
];

const LARGE = `create table $t_base (id text, geom geometry(Point, 3857));
  insert into $t_base select i, ST_SetSRID(ST_MakePoint(i, i), 3857) from generate_series(1, 20000) i`;

describePostgis('check()', (database) => {
  let made = 0;

  const world = async (one: Omit<Case, 'faults'>) => {
    const { pool, schema } = database();
    const table = `t${String((made += 1))}`;
    const sql = one.made.replaceAll('$t_base', `${schema}.${table}_base`).replaceAll('$t', `${schema}.${table}`);
    await pool.query(sql);
    const options: PostgisTable = { schema, table, id: 'id', geometry: 'geom', ...one.options };
    const spatial = postgis({ sql: pool, tables: { place: options } });
    return { spatial, table: `${schema}.${table}`, check: () => spatial.check(['place'], one.system ?? PLANAR) };
  };

  test.each(mendable)('finds $name, and says the SQL that mends it', async (one) => {
    const { spatial, check } = await world(one);
    let faults: readonly SpatialFault[] = await check();
    for (const what of one.faults) {
      expect(faults[0]).toEqual({
        ...{ type: 'place', what: expect.stringMatching(what) as string, mend: expect.any(String) as string },
      });
      await database().pool.query(faults[0]?.mend ?? '');
      faults = await check();
    }
    expect(faults).toEqual([]);
    const question = { kind: 'near', point: at(1, 1), radius: 1 } as const;
    await spatial.find(ask(question, { system: one.system ?? PLANAR, branches: ['main'] }));
  });

  test('mends a column without an SRID so that each row is where it was', async () => {
    const one = mendable.find(({ name }) => name.startsWith('a column without an SRID')) as Case;
    const { spatial, check } = await world(one);
    const question = { kind: 'near', point: at(1, 1), radius: 0.001 } as const;
    await expect(spatial.find(ask(question))).rejects.toMatchObject({ code: 'SPATIAL_NOT_READY' });
    for (const { mend } of await check()) await database().pool.query(mend ?? '');
    expect((await spatial.find(ask(question))).map(({ id }) => id).sort()).toEqual(['none', 'other', 'right']);
  });

  test.each(well)('is content with $name', async (one) => {
    const { check } = await world(one);
    expect(await check()).toEqual([]);
  });

  test('finds several faults at once, and mends them in their order', async () => {
    const { check } = await world({
      name: '',
      made: 'create table $t (id text, geom geometry)',
      options: { branch: 'branch' },
    });
    const faults = await check();
    expect(faults.map(({ what }) => what.replace(/^\S+ /, ''))).toEqual([
      'has no column "branch".',
      'is of type geometry; expected geometry(Geometry,3857).',
      'has no GiST index.',
      'has no index, by which a row is looked up in nearer branches.',
    ]);
    for (const { mend } of faults) await database().pool.query(mend ?? '');
    expect(await check()).toEqual([]);
  });

  test.each([
    [
      'an id of another type',
      'create table $t (id text primary key, geom geometry(Point, 3857)); create index on $t using gist (geom)',
      { idType: 'number' },
      /"id" is of type text, which orders otherwise than ids of type 'number'/,
    ],
    [
      'a geometry that is text',
      'create table $t (id text primary key, geom text)',
      {},
      /"geom" is of type text; expected geometry/,
    ],
    [
      'a column that cannot say what is deleted',
      `${PLAIN}; alter table $t add column gone int`,
      { deleted: 'gone' },
      /A question cannot be asked: .*boolean/,
    ],
    [
      'a view whose column has no SRID',
      `${UNTYPED.replaceAll('$t', '$t_base')}; create view $t as select * from $t_base`,
      {},
      /is of type geometry; expected/,
    ],
    [
      'a view over a large table without an index',
      `${LARGE}; create view $t as select * from $t_base; analyze $t_base`,
      {},
      /reads all of \S+_base, in which no GiST index serves it/,
    ],
  ] as const)('finds %s, which no SQL mends', async (name, sql, options, what) => {
    const { check } = await world({ name, made: sql, options });
    expect(await check()).toContainEqual({ type: 'place', what: expect.stringMatching(what) as string, mend: null });
  });

  test('is content with a view over a large table with an index', async () => {
    const sql = `${LARGE}; create index on $t_base using gist (geom); create view $t as select * from $t_base; analyze $t_base`;
    const { check } = await world({ name: '', made: sql });
    expect(await check()).toEqual([]);
  });

  test('leaves the database, and a transaction under way, as they were', async () => {
    const client = await database().pool.connect();
    try {
      const { table } = await world({ name: '', made: PLAIN });
      const [schema, name] = table.split('.') as [string, string];
      await client.query(`begin; set local search_path to public`);
      const before = await client.query('select name, setting from pg_settings order by name');
      const options = { schema, table: name, id: 'id', geometry: 'geom' };
      expect(await postgis({ sql: client, tables: { place: options } }).check(['place'], PLANAR)).toEqual([]);
      expect((await client.query('select name, setting from pg_settings order by name')).rows).toEqual(before.rows);
    } finally {
      await client.query('rollback');
      client.release();
    }
  });

  test('says so where the search_path leaves PostGIS out', async () => {
    const client = await database().pool.connect();
    try {
      await client.query('begin; set local search_path to pg_catalog, pg_temp');
      const options = { schema: 'any', table: 'any', id: 'id', geometry: 'geom' };
      const faults = await postgis({ sql: client, tables: { place: options } }).check(['place'], PLANAR);
      expect(faults).toEqual([
        {
          type: null,
          what: expect.stringMatching(
            /^PostGIS is in the schema \w+, which the search_path does not name\.$/,
          ) as string,
          mend: expect.stringMatching(
            /^alter role current_user set search_path to pg_catalog, pg_temp, \w+$/,
          ) as string,
        },
      ]);
      await client.query(faults[0]?.mend ?? '');
    } finally {
      await client.query('rollback');
      client.release();
    }
  });
});

describe('check() of a database', () => {
  const answering = (...rows: readonly unknown[]): Sql => ({ query: async () => ({ rows }) });
  const check = (sql: Sql) => postgis({ sql, tables: {} }).check([], PLANAR);

  test('without PostGIS says how it is installed', async () => {
    const what = 'The database has no PostGIS.';
    expect(await check(answering())).toEqual([{ type: null, what, mend: 'create extension postgis' }]);
  });

  test('with a PostGIS before 3.0 says how it is updated', async () => {
    expect(await check(answering({ version: '2.5.5', schema: 'public', reachable: true }))).toEqual([
      { type: null, what: 'PostGIS is 2.5.5; expected 3.0 or later.', mend: 'alter extension postgis update' },
    ]);
  });
});
