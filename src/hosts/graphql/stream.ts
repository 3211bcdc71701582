import { Ring } from '../../realtime/ring.js';
import { freeze } from '../../realtime/wire.js';
import type { Followed, HoleReason, Source } from './source.js';

/** Messages of a topic are missing before what follows: fetch the present state, then go on. */
export interface Resync {
  readonly kind: 'resync';
  /** The topic, or the pattern, that was followed. */
  readonly topic: string;
  /**
   * `overflow`: this subscriber fell behind. `truncated`: history does not reach back. `epoch`: the store lost its history.
   * `gap`: whatever else, such as a link that was down where there is no history.
   */
  readonly reason: HoleReason;
}

export type Result = IteratorResult<unknown, undefined>;

/** A message as every subscriber is given it, or a hole. */
export type Slot =
  | {
      readonly kind: 'message';
      /** Counts upward over all topics. */
      readonly order: number;
      readonly result: Result;
      /** One for all who ask once it is here. */
      readonly promise: Promise<Result>;
    }
  | { readonly kind: 'hole'; readonly order: number; readonly reason: HoleReason };

/** Told at once, in the order of arrival. Must not throw. */
export interface Listener {
  message(payload: unknown): void;
  resync(resync: Resync): void;
}

export interface StreamContext {
  readonly source: Source;
  readonly ringSize: number;
  readonly freeze: boolean;
  /** Counts messages and holes over all streams. */
  readonly count: () => number;
}

/** One topic for all of its subscribers: each message decoded and frozen once, kept in one ring. */
export class Stream {
  readonly followed: Followed;
  readonly ring: Ring<Slot>;
  subscribers = 0;
  readonly #listeners = new Set<Listener>();
  #waiting = new Set<() => void>();
  #deciding = undecided();
  readonly #unfollow: () => Promise<void>;

  constructor(followed: Followed, { source, ringSize, freeze: frozen, count }: StreamContext) {
    this.followed = followed;
    this.ring = new Ring(ringSize);
    this.#unfollow = source.follow(followed, {
      live: () => {
        this.#deciding.resolve();
      },
      failed: (error) => {
        // Who waits for it is told; often nobody does.
        this.#deciding.promise.catch(() => undefined);
        this.#deciding.reject(error);
        this.#deciding = undecided();
      },
      message: (payload) => {
        if (frozen) freeze(payload);
        const result = Object.freeze({ done: false as const, value: payload });
        this.ring.push({ kind: 'message', order: count(), result, promise: Promise.resolve(result) });
        for (const listener of [...this.#listeners]) listener.message(payload);
        this.#wake();
      },
      hole: (reason) => {
        this.ring.push({ kind: 'hole', order: count(), reason });
        for (const listener of [...this.#listeners]) listener.resync(this.resync(reason));
        this.#wake();
      },
    });
  }

  /** Resolves once whatever is published arrives; rejects at the next failure before that. */
  get live(): Promise<void> {
    return this.#deciding.promise;
  }

  resync(reason: HoleReason): Resync {
    return Object.freeze({ kind: 'resync', topic: this.followed.name, reason });
  }

  add(listener: Listener): void {
    this.#listeners.add(listener);
  }

  remove(listener: Listener): void {
    this.#listeners.delete(listener);
  }

  /** Calls `wake` once, when there is something new. */
  wait(wake: () => void): void {
    this.#waiting.add(wake);
  }

  forget(wake: () => void): void {
    this.#waiting.delete(wake);
  }

  /** Resolves once nothing more arrives. */
  stop(): Promise<void> {
    return this.#unfollow();
  }

  #wake(): void {
    if (this.#waiting.size === 0) return;
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const wake of waiting) wake();
  }
}

interface Deciding {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

function undecided(): Deciding {
  let resolve = (): void => undefined;
  let reject = (_: Error): void => undefined;
  const promise = new Promise<void>((...settle) => {
    [resolve, reject] = settle;
  });
  return { promise, resolve, reject };
}
