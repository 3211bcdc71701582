import type { ResyncItem } from '../watching.js';
import type { BusPosition } from '../contract.js';
import type { Place } from './cursor.js';
import type { Announcement } from './wire.js';

/** Messages are missing before what follows on the same topic. */
export interface Hole {
  readonly kind: 'hole';
  readonly reason: ResyncItem['reason'];
}

export const GAP: Hole = { kind: 'hole', reason: 'gap' };

/** One message of one topic, or a hole, after which its topic stands at `position`. */
export interface Arrival<Content = Announcement> {
  readonly position: BusPosition;
  readonly content: Content | Hole;
}

interface Held {
  readonly arrival: Arrival;
  /** Counts upward over all topics. */
  readonly number: number;
  /** When its copies are looked for, and after that when it no longer waits for them. */
  untilMs: number;
  /** Its copies have been looked for. */
  chased: boolean;
  /** Topics on which its copy is lost. */
  fell: ReadonlySet<number>;
}

interface Now {
  readonly nowMs: number;
  /** No topic is looking for what it missed. */
  readonly calm: boolean;
}

type Obstacle = 'none' | 'missing' | 'order' | 'hole';

const NONE: ReadonlySet<number> = new Set();

/** Enough for the copies of one change to arrive over several connections. */
const MAX_RECENT = 1024;
/** They travel in every cursor. */
const MAX_LATE = 32;

/**
 * Several topics as one stream. An event announced on several of them comes out once, when it has arrived on all, so that
 * every topic's order is kept. Where copies do not come in time, their topics are looked through for what they lost; then it
 * comes out without them, and the late ones are dropped; where others had their place before a late one, a hole comes out.
 * Holes come out as one, when every topic is done looking for what it missed.
 */
export class Merge implements Place {
  readonly positions: (BusPosition | undefined)[];
  readonly late: Map<string, Set<number>>;
  readonly #queues: Held[][];
  readonly #topicOf: ReadonlyMap<number, number>;
  readonly #ended: boolean[];
  readonly #recent: Set<string>;
  /** Those of `late` that others have come out after, though their place may be before a late copy; since the last hole. */
  readonly #passed: Set<string>;
  #held = 0;
  #offered = 0;

  /** `hashes` are those of the topics, in their order. */
  constructor(hashes: readonly number[], from: Place) {
    this.positions = [...from.positions];
    this.late = new Map(Array.from(from.late, ([id, on]) => [id, new Set(on)]));
    this.#queues = hashes.map(() => []);
    this.#topicOf = new Map(hashes.map((hash, topic) => [hash, topic]));
    this.#ended = hashes.map(() => false);
    this.#recent = new Set(this.late.keys());
    this.#passed = new Set(this.late.keys());
  }

  /** How many arrivals wait. */
  get held(): number {
    return this.#held;
  }

  /** When the next of those that wait stops waiting; Infinity if none waits for a time to come. */
  nextMs(nowMs: number): number {
    const times = this.#queues.map(([head]) => head?.untilMs ?? Infinity);
    return Math.min(...times.filter((untilMs) => untilMs > nowMs));
  }

  /** Nothing more will come on this topic. */
  end(topic: number): void {
    this.#ended[topic] = true;
  }

  /** True if nothing of a topic is here, but more will come. */
  wants(topic: number): boolean {
    return this.#ended[topic] === false && this.#queues[topic]?.length === 0;
  }

  offer(topic: number, arrival: Arrival, untilMs: number): void {
    this.#queues[topic]?.push({ arrival, number: ++this.#offered, untilMs, chased: false, fell: NONE });
    this.#held++;
  }

