import { createHash } from 'node:crypto';
import { createRandom, randomId, systemClock } from '../../clock.js';
import type { Clock } from '../../contract.js';
import { TidemarkError, messageOf } from '../../errors.js';
import { type PgNotification, type PgPool, listenForErrors } from './client.js';
import { type Connection, contained, openConnection } from './connection.js';

export interface Hearer {
  onMessage(channel: string, payload: string): void;
  /** The connection is gone: messages are being missed. */
  onLost(): void;
  /** Every channel is listened to again: what comes from now on is heard. */
  onBack(): void;
}

/** One connection for LISTEN, taken from the pool when somebody listens, and given up when nobody does any more. */
export interface Listener {
  /**
   * Resolves, once acknowledged, with the function that ends it, which may be called again. Rejects with LISTEN_UNAVAILABLE
   * where what is announced does not arrive, with the error of the database where there is no connection.
   */
  listen(channels: readonly string[], hearer: Hearer): Promise<() => void>;
  /** Gives the connection up. Idempotent. */
  close(): Promise<void>;
}

export interface ListenerOptions {
  /** The pool that the connection is taken from, where the other one goes through a pooler of transactions. Default: that one. */
  readonly listen?: PgPool | undefined;
  readonly clock?: Pick<Clock, 'after'> | undefined;
  /** Uniform in [0, 1), for the waits between attempts. Default: the operating system's generator. */
  readonly random?: (() => number) | undefined;
}

/** The longest wait before the first attempt to listen again, doubled for each further one, and the longest of all. */
const WAIT_MS = 50;
const MOST_WAIT_MS = 2000;

/** The channel of something in a schema: its names may hold what a channel's cannot. */
export function channelOf(schema: string, purpose: string, name: string): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([schema, purpose, name]))
    .digest('hex');
  return `tm_${digest.slice(0, 40)}`;
}

interface Listening {
  readonly hearer: Hearer;
  /** Acknowledged: it is told of losses. */
  live: boolean;
  /** It was told of a loss, and not yet of the return. */
  lost: boolean;
}

/** Throws INVALID_OPTION for pools that cannot serve. */
export function listenerOn(pool: PgPool, options: ListenerOptions = {}): Listener {
  const { listen: from = pool, clock = systemClock, random = createRandom() } = options;
  if (options.listen !== undefined && typeof (from as Partial<PgPool>).connect !== 'function') {
    throw new TidemarkError('INVALID_OPTION', `listen: expected a Pool of pg, got ${messageOf(from)}.`);
  }
  if (from === pool && (pool as PgPool | undefined)?.options?.max === 1) {
    const message = 'pool: expected a max of at least 2, since one connection is kept for LISTEN, got 1.';
    throw new TidemarkError('INVALID_OPTION', message);
  }
  return new PoolListener({ pool, from, clock, random });
}

interface Means {
  readonly pool: PgPool;
  readonly from: PgPool;
  readonly clock: Pick<Clock, 'after'>;
  readonly random: () => number;
}

class PoolListener implements Listener {
  readonly #means: Means;
  readonly #channels = new Map<string, Set<Listening>>();
  #connection: Connection | undefined;
  #opening: Promise<Connection> | undefined;
  #retaking = false;
  #closed = false;
  /** Ends what listens for errors of idle connections. */
  #unlisten: readonly (() => void)[] = [];

  constructor(means: Means) {
    this.#means = means;
  }

  async listen(channels: readonly string[], hearer: Hearer): Promise<() => void> {
    if (this.#closed) throw new TidemarkError('CLOSED', 'listen: the listener was closed.');
    const one: Listening = { hearer, live: false, lost: false };
    const end = (): void => {
      one.live = false;
      this.#leave(channels, one);
    };
    for (const channel of channels) {
      const held = this.#channels.get(channel);
      if (held === undefined) this.#channels.set(channel, new Set([one]));
      else held.add(one);
    }
    try {
      // Sent even if another listens already: its acknowledgement may still be on its way.
      await (await this.#open()).listen(channels);
    } catch (error) {
      end();
      throw error;
    }
    one.live = true;
    // Lost between the acknowledgement and this line: it was not told.
    if (this.#connection === undefined) this.#lose(one);
    return end;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#channels.clear();
    this.#release();
  }

  #leave(channels: readonly string[], one: Listening): void {
    const left = channels.filter((channel) => {
      const held = this.#channels.get(channel);
      return held?.delete(one) === true && held.size === 0 && this.#channels.delete(channel);
    });
    if (this.#channels.size === 0) this.#release();
    else if (left.length > 0) this.#connection?.unlisten(left);
  }

  #release(): void {
    this.#connection?.close();
    this.#connection = undefined;
    for (const unlisten of this.#unlisten) unlisten();
    this.#unlisten = [];
  }

  #open(): Promise<Connection> {
    if (this.#connection !== undefined) return Promise.resolve(this.#connection);
    this.#opening ??= this.#connect().finally(() => {
      this.#opening = undefined;
    });
    return this.#opening;
  }

  /** A connection that listens to all channels, and on which what is announced was seen to arrive. */
  async #connect(): Promise<Connection> {
    const { pool, from, clock, random } = this.#means;
    if (this.#unlisten.length === 0) this.#unlisten = [...new Set([pool, from])].map(listenForErrors);
    const opened = await openConnection(from, clock, {
      onMessage: (message) => {
        this.#hear(message);
      },
      onLost: (connection) => {
        if (this.#connection !== connection) return;
        this.#connection = undefined;
        for (const one of this.#everyone()) this.#lose(one);
        void this.#retake();
      },
    });
    const channels = [...this.#channels.keys()];
    await opened.prove(pool, channelOf('', 'proof', randomId(random)), channels);
    if (this.#channels.size === 0) {
      opened.close();
      throw new TidemarkError('CLOSED', 'listen: nobody listens any more.');
    }
    this.#connection = opened;
    const left = channels.filter((channel) => !this.#channels.has(channel));
    if (left.length > 0) opened.unlisten(left);
    for (const one of this.#everyone()) this.#return(one);
    return opened;
  }

  /** Until it listens again, or nobody does any more. */
  async #retake(): Promise<void> {
    const { clock, random } = this.#means;
    if (this.#retaking) return;
    this.#retaking = true;
    for (let mostMs = WAIT_MS; this.#isMissing(); mostMs = Math.min(2 * mostMs, MOST_WAIT_MS)) {
      const waitMs = mostMs * (0.5 + random() / 2);
      await new Promise<void>((resume) => clock.after(waitMs, resume));
      // The next attempt asks again.
      if (this.#isMissing()) await this.#open().catch(() => undefined);
    }
    this.#retaking = false;
  }

  #isMissing(): boolean {
    return !this.#closed && this.#connection === undefined && this.#channels.size > 0;
  }

  #everyone(): Set<Listening> {
    return new Set([...this.#channels.values()].flatMap((held) => [...held]));
  }

  #hear({ channel, payload = '' }: PgNotification): void {
    for (const one of [...(this.#channels.get(channel) ?? [])]) {
      if (this.#channels.get(channel)?.has(one) === true)
        contained(() => {
          one.hearer.onMessage(channel, payload);
        });
    }
  }

  #lose(one: Listening): void {
    if (!one.live || one.lost) return;
    one.lost = true;
    contained(() => {
      one.hearer.onLost();
    });
  }

  #return(one: Listening): void {
    if (!one.live || !one.lost) return;
    one.lost = false;
    contained(() => {
      one.hearer.onBack();
    });
  }
}
