import type { SubscribeOptions, SubscriptionItem } from '../watching.js';
import type { SubjectKey } from '../contract.js';
import { TidemarkError } from '../errors.js';
import type { Guard } from './authorize.js';
import { parseCursor } from './cursor.js';
import type { ComputedTarget } from './computed-watch.js';
import type { Catcher, Feed } from './feed.js';
import { Coalesced, checkOverflow } from './overflow.js';
import { Permit } from './permit.js';
import { replay } from './replay.js';
import type { Bearer } from './revocations.js';
import { toError } from './retry.js';
import type { HubContext } from './context.js';

export interface SubscriptionTarget {
  /** What is subscribed to, for messages. */
  readonly name: string;
  /** The topics on which its changes are announced. */
  readonly topics: readonly SubjectKey[];
  /** What a revocation may name. Default: its name. */
  readonly subjects?: readonly SubjectKey[] | undefined;
  /** The topics by now, asked again after every bulk change and resync: with another chain of branches they differ. */
  readonly topicsNow?: (() => readonly SubjectKey[]) | undefined;
  /** The entity whose computed fields are told of as well. */
  readonly computed?: ComputedTarget | undefined;
}

export interface SubscriptionOptions extends SubscribeOptions {
  /** Asked before anything is delivered, and again when the answer runs out. Without it the subscriber is trusted. */
  readonly authorize?: Guard | undefined;
  /** Whose permission that is, for revocations. */
  readonly bearer?: Omit<Bearer, 'targets'> | undefined;
  readonly hooks?: SubscriptionHooks | undefined;
}

/** For who gives more than the subscription itself. */
export interface SubscriptionHooks {
  /** Told once, when it is permitted: where it stands, before anything is given. */
  readonly onReady?: ((cursor: string) => void) | undefined;
  /** Told each time that a permission is there. */
  readonly onPermitted?: (() => void) | undefined;
  /** Told once, when it has ended. */
  readonly onEnded?: (() => void) | undefined;
}

/** What subscribers pull from. */
export interface HubSubscription extends AsyncIterableIterator<SubscriptionItem, undefined> {
  /** Whether anything may be given now, even what was given but has not been passed on. */
  readonly isPermitted: boolean;
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
export class Subscription implements HubSubscription {
  readonly #target: SubscriptionTarget;
  readonly #options: SubscriptionOptions;
  readonly #context: HubContext;
  readonly #feeds: Feeds;
  readonly #hooks: readonly SubscriptionHooks[];
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
  /** What left the ring unread, for who wants the newest of each entity. */
  readonly #coalesced: Coalesced | undefined;
  /** Undefined for who is trusted. */
  #permit: Permit | undefined;
  #isReady = false;
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
    checkOverflow(overflow);
    this.#target = target;
    this.#options = options;
    this.#context = hub.context;
    this.#feeds = hub.feeds;
    this.#hooks = [hub.hooks, options.hooks ?? {}];
    this.#feed = hub.feeds.join(target.topics);
    this.#sequence = this.#feed.ring.next;
    this.#given = since ?? (this.#feed.started ? this.#feed.cursor : undefined);
    if (overflow === 'coalesce') {
      this.#coalesced = new Coalesced();
      this.#feed.catch(this.#catch);
    }
    if (cursor !== undefined && since !== undefined) {
      const sequence = this.#feed.after(since);
      if (sequence !== undefined) this.#sequence = sequence;
      else {
        this.#replay = replay(cursor, this.#replayOptions());
        hub.context.owed.resumed(target.topics);
      }
    }
    if (signal !== undefined) this.#stopWaiting = hub.context.aborts.on(signal, () => this.end());
    if (authorize !== undefined) this.#permit = this.#ask(authorize);
    if (signal?.aborted === true) this.end();
  }

  get ended(): boolean {
    return this.#ending.signal.aborted;
  }

  /** What it is about. */
  get name(): string {
    return this.#target.name;
  }

  /** Items that are there for it to read. */
  get behind(): number {
    return this.#feed.ring.next - this.#sequence;
  }

