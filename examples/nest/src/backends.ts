import { Module, type OnApplicationShutdown } from '@nestjs/common';
import { type Backends as Opened, openBackends } from '../../campaign/backends.ts';

/** What the environment names, to inject: the rows, and what replicas share. */
export class Backends implements OnApplicationShutdown {
  readonly rows: Opened['rows'];
  readonly parts: Opened['parts'];
  readonly #close: Opened['close'];

  constructor({ rows, parts, close }: Opened) {
    this.rows = rows;
    this.parts = parts;
    this.#close = close;
  }

  // Not onModuleDestroy, which comes before the last requests.
  onApplicationShutdown(): Promise<void> {
    return this.#close();
  }
}

@Module({
  providers: [{ provide: Backends, useFactory: async () => new Backends(await openBackends(process.env)) }],
  exports: [Backends],
})
export class BackendsModule {}
