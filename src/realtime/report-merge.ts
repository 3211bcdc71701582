import {
  COUNTED,
  type Counter,
  type Health,
  type KindStats,
  type MergedHealth,
  type MergedStats,
  type ReplicaHealth,
  type ReplicaStats,
  type Stats,
  withRate,
  zero,
} from '../report.js';

/** `replicas` is not empty, its first one is this. */
export function mergeStats(replicas: readonly ReplicaStats[], unreachable: string | null): MergedStats {
  const all = replicas.map(({ stats }) => stats);
  const kinds = new Set(all.flatMap(({ byType }) => Object.keys(byType)));
  const ofKind = (kind: string): KindStats =>
    withRate(summed(all.map(({ byType }) => (Object.hasOwn(byType, kind) ? byType[kind] : undefined))));
  const sum = (of: (stats: Stats) => number): number => all.reduce((total, stats) => total + of(stats), 0);
  return {
    ...withRate(summed(all)),
    patternDeletes: sum((stats) => stats.patternDeletes),
    originCalls: sum((stats) => stats.originCalls),
    changes: sum((stats) => stats.changes),
    startTime: new Date(Math.min(...all.map(({ startTime }) => startTime.getTime()))),
    enabled: all.every(({ enabled }) => enabled),
    byType: Object.fromEntries([...kinds].sort().map((kind) => [kind, ofKind(kind)])),
    tier1: {
      entries: sum(({ tier1 }) => tier1.entries),
      bytes: sum(({ tier1 }) => tier1.bytes),
      marks: sum(({ tier1 }) => tier1.marks),
    },
    replicas,
    unreachable,
  };
}

/** The same of health. */
export function mergeHealth(replicas: readonly ReplicaHealth[], unreachable: string | null): MergedHealth {
  const all = replicas.map(({ health }) => health);
  const { hits, misses, hitRate } = withRate(summed(replicas.map(({ stats }) => stats)));
  const pings = numbers(all.map(({ metrics }) => metrics.redisPingMs));
  // Who reaches a store counts what is there, which is there once; the others what they hold themselves.
  const reaching = all.filter(({ metrics }) => metrics.redisPingMs !== null);
  const counting = (reaching.length > 0 ? reaching : all).map(({ metrics }) => metrics);
  const combined = reaching.length > 0 ? largest : total;
  const sizes = numbers(counting.map(({ memoryUsageMB }) => memoryUsageMB));
  const types = new Set(counting.flatMap(({ keyCountByType }) => Object.keys(keyCountByType)));
  const countOf = (type: string): number =>
    combined(counting.map(({ keyCountByType: of }) => (Object.hasOwn(of, type) ? (of[type] ?? 0) : 0)));
  const outbox = all.find(({ metrics }) => metrics.outbox !== undefined)?.metrics.outbox;
  const issues = replicas.flatMap(({ id, health }) => health.issues.map((issue) => `replica ${id}: ${issue}`));
  return {
    status: worst([...all.map(({ status }) => status), unreachable === null ? 'up' : 'degraded']),
    metrics: {
      hitRate: hits + misses === 0 ? null : hitRate,
      redisPingMs: pings.length === 0 ? null : largest(pings),
      memoryUsageMB: sizes.length === 0 ? null : combined(sizes),
      keyCountByType: Object.fromEntries([...types].sort().map((type) => [type, countOf(type)])),
      ...(outbox === undefined ? {} : { outbox }),
    },
    thresholds: (all[0] as Health).thresholds,
    issues: unreachable === null ? issues : [`Unreachable replicas: ${unreachable}`, ...issues],
    replicas,
    unreachable,
  };
}

function summed(counters: readonly (Readonly<Counter> | undefined)[]): Counter {
  const sum = zero();
  for (const counter of counters) if (counter !== undefined) for (const field of COUNTED) sum[field] += counter[field];
  return sum;
}

const BY_SEVERITY = ['down', 'degraded', 'up'] as const;
const worst = (all: readonly Health['status'][]): Health['status'] =>
  BY_SEVERITY.find((status) => all.includes(status)) ?? 'up';

const largest = (all: readonly number[]): number => Math.max(...all);
const total = (all: readonly number[]): number => all.reduce((sum, each) => sum + each, 0);
const numbers = (all: readonly (number | null)[]): number[] => all.filter((each) => each !== null);
