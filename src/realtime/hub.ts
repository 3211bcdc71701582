import { Aborts } from '../aborts.js';
import type { SubscriptionItem } from '../watching.js';
import type { Bus, Clock, SubjectKey } from '../contract.js';
import { TidemarkError } from '../errors.js';
import { Feed } from './feed.js';
import type { OnError } from './retry.js';
import { type Feeds, Subscription, type SubscriptionOptions, type SubscriptionTarget } from './subscription.js';
import { type HubContext, Topic } from './topic.js';
import { type ChangeEvent, type Codec, type ParseId, encodeAnnouncement, topicHash } from './wire.js';

const RING_SIZE = 1024;

export interface HubOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly codec: Codec;
  /** Items that a subscriber may fall behind. Default 1,024. */
  readonly ringSize?: number | undefined;
  /** Ids as the model has them. Without it, or for types it does not know, they are what was published. */
  readonly parseId?: ParseId | undefined;
  /** Told of failures of the bus, of messages that cannot be read and of authorizers that throw. Must not throw. */
  readonly onError: OnError;
}

/** Fans changes out to the subscribers of one replica. */
export interface Hub {
  /**
   * Announces an event on each topic, once per `id` and topic however often it is called. Resolves once the bus has it
   * everywhere; rejects with the first failure after trying every topic, so that the same call can be made again.
   */
  publish(topics: readonly SubjectKey[], event: ChangeEvent, id: string): Promise<void>;
  /**
   * The changes announced on any of the topics from this call on, or since a cursor; each once, every topic's in their
   * order, with a `resync` wherever some may be missing. Registers at once; ends with `return()`, the signal, or the hub.
   * Throws INVALID_CURSOR, CLOSED or INVALID_OPTION. The iterator rejects, once, with UNAUTHORIZED or OVERFLOW.
   */
  subscribe(target: SubscriptionTarget, options?: SubscriptionOptions): AsyncIterableIterator<SubscriptionItem>;
  /** Live subscribers by topic. */
  counts(): ReadonlyMap<SubjectKey, number>;
  /** Ends every subscription and leaves the bus open. Idempotent. */
  close(): Promise<void>;
}

/** The hub of one process. Subscribers of the same topics share one stream, however many they are. */
export function createHub(options: HubOptions): Hub {
  const { bus, clock, codec, onError, parseId, ringSize = RING_SIZE } = options;
  if (!Number.isSafeInteger(ringSize) || ringSize < 1) {
    throw new TidemarkError('INVALID_OPTION', `ringSize: expected a whole number above 0, got ${String(ringSize)}.`);
  }
  const context: HubContext = { aborts: new Aborts(), bus, clock, codec, onError, parseId, ringSize };
  const topics = new Map<SubjectKey, Topic>();
  const feedsByTopics = new Map<string, Feed>();
  const subscriptions = new Set<Subscription>();
  const stopping = new Set<Promise<void>>();
  let closed = false;

  const topicOf = (key: SubjectKey): Topic => {
    const topic = topics.get(key) ?? new Topic(key, context);
    topics.set(key, topic);
    return topic;
  };

  const feeds: Feeds = {
    join: (keys) => {
      const sorted = [...new Set(keys)].sort();
      if (sorted.length === 0) throw new TidemarkError('INVALID_OPTION', 'topics: expected at least one, got none.');
      const text = JSON.stringify(sorted);
      const feed = feedsByTopics.get(text) ?? new Feed(sorted.map(topicOf), context);
      feedsByTopics.set(text, feed);
      feed.subscribers++;
      return feed;
    },
    leave: (feed) => {
      if (--feed.subscribers > 0) return;
      feedsByTopics.delete(JSON.stringify(feed.topics.map(({ key }) => key)));
      feed.close();
      for (const topic of feed.topics) {
        if (!topic.unused) continue;
        topics.delete(topic.key);
        const stopped = topic.stop();
        stopping.add(stopped);
        void stopped.then(() => stopping.delete(stopped));
      }
    },
    forget: (subscription) => {
      subscriptions.delete(subscription);
    },
  };

  return {
    publish: async (keys, event, id) => {
      if (closed) throw closedError('publish');
      const unique = [...new Set(keys)];
      const on = unique.length > 1 ? unique.map(topicHash) : [];
      const bytes = encodeAnnouncement({ id, on, event }, codec);
      const publications = unique.map((key) => {
        const publication = begin(() => bus.publish(key, bytes, { id }));
        topics.get(key)?.expect(publication);
        return publication;
      });
      for (const outcome of await Promise.allSettled(publications)) {
        if (outcome.status === 'rejected') throw outcome.reason;
      }
    },
    subscribe: (target, subscribeOptions = {}) => {
      if (closed) throw closedError('subscribe');
      const subscription = new Subscription(target, subscribeOptions, { context, feeds });
      if (!subscription.ended) subscriptions.add(subscription);
      return subscription;
    },
    counts: () => {
      const counts = new Map<SubjectKey, number>();
      for (const { topics: followed, subscribers } of feedsByTopics.values()) {
        for (const { key } of followed) counts.set(key, (counts.get(key) ?? 0) + subscribers);
      }
      return counts;
    },
    close: async () => {
      closed = true;
      for (const subscription of [...subscriptions]) subscription.end();
      await Promise.all(stopping);
    },
  };
}

/** A call whose throwing is its promise's. */
async function begin<T>(call: () => Promise<T>): Promise<T> {
  return await call();
}

function closedError(verb: string): TidemarkError {
  return new TidemarkError('CLOSED', `hub.${verb}(): expected an open hub, but close() was called.`);
}
