import { createHash } from 'node:crypto';
import { systemClock } from '../../clock.js';
import type { Clock } from '../../contract.js';
import type { PgClient, PgPool } from './client.js';

export interface Hearer {
  onMessage(channel: string, payload: string): void;
  /** The connection is gone: messages are being missed. */
  onLost(): void;
  /** Every channel is listened to again: what comes from now on is heard. */
  onBack(): void;
}

/** One connection for LISTEN, taken from the pool when somebody listens. */
export interface Listener {
  /** Resolves, once acknowledged, with the function that ends it, which may be called again. */
  listen(channels: readonly string[], hearer: Hearer): Promise<() => void>;
  /** Gives the connection up. Idempotent. */
  close(): Promise<void>;
}

export interface ListenerOptions {
  readonly clock?: Pick<Clock, 'after'> | undefined;
}

/** How long to wait before each attempt to listen again; the last one from there on. */
const WAITS_MS = [0, 50, 200, 1000];

/** The channel of something in a schema: its names may hold what a channel's cannot. */
export function channelOf(schema: string, purpose: string, name: string): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([schema, purpose, name]))
    .digest('hex');
  return `tm_${digest.slice(0, 40)}`;
}

interface Connection {
  readonly client: PgClient;
  /** Gives it up, without a word to anybody; again: nothing. */
  drop(): void;
}

interface Listening {
  readonly channels: readonly string[];
  readonly hearer: Hearer;
}

export function listenerOn(pool: PgPool, { clock = systemClock }: ListenerOptions = {}): Listener {
  const listening = new Set<Listening>();
  /** The connection, or the attempt to make it; undefined while there is none. */
  let current: Promise<Connection> | undefined;
  let closed = false;

  const tell = (what: (hearer: Hearer) => void): void => {
    for (const one of [...listening]) {
      if (listening.has(one))
        contained(() => {
          what(one.hearer);
        });
    }
  };
  const connect = async (): Promise<Connection> => {
    const client = await pool.connect();
    let gone = false;
    const drop = (): void => {
      if (gone) return;
      gone = true;
      client.release(true);
    };
    const lost = (): void => {
      if (gone) return;
      drop();
      current = undefined;
      tell((hearer) => {
        hearer.onLost();
      });
      void listenAgain();
    };
    client.on('error', lost);
    client.on('end', lost);
    client.on('notification', ({ channel, payload = '' }) => {
      for (const one of [...listening]) {
        if (one.channels.includes(channel) && listening.has(one))
          contained(() => {
            one.hearer.onMessage(channel, payload);
          });
      }
    });
    return { client, drop };
  };
  const listenTo = async (connection: Connection, channels: Iterable<string>): Promise<void> => {
    try {
      for (const channel of channels) await connection.client.query(`listen "${channel}"`);
    } catch (error) {
      connection.drop();
      throw error;
    }
  };
  const listenAgain = async (): Promise<void> => {
    for (let attempt = 0; listening.size > 0 && !closed && current === undefined; attempt++) {
      const waitMs = WAITS_MS[Math.min(attempt, WAITS_MS.length - 1)] as number;
      await new Promise<void>((resume) => clock.after(waitMs, resume));
      if (current !== undefined || closed) return;
      current = connect();
      try {
        await listenTo(await current, new Set([...listening].flatMap(({ channels }) => channels)));
        tell((hearer) => {
          hearer.onBack();
        });
      } catch {
        current = undefined;
      }
    }
  };

  return {
    listen: async (channels, hearer) => {
      current ??= connect();
      const attempt = current;
      const one: Listening = { channels, hearer };
      try {
        const connection = await attempt;
        listening.add(one);
        await listenTo(connection, channels);
      } catch (error) {
        listening.delete(one);
        if (current === attempt) current = undefined;
        void listenAgain();
        throw error;
      }
      return () => {
        listening.delete(one);
      };
    },
    close: async () => {
      if (closed) return;
      closed = true;
      listening.clear();
      (await current?.catch(() => undefined))?.drop();
    },
  };
}

/** Who listens contains its own errors; others must hear all the same. */
function contained(run: () => void): void {
  try {
    run();
  } catch {
    // Not ours to report.
  }
}
