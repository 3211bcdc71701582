import type { Clock } from '../contract.js';
import type { Events } from '../events.js';
import { Tally, Timings } from '../metrics.js';
import { COUNTED, type Counter, type KindStats, type Stats, withRate, zero } from '../report.js';
import { codeOf } from '../traces.js';

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
  readonly #clock: Pick<Clock, 'now' | 'wallNow'>;
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
  readonly #counters = new Map<string, Counter>();
  #atReset = NOTHING;
  #startTime: Date;
  #startedAt: number;

  constructor(options: { readonly clock: Pick<Clock, 'now' | 'wallNow'>; readonly enabled: boolean }) {
    this.#clock = options.clock;
    this.enabled = options.enabled;
    this.#startTime = new Date(options.clock.wallNow());
    this.#startedAt = options.clock.now();
  }

  /** For how long it has been counted: what another machine can make a time of, by its own clock. */
  get countedMs(): number {
    return this.#clock.now() - this.#startedAt;
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
    this.#startTime = new Date(this.#clock.wallNow());
    this.#startedAt = this.#clock.now();
  }

  snapshot(tier1: Stats['tier1']): Stats {
    const total = zero();
    const byType: Record<string, KindStats> = {};
    for (const [label, counter] of this.#counters) {
      const shown = zero();
      const before = this.#atReset.counters.get(label) ?? shown;
      if (this.enabled) for (const field of COUNTED) shown[field] = counter[field] - before[field];
      for (const field of COUNTED) total[field] += shown[field];
      if (COUNTED.some((field) => shown[field] > 0)) byType[label] = withRate(shown);
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
