import type { Counter } from './report.js';

/** What a tide says of itself to who watches many of them, and what counts it. Names and numbers, never an id, key or branch. */

/** Of everything that fell under these names. */
export type Counted<Names extends string> = Readonly<Record<Names, string>> & { readonly count: number };

/** How long things took, in seconds. */
export interface Durations {
  /** How many took at most the limit of the same place in `DURATION_LIMITS` of `tidemark/metrics`, each with all that took less. */
  readonly within: readonly number[];
  readonly sum: number;
  readonly count: number;
}

export type Timed<Names extends string> = Readonly<Record<Names, string>> & Durations;

/** Seconds. */
export const DURATION_LIMITS: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];

/**
 * What one replica has done since it was made, and how it stands. Counts only rise: `resetStats()` is for `stats()`. Plain data,
 * new at every call.
 */
export interface Metrics {
  /** As the option `metrics` says. If false nothing is counted, and only how it stands is true. */
  readonly enabled: boolean;
  /** By the text before the first ':' of the key, as `stats()` has them. A read counts once it is answered. */
  readonly byType: Readonly<Record<string, Readonly<Counter>>>;
  /** Of each kind of value, from the miss to the value or the failure. */
  readonly loads: readonly Timed<'kind'>[];
  /** Values served although nothing said that they were current, as `staleIfOutageMs` allows. */
  readonly staleServed: number;
  readonly patternDeletes: number;
  readonly errors: readonly Counted<'code'>[];
  readonly tier1: {
    readonly entries: number;
    /** 0 unless `maxBytes` is set. */
    readonly bytes: number;
    /** Marks that the entries carry together, each as often as it is carried. */
    readonly marks: number;
    readonly evictions: number;
  };
  readonly origin: {
    readonly calls: readonly Timed<'type' | 'method'>[];
    readonly failures: readonly Counted<'type' | 'method'>[];
    /** While marks or store cannot be reached: calls that wait for a place, and reads that were refused with OVERLOADED. */
    readonly waiting: number;
    readonly overloaded: number;
  };
  readonly changes: {
    /** `type` is empty for what concerns a whole branch. */
    readonly made: readonly Counted<'type' | 'op'>[];
    /** Those that made every list, and every answer about places, of a type in a branch stale, for want of row images. */
    readonly imprecise: readonly Counted<'type'>[];
    /** Those whose receipt said `queued`. */
    readonly queued: number;
    /** Those that wait to be written now, and since when the first of them does. */
    readonly waiting: number;
    readonly waitingMs: number;
  };
  readonly marks: {
    readonly held: number;
    /** Since the store last confirmed all of them; null while nothing was read yet and so none is watched. */
    readonly unconfirmedMs: number | null;
    /** Of so many partitions, these count for nothing at the moment: they are read again. */
    readonly partitions: number;
    readonly distrusted: number;
    readonly gaps: number;
  };
  /** Calls of marks and of the store. Those that were refused were not made, since the ones before them failed. */
  readonly stores: {
    readonly calls: readonly Timed<'part' | 'call'>[];
    readonly failures: readonly Counted<'part'>[];
    readonly refused: readonly Counted<'part'>[];
    /** Whether calls are refused now. */
    readonly open: readonly { readonly part: string; readonly open: boolean }[];
  };
  /** Null where there is no store to share loads through. */
  readonly leases: { readonly held: number; readonly waits: number; readonly waiting: number } | null;
  readonly realtime: {
    readonly connections: number;
    readonly subscriptions: number;
    /** Subscriptions that have items to read, and how many the one has that is furthest behind. */
    readonly behind: number;
    readonly furthestBehind: number;
    readonly delivered: readonly Counted<'kind'>[];
    readonly resyncs: readonly Counted<'reason'>[];
  };
}

interface Named<Names extends string, Value> {
  readonly names: Readonly<Record<Names, string>>;
  value: Value;
}

/** One value for each combination of names. The caller sees to it that there are few. */
class Table<Names extends string, Value> {
  readonly #rows = new Map<string, Named<Names, Value>>();

  row(names: Readonly<Record<Names, string>>, fresh: () => Value): Named<Names, Value> {
    const key = Object.values(names).join('\0');
    let row = this.#rows.get(key);
    if (row === undefined) this.#rows.set(key, (row = { names, value: fresh() }));
    return row;
  }

  get rows(): readonly Named<Names, Value>[] {
    return [...this.#rows.values()];
  }
}

/** Counts by name. */
export class Tally<Names extends string> {
  readonly #table = new Table<Names, number>();

  add(names: Readonly<Record<Names, string>>): void {
    this.#table.row(names, () => 0).value++;
  }

  get counts(): readonly Counted<Names>[] {
    return this.#table.rows.map(({ names, value }) => ({ ...names, count: value }));
  }
}

/** Durations by name. */
export class Timings<Names extends string> {
  readonly #table = new Table<Names, { readonly fell: number[]; sum: number; count: number }>();

  add(names: Readonly<Record<Names, string>>, ms: number): void {
    const { value } = this.#table.row(names, () => ({ fell: DURATION_LIMITS.map(() => 0), sum: 0, count: 0 }));
    const seconds = Math.max(0, ms) / 1000;
    const at = DURATION_LIMITS.findIndex((limit) => seconds <= limit);
    if (at >= 0) (value.fell[at] as number)++;
    value.sum += seconds;
    value.count++;
  }

  get durations(): readonly Timed<Names>[] {
    return this.#table.rows.map(({ names, value: { fell, sum, count } }) => {
      let below = 0;
      return { ...names, within: fell.map((one) => (below += one)), sum, count };
    });
  }
}

/** Of a circuit breaker. */
export type BreakerState = 'closed' | 'open' | 'half-open';

/** What a client of rules services has seen since it was made; plain data. */
export interface RemoteRulesMetrics {
  readonly servers: readonly {
    readonly address: string;
    readonly state: BreakerState;
    readonly calls: number;
    readonly failures: number;
  }[];
  /** Questions that a server answered, that one refused, that the fallback was asked, and that nobody answered. */
  readonly answered: number;
  readonly refused: number;
  readonly fallback: number;
  readonly unavailable: number;
}
