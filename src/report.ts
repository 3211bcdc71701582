import type { OutboxInfo } from './contract.js';

/** What a tide reports of itself: statistics and health, as types. No code. */

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
