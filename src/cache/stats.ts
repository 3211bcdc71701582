import type { Counter, KindStats, Stats } from '../report.js';

const FIELDS = ['hits', 'misses', 'sets', 'deletes', 'loads', 'joined', 'tier2Hits', 'doomed'] as const;

const zero = (): Counter => ({ hits: 0, misses: 0, sets: 0, deletes: 0, loads: 0, joined: 0, tier2Hits: 0, doomed: 0 });
const withRate = (counter: Counter): KindStats => {
  const reads = counter.hits + counter.misses;
  return { ...counter, hitRate: reads === 0 ? 0 : counter.hits / reads };
};

/** The one authoritative set of counters of a tide. */
export class Statistics {
  patternDeletes = 0;
  originCalls = 0;
  changes = 0;
  readonly #wallNow: () => number;
  readonly #counters = new Map<string, Counter>();
  readonly #enabled: boolean;
  #startTime: Date;

  constructor(options: { readonly wallNow: () => number; readonly enabled: boolean }) {
    this.#wallNow = options.wallNow;
    this.#enabled = options.enabled;
    this.#startTime = new Date(options.wallNow());
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
    this.#startTime = new Date(this.#wallNow());
  }

  snapshot(tier1: Stats['tier1']): Stats {
    const total = zero();
    const byType: Record<string, KindStats> = {};
    for (const [label, counter] of this.#counters) {
      const shown = this.#enabled ? counter : zero();
      for (const field of FIELDS) total[field] += shown[field];
      if (FIELDS.some((field) => shown[field] > 0)) byType[label] = withRate(shown);
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
