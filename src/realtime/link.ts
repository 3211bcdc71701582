import type { Clock } from '../contract.js';
import type { ServerFrame } from './frames.js';

/** Bytes that wait on a link: above `high` nothing more is put on it, from `low` on it goes on, above `hard` it is given up. */
const HIGH_BYTES = 256 * 1024;
const LOW_BYTES = 16 * 1024;
const HARD_BYTES = 4 * 1024 * 1024;
/** Between two looks at a link that is full. */
const LOOK_MS = 100;
/** How long a link may stay full. */
const PATIENCE_MS = 30_000;

export interface LinkOptions {
  readonly clock: Clock;
  readonly send: (frame: ServerFrame) => void;
  readonly pressure: () => number;
  /** It takes frames again. */
  readonly onDrained: () => void;
  /** It has not drained for too long, or too much waits on it. */
  readonly onSlow: (why: string) => void;
}

/** The way to one client: full while more waits on it than may. */
export class Link {
  readonly #options: LinkOptions;
  /** Since when it is full. */
  #fullAt: number | undefined;
  #cancelTimer: (() => void) | undefined;
  #open = true;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** True: what can wait is not to be sent now. `onDrained` tells when it may. */
  get isFull(): boolean {
    return this.#fullAt !== undefined;
  }

  /** Sends even what may not wait, such as why it is closed. */
  send(frame: ServerFrame): void {
    if (!this.#open) return;
    this.#options.send(frame);
    this.#look();
  }

  /** The host says that what waited has been sent. */
  drained(): void {
    if (this.isFull) this.#look();
  }

  close(): void {
    this.#open = false;
    this.#cancelTimer?.();
  }

  #look(): void {
    const { clock, pressure, onDrained, onSlow } = this.#options;
    if (!this.#open) return;
    const bytes = pressure();
    if (bytes > HARD_BYTES) {
      onSlow(`${String(bytes)} bytes wait to be read, more than ${String(HARD_BYTES)}.`);
      return;
    }
    if (this.#fullAt === undefined) {
      if (bytes < HIGH_BYTES) return;
      this.#fullAt = clock.now();
    } else if (bytes <= LOW_BYTES) {
      this.#fullAt = undefined;
      this.#cancelTimer?.();
      this.#cancelTimer = undefined;
      onDrained();
      return;
    } else if (clock.now() - this.#fullAt >= PATIENCE_MS) {
      onSlow(`${String(bytes)} bytes have waited to be read for ${String(PATIENCE_MS)} ms.`);
      return;
    }
    this.#cancelTimer?.();
    this.#cancelTimer = clock.after(LOOK_MS, () => {
      this.#look();
    });
  }
}
