import type { SubscribeOptions, SubscriptionItem } from '../watching.js';
import type { SubjectKey } from '../contract.js';
import { TidemarkError } from '../errors.js';
import { type Guard, permittedUntil } from './authorize.js';
import { parseCursor } from './cursor.js';
import type { ComputedTarget } from './computed-watch.js';
import type { Feed } from './feed.js';
import { replay } from './replay.js';
import { toError } from './retry.js';
import type { HubContext } from './context.js';

export interface SubscriptionTarget {
  /** What is subscribed to, for messages. */
  readonly name: string;
  /** The topics on which its changes are announced. */
  readonly topics: readonly SubjectKey[];
  /** The topics by now, asked again after every bulk change and resync: with another chain of branches they differ. */
  readonly topicsNow?: (() => readonly SubjectKey[]) | undefined;
  /** The entity whose computed fields are told of as well. */
  readonly computed?: ComputedTarget | undefined;
}

export interface SubscriptionOptions extends SubscribeOptions {
  /** Asked before anything is delivered, and again when the answer runs out. Without it the subscriber is trusted. */
  readonly authorize?: Guard | undefined;
}

/** For who gives more than the subscription itself. */
export interface SubscriptionHooks {
  /** Told each time that a permission is there. */
  readonly onPermitted?: (() => void) | undefined;
  /** Told once, when it has ended. */
  readonly onEnded?: (() => void) | undefined;
}

/** What a subscription needs of its hub. */
export interface Feeds {
  /** The feed of these topics, with one subscriber more. */
  join(topics: readonly SubjectKey[]): Feed;
  leave(feed: Feed): void;
  /** The subscription has ended. */
  forget(subscription: Subscription): void;
}

type Result = IteratorResult<SubscriptionItem, undefined>;
interface Pull {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

const DONE: Result = Object.freeze({ done: true, value: undefined });

/** One subscriber: a cursor into the ring of its feed, and the promises it has been given. */
export class Subscription implements AsyncIterableIterator<SubscriptionItem, undefined> {
  readonly #target: SubscriptionTarget;
  readonly #options: SubscriptionOptions;
  readonly #context: HubContext;
  readonly #feeds: Feeds;
  readonly #hooks: SubscriptionHooks;
  readonly #ending = new AbortController();
  readonly #pulls: Pull[] = [];
  #feed: Feed;
  /** The sequence in the ring of the next item. */
  #sequence: number;
  /** What comes before the ring. */
  #replay: AsyncGenerator<SubscriptionItem, number, undefined> | undefined;
  #replaying = false;
  #replayed: SubscriptionItem | undefined;
  /** Of the last item given; before the first, the one that it goes on from. */
  #given: string | undefined;
  /** Until when it may go on, in milliseconds since 1970. */
  #permittedUntil = Infinity;
  #asking = false;
  #cancelTimer: (() => void) | undefined;
  #stopWaiting: (() => void) | undefined;
  /** Why it ended, until somebody is told. */
  #failure: Error | undefined;

  /** Registers at once. Throws INVALID_CURSOR or INVALID_OPTION. */
  constructor(
    target: SubscriptionTarget,
    options: SubscriptionOptions,
    hub: { readonly context: HubContext; readonly feeds: Feeds; readonly hooks: SubscriptionHooks },
  ) {
    const { since, overflow, signal, authorize } = options;
    const cursor = since === undefined ? undefined : parseCursor(since);
    if (overflow !== undefined && overflow !== 'resync' && overflow !== 'disconnect') {
      throw new TidemarkError(
        'INVALID_OPTION',
        `overflow: expected 'resync' or 'disconnect', got ${String(overflow)}.`,
      );
    }
    this.#target = target;
    this.#options = options;
    this.#context = hub.context;
    this.#feeds = hub.feeds;
    this.#hooks = hub.hooks;
    this.#feed = hub.feeds.join(target.topics);
    this.#sequence = this.#feed.ring.next;
    this.#given = since;
    if (cursor !== undefined && since !== undefined) {
      const sequence = this.#feed.after(since);
      if (sequence !== undefined) this.#sequence = sequence;
      else {
        this.#replay = replay(cursor, this.#replayOptions());
        hub.context.owed.resumed(target.topics);
      }
    }
    if (signal !== undefined) this.#stopWaiting = hub.context.aborts.on(signal, () => this.end());
    if (authorize !== undefined) {
      this.#permittedUntil = -Infinity;
      this.#ask();
    }
    if (signal?.aborted === true) this.end();
  }

  get ended(): boolean {
    return this.#ending.signal.aborted;
  }

  /** Where it stands: behind what it has given. */
  get cursor(): string {
    return this.#given ?? this.#feed.cursorBefore(Math.max(this.#sequence, this.#feed.ring.oldest));
  }

  next(): Promise<Result> {
    if (this.ended) {
      const failure = this.#failure;
      this.#failure = undefined;
      return failure === undefined ? Promise.resolve(DONE) : Promise.reject(failure);
    }
    return new Promise((resolve, reject) => {
      this.#pulls.push({ resolve, reject });
      this.#pump();
    });
  }

