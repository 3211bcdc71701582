import type { BreakerState } from '../../metrics.js';

export interface BreakerOptions {
  /** So many failures in a row, and it opens. */
  readonly failures: number;
  /** How long it then refuses; after that it lets one through to see. */
  readonly openMs: number;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly onState: (state: BreakerState) => void;
}

/** What became of a call that was let through. `none`: it was given up before anybody could know. */
export type Outcome = 'answered' | 'failed' | 'none';

/** A circuit breaker: closed, open after failures in a row, half open with one probe at a time. */
export class Breaker {
  readonly #options: BreakerOptions;
  #state: BreakerState = 'closed';
  #failures = 0;
  #openedAt = 0;
  #probing = false;
  /** Calls that began before the state last changed say nothing about what came after. */
  #era = 0;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** Whether a call would be let through now. */
  get admits(): boolean {
    if (this.#state === 'closed') return true;
    return this.#state === 'open' ? this.#isOver() : !this.#probing;
  }

  /** Lets a call through, or gives null. What it is given is told once what became of the call. */
  take(): ((outcome: Outcome) => void) | null {
    if (!this.admits) return null;
    if (this.#state === 'open') this.#turn('half-open');
    const probe = this.#state === 'half-open';
    if (probe) this.#probing = true;
    const era = this.#era;
    return (outcome) => {
      if (era !== this.#era) return;
      if (probe) this.#probing = false;
      if (outcome === 'answered') {
        this.#failures = 0;
        if (probe) this.#turn('closed');
      } else if (outcome === 'failed') {
        this.#failures++;
        if (!probe && this.#failures < this.#options.failures) return;
        this.#openedAt = this.#options.now();
        this.#turn('open');
      }
    };
  }

  #isOver(): boolean {
    return this.#options.now() - this.#openedAt >= this.#options.openMs;
  }

  #turn(state: BreakerState): void {
    this.#state = state;
    this.#era++;
    this.#probing = false;
    if (state === 'closed') this.#failures = 0;
    this.#options.onState(state);
  }
}
