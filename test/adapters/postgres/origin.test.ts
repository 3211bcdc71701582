import { beforeAll, describe, expect, test } from 'vitest';
import { type PgOriginOptions, pgOrigin, postgis } from '../../../src/adapters/postgres/index.js';
import type { Sql } from '../../../src/contract.js';
import { type Reader, createTidemark, defineModel, entity } from '../../../src/index.js';
import { describePostgis } from '../../services/postgres.js';
import {
  BIG,
  KINGDOMS,
  type Model,
  context,
  createTables,
  model,
  originOf,
  recorded,
  tablesIn,
} from './origin-world.js';

const [NORTH, SOUTH] = KINGDOMS;
const north = { id: NORTH, name: 'North', campaignId: 1n };
const collected = async (rows: AsyncIterable<object>): Promise<object[]> => {
  const all: object[] = [];
  for await (const row of rows) all.push(row);
  return all;
};

describePostgis('rows from pgOrigin', (database) => {
  beforeAll(() => createTables(database().pool, database().schema));
  const loaders = (beside: Partial<PgOriginOptions<Model>> = {}) =>
    originOf({ sql: database().pool, ...beside }, database().schema);

  test('are the rows of the model: ids of each kind, a geometry as GeoJSON, no row that is deleted', async () => {
    const { campaign, kingdom, settlement, structure } = loaders();
    expect(await campaign.byIds([1n, BIG], context())).toEqual([
      { id: 1n, title: 'One' },
      { id: BIG, title: 'Big' },
    ]);
    expect(await kingdom.byIds([NORTH], context())).toEqual([north]);
    expect(await settlement.byIds(['s1', 's2', 's3', 's4', 'none'], context())).toEqual([
      {
        ...{ id: 's1', kingdomId: NORTH, name: 'Mill', people: 5 },
        outline: { type: 'Point', coordinates: [0.1, 123456789.123456] },
      },
      { id: 's2', kingdomId: NORTH, name: 'Ford', people: 7 },
      { id: 's3', kingdomId: SOUTH, name: 'Weir', people: BIG },
    ]);
    expect(await structure.byIds([2, BIG], context())).toEqual([
      { id: 2, settlementId: 's1', kind: null },
      { id: BIG, settlementId: 's2', kind: 'inn' },
    ]);
  });

  test('under their parents come in the order that the table is told, then by id', async () => {
    const { kingdom, settlement, structure } = loaders();
    const names = (rows: readonly object[]): unknown[] => rows.map((row) => (row as { name: string }).name);
    expect(names((await settlement.childrenOf['kingdom']?.([NORTH, SOUTH], context())) ?? [])).toEqual([
      ...['Weir', 'Ford', 'Mill'],
    ]);
    expect(await kingdom.childrenOf['campaign']?.([1n], context())).toEqual([north]);
    const ids = (await structure.childrenOf['settlement']?.(['s2', 's1'], context()))?.map((row) => row);
    expect(ids).toMatchObject([{ id: 1 }, { id: 2 }, { id: BIG }]);
  });

  test.each<[keyof ReturnType<typeof loaders>, unknown[]]>([
    ['kingdom', ['', 'k1', `{${NORTH}}`, `${NORTH}0`, `${NORTH.slice(0, -1)}g`]],
    ['campaign', [1.5, NaN, '1e0', '01', ' 1', 2n ** 63n, -(2n ** 63n) - 1n, 2 ** 80]],
    ['structure', ['one', Infinity, '9'.repeat(99)]],
    ['settlement', ['s1\0', 's1\ud800', '\udc00']],
  ])('an id that no %s can have is absent, and the database not asked', async (type, ids) => {
    const sql = recorded(database().pool);
    const loader = loaders({ sql })[type];
    expect(await loader.byIds(ids, context())).toEqual([]);
    expect(sql.reads).toEqual([]);
    const [good] = { kingdom: [NORTH], campaign: [1n], structure: [1], settlement: ['s1'] }[type];
    expect(await loader.byIds([...ids, good], context())).toHaveLength(1);
    expect(sql.reads).toHaveLength(1);
  });

  test('a uuid that is asked for in capitals is said to come back otherwise', async () => {
    const tide = createTidemark({
      model,
      origin: pgOrigin<Model>({ sql: database().pool, tables: tablesIn(database().schema) }),
    });
    const id = 'abcdef00-0000-4000-8000-000000000001';
    await database().pool.query(`insert into ${database().schema}.kingdoms values ('${id}', 1, 'Hex', null)`);
    await expect(tide.get('kingdom', id.toUpperCase())).rejects.toMatchObject({ code: 'ID_MISMATCH' });
    expect(await tide.get('kingdom', id)).toEqual({ id, name: 'Hex', campaignId: 1n });
    await database().pool.query(`delete from ${database().schema}.kingdoms where id = '${id}'`);
    await tide.close();
  });

  test('all of a type come page by page, by key: each once', async () => {
    const { pool, schema } = database();
    await pool.query(`create table ${schema}.many (id text collate "en-x-icu" primary key, n int)`);
    const ids = Array.from({ length: 25 }, (_, i) => `${i % 2 === 0 ? 'Z' : 'a'}${String(i)}:é`);
    await pool.query(`insert into ${schema}.many select id, 1 from unnest($1::text[]) id`, [ids]);
    for (const pageSize of [1, 5, 7, 25, 100]) {
      const sql = recorded(pool);
      const { many } = pgOrigin<typeof _many>({
        ...{ sql, pageSize },
        tables: { many: { schema, table: 'many', id: 'id', columns: { n: 'n' } } },
      });
      const rows = await collected(many?.all?.(context()) as AsyncIterable<object>);
      expect(rows.map((row) => (row as { id: string }).id).sort()).toEqual([...ids].sort());
      expect(sql.reads).toHaveLength(Math.floor(25 / pageSize) + 1);
    }
  });

  test('one description serves postgis() too', async () => {
    const { pool, schema } = database();
    const { settlement } = tablesIn(schema);
    const tide = createTidemark({
      model: defineModel({
        entities: { settlement: entity<{ id: string; outline?: object }>()({ geometry: (row) => row.outline }) },
      }),
      origin: { settlement: loaders().settlement as never },
      spatial: postgis({ sql: pool, tables: { settlement } }),
    });
    const found = await tide.spatial.near('settlement', { point: { x: 0, y: 123456789 }, radius: 9, where: {} });
    expect(found.map(({ id }) => id)).toEqual(['s1']);
    await tide.close();
  });

  describe('the catalogue', () => {
    test('is asked once for all tables, by many at once too', async () => {
      const sql = recorded(database().pool);
      const { kingdom, settlement } = loaders({ sql });
      await Promise.all([kingdom.byIds([NORTH], context()), settlement.byIds(['s1'], context())]);
      await settlement.byIds(['s2'], context());
      expect([sql.texts.length, sql.reads.length]).toEqual([4, 3]);
    });

    test('is asked again after the connection failed', async () => {
      const { pool } = database();
      let isDown = true;
      const sql: Sql = {
        query: (text, values) => (isDown ? Promise.reject(new Error('down')) : pool.query(text, [...values])),
      };
      const { settlement } = loaders({ sql });
      await expect(settlement.byIds(['s1'], context())).rejects.toThrow('down');
      isDown = false;
      expect(await settlement.byIds(['s1'], context())).toHaveLength(1);
    });

    test('says which name is wrong and which is the nearest, until it is there; other tables are read meanwhile', async () => {
      const { pool, schema } = database();
      await pool.query(`create table ${schema}."Tower" (id text primary key, name text)`);
      const _towers = defineModel({
        entities: {
          tower: entity<{ id: string; name: string }>()({}),
          other: entity<{ id: string; name: string }>()({}),
        },
      });
      const origin = pgOrigin<typeof _towers>({
        sql: pool,
        tables: {
          tower: { schema, table: 'Tower', id: 'id', deletedAt: 'gone_at', columns: { name: 'nmae' } },
          other: { schema, table: 'towers', id: 'id', columns: { name: 'name' } },
        },
      });
      const tower = {
        code: 'ORIGIN_NOT_READY',
        message: expect.stringMatching(
          /^tables\.tower\.deletedAt: .*'gone_at'; the nearest that exists is 'name'\.$/,
        ) as string,
      };
      await expect(origin.tower?.byIds(['t'], context())).rejects.toMatchObject(tower);
      await expect(origin.other?.byIds(['t'], context())).rejects.toMatchObject({
        ...{
          code: 'ORIGIN_NOT_READY',
          message: expect.stringMatching(
            /"towers", which does not exist; the nearest that exists is 'Tower'\.$/,
          ) as string,
        },
      });
      await pool.query(`alter table ${schema}."Tower" add gone_at timestamptz, add nmae text`);
      expect(await origin.tower?.byIds(['t'], context())).toEqual([]);
    });

    test.each([
      [{ idType: 'uuid' }, /^tables\.x\.id: .*type 'uuid'.*of type bool\.$/, 'gone'],
      [{ idType: 'number' }, /^tables\.x\.id: .*type 'number'.*of type text\.$/, 'name'],
      [{ idType: 'bigint' }, /^tables\.x\.id: .*type 'bigint'.*of type uuid\.$/, 'id'],
    ])('says that a column cannot hold ids of %j', async (beside, message, id) => {
      const { pool, schema } = database();
      const tables = { x: { schema, table: 'kingdoms', id, columns: {}, ...beside } };
      const { x } = (pgOrigin as unknown as (options: object) => ReturnType<typeof loaders>)({
        sql: pool,
        tables,
      }) as never as {
        readonly x: ReturnType<typeof loaders>['kingdom'];
      };
      await expect(x.byIds(['1'], context())).rejects.toMatchObject({
        code: 'ORIGIN_NOT_READY',
        message: expect.stringMatching(message) as string,
      });
    });
  });

  test('text ids may be of a column of integers or uuids', async () => {
    const { pool, schema } = database();
    const _texts = defineModel({ entities: { structure: entity<{ id: string; kind: string | null }>()({}) } });
    const tables = { structure: { schema, table: 'structures', id: 'id', columns: { kind: 'kind' } } } as const;
    const { structure } = pgOrigin<typeof _texts>({ sql: pool, tables });
    expect(await structure?.byIds(['1', '01', 'x', String(BIG)], context())).toEqual([
      { id: '1', kind: 'mill' },
      { id: String(BIG), kind: 'inn' },
    ]);
  });

  test('a read replica is asked, the primary where something was changed just now, the transaction within one', async () => {
    const [sql, replica, via] = [recorded(database().pool), recorded(database().pool), recorded(database().pool)];
    const { settlement } = loaders({ sql, replica });
    const counts = async (beside: object): Promise<number[]> => {
      const before = [sql, replica, via].map(({ reads }) => reads.length);
      await settlement.byIds(['s1'], context(beside));
      return [sql, replica, via].map(({ reads }, i) => reads.length - (before[i] ?? 0));
    };
    expect(await counts({})).toEqual([0, 1, 0]);
    expect(await counts({ recentlyChanged: true })).toEqual([1, 0, 0]);
    expect(await counts({ recentlyChanged: true, via })).toEqual([0, 0, 1]);
    await expect(settlement.byIds(['s1'], context({ via: {} }))).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  test('a transaction sees its own rows', async () => {
    const { pool, schema } = database();
    const origin = pgOrigin<Model>({ sql: pool, tables: tablesIn(schema) });
    const tide = createTidemark({ model, origin });
    const client = await pool.connect();
    await client.query('begin');
    await client.query(`update ${schema}.settlements set name = 'Renamed' where key = 's1'`);
    const inTransaction = async ({ read }: { read: Reader<Model> }) => [
      (await read.get('settlement', 's1'))?.name,
      (await tide.get('settlement', 's1'))?.name,
    ];
    const { value } = await tide.transaction(inTransaction, { via: client });
    expect(value).toEqual(['Renamed', 'Mill']);
    await client.query('rollback');
    client.release();
    await tide.close();
  });
});

const _many = defineModel({ entities: { many: entity<{ id: string; n: number }>()({}) } });

describe('what is no table is refused at once', () => {
  const sql: Sql = { query: async () => ({ rows: [] }) };
  const make = pgOrigin as unknown as (options: object) => unknown;
  const table = { table: 't', id: 'id', columns: { name: 'name' } };
  test.each([
    [{ sql: {}, tables: {} }, /^sql: expected a Pool or Client of pg/],
    [{ sql, replica: 1, tables: {} }, /^replica: /],
    [{ sql, tables: null }, /^tables: expected an object/],
    [{ sql, tables: {}, pageSize: 0 }, /^pageSize: expected a whole number/],
    [{ sql, tables: {}, statementTimeoutMs: 0 }, /^statementTimeoutMs: expected a whole number/],
    [{ sql, tables: { t: { id: 'id' } } }, /^tables\.t\.table: expected a name/],
    [{ sql, tables: { t: { ...table, table: 'a"b' } } }, /^tables\.t\.table: expected a name/],
    [{ sql, tables: { t: { ...table, tabel: 'x' } } }, /^tables\.t\.tabel: expected one of/],
    [
      { sql, tables: { t: { ...table, idType: 'int' } } },
      /^tables\.t\.idType: expected one of text, number, bigint, uuid/,
    ],
    [{ sql, tables: { t: { ...table, columns: { name: 'a; drop' } } } }, /^tables\.t\.columns\.name: expected a name/],
    [{ sql, tables: { t: { ...table, columns: { 'a"': 'a' } } } }, /^tables\.t\.columns: expected a name/],
    [{ sql, tables: { t: { ...table, columns: { a: { column: 'a', as: 'x' } } } } }, /^tables\.t\.columns\.a\.as: /],
    [{ sql, tables: { t: { ...table, parents: { p: '1' } } } }, /^tables\.t\.parents\.p: expected a name/],
    [{ sql, tables: { t: { ...table, orderBy: ['a desc'] } } }, /^tables\.t\.orderBy\[0\]: expected a name/],
  ])('%j', (options, message) => {
    expect(() => make(options)).toThrow(message);
  });
});
