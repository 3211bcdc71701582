import { Injectable, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Redis } from 'ioredis';
import { configFromEnv } from 'tidemark';
import { redis } from 'tidemark/redis';
import { rowsInPostgres } from './campaign/postgres.js';
import { type Rows, rowsInMemory } from './campaign/rows.js';

const retryStrategy = (attempts: number): number => Math.min(50 * attempts, 500);

/** What the environment names, or memory: the rows, and what replicas share. */
@Injectable()
export class Backends implements OnApplicationShutdown {
  private constructor(
    readonly rows: Rows,
    readonly shared: Partial<ReturnType<typeof redis>>,
    private readonly clients: readonly Redis[],
  ) {}

  static async open(env: Readonly<Record<string, string | undefined>>): Promise<Backends> {
    const { redis: server, databaseUrl } = configFromEnv(env);
    const rows = databaseUrl === null ? rowsInMemory() : await rowsInPostgres(databaseUrl);
    const url = server?.url ?? null;
    if (url === null) return new Backends(rows, {}, []);
    const client = new Redis(url, {
      ...{ lazyConnect: true, enableOfflineQueue: false, maxRetriesPerRequest: 1 },
      ...{ connectTimeout: 2000, socketTimeout: 2000, retryStrategy },
    });
    const subscriber = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: null, retryStrategy });
    await Promise.all([client.connect(), subscriber.connect()]);
    return new Backends(rows, redis({ client, subscriber, prefix: 'campaign:' }), [client, subscriber]);
  }

  // Not onModuleDestroy, which comes before the last requests.
  async onApplicationShutdown(): Promise<void> {
    for (const client of this.clients) client.disconnect();
    await this.rows.close();
  }
}

@Module({
  providers: [{ provide: Backends, useFactory: () => Backends.open(process.env) }],
  exports: [Backends],
})
export class BackendsModule {}