  /** Where it stands: behind what it has given. */
  get cursor(): string {
    return this.#given ?? this.#feed.firstCursor;
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
    this.#permit?.end();
    this.#replayed = undefined;
    this.#feed.forget(this.#pump);
    this.#feed.uncatch(this.#catch);
    this.#coalesced?.clear();
    this.#feeds.leave(this.#feed);
    this.#feeds.forget(this);
    for (const { resolve } of this.#pulls.splice(0)) resolve(DONE);
    for (const { onEnded } of this.#hooks) onEnded?.();
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
      this.#context.given.add(item);
      this.#pulls.shift()?.resolve({ done: false, value: item });
      if (item.kind === 'resync' || (item.kind === 'change' && item.op === 'bulk')) this.#follow();
    }
  };

  /** The next item. If there is none, it is seen to that `#pump` runs again once there is. */
  #take(): SubscriptionItem | undefined {
    if (!this.isPermitted) return undefined;
    if (!this.#isReady && !this.#tellReady()) return undefined;
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
    if (this.#coalesced?.isEmpty === false) {
      this.#coalesced.addAll(ring, this.#sequence);
      this.#sequence = ring.next;
      return this.#coalesced.shift();
    }
    if (this.#sequence < ring.oldest) return this.#overflow();
    const item = ring.get(this.#sequence);
    if (item === undefined) this.#feed.wait(this.#pump);
    else this.#sequence++;
    return item;
  }

  /** Says where it stands, once that is known. */
  #tellReady(): boolean {
    const onReady = this.#options.hooks?.onReady;
    if (onReady !== undefined && this.#given === undefined && !this.#feed.started) {
      this.#feed.wait(this.#pump);
      return false;
    }
    this.#isReady = true;
    onReady?.(this.cursor);
    return true;
  }

  /** Takes what leaves the ring before it was read. */
  readonly #catch: Catcher = (sequence, item) => {
    if (sequence < this.#sequence) return;
    this.#coalesced?.add(sequence, item);
    this.#sequence = sequence + 1;
  };

  #overflow(): SubscriptionItem | undefined {
    const { ring } = this.#feed;
    const { overflow } = this.#options;
    const left = this.#sequence;
    if (overflow === 'disconnect') {
      const message = `${this.#target.name}: expected to be read within ${String(this.#context.ringSize)} items, fell behind.`;
      this.#fail(new TidemarkError('OVERFLOW', message));
      return undefined;
    }
    if (overflow === 'drop-oldest') {
      this.#sequence = ring.oldest;
      return Object.freeze({ ...this.#feed.resync(ring.oldest, 'overflow'), dropped: ring.oldest - left });
    }
    this.#sequence = ring.next;
    if (overflow !== 'replay') return this.#feed.resync(ring.next, 'overflow');
    this.#replay = replay(parseCursor(this.cursor), this.#replayOptions());
    this.#advance(this.#replay);
    return undefined;
  }

  #advance(source: AsyncGenerator<SubscriptionItem, number, undefined>): void {
    if (this.#replaying) return;
    this.#replaying = true;
    source.next().then(
      ({ done, value }) => {
        this.#replaying = false;
        if (done === true) {
          this.#replay = undefined;
          // What has left the ring since, it has caught.
          this.#coalesced?.forgetBefore(value);
          this.#sequence = this.#coalesced === undefined ? value : Math.max(value, this.#sequence);
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
      left.uncatch(this.#catch);
      if (this.#coalesced !== undefined) this.#feed.catch(this.#catch);
      this.#feeds.leave(left);
      if (left === this.#feed) return;
    } catch (thrown) {
      this.#fail(toError(thrown));
      return;
    }
    this.#coalesced?.clear();
    this.#sequence = this.#feed.ring.next;
    this.#replay = replay('branch', this.#replayOptions());
  }

  // ── Permission ────────────────────────────────────────────────────────────────────────────────────────────────

  /** Whether anything may be given now. If not, it is asked for. */
  get isPermitted(): boolean {
    return this.#permit?.isValid !== false;
  }

  #ask(guard: Guard): Permit {
    const { clock, onError, revocations } = this.#context;
    const { name, subjects = [name] } = this.#target;
    return new Permit({
      guard,
      bearer: { ...this.#options.bearer, targets: subjects },
      name,
      clock,
      onError,
      revocations,
      onValid: () => {
        this.#pump();
        for (const { onPermitted } of this.#hooks) onPermitted?.();
      },
      onRefused: (refusal) => {
        this.#fail(refusal);
      },
    });
  }
}
