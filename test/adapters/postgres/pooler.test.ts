import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { pgBus, postgres } from '../../../src/adapters/postgres/index.js';
import { findPgbouncer } from '../../../scripts/pgbouncer.mjs';
import { findPostgres } from '../../../scripts/postgres.mjs';
import { startPgbouncer } from '../../../scripts/services.mjs';
import { ownPostgres, poolOf } from '../../services/own-postgres.js';

const lacking = findPgbouncer().missing ?? findPostgres().missing;
if (lacking !== undefined) console.warn(`NO PGBOUNCER: all tests of it are skipped: ${lacking}`);
test.runIf(process.env['CI'] === 'true')('there is a PgBouncer, with a Postgres for it', () => {
  expect(lacking).toBeUndefined();
});

const silent = { onMessage: () => {}, onGap: () => {} };

describe.skipIf(lacking !== undefined)('behind a PgBouncer', () => {
  async function bouncer(
    mode: string,
  ): Promise<{ readonly pooled: { url: string }; readonly server: { url: string } }> {
    const server = await ownPostgres();
    const pooled = await startPgbouncer(server, { pool_mode: mode });
    onTestFinished(() => pooled.stop());
    return { pooled, server };
  }

  test('of transactions what listens is refused, each time, with the reason and the way out; all else works', async () => {
    const { pooled } = await bouncer('transaction');
    const pool = poolOf(pooled);
    const { marks, bus } = postgres({ pool });
    const refused = {
      code: 'LISTEN_UNAVAILABLE',
      message: expect.stringMatching(/PgBouncer.*`listen: pool2`/) as string,
    };
    await Promise.all([
      expect(bus.subscribe('t', silent)).rejects.toMatchObject(refused),
      expect(marks.watch({ onBump: () => {}, onGap: () => {} })).rejects.toMatchObject(refused),
    ]);
    await expect(bus.subscribe('t', silent)).rejects.toMatchObject(refused);
    expect(await bus.publish('t', new Uint8Array(), { id: 'id' })).toMatchObject({ offset: 1 });
    await Promise.all([bus.close(), marks.close()]);
    await pool.end();
  }, 30_000);

  test('of transactions one listens by a second pool that goes straight to the server, be its max 1', async () => {
    const { pooled, server } = await bouncer('transaction');
    const bus = pgBus({ pool: poolOf(pooled), listen: poolOf(server, { max: 1 }) });
    onTestFinished(() => bus.close());
    const heard: unknown[] = [];
    await bus.subscribe('t', { ...silent, onMessage: ({ position }) => heard.push(position) });
    const position = await bus.publish('t', new Uint8Array(), { id: 'id' });
    await vi.waitFor(() => {
      expect(heard).toEqual([position]);
    });
  }, 30_000);

  test('of sessions it is heard as without one', async () => {
    const { pooled } = await bouncer('session');
    const bus = pgBus({ pool: poolOf(pooled) });
    onTestFinished(() => bus.close());
    const heard: unknown[] = [];
    await bus.subscribe('t', { ...silent, onMessage: ({ position }) => heard.push(position) });
    const position = await bus.publish('t', new Uint8Array(), { id: 'id' });
    await vi.waitFor(() => {
      expect(heard).toEqual([position]);
    });
  }, 30_000);
});
