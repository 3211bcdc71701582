import { Client, Pool } from 'pg';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type PgOriginOptions, pgOrigin } from '../../../src/adapters/postgres/index.js';
import { createTidemark, defineModel, entity } from '../../../src/index.js';
import { fakeClock } from '../../../src/testing/index.js';
import { describePostgis } from '../../services/postgres.js';
import { context } from './origin-world.js';

const slowly = defineModel({ entities: { slow: entity<{ id: string; slept: string }>()({}) } });

describePostgis('a statement that nobody waits for any more', (database) => {
  const opened: { end(): Promise<void> }[] = [];
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((one) => one.end()));
    // A backend that ends is still seen for a moment: the next test must not take it for its own.
    await until(0);
  });
  const poolOf = (max: number): Pool => {
    const { connectionString, schema } = database();
    const pool = new Pool({ connectionString, max, application_name: schema });
    opened.push(pool);
    return pool;
  };
  const origin = (beside: Omit<PgOriginOptions<typeof slowly>, 'tables'>) =>
    pgOrigin<typeof slowly>({
      ...beside,
      tables: { slow: { schema: database().schema, table: 'slow', id: 'id', columns: { slept: 'slept' } } },
    });
  const load = async (from: ReturnType<typeof origin>, id = 'for ever', beside: object = {}): Promise<unknown> =>
    from.slow?.byIds([id], context(beside));

  beforeAll(async () => {
    const { pool, schema } = database();
    // A row that takes as long as its id says.
    await pool.query(`create table ${schema}.naps (id text primary key, seconds int);
      insert into ${schema}.naps values ('for ever', 600), ('at once', 0);
      create view ${schema}.slow as select id, pg_sleep(seconds)::text as slept from ${schema}.naps`);
  });

  /** What the server runs for the pools of this file. */
  const running = async (): Promise<string[]> => {
    const { pool, schema } = database();
    const { rows } = await pool.query<{ query: string }>(
      `select query from pg_stat_activity where application_name = $1 and state = 'active' and query like '%"slow"%'
         and query not like '%pg_cancel_backend%'`,
      [schema],
    );
    return rows.map(({ query }) => query);
  };
  /** Asked until it is so: the server says when, not a clock. */
  const until = async (count: number): Promise<void> => {
    for (let asked = 0; asked < 2_000; asked++) if ((await running()).length === count) return;
    expect(await running()).toHaveLength(count);
  };

  test('is cancelled in the server once the signal fires, and its connection used again', async () => {
    const pool = poolOf(1);
    const from = origin({ sql: pool });
    const aborter = new AbortController();
    const loading = load(from, 'for ever', { signal: aborter.signal });
    await until(1);
    aborter.abort(new Error('enough'));
    await expect(loading).rejects.toMatchObject({ code: 'ABORTED', cause: { message: 'enough' } });
    await until(0);
    expect(await load(from, 'at once')).toHaveLength(1);
    expect([pool.totalCount, pool.waitingCount]).toEqual([1, 0]);
  });

  test('is cancelled after statementTimeoutMs', async () => {
    const clock = fakeClock();
    const from = origin({ sql: poolOf(1), clock, statementTimeoutMs: 50 });
    const loading = load(from);
    await until(1);
    const failed = expect(loading).rejects.toMatchObject({
      ...{ code: 'ORIGIN_TIMEOUT', message: expect.stringContaining('origin.slow.byIds') as string },
    });
    await clock.advance(49);
    expect(await running()).toHaveLength(1);
    await clock.advance(1);
    await failed;
    await until(0);
  });

  test('is cancelled when the read has come to its deadline', async () => {
    const clock = fakeClock();
    const tide = createTidemark({ model: slowly, origin: origin({ sql: poolOf(2) }), clock, originTimeoutMs: 100 });
    const reading = tide.get('slow', 'for ever');
    await until(1);
    const failed = expect(reading).rejects.toMatchObject({ code: 'ORIGIN_TIMEOUT' });
    await clock.advance(100);
    await failed;
    await until(0);
    await tide.close();
  });

  test('is cancelled however busy the pool is, and no other statement with it', async () => {
    const pool = poolOf(3);
    const from = origin({ sql: pool });
    const aborters = [1, 2, 3].map(() => new AbortController());
    const loading = aborters.map(({ signal }) => load(from, 'for ever', { signal }));
    const waiting = load(from, 'at once');
    await until(3);
    const failed = Promise.allSettled(loading);
    aborters[1]?.abort();
    await until(2);
    expect(await waiting).toHaveLength(1);
    for (let i = 0; i < 20; i++) expect(await load(from, 'at once')).toHaveLength(1);
    expect(await running()).toHaveLength(2);
    for (const aborter of aborters) aborter.abort();
    expect((await failed).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    await until(0);
    expect(pool.totalCount).toBe(3);
  });

  test('is not sent if the signal fires while there is no connection', async () => {
    const pool = poolOf(1);
    const from = origin({ sql: pool });
    await load(from, 'at once');
    const held = await pool.connect();
    const aborter = new AbortController();
    const loading = load(from, 'for ever', { signal: aborter.signal });
    aborter.abort();
    await expect(loading).rejects.toMatchObject({ code: 'ABORTED' });
    held.release();
    expect(await load(from, 'at once')).toHaveLength(1);
    await expect(load(from, 'at once', { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'ABORTED' });
    expect(pool.idleCount).toBe(1);
  });

  test('of a single client is left to the server, and the promise rejects', async () => {
    const { connectionString, pool, schema } = database();
    const client = new Client({ connectionString, application_name: schema });
    await client.connect();
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const from = origin({ sql: client });
    const aborter = new AbortController();
    const loading = load(from, 'for ever', { signal: aborter.signal });
    await until(1);
    aborter.abort();
    await expect(loading).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await running()).toHaveLength(1);
    client.on('error', () => {});
    await pool.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
    await client.end();
  });

  test('whose connection was lost fails, and the next has another', async () => {
    const { pool, schema } = database();
    const own = poolOf(1);
    own.on('error', () => {});
    const from = origin({ sql: own });
    const loading = load(from);
    await until(1);
    const failed = expect(loading).rejects.toThrow(/terminat/);
    await pool.query(`select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1`, [schema]);
    await failed;
    expect(await load(from, 'at once')).toHaveLength(1);
  });
});

