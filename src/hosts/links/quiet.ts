import type { Clock } from '../../contract.js';

/** After this much silence the other end is told that this one is there. */
export const ALIVE_MS = 15_000;
/** After this much silence the other end is not. */
export const GONE_MS = 40_000;

/** Calls `tell` whenever nothing was sent for {@link ALIVE_MS}. */
export class Quiet {
  readonly #clock: Clock;
  readonly #tell: () => void;
  #sentAt: number;
  #cancel: () => void = () => undefined;

  constructor(clock: Clock, tell: () => void) {
    this.#clock = clock;
    this.#tell = tell;
    this.#sentAt = clock.now();
    this.#wait(ALIVE_MS);
  }

  /** Something was sent. */
  sent(): void {
    this.#sentAt = this.#clock.now();
  }

  end(): void {
    this.#cancel();
  }

  #wait(delayMs: number): void {
    this.#cancel = this.#clock.after(delayMs, () => {
      const left = this.#sentAt + ALIVE_MS - this.#clock.now();
      if (left <= 0) {
        this.#tell();
        this.sent();
      }
      // A fraction of a millisecond may be too small to move a clock.
      this.#wait(left > 0 ? Math.ceil(left) : ALIVE_MS);
    });
  }
}
