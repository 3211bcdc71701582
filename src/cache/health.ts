import { inTime } from '../clock.js';
import type { Clock, Marks, Outbox, OutboxInfo, Store } from '../contract.js';
import { messageOf } from '../errors.js';
import type { Health, HealthThresholds, Stats } from '../report.js';

export const DEFAULT_THRESHOLDS: HealthThresholds = { minHitRate: 0.5, maxMemory: 512, maxLatency: 50 };

const READS_BEFORE_JUDGING = 100;
const MEGABYTE = 1024 * 1024;

export interface Probe {
  readonly clock: Clock;
  readonly marks: Marks;
  readonly store: Store | null;
  readonly outbox: Outbox | null;
  readonly stats: Stats;
  readonly thresholds: HealthThresholds;
  readonly timeoutMs: number;
  /** The type that a key of the store counts as; null for a key of somebody else's. */
  readonly typeOf: (key: string) => string | null;
  /** Entries of tier 1 by type: what is counted where there is no store. */
  readonly countByType: () => Record<string, number>;
}

/** Reads only, and writes no key: two replicas that probe at once do not disturb each other. Never rejects. */
export async function probeHealth(probe: Probe): Promise<Health> {
  const { stats, store, thresholds } = probe;
  const issues: string[] = [];
  const { outbox } = probe;
  const [marks, info, left] = await Promise.all([
    attempt(probe, 'marks', () => probe.marks.heads()),
    store === null ? null : attempt(probe, 'store', () => store.info(probe.typeOf)),
    outbox === null ? null : attempt(probe, 'outbox', () => outbox.info()),
  ]);
  const reads = stats.hits + stats.misses;
  const hitRate = reads === 0 ? null : stats.hitRate;
  const stored = info === null || info instanceof Error ? null : info;
  const bytes = stored?.memoryUsedBytes ?? (store === null && stats.tier1.bytes > 0 ? stats.tier1.bytes : null);
  const memoryUsageMB = bytes === null ? null : Math.round((bytes / MEGABYTE) * 10) / 10;
  const pingMs = stored?.pingMs ?? null;
  if (hitRate !== null && reads > READS_BEFORE_JUDGING && hitRate < thresholds.minHitRate) {
    issues.push(
      `Low hit rate: expected at least ${String(thresholds.minHitRate)}, got ${hitRate.toFixed(3)} over ${String(reads)} reads.`,
    );
  }
  if (memoryUsageMB !== null && memoryUsageMB > thresholds.maxMemory) {
    issues.push(`High memory: expected at most ${String(thresholds.maxMemory)} MB, got ${String(memoryUsageMB)} MB.`);
  }
  if (pingMs !== null && pingMs > thresholds.maxLatency) {
    issues.push(
      `Slow store: expected a round trip within ${String(thresholds.maxLatency)} ms, got ${pingMs.toFixed(1)} ms.`,
    );
  }
  // Without it values are as right as before, and changes of transactions wait.
  if (left instanceof Error) issues.push(left.message);
  else if (left !== null) issues.push(...issuesOf(left));
  const failures = [marks, info].filter((result) => result instanceof Error).map((error) => error.message);
  const status = failures.length > 0 ? 'down' : issues.length > 0 ? 'degraded' : 'up';
  return {
    status,
    metrics: {
      hitRate,
      redisPingMs: pingMs,
      memoryUsageMB,
      keyCountByType: stored?.keyCountByType ?? probe.countByType(),
      ...(left === null || left instanceof Error ? {} : { outbox: left }),
    },
    thresholds,
    issues: [...failures, ...issues],
  };
}

/** Twice what a sweep that fails a few times waits. */
const LEFT_LYING_MS = 60_000;

function issuesOf({ oldestMs, refused }: OutboxInfo): string[] {
  const issues: string[] = [];
  if ((oldestMs ?? 0) > LEFT_LYING_MS) {
    issues.push(`Outbox: expected no row older than ${String(LEFT_LYING_MS)} ms, got one of ${String(oldestMs)} ms.`);
  }
  if (refused > 0) issues.push(`Outbox: ${String(refused)} rows are not understood by this version of the app.`);
  return issues;
}

async function attempt<T>({ clock, timeoutMs }: Probe, what: string, call: () => Promise<T>): Promise<T | Error> {
  try {
    return await inTime(clock, timeoutMs, call, () => new Error(`no answer within ${String(timeoutMs)} ms`));
  } catch (error) {
    return new Error(`Unreachable ${what}: ${messageOf(error)}.`);
  }
}
