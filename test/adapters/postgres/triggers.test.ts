import { setTimeout as pause } from 'node:timers/promises';
import type { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type SubscriptionItem, createTidemark, defineModel, entity } from '../../../src/index.js';
import { pgOutbox, triggersSql } from '../../../src/adapters/postgres/index.js';
import { outboxSql } from '../../../src/adapters/postgres/schema/outbox.js';
import { seededRandom } from '../../../src/testing/index.js';
import { type Database, describePostgis } from '../../services/postgres.js';

interface Kingdom {
  id: string;
  name: string;
}
interface Settlement {
  id: number;
  kingdomId: string | null;
  name: string;
  deletedAt: Date | null;
  population: bigint;
  x: number;
  y: number;
}
interface Structure {
  id: string;
  settlementId: number;
  place: object | null;
}

const model = defineModel({
  entities: {
    kingdom: entity<Kingdom>()({ announce: ['name'] }),
    settlement: entity<Settlement>()({
      parseId: Number,
      parents: { kingdom: 'kingdomId' },
      deleted: ({ deletedAt }) => deletedAt !== null,
      geometry: ({ x, y }) => ({ x, y }),
      announce: ['name', 'deletedAt', 'population'],
    }),
    structure: entity<Structure>()({ parents: { settlement: 'settlementId' }, geometry: ({ place }) => place }),
  },
});

const TABLES = (schema: string) => ({
  kingdom: { schema, table: 'kingdoms', id: 'id', deleted: 'gone', columns: { name: 'name' } },
  settlement: {
    ...{ schema, table: 'settlements', id: 'id', deletedAt: 'deleted_at', parents: { kingdom: 'kingdom_id' } },
    columns: {
      ...{
        kingdomId: 'kingdom_id',
        name: 'name',
        deletedAt: 'deleted_at',
        population: { column: 'Population', as: 'bigint' } as const,
        x: 'x',
        y: 'y',
      },
    },
  },
  structure: {
    ...{
      schema,
      table: 'structures',
      id: 'id',
      idType: 'uuid' as const,
      geometry: 'geom',
      parents: { settlement: 'place_of' },
    },
    columns: { settlementId: 'place_of', place: 'geom' },
  },
});

const uuid = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;

/** Three tables, and what a tide serves of them; everything that is asked of it is also asked of the database. */
class Realm {
  readonly tide;
  readonly #pool: Pool;
  readonly #schema: string;

  /** With an outbox, unless it is to say only what is there now. */
  constructor(
    { pool, schema }: Omit<Database, 'connectionString'>,
    parts: object = { outbox: pgOutbox({ pool, schema }) },
  ) {
    this.#pool = pool;
    this.#schema = schema;
    // What hangs under something that is gone is not there.
    const kingdoms = `select id, name from ${schema}.kingdoms where not gone`;
    const settlements = `select s.id::float8 as id, kingdom_id as "kingdomId", s.name, deleted_at as "deletedAt",
      "Population"::float8 as population, x, y from ${schema}.settlements s left join ${schema}.kingdoms k on k.id = s.kingdom_id
      where s.deleted_at is null and (s.kingdom_id is null or not k.gone)`;
    const structures = `select t.id::text as id, place_of::float8 as "settlementId", st_asgeojson(geom)::json as place
      from ${schema}.structures t join (${settlements}) s on s.id = t.place_of`;
    const among = async <Row extends { id: unknown }>(rows: string, column: string, values: readonly unknown[]) =>
      (
        await pool.query<Row>(`select * from (${rows}) r where "${column}"::text = any($1::text[]) order by id`, [
          values,
        ])
      ).rows;
    this.tide = createTidemark({
      model,
      origin: {
        kingdom: { byIds: (ids) => among<Kingdom>(kingdoms, 'id', ids) },
        settlement: {
          byIds: (ids) => among<Settlement>(settlements, 'id', ids),
          childrenOf: { kingdom: (ids) => among<Settlement>(settlements, 'kingdomId', ids) },
          all: async function* () {
            yield* (await pool.query<Settlement>(settlements)).rows;
          },
        },
        structure: {
          byIds: (ids) => among<Structure>(structures, 'id', ids),
          childrenOf: { settlement: (ids) => among<Structure>(structures, 'settlementId', ids) },
          all: async function* () {
            yield* (await pool.query<Structure>(structures)).rows;
          },
        },
      },
      ...parts,
      outboxIntervalMs: 5,
    });
  }