describe('behind a pooler, whose process ids are of no process', () => {
  test('the connection is closed', async () => {
    const clock = fakeClock();
    const released: unknown[] = [];
    const asked: string[] = [];
    let sent = (): void => {};
    const isSent = new Promise<void>((resolve) => {
      sent = resolve;
    });
    const pool = {
      query: async (text: string) => {
        asked.push(text);
        return { rows: text.includes('pg_attribute') ? CATALOGUE : [] };
      },
      connect: async () => ({
        processID: 4_000_000_000,
        query: () => {
          sent();
          return new Promise<never>(() => {});
        },
        release: (destroy?: boolean) => released.push(destroy),
      }),
    };
    const from = pgOrigin<typeof slowly>({
      ...{ sql: pool, clock, statementTimeoutMs: 10 },
      tables: { slow: { table: 'slow', id: 'id', columns: { slept: 'slept' } } },
    });
    const loading = from.slow?.byIds(['x'], context());
    const failed = expect(loading).rejects.toMatchObject({ code: 'ORIGIN_TIMEOUT' });
    await isSent;
    await clock.advance(10);
    await failed;
    for (let i = 0; i < 20; i++) await Promise.resolve();
    expect([asked.filter((text) => text.includes('pg_cancel_backend')).length, released]).toEqual([1, []]);
    await clock.advance(1_000);
    for (let i = 0; i < 20; i++) await Promise.resolve();
    expect(released).toEqual([true]);
  });
});

const CATALOGUE = ['id', 'slept'].map((name) => ({ at: 1, exists: true, name, typeName: 'text', category: 'S' }));
