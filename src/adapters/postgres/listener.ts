import { createHash } from 'node:crypto';
import { createRandom, randomId, systemClock } from '../../clock.js';
import type { Clock } from '../../contract.js';
import { TidemarkError, messageOf } from '../../errors.js';
import { type PgClient, type PgPool, listenForErrors } from './client.js';

export interface Hearer {
  onMessage(channel: string, payload: string): void;
  /** The connection is gone: messages are being missed. */
  onLost(): void;
  /** Every channel is listened to again: what comes from now on is heard. */
  onBack(): void;
}

/** The notifications of one connection. */
export interface Listener {
  /** Resolves, once acknowledged, with the function that ends it, which may be called again. */
  listen(channels: readonly string[], hearer: Hearer): Promise<() => void>;
}

export interface ListenerOptions {
  /** A Pool of `pg`; whoever made it ends it. */
  readonly pool: PgPool;
  /**
   * The pool of which one connection is kept for LISTEN as long as anybody listens; it has to go straight to the server. Default
   * `pool`, which then needs at least two.
   */
  readonly listenPool?: PgPool | undefined;
  /** Waits between attempts and pings. */
  readonly clock?: Pick<Clock, 'after'> | undefined;
  /** Uniform in [0, 1), for waits. Default: the operating system's generator. */
  readonly random?: (() => number) | undefined;
}

/** A silent connection is asked so often whether it is still there, and has so long to answer. */
const PING_MS = 10_000;
const PATIENCE_MS = 5000;
const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 5000;

/** A channel's name has at most 63 bytes. */
export function channelOf(schema: string, purpose: string, name: string): string {
  const digest = createHash('sha256').update(JSON.stringify([schema, purpose, name]));
  return `tm_${digest.digest('hex').slice(0, 32)}`;
}

/**
 * LISTEN over one connection of a pool, kept as long as anybody listens. Where it is lost another is taken, for as long as that
 * needs. Throws INVALID_OPTION for a pool of one; `listen` rejects with INVALID_OPTION where notifications do not
 * arrive, as behind a pooler that lends a connection for a transaction.
 */
export function listenerOn(options: ListenerOptions): Listener {
  return new PoolListener(options);
}

interface Hearing {
  readonly channels: readonly string[];
  readonly hearer: Hearer;
  /** False until acknowledged. */
  live: boolean;
}

class PoolListener implements Listener {
  readonly #pool: PgPool;
  readonly #listenPool: PgPool;
  readonly #clock: Pick<Clock, 'after'>;
  readonly #random: () => number;
  readonly #hearings = new Set<Hearing>();
  /** By channel. */
  readonly #heard = new Map<string, Set<Hearing>>();
  #client: PgClient | null = null;
  /** Ends when what was asked of the connection so far is answered: one thing at a time. */
  #asked: Promise<unknown> = Promise.resolve();
  #connecting: Promise<PgClient> | null = null;
  #proven = false;
  /** Ends the wait for the next ping or attempt. */
  #cancel: () => void = () => {};

  constructor({ pool, listenPool = pool, clock = systemClock, random = createRandom() }: ListenerOptions) {
    this.#pool = pool;
    this.#listenPool = listenPool;
    this.#clock = clock;
    this.#random = random;
    for (const [name, one] of Object.entries({ pool, listenPool })) {
      if (typeof (one as PgPool | undefined)?.connect === 'function') continue;
      throw new TidemarkError('INVALID_OPTION', `${name}: expected a Pool of pg, got ${messageOf(one)}.`);
    }
    if (listenPool === pool && pool.options?.max === 1) {
      const message = 'pool: expected at least two connections, of which one is kept for LISTEN, got max: 1.';
      throw new TidemarkError('INVALID_OPTION', message);
    }
  }

  async listen(channels: readonly string[], hearer: Hearer): Promise<() => void> {
    const hearing: Hearing = { channels, hearer, live: false };
    this.#hearings.add(hearing);
    for (const channel of channels) this.#hearingsOf(channel).add(hearing);
    const end = (): void => {
      this.#end(hearing);
    };
    try {
      // One that is taken meanwhile listens to these too, which does no harm.
      const client = await this.#connect();
      await this.#ask(client, listenTo(channels));
    } catch (error) {
      end();
      throw error;
    }
    hearing.live = true;
    return end;
  }

