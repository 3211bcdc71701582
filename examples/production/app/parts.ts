import { Redis } from 'ioredis';
import { Pool } from 'pg';
import { configFromEnv, createTidemark } from 'tidemark';
import { pgOrigin, pgOutbox, postgis } from 'tidemark/postgres';
import { redis } from 'tidemark/redis';
import { model, rules, tables } from './model.ts';

/** Who asks. */
export interface User {
  readonly id: string;
}

/** Connections of one replica: 25 to the database, two to Redis. `npx tidemark doctor --pool 25` does the sum. */
const POOL = 25;

/** What every process of the service opens, and how it is closed. */
export async function openParts() {
  const config = configFromEnv();
  if (config.databaseUrl === null || config.redis?.url == null) throw new Error('expected DATABASE_URL and REDIS_URL');
  const pool = new Pool({ connectionString: config.databaseUrl, max: POOL, connectionTimeoutMillis: 5_000 });
  pool.on('error', () => undefined); // a statement that fails says so itself
  const retryStrategy = (attempts: number): number => Math.min(50 * attempts, 500);
  const client = new Redis(config.redis.url, {
    ...{ lazyConnect: true, enableOfflineQueue: false, maxRetriesPerRequest: 1, retryStrategy },
    ...{ connectTimeout: 2_000, socketTimeout: 2_000 },
  });
  const subscriber = new Redis(config.redis.url, { lazyConnect: true, maxRetriesPerRequest: null, retryStrategy });
  for (const one of [client, subscriber]) {
    one.on('error', () => undefined);
    await one.connect().catch(() => undefined); // without a Redis there will be one later
  }
  const tide = createTidemark<typeof model, User>({
    model,
    rules,
    origin: pgOrigin<typeof model>({ sql: pool, tables, statementTimeoutMs: 5_000 }),
    spatial: postgis({ sql: pool, tables: { settlement: tables.settlement } }),
    outbox: pgOutbox({ pool }),
    ...redis({ client, subscriber, prefix: 'campaign:' }),
    ttlMs: config.cache.ttlMs,
    metrics: config.cache.metrics,
    authorize: () => true, // whoever has a token may watch; yours will ask who it is
    principalId: ({ id }) => id,
  });
  const close = async (): Promise<void> => {
    await tide.close();
    for (const one of [client, subscriber]) one.disconnect();
    await pool.end();
  };
  return { config, pool, tide, close };
}
