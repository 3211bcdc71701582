import { inTime } from '../clock.js';
import type { Clock } from '../contract.js';
import { TidemarkError, isTidemarkError } from '../errors.js';
import type { Events } from '../events.js';
import { Timings } from '../metrics.js';
import type { Traces } from '../traces.js';

export interface CallsOptions {
  /** What is called, for people. */
  readonly part: 'marks' | 'store';
  readonly clock: Clock;
  readonly events: Events;
  /** When a call counts as failed. */
  readonly timeoutMs: number;
  readonly traces: Traces;
}

/** So many failures in a row, and it is not asked again for a while. */
const FAILURES = 5;
const PAUSE_MS = 1000;

/**
 * Calls of a server that may be slow or gone. Each is bounded in time; after several failures in a row calls are refused
 * at once, and one at a time is let through to see whether it is back: a circuit breaker.
 */
export class Calls {
  /** Of calls that were made, by name. */
  readonly timings = new Timings<'call'>();
  failed = 0;
  refused = 0;
  readonly #options: CallsOptions;
  #failures = 0;
  #openSince = -Infinity;
  #trying = false;

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  /** True while calls are refused. */
  get isDown(): boolean {
    return this.#failures >= FAILURES;
  }

  /** Rejects with what the call rejects with, with STORE_TIMEOUT, or at once with STORE_DOWN. */
  async run<T>(name: string, call: () => Promise<T>): Promise<T> {
    const { part, clock } = this.#options;
    const trial = this.isDown;
    if (trial) {
      if (this.#trying || clock.now() - this.#openSince < PAUSE_MS) {
        this.refused++;
        throw new TidemarkError('STORE_DOWN', `${part}.${name}: not asked, since the last calls failed.`);
      }
      this.#trying = true;
    }
    try {
      return await this.check(name, call, this.#options.timeoutMs);
    } finally {
      if (trial) this.#trying = false;
    }
  }

  /** A call that is made whatever became of the others: what it comes to decides whether the next ones are made. */
  async check<T>(name: string, call: () => Promise<T>, limitMs: number): Promise<T> {
    const { part, traces } = this.#options;
    if (!traces.hears('store')) return this.#made(name, call, limitMs);
    return traces.run('store', { tide: traces.tide, part, call: name }, () => this.#made(name, call, limitMs));
  }

  async #made<T>(name: string, call: () => Promise<T>, limitMs: number): Promise<T> {
    const { part, clock } = this.#options;
    const begun = clock.now();
    try {
      const result = await inTime(clock, limitMs, call, () => {
        const message = `${part}.${name}: expected an answer within ${String(limitMs)} ms, got none.`;
        return new TidemarkError('STORE_TIMEOUT', message);
      });
      this.#succeeded();
      return result;
    } catch (error) {
      this.#failed();
      throw error;
    } finally {
      this.timings.add({ call: name }, clock.now() - begun);
    }
  }

  #succeeded(): void {
    const { events, part } = this.#options;
    const wasDown = this.isDown;
    this.#failures = 0;
    if (wasDown) events.emit('outage', { part, state: 'over' });
  }

  #failed(): void {
    const { clock, events, part } = this.#options;
    const wasDown = this.isDown;
    this.failed++;
    this.#failures++;
    if (!this.isDown) return;
    this.#openSince = clock.now();
    if (!wasDown) events.emit('outage', { part, state: 'begun' });
  }
}

/** True for a call that was not made since the last ones failed: that has been said once already. */
export function wasRefused(error: unknown): boolean {
  return isTidemarkError(error) && error.code === 'STORE_DOWN';
}
