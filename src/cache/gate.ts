import type { Awaitable } from '../contract.js';
import { TidemarkError } from '../errors.js';

export interface GateOptions {
  /** Calls under way at once. */
  readonly atOnce: number;
  /** Calls that may wait beside. */
  readonly waiting: number;
}

/**
 * A bounded queue in front of the origin. While marks or store cannot be reached nothing is kept, so that every read would
 * become a call: the origin gets no more than so many at once.
 */
export class Gate {
  readonly #options: GateOptions;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** Throws OVERLOADED if too many wait already. */
  async pass<T>(where: string, call: () => Awaitable<T>): Promise<T> {
    const { atOnce, waiting } = this.#options;
    if (this.#running >= atOnce) {
      if (this.#waiting.length >= waiting) {
        const message = `${where}: marks or store cannot be reached, and ${String(waiting)} reads wait for the origin already.`;
        throw new TidemarkError('OVERLOADED', message);
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else this.#running++;
    try {
      return await call();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next(); // takes this place
    }
  }
}
