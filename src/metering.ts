import type { Calls } from './cache/calls.js';
import type { Gate } from './cache/gate.js';
import type { Reads } from './cache/read.js';
import type { Clock } from './contract.js';
import type { Live } from './live.js';
import type { Metrics } from './metrics.js';
import type { Hub } from './realtime/hub.js';

export interface MeteredParts {
  readonly clock: Clock;
  readonly reads: Reads;
  readonly hub: Pick<Hub, 'metrics'>;
  readonly live: Pick<Live, 'connections'>;
  /** In front of the origin. */
  readonly gates: readonly Gate[];
}

/** `tide.metrics()`. Each part counts its own; here they are put side by side. */
export function metricsOf({ clock, reads, hub, live, gates }: MeteredParts): Metrics {
  const { statistics, tier, tier2, table, leases } = reads;
  const { standing, queue, calls } = table;
  const now = clock.now();
  const parts: readonly (readonly [part: string, calls: Calls])[] = [
    ['marks', calls],
    ...(tier2 === null ? [] : [['store', tier2.calls] as const]),
  ];
  const sum = (of: (gate: Gate) => number): number => gates.reduce((all, gate) => all + of(gate), 0);
  return {
    enabled: statistics.enabled,
    byType: statistics.byType,
    loads: statistics.loads.durations,
    staleServed: statistics.staleServed,
    patternDeletes: statistics.patternDeletes,
    errors: statistics.errors.counts,
    tier1: { entries: tier.size, bytes: tier.bytes, marks: tier.marks, evictions: tier.evictions },
    origin: {
      calls: statistics.origin.durations,
      failures: statistics.originFailures.counts,
      waiting: sum(({ waiting }) => waiting),
      overloaded: sum(({ overloaded }) => overloaded),
    },
    changes: {
      made: statistics.made.counts,
      imprecise: statistics.imprecise.counts,
      queued: statistics.queued,
      waiting: queue.length,
      waitingMs: now - (queue.first?.since ?? now),
    },
    marks: { held: table.size, ...standing, gaps: statistics.gaps },
    stores: {
      calls: parts.flatMap(([part, { timings }]) => timings.durations.map((timed) => ({ part, ...timed }))),
      failures: parts.map(([part, { failed }]) => ({ part, count: failed })),
      refused: parts.map(([part, { refused }]) => ({ part, count: refused })),
      open: parts.map(([part, { isDown }]) => ({ part, open: isDown })),
    },
    leases: leases && { held: leases.held, waits: leases.waits, waiting: leases.waiting },
    realtime: { connections: live.connections, ...hub.metrics() },
  };
}
