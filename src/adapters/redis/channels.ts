import type { Clock } from '../../contract.js';
import { type Listener, type RedisSubscriber, sharedOn } from './client.js';
import { pagesOf } from './pages.js';

export interface Hearer {
  /** `channel` is where it was published, also for who listens by pattern. */
  onMessage(channel: string, bytes: Buffer): void;
  /** The connection is gone: messages are being missed. */
  onLost(): void;
  /** Every channel is subscribed again: what comes from now on is heard. */
  onBack(): void;
}

/** The subscriptions of one client. */
export interface Channels {
  /** Resolves, once acknowledged, with the function that ends it, which may be called again. Channels, or patterns of them. */
  listen(channels: readonly string[], hearer: Hearer): Promise<() => void>;
}

/**
 * At these the connection, or that to one node of a cluster, is gone. 'nodeError' is all that ioredis 5 says when a server ends
 * a subscription because its slot has moved; to subscribe again makes it look where to.
 */
const LOST = ['close', 'end', '-node', '-subscriber', 'nodeError'];
/** At these it, or another one, is there; ioredis subscribes again too, but does not say when that is acknowledged. */
const BACK = ['ready', 'subscribersReady'];
const RETRY_MS = 1000;
const PER_COMMAND = 1000;

/** Counted per client: two adapters over one do not end each other's subscriptions. */
export function channelsOf(subscriber: RedisSubscriber, sharded: boolean, clock: Pick<Clock, 'after'>): Channels {
  return sharedOn(subscriber, 'channels', () => new ClientChannels(subscriber, sharded ? 's' : '', clock));
}

/** Its subscriptions by pattern, counted likewise. */
export function patternsOf(subscriber: RedisSubscriber, clock: Pick<Clock, 'after'>): Channels {
  return sharedOn(subscriber, 'patterns', () => new ClientChannels(subscriber, 'p', clock));
}

interface Listening {
  readonly hearer: Hearer;
  /** False until acknowledged, and once ended. */
  live: boolean;
}

class ClientChannels implements Channels {
  readonly #subscriber: RedisSubscriber;
  /** 's' where channels belong to the node of their slot, 'p' for patterns. */
  readonly #kind: 's' | 'p' | '';
  readonly #clock: Pick<Clock, 'after'>;
  readonly #channels = new Map<string, Set<Listening>>();
  readonly #handlers: readonly (readonly [event: string, handler: Listener])[];
  #lost = false;
  /** Outages so far: who subscribes again after one stops when the next begins. */
  #outages = 0;

  constructor(subscriber: RedisSubscriber, kind: 's' | 'p' | '', clock: Pick<Clock, 'after'>) {
    this.#subscriber = subscriber;
    this.#kind = kind;
    this.#clock = clock;
    const sharded = kind === 's';
    const onMessage: Listener = (channel, bytes) => {
      this.#hear(String(channel), String(channel), bytes as Buffer);
    };
    const onMatch: Listener = (pattern, channel, bytes) => {
      this.#hear(String(pattern), String(channel), bytes as Buffer);
    };
    const onBack = (): void => {
      // Where a slot has only moved, nothing was said to be lost.
      if (this.#lost || sharded) void this.#subscribeAgain();
    };
    const onLost = (): void => {
      this.#lose();
      if (!sharded) return;
      // Others of its nodes are there, and it may say no more. Not at once: what else a server ends because a slot has moved,
      // ioredis 5 takes for the answer to what it sends now.
      const outage = this.#outages;
      clock.after(RETRY_MS, () => {
        if (outage === this.#outages) void this.#subscribeAgain();
      });
    };
    this.#handlers = [
      [`${kind}messageBuffer`, kind === 'p' ? onMatch : onMessage],
      ...LOST.map((event) => [event, onLost] as const),
      ...BACK.map((event) => [event, onBack] as const),
    ];
  }

  async listen(channels: readonly string[], hearer: Hearer): Promise<() => void> {
    if (this.#channels.size === 0) for (const [event, handler] of this.#handlers) this.#subscriber.on(event, handler);
    const listening: Listening = { hearer, live: false };
    for (const channel of channels) {
      const held = this.#channels.get(channel);
      if (held === undefined) this.#channels.set(channel, new Set([listening]));
      else held.add(listening);
    }
    const end = (): void => {
      listening.live = false;
      this.#leave(channels, listening);
    };
    try {
      // Sent even if another listens already: its acknowledgement comes behind every message of before.
      await this.#send('subscribe', channels);
    } catch (error) {
      end();
      throw error;
    }
    listening.live = true;
    return end;
  }

  #leave(channels: readonly string[], listening: Listening): void {
    const left = channels.filter((channel) => {
      const held = this.#channels.get(channel);
      return held?.delete(listening) === true && held.size === 0 && this.#channels.delete(channel);
    });
    // Nobody waits for it: without a connection there would be no answer.
    void this.#send('unsubscribe', left).catch(() => undefined);
    if (this.#channels.size > 0 || left.length === 0) return;
    for (const [event, handler] of this.#handlers) this.#subscriber.off(event, handler);
    this.#outages++;
    this.#lost = false;
  }

  async #send(verb: 'subscribe' | 'unsubscribe', channels: readonly string[]): Promise<void> {
    const perCommand = this.#kind === 's' ? 1 : PER_COMMAND;
    await Promise.all(
      pagesOf(channels, perCommand).map(async (page) => this.#subscriber[`${this.#kind}${verb}`]?.(...page)),
    );
  }

  #hear(listenedTo: string, channel: string, bytes: Buffer): void {
    for (const listening of [...(this.#channels.get(listenedTo) ?? [])]) {
      if (listening.live)
        contained(() => {
          listening.hearer.onMessage(channel, bytes);
        });
    }
  }

  #lose(): void {
    this.#outages++;
    if (this.#lost) return;
    this.#lost = true;
    this.#tell((hearer) => {
      hearer.onLost();
    });
  }

  async #subscribeAgain(): Promise<void> {
    const outage = ++this.#outages;
    while (outage === this.#outages) {
      try {
        await this.#send('subscribe', [...this.#channels.keys()]);
      } catch {
        await new Promise<void>((resume) => this.#clock.after(RETRY_MS, resume));
        continue;
      }
      if (outage !== this.#outages) return;
      this.#lost = false;
      this.#tell((hearer) => {
        hearer.onBack();
      });
      return;
    }
  }

  #tell(what: (hearer: Hearer) => void): void {
    const told = new Set([...this.#channels.values()].flatMap((held) => [...held]));
    for (const { live, hearer } of told)
      if (live)
        contained(() => {
          what(hearer);
        });
  }
}

/** Who listens contains its own errors; others must hear all the same. */
export function contained(run: () => void): void {
  try {
    run();
  } catch {
    // Not ours to report.
  }
}