  /**
   * The topics that lack copies which should have come by now: they may have lost messages without being told, and must
   * look. What waits for them waits until `untilMs`, once more.
   */
  chase(nowMs: number, untilMs: number): ReadonlySet<number> {
    const lacking = new Set<number>();
    for (const [topic, [head]] of this.#queues.entries()) {
      if (head === undefined || head.chased || head.untilMs > nowMs) continue;
      const { content } = head.arrival;
      if (content.kind === 'hole' || this.#isCopy(content)) continue;
      for (const other of this.#othersOf(content, topic))
        if (this.#awaits(other, content, head.fell)) lacking.add(other);
      head.chased = true;
      head.untilMs = untilMs;
    }
    return lacking;
  }

  /** The next to deliver, or undefined. `calm`: no topic is looking for what it missed. */
  take(nowMs: number, calm: boolean): Announcement | Hole | undefined {
    while (this.#held > 0) {
      const topic = this.#ready(nowMs, calm);
      if (topic === undefined) return undefined;
      const first = this.#queues[topic]?.[0]?.arrival.content;
      const passed = first?.kind === 'event' && this.#passed.has(first.id);
      const copy = this.#isCopy(first);
      const content = this.#consume(topic);
      if (copy) {
        if (!passed) continue;
        this.#passed.clear();
        return GAP;
      }
      if (content.kind === 'hole') {
        for (const [other, queue] of this.#queues.entries()) {
          if (queue[0]?.arrival.content.kind === 'hole') this.#consume(other);
        }
        this.#passed.clear();
        return content;
      }
      for (const [id, on] of this.late) if (on.has(topic) && !this.#has(topic, id)) this.#passed.add(id);
      remember(this.#recent, content.id, MAX_RECENT);
      this.#consumeCopies(content, topic);
      return content;
    }
    return undefined;
  }

  /** The topic whose first arrival can come out. */
  #ready(nowMs: number, calm: boolean): number | undefined {
    const started = this.positions.every((position) => position !== undefined);
    let waiting = !started;
    let ready: number | undefined;
    let overdue: number | undefined;
    let crossed: number | undefined;
    for (const [topic, queue] of this.#queues.entries()) {
      const head = queue[0];
      if (head === undefined) continue;
      if (this.#isCopy(head.arrival.content)) return topic;
      const obstacle = this.#obstacle(head, topic, { nowMs, calm });
      if (obstacle === 'none' && started) {
        // What fell into a hole comes before what follows the hole.
        if (head.fell.size > 0) return topic;
        ready ??= topic;
      } else if (obstacle === 'order') crossed ??= topic;
      else if (head.untilMs <= nowMs) {
        if (overdue === undefined || head.number < (this.#queues[overdue]?.[0]?.number ?? 0)) overdue = topic;
      } else waiting = true;
    }
    // If nothing is overdue or waits, yet nothing is first wherever it arrived, two publishers crossed.
    return ready ?? overdue ?? (waiting ? undefined : crossed);
  }

  /** True for what has come out before. */
  #isCopy(content: Announcement | Hole | undefined): boolean {
    return content?.kind === 'event' && (this.#recent.has(content.id) || this.late.has(content.id));
  }

  /**
   * What an arrival still waits for: something that has not arrived, unless it is late; or others that come first, as a
   * hole does that has its copy, and what is before that hole if it can.
   */
  #obstacle({ arrival: { content }, fell, untilMs }: Held, topic: number, { nowMs, calm }: Now): Obstacle {
    const late = untilMs <= nowMs;
    if (content.kind === 'hole') return calm || late ? 'none' : 'missing';
    let obstacle: Obstacle = 'none';
    for (const other of this.#othersOf(content, topic)) {
      const queue = this.#queues[other] as Held[];
      const hole = fell.has(other) ? -1 : queue.findIndex(isHole);
      if (!this.#lacks(other, content)) {
        if (!isEvent(queue[0], content.id)) obstacle = 'order';
      } else if (hole === 0) obstacle = 'order';
      else if (!late && this.#awaits(other, content, fell)) return 'missing';
      else if (hole > 0 && obstacle === 'none') obstacle = 'hole';
    }
    return obstacle;
  }

  /** True if an event's copy on this topic may still come. */
  #awaits(topic: number, event: Announcement, fell: ReadonlySet<number>): boolean {
    return this.#lacks(topic, event) && this.#ended[topic] === false && !fell.has(topic);
  }

  /** A hole has come out: the copies that wait no longer are those that fell into it. */
  #fell(topic: number): void {
    for (const held of this.#queues.flat()) {
      const { content } = held.arrival;
      if (content.kind === 'event' && this.#lacks(topic, content)) held.fell = new Set([...held.fell, topic]);
    }
  }

  /** True if an event was announced on a topic but is not among its arrivals. */
  #lacks(topic: number, event: Announcement): boolean {
    if (!event.on.some((hash) => this.#topicOf.get(hash) === topic)) return false;
    return !this.#has(topic, event.id);
  }

  #has(topic: number, id: string): boolean {
    return this.#queues[topic]?.some((held) => isEvent(held, id)) === true;
  }

  #consumeCopies(event: Announcement, topic: number): void {
    for (const other of this.#othersOf(event, topic)) {
      if (isEvent(this.#queues[other]?.[0], event.id)) {
        this.#consume(other);
        continue;
      }
      const missing = this.late.get(event.id) ?? new Set();
      this.late.set(event.id, missing.add(other));
      if (this.late.size > MAX_LATE) this.#forget(this.late.keys().next().value as string);
    }
  }

  #forget(id: string): void {
    this.late.delete(id);
    this.#passed.delete(id);
  }

  #othersOf(event: Announcement, topic: number): readonly number[] {
    return event.on.flatMap((hash) => {
      const other = this.#topicOf.get(hash);
      return other === undefined || other === topic ? [] : [other];
    });
  }

  #consume(topic: number): Announcement | Hole {
    const { position, content } = (this.#queues[topic] as Held[]).shift()?.arrival as Arrival;
    this.#held--;
    this.positions[topic] = position;
    if (content.kind === 'hole') this.#fell(topic);
    else {
      const missing = this.late.get(content.id);
      if (missing?.delete(topic) === true && missing.size === 0) this.#forget(content.id);
    }
    return content;
  }
}

const isHole = (held: Held): boolean => held.arrival.content.kind === 'hole';

function isEvent(held: Held | undefined, id: string): boolean {
  return held?.arrival.content.kind === 'event' && held.arrival.content.id === id;
}

function remember(ids: Set<string>, id: string, max: number): void {
  ids.add(id);
  if (ids.size > max) ids.delete(ids.values().next().value as string);
}
