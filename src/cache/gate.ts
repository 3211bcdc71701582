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
  readonly #waiting: ((hasPlace: boolean) => void)[] = [];
  #running = 0;
  /** Calls that found too many waiting. */
  overloaded = 0;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /**
   * Throws OVERLOADED if too many wait already. `onWaiting` is given what ends the wait at once: for a call that somebody
   * waits for who has a place, and would wait for ever.
   */
  async pass<T>(
    where: string,
    call: () => Awaitable<T>,
    onWaiting: (hurry: () => void) => void = () => {},
  ): Promise<T> {
    const { atOnce, waiting } = this.#options;
    let hasPlace = true;
    if (this.#running >= atOnce) {
      if (this.#waiting.length >= waiting) {
        this.overloaded++;
        const message = `${where}: marks or store cannot be reached, and ${String(waiting)} reads wait for the origin already.`;
        throw new TidemarkError('OVERLOADED', message);
      }
      hasPlace = await new Promise<boolean>((resolve) => {
        this.#waiting.push(resolve);
        onWaiting(() => {
          const at = this.#waiting.indexOf(resolve);
          if (at < 0) return;
          this.#waiting.splice(at, 1);
          resolve(false);
        });
      });
    } else this.#running++;
    try {
      return await call();
    } finally {
      if (hasPlace) this.#free();
    }
  }

  #free(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#running--;
    else next(true); // takes this place
  }
}
