import { Pool } from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { findPostgres } from '../../scripts/postgres.mjs';
import { type PostgresServer, startPostgres } from '../../scripts/services.mjs';
import { migrate } from './replicas.js';

/** Tests that do to servers what nobody else could stand; skipped, loudly, where there are none to start. */
export function describeOwnPostgres(name: string, declare: () => void): void {
  const { missing } = findPostgres();
  if (missing !== undefined) console.warn(`NO POSTGRES: all tests of ${name} are skipped: ${missing}`);
  test.runIf(process.env['CI'] === 'true')(`there is a Postgres for ${name}`, () => {
    expect(missing).toBeUndefined();
  });
  describe.skipIf(missing !== undefined)(name, declare);
}

/** A server for one test, with the migrations made, which outlive a crash. */
export async function ownPostgres(settings: Readonly<Record<string, string | number>> = {}): Promise<PostgresServer> {
  const server = await startPostgres({ synchronous_commit: 'on', ...settings });
  onTestFinished(() => server.stop());
  const pool = new Pool({ connectionString: server.url });
  await migrate(pool);
  await pool.end();
  return server;
}

/** A pool for one test. Its errors are left to whoever uses it. */
export function poolOf({ url }: { readonly url: string }, options: object = {}): Pool {
  const pool = new Pool({ connectionString: url, max: 5, ...options });
  // Not awaited: a server that was killed answers nobody.
  onTestFinished(() => {
    pool.on('error', () => {});
    if (!pool.ended) void pool.end();
  });
  return pool;
}
