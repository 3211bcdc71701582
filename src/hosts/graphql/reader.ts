import type { Aborts } from '../../aborts.js';
import { TidemarkError } from '../../errors.js';
import { toError } from '../../realtime/retry.js';
import type { Resync, Result, Slot, Stream } from './stream.js';

/**
 * Told that messages are missing, in their place. What it returns, unless undefined, the subscriber is given there: a
 * payload that says so.
 */
export type OnResync<T = unknown> = (resync: Resync) => T | undefined;

export interface ReadOptions<T = unknown> {
  /**
   * What to do where messages are missing. Default: that of the pub/sub. Without either the iterator rejects with MISSED:
   * whoever subscribes again fetches the present state first.
   */
  readonly onResync?: OnResync<T> | undefined;
  /** What happens when this subscriber falls behind by more than `ringSize`: `resync`, the default, or OVERFLOW. */
  readonly overflow?: 'resync' | 'disconnect' | undefined;
  /** Ends it. */
  readonly signal?: AbortSignal | undefined;
}

/** What a reader needs of who made it. */
export interface ReaderHost {
  readonly aborts: Aborts;
  /** The reader has ended. */
  left(reader: Reader): void;
}

interface Pull {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

const DONE: Result = Object.freeze({ done: true, value: undefined });

/** One subscriber: a cursor into the ring of each of its topics, and the promises it has been given. */
export class Reader implements AsyncIterableIterator<unknown, undefined> {
  readonly streams: readonly Stream[];
  readonly #options: ReadOptions;
  readonly #host: ReaderHost;
  /** By stream, the sequence in its ring of what comes next. */
  readonly #sequences: number[];
  readonly #pulls: Pull[] = [];
  readonly #stopWaiting: (() => void) | undefined;
  #ended = false;
  /** Why it ended, until somebody is told. */
  #failure: Error | undefined;

  /** What is published from now on is for it. Throws INVALID_OPTION. */
  constructor(streams: readonly Stream[], options: ReadOptions, host: ReaderHost) {
    const { overflow, signal } = options;
    if (overflow !== undefined && overflow !== 'resync' && overflow !== 'disconnect') {
      throw new TidemarkError(
        'INVALID_OPTION',
        `overflow: expected 'resync' or 'disconnect', got ${String(overflow)}.`,
      );
    }
    this.streams = streams;
    this.#options = options;
    this.#host = host;
    this.#sequences = streams.map(({ ring }) => ring.next);
    if (signal === undefined) return;
    this.#stopWaiting = host.aborts.on(signal, () => {
      this.end();
    });
    if (signal.aborted) this.end();
  }

  get ended(): boolean {
    return this.#ended;
  }

  next(): Promise<Result> {
    if (this.#pulls.length === 0 && !this.#ended) {
      const slot = this.#take();
      if (slot?.kind === 'message') return slot.promise;
    }
    if (this.#ended) {
      const failure = this.#failure;
      this.#failure = undefined;
      return failure === undefined ? Promise.resolve(DONE) : Promise.reject(failure);
    }
    return new Promise((resolve, reject) => {
      this.#pulls.push({ resolve, reject });
    });
  }

  return(): Promise<Result> {
    this.end();
    this.#failure = undefined;
    return Promise.resolve(DONE);
  }

  throw(error: unknown): Promise<Result> {
    this.end();
    this.#failure = undefined;
    return Promise.reject(toError(error));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Whoever waits is told that it is done. Idempotent. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopWaiting?.();
    for (const stream of this.streams) stream.forget(this.#pump);
    this.#host.left(this);
    for (const { resolve } of this.#pulls.splice(0)) resolve(DONE);
  }

  /** Ends it with an error, which the first who waits or asks is told. */
  #fail(error: Error): void {
    const first = this.#pulls.shift();
    if (first === undefined) this.#failure = error;
    else first.reject(error);
    this.end();
  }

  /** Gives what there is to those who wait, in the order of their calls. */
  readonly #pump = (): void => {
    while (this.#pulls.length > 0) {
      const slot = this.#take();
      if (slot?.kind !== 'message') return;
      this.#pulls.shift()?.resolve(slot.result);
    }
  };

  /** The next message. If there is none, it is seen to that `#pump` runs once there is, or it has ended. */
  #take(): Slot | undefined {
    while (!this.#ended) {
      const at = this.#first();
      if (at === undefined) {
        for (const stream of this.streams) stream.wait(this.#pump);
        return undefined;
      }
      const slot = this.#advance(at);
      if (slot?.kind === 'message') return slot;
    }
    return undefined;
  }

  /** The stream whose next message came first. */
  #first(): number | undefined {
    let first: number | undefined;
    let order = Infinity;
    for (let at = 0; at < this.streams.length; at++) {
      const { ring } = this.streams[at] as Stream;
      const sequence = this.#sequences[at] as number;
      if (sequence < ring.oldest) return at;
      const slot = ring.get(sequence);
      if (slot === undefined || slot.order >= order) continue;
      first = at;
      order = slot.order;
    }
    return first;
  }

  #advance(at: number): Slot | undefined {
    const stream = this.streams[at] as Stream;
    const sequence = this.#sequences[at] as number;
    if (sequence < stream.ring.oldest) {
      this.#sequences[at] = stream.ring.next;
      return this.#options.overflow === 'disconnect' ? this.#overflow(stream) : this.#hole(stream.resync('overflow'));
    }
    this.#sequences[at] = sequence + 1;
    const slot = stream.ring.get(sequence);
    return slot?.kind === 'hole' ? this.#hole(stream.resync(slot.reason)) : slot;
  }

  #overflow({ followed: { name }, ring }: Stream): undefined {
    const message = `${name}: expected to be read within ${String(ring.next - ring.oldest)} messages, fell behind.`;
    this.#fail(new TidemarkError('OVERFLOW', message));
    return undefined;
  }

  /** What stands in for a hole; undefined for nothing, or the end. */
  #hole(resync: Resync): Slot | undefined {
    const { onResync } = this.#options;
    if (onResync === undefined) {
      this.#fail(missedError(resync));
      return undefined;
    }
    let value: unknown;
    try {
      value = onResync(resync);
    } catch (thrown) {
      this.#fail(toError(thrown));
      return undefined;
    }
    if (value === undefined) return undefined;
    const result: Result = { done: false, value };
    return { kind: 'message', order: 0, result, promise: Promise.resolve(result) };
  }
}

export function missedError({ topic, reason }: Resync): TidemarkError {
  return new TidemarkError('MISSED', `${topic}: messages are missing (${reason}), and no onResync says what then.`);
}
