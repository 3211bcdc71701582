import type { Events } from '../events.js';
import { Tally, Timings } from '../metrics.js';
import type { Counter, KindStats, Stats } from '../report.js';
import { codeOf } from '../traces.js';

const FIELDS = ['hits', 'misses', 'sets', 'deletes', 'loads', 'joined', 'tier2Hits', 'doomed'] as const;

const zero = (): Counter => ({ hits: 0, misses: 0, sets: 0, deletes: 0, loads: 0, joined: 0, tier2Hits: 0, doomed: 0 });
const withRate = (counter: Counter): KindStats => {
  const reads = counter.hits + counter.misses;
  return { ...counter, hitRate: reads === 0 ? 0 : counter.hits / reads };
};

/** How counters stood. */
interface Counts {
  readonly patternDeletes: number;
  readonly originCalls: number;
  readonly changes: number;
  readonly counters: ReadonlyMap<string, Readonly<Counter>>;
}

const NOTHING: Counts = { patternDeletes: 0, originCalls: 0, changes: 0, counters: new Map() };

/** The one authoritative set of counters of a tide. They only rise: what they were at a reset is taken off what is shown. */
export class Statistics {
  patternDeletes = 0;
  originCalls = 0;
  changes = 0;
  gaps = 0;
  queued = 0;
  staleServed = 0;
  readonly loads = new Timings<'kind'>();
  readonly origin = new Timings<'type' | 'method'>();
  readonly originFailures = new Tally<'type' | 'method'>();
  readonly made = new Tally<'type' | 'op'>();
  readonly imprecise = new Tally<'type'>();
  readonly errors = new Tally<'code'>();
  readonly enabled: boolean;
  readonly #wallNow: () => number;
  readonly #counters = new Map<string, Counter>();
  #atReset = NOTHING;
  #startTime: Date;

  constructor(options: { readonly wallNow: () => number; readonly enabled: boolean }) {
    this.#wallNow = options.wallNow;
    this.enabled = options.enabled;
    this.#startTime = new Date(options.wallNow());
  }

  /** Counts what is told of. */
  listenTo(events: Pick<Events, 'on'>): void {
    events.on('gap', () => this.gaps++);
    events.on('queued', () => this.queued++);
    events.on('stale', () => this.staleServed++);
    events.on('error', ({ error }) => {
      this.errors.add({ code: codeOf(error) });
    });
  }

  /** By type of key, since it was made. */
  get byType(): Readonly<Record<string, Readonly<Counter>>> {
    return Object.fromEntries([...this.#counters].map(([label, counter]) => [label, { ...counter }]));
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
    const { patternDeletes, originCalls, changes } = this;
    const counters = new Map(Object.entries(this.byType));
    this.#atReset = { patternDeletes, originCalls, changes, counters };
    this.#startTime = new Date(this.#wallNow());
  }

  snapshot(tier1: Stats['tier1']): Stats {
    const total = zero();
    const byType: Record<string, KindStats> = {};
    for (const [label, counter] of this.#counters) {
      const shown = zero();
      const before = this.#atReset.counters.get(label) ?? shown;
      if (this.enabled) for (const field of FIELDS) shown[field] = counter[field] - before[field];
      for (const field of FIELDS) total[field] += shown[field];
      if (FIELDS.some((field) => shown[field] > 0)) byType[label] = withRate(shown);
    }
    const since = (name: 'patternDeletes' | 'originCalls' | 'changes'): number =>
      this.enabled ? this[name] - this.#atReset[name] : 0;
    return {
      ...withRate(total),
      patternDeletes: since('patternDeletes'),
      originCalls: since('originCalls'),
      changes: since('changes'),
      startTime: this.#startTime,
      enabled: this.enabled,
      byType,
      tier1,
    };
  }
}
