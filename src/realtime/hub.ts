import { Aborts } from '../aborts.js';
import { inTime } from '../clock.js';
import type { Bus, BusPosition, Clock, SubjectKey } from '../contract.js';
import { TidemarkError } from '../errors.js';
import type { Metrics } from '../metrics.js';
import type { Receipt } from '../call.js';
import { ComputedSubscription } from './computed-subscription.js';
import { ComputedWatch, type ComputedSource } from './computed-watch.js';
import { Feed } from './feed.js';
import { Given } from './given.js';
import { Owed } from './owed.js';
import { patientBus } from './patient.js';
import { type OnError, lateError } from './retry.js';
import type { Revocations } from './revocations.js';
import {
  type Feeds,
  type HubSubscription,
  Subscription,
  type SubscriptionHooks,
  type SubscriptionOptions,
  type SubscriptionTarget,
} from './subscription.js';
import { type HubContext, topicContextOf } from './context.js';
import { splitCursor } from './told.js';
import { Topic } from './topic.js';
import {
  type Announcement,
  type ChangeEvent,
  type Codec,
  type ParseId,
  encodeAnnouncement,
  topicHash,
} from './wire.js';

const RING_SIZE = 1024;
const TIMEOUT_MS = 1000;
const LINGER_MS = 5000;

export interface HubOptions {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly codec: Codec;
  /** Items that a subscriber may fall behind. Default 1,024. */
  readonly ringSize?: number | undefined;
  /** When a publication counts as failed. Default 1,000. */
  readonly timeoutMs?: number | undefined;
  /** How long topics are still followed that nobody here subscribes to any more: a page that is loaded again. Default 5,000. */
  readonly lingerMs?: number | undefined;
  /** Ids as the model has them. Without it, or for types it does not know, they are what was published. */
  readonly parseId?: ParseId | undefined;
  /** Told of failures of the bus, of messages that cannot be read and of authorizers that throw. Must not throw. */
  readonly onError: OnError;
  /**
   * Told of what a change bumped before any subscriber is told of the change, in the same turn: reads that follow must not
   * be answered with less. Null: before a resync, of changes that nobody can name. Must not throw.
   */
  readonly heard?: ((marks: Receipt['marks'] | null) => void) | undefined;
  /** Where it is heard which permissions are taken back. Without it none is. */
  readonly revocations?: Revocations | undefined;
  /** Without it nobody is told of computed fields. */
  readonly computed?: ComputedSource | undefined;
}

/** One event and where it is announced. */
export interface Publication {
  readonly topics: readonly SubjectKey[];
  readonly event: ChangeEvent;
  readonly id: string;
}

/** Fans changes out to the subscribers of one replica. */
export interface Hub {
  /**
   * Announces the events of one change, all of those that share its id, each on each of its topics, once per `id` and
   * topic however often it is called. `marks` are what the change bumped; null if nobody knows. Resolves once the bus has
   * them everywhere; rejects with the first failure after trying every one. Where it failed, subscribers are told `resync`
   * as soon as the bus takes it.
   */
  publish(publications: readonly Publication[], marks: Receipt['marks'] | null): Promise<void>;
  /**
   * Announces in the place of events, each on its topics and under its id, that it is missing: where the event was announced
   * all the same nothing is told. Resolves and rejects as `publish` does.
   */
  missing(changeId: string, events: readonly Omit<Publication, 'event'>[]): Promise<void>;
  /**
   * The marks of a change were heard, of this replica or another: its events are to come, or its subscribers will be told
   * `resync`. For changes that have events only. Once per change and subject is enough; more does no harm.
   */
  bumped(changeId: string, subjects: readonly SubjectKey[]): void;
  /** These have changed, as far as is heard: computed fields may have other values. */
  changed(subjects: readonly SubjectKey[]): void;
  /**
   * Nobody knows what was changed: subscribers of the topics for which this holds are told `resync`. `id` is the same on
   * every replica that finds the same loss, as a new epoch is: they are told once.
   */
  lost(id: string, isLost: (topic: SubjectKey) => boolean): void;
  /** Bumps of these topics may have been missed, and their events with them: history tells. */
  look(mayLack: (topic: SubjectKey) => boolean): void;
  /**
   * The changes announced on any of the topics from this call on, or since a cursor; each once, every topic's in their
   * order, with a `resync` wherever some may be missing. Registers at once; ends with `return()`, the signal, or the hub.
   * Throws INVALID_CURSOR, CLOSED or INVALID_OPTION. The iterator rejects, once, with UNAUTHORIZED or OVERFLOW.
   */
  subscribe(target: SubscriptionTarget, options?: SubscriptionOptions): HubSubscription;
  /** Live subscribers by topic. */
  counts(): ReadonlyMap<SubjectKey, number>;
  metrics(): Omit<Metrics['realtime'], 'connections'>;
  /** The same, one by one: what each is about, and how many items it has to read. */
  subscriptions(): readonly Pick<Subscription, 'name' | 'behind'>[];
  /** Ends every subscription there is. */
  end(): void;
  /** Ends every subscription and leaves the bus open. Idempotent. */
  close(): Promise<void>;
}

