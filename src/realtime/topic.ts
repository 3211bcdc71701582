import type { BusHistory, BusMessage, BusPosition, SubjectKey } from '../contract.js';
import { PAGE, type TopicContext } from './context.js';
import { type Arrival, GAP, type Hole } from './merge.js';
import { type Retrying, toError, untilDone } from './retry.js';
import type { Announcement } from './wire.js';

/** One feed's end of a topic. */
export interface TopicListener<Content = Announcement> {
  /** The topic is followed from here on. */
  started(position: BusPosition): void;
  arrived(arrival: Arrival<Content>): void;
  /** The topic is done looking for what it missed. */
  calmed(): void;
}

const EPOCH: Hole = { kind: 'hole', reason: 'epoch' };

/**
 * One topic, subscribed once however many feeds listen, decoded once. Its messages arrive in order and once each; what
 * cannot be had is a hole in their place.
 */
export class Topic<Content = Announcement, Key extends string = SubjectKey> {
  readonly key: Key;
  readonly #context: TopicContext<Content, Key>;
  readonly #listeners = new Set<TopicListener<Content>>();
  readonly #stopping = new AbortController();
  /** Publications of this hub that began before it was known where the topic stands. */
  readonly #early = new Set<Promise<BusPosition>>();
  /** Live messages that came while history was read. */
  #waiting: BusMessage[] = [];
  #position: BusPosition | undefined;
  /** The message at the position, if it came here. */
  #last: BusMessage | undefined;
  /** The last live message, history aside. */
  #live: BusPosition | undefined;
  #recovering = true;
  #again = false;
  /** What is missing before the next message. */
  #hole: Hole | undefined;
  #unsubscribe: (() => Promise<void>) | undefined;

  /** Follows the topic from now on: what is published after this call arrives. */
  constructor(key: Key, context: TopicContext<Content, Key>) {
    this.key = key;
    this.#context = context;
    void this.#run();
  }

  /** True from the beginning, and from each gap, until history has been read to its end. */
  get recovering(): boolean {
    return this.#recovering;
  }

  /** Behind the last message told; undefined until it is known where the topic is followed from. */
  get position(): BusPosition | undefined {
    return this.#position;
  }

  get unused(): boolean {
    return this.#listeners.size === 0;
  }

