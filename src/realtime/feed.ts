import type { ResyncItem, SubscriptionItem } from '../watching.js';
import type { BusPosition } from '../contract.js';
import { type Place, encodeCursor, topicsHash } from './cursor.js';
import { type Arrival, type Hole, Merge } from './merge.js';
import { Ring } from './ring.js';
import type { HubContext } from './context.js';
import type { Topic, TopicListener } from './topic.js';
import { type Announcement, itemOf, topicHash } from './wire.js';

/** How long an event waits for its copies on other topics before they are looked for, and then once more: a second in all. */
const HOLD_MS = 500;

/** Takes an item that leaves the ring. */
export type Catcher = (sequence: number, item: SubscriptionItem) => void;

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
  /** By id of those in the ring: its sequence there. */
  readonly #toldAt = new Map<string, number>();
  /** Told of each item that leaves the ring. */
  readonly #catchers = new Set<Catcher>();
  /** The cursor before the first item of all. */
  #first: string | undefined;
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
        this.#merge.positions[topic] = position;
        this.#cursor = undefined;
        this.#drain();
        this.#wake();
      },
      arrived: (arrival: Arrival) => {
        this.#merge.offer(topic, arrival, context.clock.now() + HOLD_MS);
        this.#drain();
      },
      calmed: () => {
        this.#drain();
        this.#wake();
      },
    }));
    for (const [i, topic] of topics.entries()) topic.attach(this.#listeners[i] as TopicListener);
  }

  /** Where a subscriber stands that has seen every item. */
  get place(): Place {
    return this.#merge;
  }

  /** The cursor of that place. */
  get cursor(): string {
    this.#cursor ??= encodeCursor({ topics: this.topicsHash, place: this.#merge });
    return this.#cursor;
  }

  /** Of who was here before the first item came. */
  get firstCursor(): string {
    return this.#first ?? this.cursor;
  }

  /** True once it is known of every topic where it is followed from. */
  get started(): boolean {
    return this.#merge.positions.every((position) => position !== undefined);
  }

  /** Whether an event came out before this sequence, so that it does not come from there on. */
  hasTold(id: string, before: number): boolean {
    return (this.#toldAt.get(id) ?? Infinity) < before;
  }

  /** The sequence after the item that has this cursor; undefined if no item here has it. */
  after(cursor: string): number | undefined {
    for (let sequence = this.ring.oldest; sequence < this.ring.next; sequence++) {
      if (this.ring.get(sequence)?.cursor === cursor) return sequence + 1;
    }
    return this.started && cursor === this.cursor ? this.ring.next : undefined;
  }

  /** A resync for a subscriber that goes on at `sequence`, which is in the ring or next. */
  resync(sequence: number, reason: ResyncItem['reason']): ResyncItem {
    return Object.freeze({ kind: 'resync', reason, cursor: this.cursorBefore(sequence) });
  }

  /** Of a subscriber that goes on at `sequence`, which is in the ring or next. */
  cursorBefore(sequence: number): string {
    const before = sequence === this.ring.next ? this.cursor : this.ring.get(sequence - 1)?.cursor;
    return before ?? this.#base ?? this.cursor;
  }

  /** Calls `wake` once, when there is something new. */
  wait(wake: () => void): void {
    this.#waiting.add(wake);
  }

  forget(wake: () => void): void {
    this.#waiting.delete(wake);
  }

  catch(catcher: Catcher): void {
    this.#catchers.add(catcher);
  }

  uncatch(catcher: Catcher): void {
    this.#catchers.delete(catcher);
  }

  close(): void {
    this.#open = false;
    this.#disarm();
    for (const [i, topic] of this.topics.entries()) topic.detach(this.#listeners[i] as TopicListener);
  }

  /** Moves what can be delivered into the ring. */
  #drain(): void {
    if (!this.#open) return;
    const { clock, ringSize } = this.#context;
    const merge = this.#merge;
    const { held } = merge;
    while (merge.held > 0) {
      const before = this.cursor;
      const now = clock.now();
      const overfull = merge.held > ringSize;
      if (!overfull) for (const topic of merge.chase(now, now + HOLD_MS)) this.topics[topic]?.look();
      const calm = !this.topics.some(({ recovering }) => recovering);
      const content = merge.take(overfull ? Infinity : now, calm);
      this.#cursor = undefined;
      if (content === undefined) break;
      this.#push(content, before);
    }
    if (merge.held > 0) this.#armTimer();
    else this.#disarm();
    if (merge.held < held) this.#wake();
  }

  #push(content: Announcement | Hole, before: string): void {
    const { ring, cursor } = this;
    const { oldest } = ring;
    if (content.kind === 'hole') this.#context.heard(null);
    else this.#toldAt.set(content.id, ring.next);
    if (this.#toldAt.size > this.#context.ringSize) this.#toldAt.delete(this.#toldAt.keys().next().value as string);
    this.#first ??= before;
    const first = ring.get(oldest);
    ring.push(
      content.kind === 'event'
        ? itemOf(content, cursor)
        : Object.freeze({ kind: 'resync', cursor, reason: content.reason }),
    );
    if (ring.oldest === oldest || first === undefined) {
      this.#base ??= before;
      return;
    }
    this.#base = first.cursor;
    for (const take of this.#catchers) take(oldest, first);
  }

  /** Something may wait for a copy that never comes. */
  #armTimer(): void {
    const { clock } = this.#context;
    const now = clock.now();
    const next = this.#merge.nextMs(now);
    if (next === Infinity) return;
    this.#cancelTimer ??= clock.after(Math.max(1, next - now), () => {
      this.#cancelTimer = undefined;
      this.#drain();
    });
  }

  #disarm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const wake of waiting) wake();
  }
}
