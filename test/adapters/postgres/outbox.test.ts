import { setTimeout as pause } from 'node:timers/promises';
import { Pool } from 'pg';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { type PgOutboxOptions, migrations, pgOutbox } from '../../../src/adapters/postgres/index.js';
import { outboxSql } from '../../../src/adapters/postgres/schema/outbox.js';
import { describePostgis } from '../../services/postgres.js';

const NOW = { olderThanMs: 0, limit: 100 };

test('what is no pool, or no name, is refused at once', () => {
  for (const pool of [undefined, {}, { query: () => {} }]) {
    expect(() => pgOutbox({ pool } as unknown as PgOutboxOptions)).toThrow(/pool: expected a Pool of pg/);
  }
  const pool = { query: () => {}, connect: () => {}, on: () => {} } as unknown as PgOutboxOptions['pool'];
  expect(() => pgOutbox({ pool, schema: 'a"b' })).toThrow(/schema: expected a name/);
});

test('its table is among the migrations', () => {
  expect(migrations({ schema: 'of_mine' }).map(({ sql }) => sql)).toEqual([
    expect.stringContaining('create table "of_mine".outbox'),
  ]);
});

describePostgis('an outbox on a server', (database) => {
  beforeAll(async () => {
    const { pool, schema } = database();
    await pool.query(outboxSql(`"${schema}"`));
  });

  const sweeping = async (during: (pool: Pool) => Promise<unknown>): Promise<Error | undefined> => {
    const { connectionString, schema } = database();
    const pool = new Pool({ connectionString, application_name: `sweeper of ${schema}` });
    onTestFinished(() => pool.end());
    try {
      await pgOutbox({ pool, schema }).sweep(NOW, async (rows) => {
        await during(pool);
        return { applied: rows.map(({ id }) => id), refused: [] };
      });
      return undefined;
    } catch (error) {
      return error as Error;
    }
  };

  test('a sweep whose connection is cut while it applies rejects, keeps its rows, and leaves the process alone', async () => {
    const { pool, schema } = database();
    const outbox = pgOutbox({ pool, schema });
    await outbox.add(pool, [{ id: 'a.0', change: 'a' }]);
    const error = await sweeping(async () => {
      await pool.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
         where application_name = $1 and state = 'idle in transaction'`,
        [`sweeper of ${schema}`],
      );
      // Nobody asks anything of the connection when it breaks: it says so by an event.
      await pause(100);
    });
    expect(error).toBeInstanceOf(Error);
    expect((await outbox.info()).waiting).toBe(1);
    // The lock went with the connection.
    expect(await sweeping(async () => {})).toBeUndefined();
    expect((await outbox.info()).waiting).toBe(0);
    await outbox.remove(['a.0']);
  });

  test('rows whose writer removes them at the moment are left to it, and nobody waits for the other', async () => {
    const { pool, schema } = database();
    const outbox = pgOutbox({ pool, schema });
    await outbox.add(
      pool,
      ['b.0', 'c.0'].map((id) => ({ id, change: id })),
    );
    const remover = await pool.connect();
    await remover.query('begin');
    await remover.query(`delete from ${schema}.outbox where id = 'b.0'`);
    const seen: string[] = [];
    await outbox.sweep(NOW, async (rows) => {
      seen.push(...rows.map(({ id }) => id));
      return { applied: seen, refused: [] };
    });
    await remover.query('commit');
    remover.release();
    expect(seen).toEqual(['c.0']);
  });

  test('what was applied goes after a minute, and what was refused comes again', async () => {
    const { pool, schema } = database();
    const outbox = pgOutbox({ pool, schema });
    await pool.query(`delete from ${schema}.outbox`);
    await outbox.add(
      pool,
      ['done.0', 'poison.0'].map((id) => ({ id, change: id })),
    );
    await outbox.sweep(NOW, async () => ({ applied: ['done.0'], refused: ['poison.0'] }));
    const seen: string[] = [];
    const look = () =>
      outbox.sweep(NOW, async (rows) => {
        seen.push(...rows.map(({ id }) => id));
        return { applied: [], refused: [] };
      });
    await look();
    expect([seen, await outbox.committed(['done.0', 'poison.0'])]).toEqual([[], ['done.0', 'poison.0']]);
    const minuteAgo = `clock_timestamp() - interval '61 seconds'`;
    await pool.query(`update ${schema}.outbox set applied_at = ${minuteAgo} where applied_at is not null`);
    await pool.query(`update ${schema}.outbox set refused_at = ${minuteAgo} where refused_at is not null`);
    await look();
    expect([seen, await outbox.committed(['done.0', 'poison.0'])]).toEqual([['poison.0'], ['poison.0']]);
  });

  test('a look at nothing is one statement, and begins no transaction', async () => {
    const { pool, schema } = database();
    await pool.query(`delete from ${schema}.outbox`);
    const said: string[] = [];
    const counting: PgOutboxOptions['pool'] = {
      query: (text, values) => {
        said.push(text);
        return pool.query(text, [...(values ?? [])]);
      },
      connect: () => Promise.reject(new Error('nobody needs a connection')),
      on: () => {},
      off: () => {},
    };
    expect(await pgOutbox({ pool: counting, schema }).sweep(NOW, () => Promise.reject(new Error('nothing')))).toBe(0);
    expect(said).toHaveLength(1);
  });

  test('without its table it says what is missing', async () => {
    const { pool } = database();
    const outbox = pgOutbox({ pool, schema: 'never_made' });
    for (const call of [
      () => outbox.info(),
      () => outbox.committed(['a']),
      () => outbox.sweep(NOW, async () => ({ applied: [], refused: [] })),
    ])
      await expect(call()).rejects.toMatchObject({ code: 'NOT_MIGRATED' });
  });
});
