import type { Receipt } from '../../src/call.js';
import type { SubscriptionItem } from '../../src/watching.js';
import { typedJson } from '../../src/cache/codec.js';
import type { Bus, SubjectKey } from '../../src/contract.js';
import { type Hub, type HubOptions, createHub } from '../../src/realtime/hub.js';
import type { SubscriptionOptions } from '../../src/realtime/subscription.js';
import { type ChangeEvent, encodeAnnouncement, topicHash } from '../../src/realtime/wire.js';
import { type FakeClock, fakeClock } from '../../src/testing/index.js';
import { type FakeBus, FakeServer } from './fake-bus.js';

export type Iterator = AsyncIterableIterator<SubscriptionItem>;

export const A = 'entity:settlement:1:main' as SubjectKey;
export const B = 'all:settlement:main' as SubjectKey;
export const C = 'branch:main' as SubjectKey;

/** What every change here bumps, unless a test says otherwise. */
export const MARKS: Receipt['marks'] = { 0: { epoch: 'e', position: 1 } };

export function eventOf(changeId: string, more: Partial<ChangeEvent> = {}): ChangeEvent {
  return {
    changeId,
    entityType: 'settlement',
    entityId: '1',
    branch: 'main',
    op: 'update',
    changes: { fields: ['name'], values: { name: changeId } },
    version: 1,
    modifiedBy: null,
    modifiedAt: '2026-01-01T00:00:00.000Z',
    ...more,
  };
}

/** What a replica whose process dies in between puts on the bus. */
export const bytesOf = (changeId: string, topics: readonly SubjectKey[]): Uint8Array =>
  encodeAnnouncement(
    {
      id: `${changeId}.0`,
      on: topics.length > 1 ? topics.map(topicHash) : [],
      times: [],
      changeId,
      marks: MARKS,
      event: eventOf(changeId),
    },
    typedJson,
  );

/** What a test needs to say of an item: a change's id, or a resync and why. */
export function said(item: SubscriptionItem): string {
  if (item.kind === 'change') return item.changeId;
  return item.kind === 'resync' ? `resync: ${item.reason}` : `${item.field} ${String(item.after)}`;
}

/** One replica: a hub on its own connections. */
export interface Replica {
  readonly hub: Hub;
  readonly errors: string[];
  /** Announces events by their change ids, one after the other. */
  announce(topics: readonly SubjectKey[], ...changeIds: readonly string[]): Promise<void>;
  /** Announces one event, which is all of its change. */
  publish(topics: readonly SubjectKey[], event: ChangeEvent): Promise<void>;
  subscribe(topics: readonly SubjectKey[], options?: SubscriptionOptions): Iterator;
}

export function replica(bus: Bus, clock: FakeClock, more: Partial<HubOptions> = {}): Replica {
  const errors: string[] = [];
  const onError = (error: Error, where: string): void => {
    errors.push(`${where}: ${error.message}`);
  };
  const hub = createHub({ bus, clock, codec: typedJson, onError, lingerMs: 0, ...more });
  const publish = (topics: readonly SubjectKey[], event: ChangeEvent): Promise<void> =>
    hub.publish([{ topics, event, id: `${event.changeId}.0` }], MARKS);
  return {
    hub,
    errors,
    publish,
    announce: async (topics, ...changeIds) => {
      for (const changeId of changeIds) await publish(topics, eventOf(changeId));
    },
    subscribe: (topics, options) => hub.subscribe({ name: topics.join(), topics }, options),
  };
}

export interface World extends Replica {
  readonly server: FakeServer;
  readonly bus: FakeBus;
  readonly clock: FakeClock;
  /** Lets everything settle that needs no time. */
  settle(): Promise<void>;
  /** What a subscription gives without time passing. It stays open. */
  read(iterator: Iterator): Promise<string[]>;
  items(iterator: Iterator): Promise<SubscriptionItem[]>;
}

/** A server and one replica. */
export function world(more: Partial<HubOptions> = {}): World {
  const server = new FakeServer();
  const bus = server.connect();
  const clock = fakeClock();
  const settle = (): Promise<void> => clock.advance(0);
  const readers = new WeakMap<Iterator, Reader>();
  const items = async (iterator: Iterator): Promise<SubscriptionItem[]> => {
    const reader = readers.get(iterator) ?? new Reader(iterator);
    readers.set(iterator, reader);
    return reader.items(settle);
  };
  const read = async (iterator: Iterator): Promise<string[]> => (await items(iterator)).map(said);
  return { ...replica(bus, clock, more), server, bus, clock, settle, items, read };
}

/** Reads all there is, keeping one `next()` open that the following reading begins with. */
class Reader {
  readonly #iterator: Iterator;
  #pending: Promise<IteratorResult<SubscriptionItem>> | undefined;

  constructor(iterator: Iterator) {
    this.#iterator = iterator;
  }

  async items(settle: () => Promise<void>): Promise<SubscriptionItem[]> {
    const items: SubscriptionItem[] = [];
    for (;;) {
      this.#pending ??= this.#iterator.next();
      let result: IteratorResult<SubscriptionItem> | undefined;
      let failure: unknown;
      this.#pending.then(
        (answer) => (result = answer),
        (error: unknown) => (failure = error),
      );
      await settle();
      if (failure !== undefined) throw failure as Error;
      if (result === undefined) return items;
      this.#pending = undefined;
      if (result.done === true) return items;
      items.push(result.value);
    }
  }
}