  #hearingsOf(channel: string): Set<Hearing> {
    let hearings = this.#heard.get(channel);
    if (hearings === undefined) this.#heard.set(channel, (hearings = new Set()));
    return hearings;
  }

  #end(hearing: Hearing): void {
    if (!this.#hearings.delete(hearing)) return;
    const unheard: string[] = [];
    for (const channel of hearing.channels) {
      const hearings = this.#heard.get(channel);
      hearings?.delete(hearing);
      if (hearings?.size !== 0) continue;
      this.#heard.delete(channel);
      unheard.push(channel);
    }
    // Nothing is lost if it fails: what comes is heard by nobody.
    if (unheard.length === 0 || this.#client === null) return;
    if (this.#hearings.size === 0) this.#giveUp(this.#client);
    else void this.#unlisten(this.#client, unheard).catch(ignored);
  }

  /** Not those that somebody has come to hear meanwhile. */
  #unlisten(client: PgClient, channels: readonly string[]): Promise<void> {
    return this.#inTurn(async () => {
      const unheard = channels.filter((channel) => !this.#heard.has(channel));
      if (unheard.length > 0) await client.query(unheard.map((name) => `unlisten "${name}";`).join(' '));
    });
  }

  #ask(client: PgClient, text: string): Promise<void> {
    return this.#inTurn(async () => {
      await client.query(text);
    });
  }

  /** Rejects if it takes too long, from the moment it is due. */
  #inTurn(run: () => Promise<void>): Promise<void> {
    const turn = this.#asked.then(() => this.#inTime(run()));
    this.#asked = turn.catch(ignored);
    return turn;
  }

  // ── The connection ────────────────────────────────────────────────────────────────────────────────────────────

  #connect(): Promise<PgClient> {
    if (this.#client !== null) return Promise.resolve(this.#client);
    this.#connecting ??= this.#take().finally(() => {
      this.#connecting = null;
    });
    return this.#connecting;
  }

  async #take(): Promise<PgClient> {
    const stopIgnoring = listenForErrors(this.#listenPool);
    const client = await this.#listenPool.connect().catch((error: unknown) => {
      stopIgnoring();
      throw error;
    });
    client.on('end', stopIgnoring);
    const lost = (): void => {
      this.#lose(client);
    };
    client.on('error', lost);
    client.on('end', lost);
    client.on('notification', ({ channel, payload }) => {
      this.#hear(channel, payload ?? '');
    });
    try {
      if (!this.#proven) await this.#prove(client);
      if (this.#heard.size > 0) await this.#ask(client, listenTo([...this.#heard.keys()]));
    } catch (error) {
      client.release(true);
      throw error;
    }
    this.#client = client;
    if (this.#hearings.size === 0) this.#giveUp(client);
    else this.#pingLater(client);
    return client;
  }

  /** Throws INVALID_OPTION if a notification that another connection sends does not arrive on this one. */
  async #prove(client: PgClient): Promise<void> {
    const channel = channelOf('', 'probe', randomId(this.#random));
    const arrived = new Promise<void>((resolve) => {
      client.on('notification', (message) => {
        if (message.channel === channel) resolve();
      });
    });
    await this.#ask(client, listenTo([channel]));
    await this.#inTime(this.#pool.query('select pg_notify($1, $2)', [channel, '']));
    // Notifications come with the next answer at the latest.
    const answered = this.#ask(client, 'select 1').then(() => this.#wait(PATIENCE_MS / 5));
    const heard = await Promise.race([arrived.then(() => true), answered.then(() => false)]);
    if (!heard) {
      const message =
        'pool: expected a connection on which notifications arrive, got one on which none does: a pooler between here and ' +
        'the server, such as PgBouncer in transaction mode, lends connections for a transaction only. Give one that goes ' +
        'straight to the server as listenPool.';
      throw new TidemarkError('INVALID_OPTION', message);
    }
    await this.#ask(client, `unlisten "${channel}"`);
    this.#proven = true;
  }

  #lose(client: PgClient): void {
    if (client !== this.#client) return; // not taken yet, or lost already
    this.#giveUp(client);
    this.#tell((hearer) => {
      hearer.onLost();
    });
    void this.#takeAgain();
  }

  async #takeAgain(): Promise<void> {
    for (let waitMs = FIRST_WAIT_MS; this.#hearings.size > 0; waitMs = Math.min(LONGEST_WAIT_MS, 2 * waitMs)) {
      try {
        await this.#connect();
        break;
      } catch {
        await this.#wait(waitMs * (0.5 + this.#random() / 2));
      }
    }
    this.#tell((hearer) => {
      hearer.onBack();
    });
  }

  #tell(what: (hearer: Hearer) => void): void {
    for (const { hearer, live } of [...this.#hearings])
      if (live)
        contained(() => {
          what(hearer);
        });
  }

  /** A connection whose other end is gone without a word says nothing. */
  #pingLater(client: PgClient): void {
    this.#cancel = this.#clock.after(PING_MS, () => {
      this.#ask(client, 'select 1').then(
        () => {
          if (client === this.#client) this.#pingLater(client);
        },
        () => {
          this.#lose(client);
        },
      );
    });
  }

  #wait(ms: number): Promise<void> {
    return new Promise((resume) => {
      this.#clock.after(ms, resume);
    });
  }

  #inTime<T>(answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const cancel = this.#clock.after(PATIENCE_MS, () => {
        reject(new Error(`no answer within ${String(PATIENCE_MS)} ms`));
      });
      answer.then(resolve, reject).finally(cancel);
    });
  }

  #hear(channel: string, payload: string): void {
    for (const { hearer } of [...(this.#heard.get(channel) ?? [])])
      contained(() => {
        hearer.onMessage(channel, payload);
      });
  }

  /** What it listens to must not stay with a connection that others use: it is closed. */
  #giveUp(client: PgClient): void {
    this.#client = null;
    this.#cancel();
    client.release(true);
  }
}

const listenTo = (channels: readonly string[]): string => channels.map((channel) => `listen "${channel}";`).join(' ');

const ignored = (): void => undefined;

/** Who listens contains its own errors; others must hear all the same. */
function contained(tell: () => void): void {
  try {
    tell();
  } catch {
    // Not ours to report.
  }
}