/** The hub of one process. Subscribers of the same topics share one stream, however many they are. */
export function createHub(options: HubOptions): Hub {
  const {
    clock,
    codec,
    heard = () => undefined,
    lingerMs = LINGER_MS,
    onError,
    parseId,
    ringSize = RING_SIZE,
    timeoutMs = TIMEOUT_MS,
  } = options;
  if (!Number.isSafeInteger(ringSize) || ringSize < 1) {
    throw new TidemarkError('INVALID_OPTION', `ringSize: expected a whole number above 0, got ${String(ringSize)}.`);
  }
  const bus = patientBus(options.bus, clock);
  const topics = new Map<SubjectKey, Topic>();
  const owed = new Owed({ bus, clock, codec, onError, followed: (key) => topics.get(key) });
  const context: HubContext = {
    ...{ bus, clock, codec, heard, onError, owed, parseId, ringSize },
    aborts: new Aborts(),
    given: new Given(),
    revocations: options.revocations,
  };
  const topicContext = topicContextOf(context);
  const computed = options.computed && new ComputedWatch({ source: options.computed, clock, codec, onError });
  const feedsByTopics = new Map<string, Feed>();
  /** Feeds without a subscriber, with what keeps them from being dropped. */
  const lingering = new Map<Feed, () => void>();
  const subscriptions = new Set<Subscription>();
  const stopping = new Set<Promise<void>>();
  let closed = false;

  /** By topic, the last publication of which it is not known what became, however long ago it was given up. */
  const underWay = new Map<SubjectKey, Promise<void>>();
  /** After the one before it on the same topic: a bus that is slow for a moment must not turn two round. */
  const publishInTurn = (
    key: SubjectKey,
    bytes: Uint8Array,
    { id, changeId }: { readonly id: string; readonly changeId: string },
  ): Promise<BusPosition> => {
    const before = underWay.get(key);
    let isLate = false;
    const late = (): Error => {
      isLate = true;
      return lateError('publish', timeoutMs);
    };
    const publishing = begin(async () => {
      if (before !== undefined) await before;
      // Nobody is told of what follows a hole before they are told of the hole.
      if (owed.lacks(key, changeId)) await owed.announceGap(key);
      if (isLate) throw late();
      return bus.publish(key, bytes, { id });
    });
    const ended = (): void => {
      if (underWay.get(key) === settled) underWay.delete(key);
    };
    const settled: Promise<void> = publishing.then(ended, ended);
    underWay.set(key, settled);
    return inTime(clock, timeoutMs, () => publishing, late);
  };

  /** Rejects with the first failure, after trying every topic. */
  const publishOn = async (on: readonly SubjectKey[], announcement: Omit<Announcement, 'kind'>): Promise<void> => {
    const { changeId } = announcement;
    const bytes = encodeAnnouncement(announcement, codec);
    const publications = on.map((key) => {
      const publication = publishInTurn(key, bytes, announcement);
      publication.catch(() => {
        if (!closed) owed.failed(changeId, [key]);
      });
      topics.get(key)?.expect(publication);
      return publication;
    });
    await allOf(publications);
  };

  const topicOf = (key: SubjectKey): Topic => {
    const topic = topics.get(key) ?? new Topic(key, topicContext);
    topics.set(key, topic);
    return topic;
  };

  /** Nobody has subscribed to it for a while. */
  const drop = (feed: Feed): void => {
    lingering.delete(feed);
    feedsByTopics.delete(JSON.stringify(feed.topics.map(({ key }) => key)));
    feed.close();
    for (const topic of feed.topics) {
      if (!topic.unused) continue;
      topics.delete(topic.key);
      const stopped = topic.stop();
      stopping.add(stopped);
      void stopped.then(() => stopping.delete(stopped));
    }
  };

  const feeds: Feeds = {
    join: (keys) => {
      const sorted = [...new Set(keys)].sort();
      if (sorted.length === 0) throw new TidemarkError('INVALID_OPTION', 'topics: expected at least one, got none.');
      const text = JSON.stringify(sorted);
      const feed = feedsByTopics.get(text) ?? new Feed(sorted.map(topicOf), context);
      feedsByTopics.set(text, feed);
      feed.subscribers++;
      lingering.get(feed)?.();
      lingering.delete(feed);
      return feed;
    },
    leave: (feed) => {
      if (--feed.subscribers > 0) return;
      if (lingerMs === 0 || closed) drop(feed);
      else
        lingering.set(
          feed,
          clock.after(lingerMs, () => {
            drop(feed);
          }),
        );
    },
    forget: (subscription) => {
      subscriptions.delete(subscription);
    },
  };

  const end = (): void => {
    for (const subscription of [...subscriptions]) subscription.end();
  };

  return {
    end,
    publish: async (publications, marks) => {
      if (closed) throw closedError('publish');
      const times = new Map<SubjectKey, number>();
      for (const { topics: on } of publications)
        for (const key of new Set(on)) times.set(key, (times.get(key) ?? 0) + 1);
      const sent = publications.map(({ topics: on, event, id }) =>
        begin(async () => {
          const unique = [...new Set(on)];
          const counts = unique.map((key) => times.get(key) ?? 1);
          const announcement = {
            id,
            on: unique.length > 1 ? unique.map(topicHash) : [],
            times: counts.some((count) => count > 1) ? counts : [],
            changeId: event.changeId,
            marks,
            event,
          };
          await publishOn(unique, announcement);
        }),
      );
      await allOf(sent);
    },
    missing: async (changeId, events) => {
      if (closed) throw closedError('missing');
      const sent = events.map(({ topics: on, id }) =>
        begin(() => publishOn([...new Set(on)], { id, on: [], times: [], changeId, marks: null, event: 'gap' })),
      );
      await allOf(sent);
    },
    bumped: (changeId, subjects) => {
      if (!closed) owed.bumped(changeId, subjects);
    },
    changed: (subjects) => {
      computed?.changed(subjects);
    },
    lost: (id, isLost) => {
      computed?.missed(isLost);
      if (!closed) owed.lost(id, [...topics.keys()].filter(isLost));
    },
    look: (mayLack) => {
      computed?.missed(mayLack);
      for (const topic of topics.values()) if (mayLack(topic.key)) topic.look();
    },
    subscribe: (target, subscribeOptions = {}) => {
      if (closed) throw closedError('subscribe');
      const { since } = subscribeOptions;
      const { cursor, told } = since === undefined ? { cursor: since } : splitCursor(since);
      const begin = (hooks: SubscriptionHooks = {}): Subscription => {
        const subscription = new Subscription(
          target,
          { ...subscribeOptions, since: cursor },
          { context, feeds, hooks },
        );
        if (!subscription.ended) subscriptions.add(subscription);
        return subscription;
      };
      if (computed === undefined || target.computed === undefined) return begin();
      const resumed = cursor !== undefined;
      const { given } = context;
      return new ComputedSubscription({ begin, target: target.computed, watch: computed, resumed, told, given });
    },
    counts: () => {
      const counts = new Map<SubjectKey, number>();
      for (const { topics: followed, subscribers } of feedsByTopics.values()) {
        if (subscribers === 0) continue;
        for (const { key } of followed) counts.set(key, (counts.get(key) ?? 0) + subscribers);
      }
      return counts;
    },
    subscriptions: () => [...subscriptions],
    metrics: () => {
      const behind = [...subscriptions].map((subscription) => subscription.behind);
      return {
        subscriptions: behind.length,
        behind: behind.filter((items) => items > 0).length,
        furthestBehind: behind.reduce((most, items) => Math.max(most, items), 0),
        delivered: context.given.items.counts,
        resyncs: context.given.resyncs.counts,
      };
    },
    close: async () => {
      closed = true;
      owed.close();
      computed?.close();
      end();
      for (const [feed, cancel] of lingering) {
        cancel();
        drop(feed);
      }
      await Promise.all(stopping);
    },
  };
}

/** Waits for all of them; rejects with the first failure. */
async function allOf(calls: readonly Promise<unknown>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(calls)) {
    if (outcome.status === 'rejected') throw outcome.reason;
  }
}

/** A call whose throwing is its promise's. */
async function begin<T>(call: () => Promise<T>): Promise<T> {
  return await call();
}

function closedError(verb: string): TidemarkError {
  return new TidemarkError('CLOSED', `hub.${verb}(): expected an open hub, but close() was called.`);
}
