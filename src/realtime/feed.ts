import type { ResyncItem, SubscriptionItem } from '../api.js';
import type { BusPosition, SubjectKey } from '../contract.js';
import { type Place, encodeCursor, topicsHash } from './cursor.js';
import { type Arrival, Merge } from './merge.js';
import { Ring } from './ring.js';
import type { HubContext, Topic, TopicListener } from './topic.js';
import { topicHash } from './wire.js';

/** How long an event waits for its copies on other topics before it is delivered without them. */
const HOLD_MS = 1_000;

/** One stream for all subscribers of one set of topics: every item made once, kept in one ring. */
export class Feed {
  readonly topics: readonly Topic[];
  readonly ring: Ring<SubscriptionItem>;
  /** By topic, for merging. */
  readonly hashes: readonly number[];
  /** Of the whole set, for cursors. */
  readonly topicsHash: number;
  subscribers = 0;
  readonly #context: HubContext;
  readonly #merge: Merge;
  readonly #listeners: readonly TopicListener[];
  #waiting = new Set<() => void>();
  #open = true;
  /** The cursor before the oldest item of the ring. */
  #base: string | undefined;
  /** The cursor of the place where the merge stands; made when asked for. */
  #cursor: string | undefined;
  #cancelTimer: (() => void) | undefined;

  /** `topics` are sorted and differ. */
  constructor(topics: readonly Topic[], context: HubContext) {
    const keys = topics.map(({ key }) => key);
    this.topics = topics;
    this.ring = new Ring(context.ringSize);
    this.hashes = keys.map(topicHash);
    this.topicsHash = topicsHash(keys);
    this.#context = context;
    this.#merge = new Merge(this.hashes, { positions: keys.map(() => undefined), late: new Map() });
    this.#listeners = topics.map((_, topic) => ({
      started: (position: BusPosition) => {
        this.#merge.start(topic, position);
        this.#drain();
      },
      arrived: (arrival: Arrival) => {
        this.#merge.offer(topic, arrival, context.clock.now() + HOLD_MS);
        this.#drain();
      },
      calmed: () => {
        this.#drain();
      },
    }));
    for (const [i, topic] of topics.entries()) topic.attach(this.#listeners[i] as TopicListener);
  }

  get keys(): readonly SubjectKey[] {
    return this.topics.map(({ key }) => key);
  }

  /** Where the newest item of the ring leaves a subscriber. */
  get place(): Place {
    return this.#merge;
  }

  /** True once it is known of every topic where it is followed from. */
  get started(): boolean {
    return this.#merge.positions.every((position) => position !== undefined);
  }

  /** The cursor of a subscriber that has seen everything. */
  get cursor(): string {
    this.#cursor ??= encodeCursor({ ...this.#place(), topics: this.topicsHash });
    return this.#cursor;
  }

  /** The sequence after the item that has this cursor; undefined if no item here has it. */
  after(cursor: string): number | undefined {
    for (let sequence = this.ring.oldest; sequence < this.ring.next; sequence++) {
      if (this.ring.get(sequence)?.cursor === cursor) return sequence + 1;
    }
    return this.started && cursor === this.cursor ? this.ring.next : undefined;
  }

  /** A resync after which a subscriber goes on at `sequence`. */
  resyncBefore(sequence: number, reason: ResyncItem['reason']): ResyncItem {
    const before = this.ring.get(sequence - 1)?.cursor;
    const cursor = sequence === this.ring.next ? this.cursor : (before ?? this.#base ?? this.cursor);
    return Object.freeze({ kind: 'resync', reason, cursor });
  }

  /** Calls `wake` once there is something new. */
  wait(wake: () => void): void {
    this.#waiting.add(wake);
  }

  close(): void {
    this.#open = false;
    this.#cancelTimer?.();
    for (const [i, topic] of this.topics.entries()) topic.detach(this.#listeners[i] as TopicListener);
  }

  #place(): Place {
    return { positions: this.#merge.positions, late: this.#merge.late };
  }

  /** Moves what can be delivered into the ring. */
  #drain(): void {
    if (!this.#open) return;
    const { clock, ringSize } = this.#context;
    const calm = !this.topics.some(({ recovering }) => recovering);
    if (this.#merge.held === 0) this.#cursor = undefined;
    for (;;) {
      const now = this.#merge.held > ringSize ? Infinity : clock.now();
      const content = this.#merge.take(now, calm);
      this.#cursor = undefined;
      if (content === undefined) break;
    }
  }
}
