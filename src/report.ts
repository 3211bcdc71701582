import type { OutboxInfo } from './contract.js';

/** What a tide reports of itself, statistics and health, and what a rate is. */

/** What one kind of key has seen on this replica since the last reset. */
export interface Counter {
  hits: number;
  misses: number;
  sets: number;
  deletes: number;
  /** Loads: the origin, or a view's load, was asked for this many values. */
  loads: number;
  /** Reads that waited for a load already under way. Counted as misses too. */
  joined: number;
  /** Hits in tier 2, which are hits too. */
  tier2Hits: number;
  /** Values returned but not kept, since something changed while they were loaded. */
  doomed: number;
}

export interface KindStats extends Readonly<Counter> {
  /** hits ÷ (hits + misses); 0 before the first read. */
  readonly hitRate: number;
}

export const zero = (): Counter => ({
  hits: 0,
  misses: 0,
  sets: 0,
  deletes: 0,
  loads: 0,
  joined: 0,
  tier2Hits: 0,
  doomed: 0,
});

/** The fields of a {@link Counter}. */
export const COUNTED = Object.keys(zero()) as readonly (keyof Counter)[];

export function withRate(counter: Counter): KindStats {
  const reads = counter.hits + counter.misses;
  return { ...counter, hitRate: reads === 0 ? 0 : counter.hits / reads };
}

export interface Stats extends KindStats {
  readonly patternDeletes: number;
  /** Batches sent to the origin: what a database sees. */
  readonly originCalls: number;
  readonly changes: number;
  readonly startTime: Date;
  readonly enabled: boolean;
  /** The same by the text before the first ':' of the key. */
  readonly byType: Readonly<Record<string, KindStats>>;
  /** Entries, bytes (0 unless `maxBytes` is set) and marks held now. */
  readonly tier1: { readonly entries: number; readonly bytes: number; readonly marks: number };
}

export interface Health {
  readonly status: 'up' | 'degraded' | 'down';
  readonly metrics: {
    /** hits ÷ reads since the last reset; null before the first read. */
    readonly hitRate: number | null;
    /** Round trip to the shared store; null without one. */
    readonly redisPingMs: number | null;
    /** Of the store, or of tier 1 where there is none and `maxBytes` is set; else null. */
    readonly memoryUsageMB: number | null;
    readonly keyCountByType: Readonly<Record<string, number>>;
    /** What lies in the outbox; left out where there is none, or where it cannot be asked. */
    readonly outbox?: OutboxInfo;
  };
  readonly thresholds: HealthThresholds;
  /** What is wrong, a sentence each; empty when up. */
  readonly issues: readonly string[];
}

export interface HealthThresholds {
  /** Below this hit rate a tide is degraded, once it has answered 100 reads. */
  readonly minHitRate: number;
  /** Megabytes. */
  readonly maxMemory: number;
  /** Milliseconds. */
  readonly maxLatency: number;
}

// ── Of all replicas ─────────────────────────────────────────────────────────────────────────────────────────────

export interface MergedOptions {
  readonly merged: true;
  /** How long answers of other replicas are waited for: nobody knows how many there are. Default 1,000. */
  readonly waitMs?: number | undefined;
}

/** One replica, as it says of itself. Its dates are by the clock of this machine: no two clocks are compared. */
export interface ReplicaStats {
  /** Random, the same for as long as the tide lives there. */
  readonly id: string;
  /** Whether it is this one, which is the first. */
  readonly own: boolean;
  /** Of tidemark there. */
  readonly version: string;
  /** When its tide was made. */
  readonly startTime: Date;
  /**
   * For how long the store has not confirmed the marks that it holds: above its `maxStalenessMs` it trusts none of them. Null before
   * it has read anything.
   */
  readonly unconfirmedMs: number | null;
  readonly stats: Stats;
}

export interface ReplicaHealth extends ReplicaStats {
  readonly health: Health;
}

export interface Merged<Replica> {
  /** Those that answered in time, this one first, the others by id. Those that did not are not known of. */
  readonly replicas: readonly Replica[];
  /** Why none but this one could be asked; null if they could. */
  readonly unreachable: string | null;
}

/** Sums over all replicas that answered; `startTime` is the earliest, `enabled` false if one of them does not count. */
export interface MergedStats extends Stats, Merged<ReplicaStats> {}

/**
 * The worst status, and every issue with the replica that has it. `hitRate` is over all their reads, `redisPingMs` the slowest; memory and
 * keys, where replicas share a store, the most that one of them sees of it, else the sum. `thresholds` are this replica's.
 */
export interface MergedHealth extends Health, Merged<ReplicaHealth> {}