  /** Runs SQL as psql would, and waits until all of it has been applied. */
  async psql(sql: string): Promise<void> {
    const client = await this.#pool.connect();
    try {
      await client.query(`set search_path = ${this.#schema}, public; ${sql}`);
    } finally {
      client.release();
    }
    const applied = async (): Promise<boolean> =>
      (await this.#pool.query(`select from ${this.#schema}.outbox where applied_at is null`)).rows.length === 0;
    for (const until = performance.now() + 10_000; !(await applied()); await pause(2))
      if (performance.now() > until) throw new Error(`not applied within 10 s: ${sql}`);
    await this.tide.ready();
  }

  /** Everything, and where it lies, as the tide serves it, or as `consistency` has it. */
  async everything(from: 'cache' | 'origin'): Promise<unknown> {
    const read = from === 'cache' ? this.tide.scope() : await this.#fresh();
    const numbers = [1, 2, 3, 4, 5, 6, 7];
    const box = { min: { x: 0, y: 0 }, max: { x: 50, y: 100 } };
    return {
      kingdoms: await read.getMany('kingdom', ['a', 'b', 'c']),
      settlements: await read.getMany('settlement', numbers),
      structures: await read.getMany('structure', numbers.map(uuid)),
      ofKingdoms: await Promise.all(['a', 'b', 'c'].map((kingdom) => read.children('settlement', { kingdom }))),
      ofSettlements: await Promise.all(numbers.map((settlement) => read.children('structure', { settlement }))),
      west: [await read.spatial.inBox('settlement', box), await read.spatial.inBox('structure', box)],
    };
  }

  /** A tide that has read nothing yet. */
  async #fresh() {
    const realm = new Realm({ pool: this.#pool, schema: this.#schema }, {});
    const scope = realm.tide.scope();
    onTestFinished(() => realm.tide.close());
    return scope;
  }

  /** After this SQL the tide serves what is in the database, though it had kept everything as it was. */
  async follows(sql: string): Promise<void> {
    await this.everything('cache');
    await this.psql(sql);
    expect([sql, await this.everything('cache')]).toEqual([sql, await this.everything('origin')]);
  }
}

const SETUP = `
  create table kingdoms (id text primary key, name text not null, gone boolean not null default false);
  create table settlements (id bigint primary key, kingdom_id text references kingdoms on update cascade, name text,
    deleted_at timestamptz, "Population" bigint not null default 0, x float8 not null default 10, y float8 not null default 10);
  create table structures (id uuid primary key, place_of bigint references settlements on update cascade on delete cascade,
    geom geometry(Point, 3857), secret json);
  insert into kingdoms values ('a', 'A'), ('b', 'B');
  insert into settlements (id, kingdom_id, name) values (1, 'a', 'one'), (2, 'a', 'two'), (3, 'b', 'three');
  insert into structures values ('${uuid(1)}', 1, ST_SetSRID(ST_MakePoint(10, 20), 3857)), ('${uuid(2)}', 1, null), ('${uuid(3)}', 3, null);
`;

describePostgis('triggers', (database) => {
  let realm: Realm;
  beforeAll(async () => {
    const { pool, schema } = database();
    await pool.query(outboxSql(`"${schema}"`));
    await pool.query(`set search_path = ${schema}, public; ${SETUP} reset search_path`);
    const sql = triggersSql({ tables: TABLES(schema), schema });
    // Twice: it may be run again.
    await pool.query(sql);
    await pool.query(sql);
    realm = new Realm(database());
  });
  afterAll(() => realm.tide.close());

  test.each([
    ['an update', `update settlements set name = 'uno' where id = 1`],
    ['an insert', `insert into settlements (id, kingdom_id, name) values (4, 'b', 'four')`],
    ['an insert without a parent', `insert into settlements (id, name) values (5, 'five')`],
    ['a move between parents', `update settlements set kingdom_id = 'b' where id = 2`],
    ['a move out of every parent', `update settlements set kingdom_id = null where id = 2`],
    ['a move on the map', `update settlements set x = 90 where id in (1, 2)`],
    [
      'a move of a geometry',
      `update structures set geom = ST_SetSRID(ST_MakePoint(90, 90), 3857) where id = '${uuid(1)}'`,
    ],
    ['and back', `update structures set geom = ST_SetSRID(ST_MakePoint(20, 20), 3857); update settlements set x = 20`],
    ['a soft deletion', `update settlements set deleted_at = now() where id = 1`],
    ['its restoration', `update settlements set deleted_at = null where id = 1`],
    ['a deletion by flag, with what hangs beneath', `update kingdoms set gone = true where id = 'a'`],
    ['its restoration', `update kingdoms set gone = false where id = 'a'`],
    ['another primary key', `update settlements set id = 6 where id = 3`],
    ['another primary key of a parent', `update kingdoms set id = 'c' where id = 'b'`],
    ['several rows in one statement', `update settlements set name = name || '!', "Population" = 9007199254740993`],
    [
      'several statements in one transaction',
      `begin; update settlements set name = 'x'; delete from structures; commit`,
    ],
    ['what a column has that no field has', `insert into structures values ('${uuid(7)}', 1, null, '{"a": 1}')`],
    ['a deletion that cascades', `delete from settlements where id = 1`],
    ['a row put in again', `insert into settlements (id, kingdom_id, name) values (1, 'a', 'one again')`],
    ['truncate', `truncate structures`],
    ['truncate of all', `truncate kingdoms cascade`],
  ])('%s is seen', async (_, sql) => {
    await realm.follows(sql);
  });

  test('anything in any order is seen', async () => {
    const random = seededRandom(7);
    const one = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T;
    const id = (): string => String(1 + Math.floor(random() * 7));
    const where = (): string => `x = ${String(Math.floor(random() * 100))}, y = ${String(Math.floor(random() * 100))}`;
    const kingdom = (): string => one([`'a'`, `'b'`, `'c'`, 'null']);
    const acts = [
      () => `insert into kingdoms values (${one([`'a'`, `'b'`, `'c'`])}, 'K') on conflict do nothing`,
      () => `update kingdoms set gone = not gone where id = ${kingdom()}`,
      () =>
        `insert into settlements (id, kingdom_id, name) select ${id()}, id, 'S' from kingdoms limit 1 on conflict do nothing`,
      () => `update settlements set ${where()} where id = ${id()}`,
      () =>
        `update settlements set kingdom_id = (select id from kingdoms order by random() limit 1) where id = ${id()}`,
      () => `update settlements set deleted_at = ${one(['now()', 'null'])} where id = ${id()}`,
      () =>
        `insert into structures select '${uuid(Number(id()))}', id, ST_SetSRID(ST_MakePoint(x, y), 3857) from settlements where id = ${id()} on conflict do nothing`,
      () => `update structures set place_of = (select id from settlements order by random() limit 1)`,
      () => `delete from structures where place_of = ${id()}`,
      () => `delete from settlements where id = ${id()}`,
    ];
    for (let n = 0; n < 60; n++) {
      const statements = Array.from({ length: 1 + Math.floor(random() * 3) }, () => one(acts)());
      await realm.follows(`begin; ${statements.join('; ')}; commit`);
    }
  });

  test('what is rolled back is not, and neither is what changes nothing', async () => {
    const { pool, schema } = database();
    await realm.psql(`insert into kingdoms values ('a', 'A') on conflict do nothing`);
    const before = realm.tide.stats().changes;
    await realm.psql(`begin; update kingdoms set name = 'B'; rollback; update kingdoms set name = name`);
    expect(realm.tide.stats().changes).toBe(before);
    const client = await pool.connect();
    await client.query(
      `begin; set local tidemark.quiet = 'on'; insert into ${schema}.kingdoms values ('z', 'Z'); truncate ${schema}.structures; commit`,
    );
    client.release();
    await realm.psql('select');
    expect(realm.tide.stats().changes).toBe(before);
    await realm.psql('truncate structures');
  });

  test('subscribers are told of each, with the values that may be published, one change for each transaction', async () => {
    await realm.psql(`insert into kingdoms values ('a', 'A') on conflict do nothing; delete from settlements`);
    await realm.psql(`insert into settlements (id, kingdom_id, name) values (1, 'a', 'one'), (2, 'a', 'two')`);
    const items = realm.tide.subscribe({ type: 'settlement' });
    const next = async (): Promise<SubscriptionItem> => ((await items.next()) as { value: SubscriptionItem }).value;
    await realm.psql(`begin;
      update settlements set name = 'uno', "Population" = 9007199254740993 where id = 1;
      update settlements set deleted_at = '2026-01-02 03:04:05.678+00' where id = 2; commit`);
    // What was done before it may be announced behind it.
    let one = await next();
    while (one.kind !== 'change' || one.op !== 'update') one = await next();
    const two = await next();
    expect([one, two]).toMatchObject([
      {
        ...{ kind: 'change', entityType: 'settlement', entityId: 1, op: 'update' },
        changes: { fields: ['name', 'population'], values: { name: 'uno', population: 9007199254740993n } },
      },
      {
        ...{ kind: 'change', entityId: 2, op: 'delete' },
        changes: { fields: ['deletedAt'], values: { deletedAt: new Date('2026-01-02T03:04:05.678Z') } },
      },
    ]);
    expect(one.changeId).toBe((two as { changeId: string }).changeId);
    await items.return?.();
  });

  test('a role that may write the table need not know of the outbox', async () => {
    const { pool, schema } = database();
    const role = `writer_${schema}`;
    await pool.query(
      `create role ${role}; grant usage on schema ${schema} to ${role}; grant all on ${schema}.kingdoms to ${role}`,
    );
    try {
      await realm.follows(`begin; set local role ${role}; insert into kingdoms values ('b', 'B') on conflict do nothing;
        update kingdoms set name = 'by another' where id = 'a'; commit`);
    } finally {
      await pool.query(`drop owned by ${role}; drop role ${role}`);
    }
  });
});

describe('names', () => {
  test.each([
    [{ table: 'a"; drop table b' }, 'tables.x.table: expected a name'],
    [{ id: 'a b' }, 'tables.x.id: expected a name'],
    [{ columns: { a: "b'" } }, 'tables.x.columns.a: expected a name'],
    [{ parents: { y: '1' } }, 'tables.x.parents.y: expected a name'],
    [{ deletedAt: '' }, 'tables.x.deletedAt: expected a name'],
    [{ columns: { $tidemark$: 'b' } }, 'expected names without'],
  ])('%j is refused', (given, message) => {
    expect(() => triggersSql({ tables: { x: { table: 't', id: 'id', ...given } } })).toThrow(
      expect.objectContaining({ code: 'INVALID_OPTION', message: expect.stringContaining(message) as string }) as Error,
    );
  });

  test('a schema that is no name is refused', () => {
    expect(() => triggersSql({ tables: {}, schema: 'a.b' })).toThrow(/schema: expected a name/);
  });
});

describePostgis('fields and types of any characters', (database) => {
  test('stay what they are', async () => {
    const { pool, schema } = database();
    await pool.query(outboxSql(`"${schema}"`));
    await pool.query(`create table ${schema}.t (id text primary key, a text, b text)`);
    const type = `it's "a" \\type`;
    const fields = [`o'clock`, 'back\\slash', '__proto__'];
    const columns = Object.fromEntries(fields.map((field) => [field, 'a']));
    await pool.query(triggersSql({ tables: { [type]: { schema, table: 't', id: 'id', columns } }, schema }));
    await pool.query(`insert into ${schema}.t values ('1', 'x', 'y')`);
    const { rows } = await pool.query<{ change: string }>(`select change from ${schema}.outbox`);
    const { row } = JSON.parse(rows[0]?.change ?? '') as { row: { type: string; after: object } };
    expect([row.type, Object.entries(row.after)]).toEqual([
      type,
      expect.arrayContaining(fields.filter((f) => f !== '__proto__').map((f) => [f, ['j', 'x']])),
    ]);
  });
});