  attach(listener: TopicListener<Content>): void {
    this.#listeners.add(listener);
    if (this.#position !== undefined) listener.started(this.#position);
  }

  detach(listener: TopicListener<Content>): void {
    this.#listeners.delete(listener);
  }

  /** A publication of this hub has begun. If it overtakes the question where the topic stands, it is not lost by that. */
  expect(publication: Promise<BusPosition>): void {
    if (this.#position !== undefined) return;
    this.#early.add(publication);
    publication.catch(() => {
      this.#early.delete(publication);
      this.#hole = GAP;
    });
  }

  /** Resolves once unsubscribed; a subscription that is still being made is undone when it is there. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#leave();
  }

  // ── From the bus ──────────────────────────────────────────────────────────────────────────────────────────────

  async #run(): Promise<void> {
    const { bus } = this.#context;
    // Both are sent before the first await: whatever is published after subscribe() returned lies behind this top.
    const asked = untilDone((failures) => {
      if (failures > 0) this.#hole = GAP;
      return bus.read(this.key, undefined, 1);
    }, this.#retrying('read'));
    const subscribed = untilDone(() => bus.subscribe(this.key, this.#listener), this.#retrying('subscribe'));
    void subscribed.then((unsubscribe) => {
      this.#unsubscribe = unsubscribe;
      if (this.#stopping.signal.aborted) void this.#leave();
    });

    const history = await asked;
    if (history === undefined) return;
    let start = history.top;
    for (const early of await Promise.allSettled(this.#early)) {
      if (early.status === 'rejected') continue;
      if (early.value.epoch !== start.epoch) this.#hole ??= EPOCH;
      else if (isBehind(early.value, start)) start = before(early.value);
    }
    this.#early.clear();
    this.#position = start;
    this.#tell((listener) => {
      listener.started(start);
    });
    if ((await subscribed) !== undefined) await this.#recover();
  }

  readonly #listener = {
    onMessage: (message: BusMessage): void => {
      const repeated = this.#live !== undefined && isBehind(message.position, this.#live);
      this.#live = message.position;
      if (!this.#recovering && this.#isNext(message)) this.#accept(message);
      else if (this.#isOld(message.position)) {
        // A second message at one place: it came twice, or the store went back and counts again.
        if (repeated) this.#listener.onGap();
      } else {
        // What does not fit is read from history instead.
        if (this.#waiting.length >= PAGE) this.#waiting = [];
        this.#waiting.push(message);
        this.look();
      }
    },
    onGap: (): void => {
      this.#again = true;
      this.look();
    },
  };

  /** Reads history, in case messages were lost without a word. */
  look(): void {
    if (this.#recovering || this.#stopping.signal.aborted) return;
    this.#recovering = true;
    void this.#recover();
  }

  /**
   * Reads history from the last position until it and the live messages meet, and with it the last message: to see that it
   * still is that one.
   */
  async #recover(): Promise<void> {
    const { bus } = this.#context;
    do {
      this.#again = false;
      const last = this.#last?.position;
      const since = last !== undefined && isSame(this.#position, last) ? before(last) : this.#position;
      const history = await untilDone(() => bus.read(this.key, since, PAGE), this.#retrying('read'));
      if (history === undefined) return;
      this.#replay(history);
      if (this.#isOld(history.top)) this.#drain();
      else this.#again = true;
    } while (this.#again);
    this.#tellHole();
    this.#recovering = false;
    this.#context.calmed?.(this.key);
    this.#tell((listener) => {
      listener.calmed();
    });
  }

  /** Takes one page of history. */
  #replay({ top, messages, truncated }: BusHistory): void {
    const from = this.#position as BusPosition;
    if (top.epoch !== from.epoch) {
      this.#hole ??= EPOCH;
      this.#position = { epoch: top.epoch, offset: 0 };
      return;
    }
    if (top.offset < from.offset) {
      // The store lost its newest messages, and nothing else says so.
      this.#hole ??= EPOCH;
      this.#position = top;
      return;
    }
    const first = messages[0]?.position.offset ?? top.offset + 1;
    if (truncated && first > from.offset + 1) this.#hole ??= { kind: 'hole', reason: 'truncated' };
    for (const message of messages) {
      if (this.#isReplaced(message)) {
        // The store went back and has counted as far again, and nothing else says so.
        this.#hole ??= EPOCH;
        this.#position = before(message.position);
      }
      const { epoch } = message.position;
      if (epoch !== top.epoch || this.#isOld(message.position)) continue;
      if (!this.#isNext(message)) {
        this.#hole ??= GAP;
        this.#position = before(message.position);
      }
      this.#accept(message);
    }
    if (!isSame(this.#position, from) || isSame(from, top)) return;
    this.#hole ??= GAP;
    this.#position = top;
  }

  /** Takes the live messages that came meanwhile, as far as they follow. */
  #drain(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const message of waiting) {
      if (this.#isNext(message)) this.#accept(message);
      else if (!this.#isOld(message.position)) this.#again = true;
    }
  }

  // ── To the feeds ──────────────────────────────────────────────────────────────────────────────────────────────

  #accept(message: BusMessage): void {
    const { position, bytes } = message;
    this.#tellHole();
    this.#position = position;
    this.#last = message;
    const content = this.#context.accept(bytes, this.key);
    this.#tell((listener) => {
      listener.arrived({ position, content });
    });
  }

  #tellHole(): void {
    const content = this.#hole;
    if (content === undefined) return;
    this.#hole = undefined;
    const position = this.#position as BusPosition;
    // What is owed stays owed: whoever resumes elsewhere is not told of this hole.
    this.#tell((listener) => {
      listener.arrived({ position, content });
    });
  }

  /** A feed that attaches meanwhile starts behind what is being told. */
  #tell(what: (listener: TopicListener<Content>) => void): void {
    for (const listener of [...this.#listeners]) what(listener);
  }

  #isNext({ position }: BusMessage): boolean {
    const last = this.#position;
    return last !== undefined && position.epoch === last.epoch && position.offset === last.offset + 1;
  }

  /** True for another message in the place of the last one. */
  #isReplaced({ position, bytes }: BusMessage): boolean {
    const last = this.#last;
    return last !== undefined && isSame(last.position, position) && Buffer.compare(last.bytes, bytes) !== 0;
  }

  /** True for what has been told, or is not there to be told any more. */
  #isOld(position: BusPosition): boolean {
    return this.#position !== undefined && isBehind(position, this.#position);
  }

  async #leave(): Promise<void> {
    const unsubscribe = this.#unsubscribe;
    this.#unsubscribe = undefined;
    try {
      await unsubscribe?.();
    } catch (thrown) {
      this.#context.onError(toError(thrown), `unsubscribe from ${this.key}`);
    }
  }

  #retrying(verb: string): Retrying {
    const { clock, onError } = this.#context;
    return { clock, onError, where: `${verb} ${this.key}`, signal: this.#stopping.signal };
  }
}

/** True if `position` is at or before `other`, in the same epoch. */
function isBehind(position: BusPosition, other: BusPosition): boolean {
  return position.epoch === other.epoch && position.offset <= other.offset;
}

const before = ({ epoch, offset }: BusPosition): BusPosition => ({ epoch, offset: offset - 1 });

const isSame = (a: BusPosition | undefined, b: BusPosition): boolean => a?.epoch === b.epoch && a.offset === b.offset;
