import { createRandom, randomId, systemClock } from '../../clock.js';
import type { Bus, Clock } from '../../contract.js';
import { counted } from '../../errors.js';
import type { OnError } from '../../realtime/retry.js';
import { Engine } from './engine.js';
import { type PayloadCodec, json } from './payload.js';
import type { OnResync, ReadOptions } from './reader.js';
import { busSource } from './source.js';

const RING_SIZE = 1024;

export interface PubSubOptions {
  /** Where messages go, with the history from which what is missed is read: `memory().bus`, `redisBus()`, `pgBus()`. */
  readonly bus: Bus;
  /** Told of failures of the bus, of messages that cannot be read, of listeners that throw. Must not throw. */
  readonly onError: OnError;
  /** What every subscriber that brings none of its own does where messages are missing. */
  readonly onResync?: OnResync | undefined;
  readonly codec?: PayloadCodec | undefined;
  /** Messages that a subscriber may fall behind. Default 1,024 for each topic. */
  readonly ringSize?: number | undefined;
  /** Whether payloads, which all subscribers of a process share, are frozen: plain objects and arrays. Default true. */
  readonly freeze?: boolean | undefined;
  readonly clock?: Clock | undefined;
  /** Uniform in [0, 1), for the ids of publications. Default: the operating system's generator. */
  readonly random?: (() => number) | undefined;
}

export interface PublishOptions {
  /** Published once, however often it is tried with this id. Default: one of its own. */
  readonly id?: string | undefined;
}

/** Messages by topic, for every subscriber in every process over the same bus. */
export interface PubSub {
  /** Resolves once the bus has it; rejects if it may not: publish it again under the same id. */
  publish(topic: string, payload: unknown, options?: PublishOptions): Promise<void>;
  /**
   * What is published on any of the topics from this call on, each topic's messages in order and once each. Registers at once;
   * ends with `return()`, the signal or `close()`. Throws CLOSED or INVALID_OPTION; the iterator rejects, once, with MISSED
   * or OVERFLOW, or what `onResync` threw.
   */
  subscribe<T = unknown>(
    topics: string | readonly string[],
    options?: ReadOptions<T>,
  ): AsyncIterableIterator<T, undefined>;
  /**
   * The same for a function, which is called as messages arrive. Resolves, once whatever is published arrives, with the
   * function that stops it; rejects if the topic cannot be followed. What the listener throws is told to `onError`.
   */
  listen<T = unknown>(
    topic: string,
    listener: (payload: T) => void,
    options?: { readonly onResync?: OnResync<T> | undefined },
  ): Promise<() => void>;
  /** Live subscribers by topic. */
  counts(): ReadonlyMap<string, number>;
  /** Ends every subscription; leaves the bus open. Idempotent. */
  close(): Promise<void>;
}

/**
 * A pub/sub over a {@link Bus}: what a link that was down missed is read from history, and where that cannot be had every
 * subscriber is told. One ring for each topic however many subscribers it has, each message decoded once.
 *
 * @example
 * const pubsub = createPubSub({ bus: redisBus({ client, subscriber }), onError: report });
 * await pubsub.publish('score', { home: 1, away: 0 });
 */
export function createPubSub(options: PubSubOptions): PubSub {
  const { bus, codec = json, clock = systemClock, freeze = true, onError, onResync, random = createRandom() } = options;
  const source = busSource(bus, { clock, onError, decode: (bytes) => codec.decode(bytes) });
  const ringSize = counted('ringSize', options.ringSize, RING_SIZE);
  const engine = new Engine({ source, ringSize, freeze, onError, onResync });
  const nextId = countingIds(random);
  return {
    publish: async (topic, payload, { id = nextId() } = {}) => engine.publish(topic, codec.encode(payload), id),
    subscribe: <T>(topics: string | readonly string[], readOptions: ReadOptions<T> = {}) => {
      const names = typeof topics === 'string' ? [topics] : topics;
      const followed = names.map((name) => ({ name, pattern: false }));
      return engine.read(followed, readOptions) as AsyncIterableIterator<T, undefined>;
    },
    listen: async <T>(
      topic: string,
      listener: (payload: T) => void,
      more: { onResync?: OnResync<T> | undefined } = {},
    ) => {
      const followed = { name: topic, pattern: false };
      const { live, stop } = engine.listen(followed, listener as (payload: unknown) => void, more.onResync);
      await live;
      return stop;
    },
    counts: () => engine.counts(),
    close: () => engine.close(),
  };
}

/** Ids that nobody else has, without asking the generator for each. */
export function countingIds(random: () => number): () => string {
  const start = randomId(random);
  let count = 0;
  return () => `${start}.${(count++).toString(36)}`;
}