  return(): Promise<Result> {
    this.end();
    this.#failure = undefined;
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Ends it: whoever waits is told that it is done. */
  end(): void {
    if (this.ended) return;
    this.#ending.abort();
    this.#stopWaiting?.();
    this.#cancelTimer?.();
    this.#replayed = undefined;
    this.#feed.forget(this.#pump);
    this.#feeds.leave(this.#feed);
    this.#feeds.forget(this);
    for (const { resolve } of this.#pulls.splice(0)) resolve(DONE);
    this.#hooks.onEnded?.();
  }

  /** Ends it with an error, which the first who waits or asks is told. */
  #fail(error: Error): void {
    if (this.ended) return;
    const first = this.#pulls.shift();
    if (first === undefined) this.#failure = error;
    else first.reject(error);
    this.end();
  }

  // ── Delivering ────────────────────────────────────────────────────────────────────────────────────────────────

  /** Gives what there is to those who wait, in the order of their calls. */
  readonly #pump = (): void => {
    while (this.#pulls.length > 0) {
      const item = this.#take();
      if (item === undefined) return;
      this.#given = item.cursor;
      this.#pulls.shift()?.resolve({ done: false, value: item });
      if (item.kind === 'resync' || (item.kind === 'change' && item.op === 'bulk')) this.#follow();
    }
  };

  /** The next item. If there is none, it is seen to that `#pump` runs again once there is. */
  #take(): SubscriptionItem | undefined {
    if (!this.isPermitted) return undefined;
    if (this.#replayed !== undefined) {
      const item = this.#replayed;
      this.#replayed = undefined;
      return item;
    }
    if (this.#replay !== undefined) {
      this.#advance(this.#replay);
      return undefined;
    }
    const { ring } = this.#feed;
    if (this.#sequence < ring.oldest) return this.#overflow();
    const item = ring.get(this.#sequence);
    if (item === undefined) this.#feed.wait(this.#pump);
    else this.#sequence++;
    return item;
  }

  #overflow(): SubscriptionItem | undefined {
    const { ring } = this.#feed;
    if (this.#options.overflow === 'disconnect') {
      const message = `${this.#target.name}: expected to be read within ${String(this.#context.ringSize)} items, fell behind.`;
      this.#fail(new TidemarkError('OVERFLOW', message));
      return undefined;
    }
    this.#sequence = ring.next;
    return this.#feed.resync(ring.next, 'overflow');
  }

  #advance(source: AsyncGenerator<SubscriptionItem, number, undefined>): void {
    if (this.#replaying) return;
    this.#replaying = true;
    source.next().then(
      ({ done, value }) => {
        this.#replaying = false;
        if (done === true) {
          this.#replay = undefined;
          this.#sequence = value;
        } else this.#replayed = value;
        this.#pump();
      },
      (thrown: unknown) => {
        this.#fail(toError(thrown));
      },
    );
  }

  #replayOptions() {
    return { context: this.#context, feed: this.#feed, sequence: this.#sequence, signal: this.#ending.signal };
  }

  /** Moves to another feed if the topics of the target have changed. */
  #follow(): void {
    const { topicsNow } = this.#target;
    if (topicsNow === undefined) return;
    try {
      const left = this.#feed;
      this.#feed = this.#feeds.join(topicsNow());
      this.#feeds.leave(left);
      if (left === this.#feed) return;
    } catch (thrown) {
      this.#fail(toError(thrown));
      return;
    }
    this.#sequence = this.#feed.ring.next;
    this.#replay = replay('branch', this.#replayOptions());
  }

  // ── Permission ────────────────────────────────────────────────────────────────────────────────────────────────

  /** Whether anything may be given now. If not, it is asked for. */
  get isPermitted(): boolean {
    if (this.#permittedUntil === Infinity) return true;
    // The timer may be late, after a pause of the process.
    if (this.#context.clock.wallNow() < this.#permittedUntil) return true;
    this.#ask();
    return false;
  }

  #ask(): void {
    const { authorize } = this.#options;
    if (this.#asking || authorize === undefined) return;
    const { clock, onError } = this.#context;
    this.#asking = true;
    this.#cancelTimer?.();
    const asking = { name: this.#target.name, signal: this.#ending.signal, wallNow: () => clock.wallNow(), onError };
    permittedUntil(authorize, asking).then(
      (until) => {
        this.#asking = false;
        this.#permittedUntil = until;
        this.#expire();
        this.#pump();
        this.#hooks.onPermitted?.();
      },
      (refusal: unknown) => {
        this.#fail(toError(refusal));
      },
    );
  }

  /** Asks again when the permission runs out. A timer may fire early: not every clock counts months. */
  #expire(): void {
    if (this.#permittedUntil === Infinity || this.ended) return;
    const { clock } = this.#context;
    this.#cancelTimer = clock.after(Math.max(0, this.#permittedUntil - clock.wallNow()), () => {
      if (clock.wallNow() < this.#permittedUntil) this.#expire();
      else this.#ask();
    });
  }
}
