import { inTime } from '../clock.js';
import type { Bus, BusHistory, BusPosition, Clock } from '../contract.js';
import { type OnError, lateError, toError } from './retry.js';

/** Readings of history in the time for which one counts. */
const READS = 3;
const PAGE = 500;

export interface FollowedTopicOptions {
  readonly topic: string;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly onError: OnError;
  /** How long a reading counts. */
  readonly maxStalenessMs: number;
  /** When a reading counts as failed. */
  readonly timeoutMs: number;
}

export interface FollowedTopicListener {
  /** Of each message, maybe more than once. */
  heard(bytes: Uint8Array): void;
  /** There may have been others, of which nobody will hear any more. */
  missed(): void;
  /** It is confirmed that all is heard, after a time in which it was not. */
  confirmed(): void;
}

/**
 * A topic of which nothing may be missed for long: heard at once, and read from history again and again, whether or not
 * anything is said to be lost. What was published before it began is of no interest.
 */
export class FollowedTopic {
  readonly #options: FollowedTopicOptions;
  readonly #listener: FollowedTopicListener;
  /** When the last question was put, by each clock, that was answered to the end. */
  #confirmed: { readonly now: number; readonly wall: number } | undefined;
  #open = true;
  #last: { readonly position: BusPosition; readonly bytes: Uint8Array | undefined } | undefined;
  #reading = false;
  #again = false;
  #cancelTimer: (() => void) | undefined;
  #subscribing = false;
  #unsubscribe: (() => Promise<void>) | undefined;

  constructor(options: FollowedTopicOptions, listener: FollowedTopicListener) {
    this.#options = options;
    this.#listener = listener;
  }

  /** Whether everything was heard that was published longer ago than `maxStalenessMs`. */
  get isConfirmed(): boolean {
    if (this.#confirmed === undefined) return false;
    const { clock, maxStalenessMs } = this.#options;
    const { now, wall } = this.#confirmed;
    // By both clocks: one may stand still while the machine sleeps, the other may be set back.
    return clock.now() - now < maxStalenessMs && clock.wallNow() - wall < maxStalenessMs;
  }

  begin(): void {
    this.#subscribe();
    void this.#read();
  }

  end(): void {
    this.#open = false;
    this.#cancelTimer?.();
    const unsubscribe = this.#unsubscribe;
    this.#unsubscribe = undefined;
    unsubscribe?.().catch((thrown: unknown) => {
      this.#options.onError(toError(thrown), `unsubscribe from ${this.#options.topic}`);
    });
  }

  #subscribe(): void {
    if (this.#subscribing) return;
    this.#subscribing = true;
    const { topic, bus, onError } = this.#options;
    const read = (): void => {
      if (this.#open) void this.#read();
    };
    const onMessage = ({ bytes }: { readonly bytes: Uint8Array }): void => {
      if (this.#open) this.#listener.heard(bytes);
      read();
    };
    bus.subscribe(topic, { onMessage, onGap: read }).then(
      (unsubscribe) => {
        this.#unsubscribe = unsubscribe;
        if (this.#open) read();
        else this.end();
      },
      (thrown: unknown) => {
        // The next reading tries again.
        this.#subscribing = false;
        onError(toError(thrown), `subscribe ${topic}`);
      },
    );
  }

  async #read(): Promise<void> {
    if (this.#reading) {
      this.#again = true;
      return;
    }
    this.#reading = true;
    this.#cancelTimer?.();
    const { topic, bus, clock, maxStalenessMs, onError, timeoutMs } = this.#options;
    const late = (): Error => lateError(`read ${topic}`, timeoutMs);
    do {
      this.#again = false;
      const asked = { now: clock.now(), wall: clock.wallNow() };
      const { since, limit } = this.#question();
      try {
        const history = await inTime(clock, timeoutMs, () => bus.read(topic, since, limit), late);
        if (!this.#open) return;
        if (!this.#take(history)) this.#again = true;
        else {
          const wasConfirmed = this.isConfirmed;
          this.#confirmed = asked;
          if (!wasConfirmed) this.#listener.confirmed();
        }
      } catch (thrown) {
        if (!this.#open) return;
        onError(toError(thrown), `read ${topic}`);
      }
    } while (this.#again && this.#open);
    this.#reading = false;
    if (!this.#open) return;
    this.#cancelTimer = clock.after(maxStalenessMs / READS, () => {
      this.#subscribe();
      void this.#read();
    });
  }

  /** From the last message on, and with it, to see that it still is that one. */
  #question(): { readonly since: BusPosition | undefined; readonly limit: number } {
    if (this.#last === undefined) return { since: undefined, limit: 1 };
    const { position, bytes } = this.#last;
    const { epoch, offset } = position;
    return { since: { epoch, offset: bytes === undefined ? offset : offset - 1 }, limit: PAGE };
  }

  /** Takes one page; true if it was the last. */
  #take({ top, messages }: BusHistory): boolean {
    const last = this.#last;
    this.#last ??= { position: top, bytes: undefined };
    if (last === undefined) return true;
    let { position, bytes } = last;
    let hole = top.epoch !== position.epoch || top.offset < position.offset;
    const before = position.offset;
    for (const message of hole ? [] : messages) {
      const { epoch, offset } = message.position;
      if (epoch !== position.epoch) continue;
      if (offset === before && bytes !== undefined && Buffer.compare(bytes, message.bytes) !== 0) hole = true;
      if (offset <= before) continue;
      if (offset !== position.offset + 1) hole = true;
      ({ position, bytes } = message);
      this.#listener.heard(message.bytes);
    }
    if (!hole && position.offset === before && top.offset > before) hole = true;
    if (hole) {
      ({ position, bytes } = { position: top, bytes: undefined });
      this.#listener.missed();
    }
    this.#last = { position, bytes };
    return position.offset >= top.offset;
  }
}
