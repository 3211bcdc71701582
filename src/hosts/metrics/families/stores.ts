import { type Family, type Reading, type Sample, counts, durations, one, seconds } from '../family.js';

const MEGABYTE = 1024 * 1024;

const keysOf = ({ health, kindOf }: Reading): readonly Sample<number>[] => {
  const kinds = new Map<string, number>();
  for (const [type, count] of Object.entries(health.metrics.keyCountByType))
    kinds.set(kindOf(type), (kinds.get(kindOf(type)) ?? 0) + count);
  return [...kinds].map(([type, value]) => ({ labels: { type }, value }));
};

/** Marks, tiers, and what they are kept in. */
export const STORES: readonly Family[] = [
  // ── Marks ─────────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    name: 'tidemark_marks_staleness_seconds',
    type: 'gauge',
    help: 'Since the store last confirmed the marks: above maxStalenessMs nothing is served from tier 1 unasked.',
    labels: [],
    read: ({ metrics }) => seconds(metrics.marks.unconfirmedMs),
  },
  {
    name: 'tidemark_marks_held',
    type: 'gauge',
    help: 'Marks held in this process.',
    labels: [],
    read: ({ metrics }) => one(metrics.marks.held),
  },
  {
    name: 'tidemark_marks_partitions',
    type: 'gauge',
    help: 'Partitions of the marks.',
    labels: [],
    read: ({ metrics }) => one(metrics.marks.partitions),
  },
  {
    name: 'tidemark_marks_distrusted_partitions',
    type: 'gauge',
    help: 'Partitions whose marks count for nothing now: not confirmed in time, or being read again.',
    labels: [],
    read: ({ metrics }) => one(metrics.marks.distrusted),
  },
  {
    name: 'tidemark_marks_gaps_total',
    type: 'counter',
    help: 'Times that messages of a partition may have been lost and its marks were read again.',
    labels: [],
    read: ({ metrics }) => one(metrics.marks.gaps),
  },

  // ── Tiers ─────────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    name: 'tidemark_tier1_entries',
    type: 'gauge',
    help: 'Values in tier 1.',
    labels: [],
    read: ({ metrics }) => one(metrics.tier1.entries),
  },
  {
    name: 'tidemark_tier1_size_bytes',
    type: 'gauge',
    help: 'Bytes of the values in tier 1, as bytesOf says; 0 unless maxBytes is set.',
    labels: [],
    read: ({ metrics }) => one(metrics.tier1.bytes),
  },
  {
    name: 'tidemark_tier1_marks',
    type: 'gauge',
    help: 'Marks that the values in tier 1 carry, each as often as it is carried.',
    labels: [],
    read: ({ metrics }) => one(metrics.tier1.marks),
  },
  {
    name: 'tidemark_tier1_evictions_total',
    type: 'counter',
    help: 'Values that had to leave tier 1 for others.',
    labels: [],
    read: ({ metrics }) => one(metrics.tier1.evictions),
  },
  {
    name: 'tidemark_store_call_duration_seconds',
    type: 'histogram',
    help: 'Calls of the marks and of the store, by method.',
    labels: ['part', 'call'],
    read: ({ metrics }) => durations(metrics.stores.calls),
  },
  {
    name: 'tidemark_store_failures_total',
    type: 'counter',
    help: 'Calls of the marks and of the store that failed or took longer than storeTimeoutMs.',
    labels: ['part'],
    read: ({ metrics }) => counts(metrics.stores.failures),
  },
  {
    name: 'tidemark_store_refused_total',
    type: 'counter',
    help: 'Calls that were not made, since the ones before them failed.',
    labels: ['part'],
    read: ({ metrics }) => counts(metrics.stores.refused),
  },
  {
    name: 'tidemark_store_breaker_open',
    type: 'gauge',
    help: 'Whether calls of the marks or the store are refused now: 1 if they are.',
    labels: ['part'],
    read: ({ metrics }) => metrics.stores.open.flatMap(({ part, open }) => one(Number(open), { part })),
  },
  {
    name: 'tidemark_store_ping_seconds',
    type: 'gauge',
    help: 'A round trip to the shared store.',
    labels: [],
    read: ({ health }) => seconds(health.metrics.redisPingMs),
  },
  {
    name: 'tidemark_store_memory_bytes',
    type: 'gauge',
    help: 'Memory that the shared store uses, to a tenth of a megabyte.',
    labels: [],
    read: ({ health: { metrics } }) =>
      metrics.redisPingMs === null || metrics.memoryUsageMB === null ? [] : one(metrics.memoryUsageMB * MEGABYTE),
  },
  {
    name: 'tidemark_keys',
    type: 'gauge',
    help: 'Keys in the shared store by type, an estimate; without one, in tier 1.',
    labels: ['type'],
    read: keysOf,
  },
  {
    name: 'tidemark_lease_waits_total',
    type: 'counter',
    help: 'Loads that waited for the same load of another replica.',
    labels: [],
    read: ({ metrics }) => one(metrics.leases?.waits),
  },
  {
    name: 'tidemark_leases_waiting',
    type: 'gauge',
    help: 'Loads that wait for another replica now.',
    labels: [],
    read: ({ metrics }) => one(metrics.leases?.waiting),
  },
  {
    name: 'tidemark_leases_held',
    type: 'gauge',
    help: 'Loads here that other replicas would wait for.',
    labels: [],
    read: ({ metrics }) => one(metrics.leases?.held),
  },
];
