import type { Metrics } from '../../../metrics.js';
import { type Family, type Reading, type Sample, counts, durations, one, seconds } from '../family.js';

/** One number of each type of key that anything was counted of. */
const byType =
  (of: (counter: Metrics['byType'][string]) => number) =>
  ({ metrics }: Reading): readonly Sample<number>[] =>
    Object.entries(metrics.byType)
      .filter(([, counter]) => Object.values(counter).some((count) => count > 0))
      .map(([type, counter]) => ({ labels: { type }, value: of(counter) }));

/** How often reads of a type were answered so. */
const answered = (tier: string, result: string, of: (counter: Metrics['byType'][string]) => number) => {
  const read = byType(of);
  return (reading: Reading): readonly Sample<number>[] =>
    read(reading).map(({ labels, value }) => ({ labels: { ...labels, tier, result }, value }));
};

const READS = [
  answered('1', 'hit', ({ hits, tier2Hits }) => hits - tier2Hits),
  answered('2', 'hit', ({ tier2Hits }) => tier2Hits),
  answered('none', 'joined', ({ joined }) => joined),
  answered('none', 'miss', ({ misses, joined }) => misses - joined),
];

/** Reads, loads, the origin and changes. */
export const VALUES: readonly Family[] = [
  // ── Reads ─────────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    name: 'tidemark_reads_total',
    type: 'counter',
    help: 'Reads that were answered, by type of key, by the tier that had the value, and by result.',
    labels: ['type', 'tier', 'result'],
    read: (reading) => READS.flatMap((read) => read(reading)),
  },
  {
    name: 'tidemark_loads_total',
    type: 'counter',
    help: 'Values that the origin, or the load of a view, was asked for.',
    labels: ['type'],
    read: byType(({ loads }) => loads),
  },
  {
    name: 'tidemark_load_duration_seconds',
    type: 'histogram',
    help: 'What a miss took until there was a value or an error, by kind of value.',
    labels: ['kind'],
    read: ({ metrics }) => durations(metrics.loads),
  },
  {
    name: 'tidemark_doomed_loads_total',
    type: 'counter',
    help: 'Values that were loaded, given out and not kept, since something changed meanwhile.',
    labels: ['type'],
    read: byType(({ doomed }) => doomed),
  },
  {
    name: 'tidemark_stale_served_total',
    type: 'counter',
    help: 'Values served although nothing said that they were current, as staleIfOutageMs allows.',
    labels: [],
    read: ({ metrics }) => one(metrics.staleServed),
  },
  {
    name: 'tidemark_sets_total',
    type: 'counter',
    help: 'Values put into the cache.',
    labels: ['type'],
    read: byType(({ sets }) => sets),
  },
  {
    name: 'tidemark_deletes_total',
    type: 'counter',
    help: 'Values deleted by key or by pattern.',
    labels: ['type'],
    read: byType(({ deletes }) => deletes),
  },
  {
    name: 'tidemark_pattern_deletes_total',
    type: 'counter',
    help: 'Deletions by pattern.',
    labels: [],
    read: ({ metrics }) => one(metrics.patternDeletes),
  },

  // ── The origin ────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    name: 'tidemark_origin_call_duration_seconds',
    type: 'histogram',
    help: 'Calls of the origin, each for a batch of ids.',
    labels: ['type', 'method'],
    read: ({ metrics }) => durations(metrics.origin.calls),
  },
  {
    name: 'tidemark_origin_failures_total',
    type: 'counter',
    help: 'Calls of the origin that threw or did not answer in time.',
    labels: ['type', 'method'],
    read: ({ metrics }) => counts(metrics.origin.failures),
  },
  {
    name: 'tidemark_origin_waiting',
    type: 'gauge',
    help: 'Calls that wait for a place in front of the origin, while marks or store cannot be reached.',
    labels: [],
    read: ({ metrics }) => one(metrics.origin.waiting),
  },
  {
    name: 'tidemark_origin_overloaded_total',
    type: 'counter',
    help: 'Calls that were refused with OVERLOADED, since too many waited.',
    labels: [],
    read: ({ metrics }) => one(metrics.origin.overloaded),
  },

  // ── Changes ───────────────────────────────────────────────────────────────────────────────────────────────────────
  {
    name: 'tidemark_changes_total',
    type: 'counter',
    help: 'Changes made here; the type is empty for a whole branch.',
    labels: ['type', 'op'],
    read: ({ metrics }) => counts(metrics.changes.made),
  },
  {
    name: 'tidemark_placement_changes_total',
    type: 'counter',
    help: 'Changes without the row images that say where an entity hangs and lies: every list of the type went stale.',
    labels: ['type'],
    read: ({ metrics }) => counts(metrics.changes.imprecise),
  },
  {
    name: 'tidemark_changes_queued_total',
    type: 'counter',
    help: 'Changes whose receipt said queued, since the marks could not be reached.',
    labels: [],
    read: ({ metrics }) => one(metrics.changes.queued),
  },
  {
    name: 'tidemark_changes_waiting',
    type: 'gauge',
    help: 'Changes that wait to be written to the marks.',
    labels: [],
    read: ({ metrics }) => one(metrics.changes.waiting),
  },
  {
    name: 'tidemark_changes_oldest_wait_seconds',
    type: 'gauge',
    help: 'How long the first of the changes that wait does; 0 if none does.',
    labels: [],
    read: ({ metrics }) => seconds(metrics.changes.waitingMs),
  },
  {
    name: 'tidemark_outbox_rows',
    type: 'gauge',
    help: 'Rows in the outbox that are committed and not applied.',
    labels: [],
    read: ({ health }) => one(health.metrics.outbox?.waiting),
  },
  {
    name: 'tidemark_outbox_refused_rows',
    type: 'gauge',
    help: 'Rows in the outbox that this version of the app does not understand.',
    labels: [],
    read: ({ health }) => one(health.metrics.outbox?.refused),
  },
  {
    name: 'tidemark_outbox_oldest_seconds',
    type: 'gauge',
    help: 'Age of the oldest row in the outbox, by the clock of the database; 0 if there is none.',
    labels: [],
    read: ({ health: { metrics } }) => (metrics.outbox === undefined ? [] : seconds(metrics.outbox.oldestMs ?? 0)),
  },
];
