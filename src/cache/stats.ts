import type { Clock } from '../contract.js';
import { COUNTED, type Counter, type KindStats, type Stats, withRate, zero } from '../report.js';

/** The one authoritative set of counters of a tide. */
export class Statistics {
  patternDeletes = 0;
  originCalls = 0;
  changes = 0;
  readonly #clock: Pick<Clock, 'now' | 'wallNow'>;
  readonly #counters = new Map<string, Counter>();
  readonly #enabled: boolean;
  #startTime: Date;
  #startedAt: number;

  constructor(options: { readonly clock: Pick<Clock, 'now' | 'wallNow'>; readonly enabled: boolean }) {
    this.#clock = options.clock;
    this.#enabled = options.enabled;
    this.#startTime = new Date(options.clock.wallNow());
    this.#startedAt = options.clock.now();
  }

  /** For how long it has been counted: what another machine can make a time of, by its own clock. */
  get countedMs(): number {
    return this.#clock.now() - this.#startedAt;
  }

  /** The counter of one kind of key, incremented in place: a hit costs one addition. */
  counter(label: string): Counter {
    let counter = this.#counters.get(label);
    if (counter === undefined) {
      counter = zero();
      this.#counters.set(label, counter);
    }
    return counter;
  }

  reset(): void {
    for (const counter of this.#counters.values()) Object.assign(counter, zero());
    this.patternDeletes = 0;
    this.originCalls = 0;
    this.changes = 0;
    this.#startTime = new Date(this.#clock.wallNow());
    this.#startedAt = this.#clock.now();
  }

  snapshot(tier1: Stats['tier1']): Stats {
    const total = zero();
    const byType: Record<string, KindStats> = {};
    for (const [label, counter] of this.#counters) {
      const shown = this.#enabled ? counter : zero();
      for (const field of COUNTED) total[field] += shown[field];
      if (COUNTED.some((field) => shown[field] > 0)) byType[label] = withRate(shown);
    }
    const on = (count: number): number => (this.#enabled ? count : 0);
    return {
      ...withRate(total),
      patternDeletes: on(this.patternDeletes),
      originCalls: on(this.originCalls),
      changes: on(this.changes),
      startTime: this.#startTime,
      enabled: this.#enabled,
      byType,
      tier1,
    };
  }
}
