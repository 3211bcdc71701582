import { Redis } from 'ioredis';
import { type TideOptions, configFromEnv } from 'tidemark';
import { redis } from 'tidemark/redis';
import type { model } from './model.ts';
import { rowsInPostgres } from './postgres.ts';
import { type Rows, rowsInMemory } from './rows.ts';
import { seedOf } from './seed.ts';

/** Where the rows are, and what replicas share. */
export interface Backends {
  readonly rows: Rows;
  /** Parts of a tide: what replicas share, and what PostGIS answers. None where this process is the only one, with rows in memory. */
  readonly parts: Pick<TideOptions<typeof model>, 'store' | 'marks' | 'bus' | 'spatial'>;
  /** After the tide. */
  readonly close: () => Promise<void>;
}

/**
 * `DATABASE_URL`: rows in Postgres, with PostGIS if it is there, else in memory. `REDIS_URL`: replicas over Redis, else this process alone. `CAMPAIGN_SIZE`: how
 * many rows there are at the first start.
 */
export async function openBackends(env: Readonly<Record<string, string | undefined>>): Promise<Backends> {
  const { redis: server, databaseUrl } = configFromEnv(env);
  const seed = seedOf(env['CAMPAIGN_SIZE']);
  const rows = databaseUrl === null ? rowsInMemory(seed) : await rowsInPostgres(databaseUrl, seed);
  const { spatial } = rows;
  const url = server?.url ?? null;
  if (url === null) return { rows, parts: { spatial }, close: () => rows.close() };
  const client = new Redis(url, {
    ...{ lazyConnect: true, enableOfflineQueue: false, maxRetriesPerRequest: 1 },
    ...{ connectTimeout: 2000, socketTimeout: 2000, retryStrategy },
  });
  const subscriber = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: null, retryStrategy });
  await Promise.all([client.connect(), subscriber.connect()]);
  return {
    rows,
    parts: { spatial, ...redis({ client, subscriber, prefix: 'campaign:' }) },
    close: async () => {
      for (const one of [client, subscriber]) one.disconnect();
      await rows.close();
    },
  };
}

const retryStrategy = (attempts: number): number => Math.min(50 * attempts, 500);
