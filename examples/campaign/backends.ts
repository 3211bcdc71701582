import { Redis } from 'ioredis';
import { configFromEnv } from 'tidemark';
import { redis } from 'tidemark/redis';
import { rowsInPostgres } from './postgres.ts';
import { type Rows, rowsInMemory } from './rows.ts';

/** Where the rows are, and what replicas share. */
export interface Backends {
  readonly rows: Rows;
  /** Parts of a tide; none where this process is the only one. */
  readonly shared: Partial<ReturnType<typeof redis>>;
  /** After the tide. */
  readonly close: () => Promise<void>;
}

/** `DATABASE_URL`: rows in Postgres, else in memory. `REDIS_URL`: replicas over Redis, else this process alone. */
export async function openBackends(env: Readonly<Record<string, string | undefined>>): Promise<Backends> {
  const { redis: server, databaseUrl } = configFromEnv(env);
  const rows = databaseUrl === null ? rowsInMemory() : await rowsInPostgres(databaseUrl);
  const url = server?.url ?? null;
  if (url === null) return { rows, shared: {}, close: () => rows.close() };
  const client = new Redis(url, {
    ...{ lazyConnect: true, enableOfflineQueue: false, maxRetriesPerRequest: 1 },
    ...{ connectTimeout: 2000, socketTimeout: 2000, retryStrategy },
  });
  const subscriber = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: null, retryStrategy });
  await Promise.all([client.connect(), subscriber.connect()]);
  return {
    rows,
    shared: redis({ client, subscriber, prefix: 'campaign:' }),
    close: async () => {
      for (const one of [client, subscriber]) one.disconnect();
      await rows.close();
    },
  };
}

const retryStrategy = (attempts: number): number => Math.min(50 * attempts, 500);
