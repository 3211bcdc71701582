import type { Statistics } from './cache/stats.js';
import { DEFAULT_THRESHOLDS, type Probe, probeHealth } from './cache/health.js';
import { randomId } from './clock.js';
import type { EphemeralTopics } from './contract.js';
import { TidemarkError, counted } from './errors.js';
import type {
  Health,
  HealthThresholds,
  MergedHealth,
  MergedOptions,
  MergedStats,
  ReplicaHealth,
  ReplicaStats,
  Stats,
} from './report.js';
import type { About, Report } from './realtime/report-frames.js';
import { mergeHealth, mergeStats } from './realtime/report-merge.js';
import type { OnError } from './realtime/retry.js';
import { type Heard, RollCall } from './realtime/roll-call.js';
import { VERSION } from './version.js';

export interface ReportsParts extends Omit<Probe, 'stats' | 'thresholds' | 'timeoutMs'> {
  readonly statistics: Statistics;
  /** What is held now. */
  readonly tier1: () => Stats['tier1'];
  /** For how long the marks held have not been confirmed; null before any was. */
  readonly unconfirmedMs: () => number | null;
  readonly thresholds: Partial<HealthThresholds> | undefined;
  readonly storeTimeoutMs: number;
  /** Of the bus, if it has them; null: a bus of this replica's own, on which there is no other. */
  readonly topics: EphemeralTopics | undefined | null;
  readonly random: () => number;
  readonly onError: OnError;
}

const WAIT_MS = 1000;

/** `tide.stats` and `tide.health`: of this replica, and of all of them. */
export class Reports {
  readonly #parts: ReportsParts;
  readonly #madeAt: number;
  #id: string | undefined;
  readonly #rollCall: RollCall | undefined;

  constructor(parts: ReportsParts) {
    const { clock, random, topics, onError } = parts;
    this.#parts = parts;
    this.#madeAt = clock.now();
    if (!topics) return;
    this.#rollCall = new RollCall({
      ...{ topics, clock, onError },
      newId: () => randomId(random),
      answer: (about, withinMs) => this.#answer(about, withinMs),
    });
  }

  /** Answers other replicas from now on. */
  begin(): void {
    void this.#rollCall?.begin();
  }

  close(): void {
    this.#rollCall?.close();
  }

  // ── Of this replica ───────────────────────────────────────────────────────────────────────────────────────────

  stats(): Stats {
    const { statistics, tier1 } = this.#parts;
    return statistics.snapshot(tier1());
  }

  health(withinMs = this.#parts.storeTimeoutMs): Promise<Health> {
    const { storeTimeoutMs, thresholds } = this.#parts;
    return probeHealth({
      ...this.#parts,
      stats: this.stats(),
      thresholds: { ...DEFAULT_THRESHOLDS, ...thresholds },
      timeoutMs: Math.min(storeTimeoutMs, withinMs),
    });
  }

  /** Nobody needs it before somebody asks. */
  #name(): string {
    this.#id ??= randomId(this.#parts.random).slice(0, 12);
    return this.#id;
  }

  #own(): ReplicaStats {
    return {
      id: this.#name(),
      own: true,
      version: VERSION,
      startTime: this.#dateOf(this.#madeAt),
      unconfirmedMs: this.#parts.unconfirmedMs(),
      stats: this.stats(),
    };
  }

  // ── Of all replicas ───────────────────────────────────────────────────────────────────────────────────────────

  /** Rejects with INVALID_OPTION or CLOSED. */
  async mergedStats(options: MergedOptions): Promise<MergedStats> {
    const waitMs = waitOf(options);
    // As of the moment of asking, like those of the others.
    const own = this.#own();
    const { reports, unreachable } = await this.#ask('stats', waitMs);
    return mergeStats([own, ...reports.map((report) => this.#replica(report))], unreachable);
  }

  /** Rejects with INVALID_OPTION or CLOSED. */
  async mergedHealth(options: MergedOptions): Promise<MergedHealth> {
    const waitMs = waitOf(options);
    const own = this.#own();
    const [health, { reports, unreachable }] = await Promise.all([this.health(waitMs), this.#ask('health', waitMs)]);
    const others = reports.flatMap((report): ReplicaHealth[] =>
      report.health === undefined ? [] : [{ ...this.#replica(report), health: report.health }],
    );
    return mergeHealth([{ ...own, health }, ...others], unreachable);
  }

  async #ask(about: About, waitMs: number): ReturnType<RollCall['ask']> {
    if (this.#rollCall !== undefined) return this.#rollCall.ask(about, waitMs);
    const unreachable = this.#parts.topics === null ? null : 'the bus has no ephemeral topics.';
    return { reports: [], unreachable };
  }

  async #answer(about: About, withinMs: number): Promise<Report> {
    const health = about === 'health' ? await this.health(withinMs) : undefined;
    const { clock, statistics } = this.#parts;
    const { startTime: _, ...stats } = this.stats();
    return {
      from: this.#name(),
      version: VERSION,
      upMs: clock.now() - this.#madeAt,
      countedMs: statistics.countedMs,
      unconfirmedMs: this.#parts.unconfirmedMs(),
      stats,
      health,
    };
  }

  #replica({ at, from, version, upMs, countedMs, unconfirmedMs, stats }: Heard): ReplicaStats {
    const [startTime, counting] = [this.#dateOf(at - upMs), this.#dateOf(at - countedMs)];
    return { id: from, own: false, version, startTime, unconfirmedMs, stats: { ...stats, startTime: counting } };
  }

  /** From a time of the monotonic clock of this machine. */
  #dateOf(time: number): Date {
    const { clock } = this.#parts;
    return new Date(clock.wallNow() - clock.now() + time);
  }
}

function waitOf({ merged, waitMs }: MergedOptions): number {
  if ((merged as unknown) === true) return counted('waitMs', waitMs, WAIT_MS);
  throw new TidemarkError('INVALID_OPTION', `merged: expected true, got ${String(merged)}.`);
}
