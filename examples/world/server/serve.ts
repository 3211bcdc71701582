import { once } from 'node:events';
import { type RequestListener, type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type RuleSource, type TideOptions, createTidemark, ruleTable, systemClock } from 'tidemark';
import { worldOrigin } from '../data/origin.ts';
import type { Credit, WorldTables } from '../data/tables.ts';
import { type Principal, type WorldModel, type WorldOrigin, type WorldTide, model } from '../model.ts';
import { RULES } from '../rules.ts';
import { authorize } from './access.ts';
import { createApp } from './app.ts';
import { type Live, liveOf } from './live.ts';

/** How long running requests may take to end. */
const PATIENCE_MS = 5_000;
const PORTS_TO_TRY = 20;

export interface ServeOptions {
  readonly port: number;
  /** The outlines of the kingdoms, as GeoJSON. */
  readonly outlines: () => object;
  readonly credits: readonly Credit[];
  /** Where tidemark reads. Default: the tables. */
  readonly origin?: WorldOrigin | undefined;
  readonly report?: ((error: unknown) => void) | undefined;
  /** What this process shares with others, such as `redis({ client, subscriber })`. Default: nothing. */
  readonly shared?: Pick<TideOptions<WorldModel>, 'store' | 'marks' | 'bus' | 'outbox'> | undefined;
  /** Default: a table of this process, in which the page saves rules. */
  readonly rules?: RuleSource | undefined;
}

export interface Serving {
  readonly url: string;
  readonly tide: WorldTide;
  /** Takes no more requests, ends live streams, lets the others finish, and then closes the tide. */
  close(): Promise<void>;
}

/** Serves a world on the port, or on the next one that is free. */
export async function serve(
  tables: WorldTables,
  { port, outlines, credits, origin, report = console.error, shared, rules = ruleTable(RULES) }: ServeOptions,
): Promise<Serving> {
  const tide = createTidemark<WorldModel, Principal>({
    ...{ model, authorize, rules: { source: rules }, origin: origin ?? worldOrigin(tables) },
    ...shared,
  });
  tide.on('error', ({ error, where }) => {
    report(new Error(where, { cause: error }));
  });
  const closing = new AbortController();
  const world = { tables, tide, authorize, outlines, credits, clock: systemClock, closing: closing.signal, report };
  const live = liveOf(world);
  const server = await listening(createApp(world, live), live, port);
  return {
    url: `http://localhost:${String((server.address() as AddressInfo).port)}`,
    tide,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      closing.abort();
      const giveUp = systemClock.after(PATIENCE_MS, () => server.closeAllConnections());
      await closed;
      giveUp();
      await tide.close();
    },
  };
}

async function listening(app: RequestListener, live: Live, port: number): Promise<Server> {
  for (let tried = port; ; tried++) {
    const server = createServer(app)
      .on('upgrade', (request, socket, head) => {
        live.upgrade(request, socket, head);
      })
      .listen(tried);
    try {
      await once(server, 'listening');
      return server;
    } catch (error) {
      const taken = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE';
      if (!taken || tried - port >= PORTS_TO_TRY) throw error;
    }
  }
}
