import type { Campaign, Kingdom, Settlement } from '../world/model.ts';
import type { Flags as WorldFlags } from '../world/server/flags.ts';

/** What the parent and its replicas tell each other. Everything survives JSON. */

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** To a replica: how it is to run. */
export interface Plan extends Pick<WorldFlags, 'world' | 'seed'> {
  /** The file of writes. */
  readonly log: string;
  readonly isCluster: boolean;
  /** What each Redis server calls itself. */
  readonly nodes: readonly Address[];
  /** Where this replica reaches each of them: for commands, and for what is published. */
  readonly clientLinks: readonly Address[];
  readonly busLinks: readonly Address[];
  readonly login: object;
  readonly prefix: string;
}

/** From a replica, once: it serves. With the rows that it takes to follow one city in the file of writes. */
export interface Ready {
  readonly kind: 'ready';
  readonly port: number;
  readonly campaigns: readonly Campaign[];
  readonly kingdoms: readonly Kingdom[];
  readonly watched: Settlement;
}

/** From a replica, several times a second: what its tide says of itself. */
export interface Figures {
  readonly kind: 'figures';
  readonly hits: number;
  readonly misses: number;
  readonly tier2Hits: number;
  readonly originCalls: number;
  readonly entries: number;
  /** Times that messages may have been lost. */
  readonly gaps: number;
  /** Partitions whose marks are being read again. */
  readonly doubted: number;
  /** Changes that wait for Redis. */
  readonly queued: number;
  /** What is not asked for a while, since it failed too often. */
  readonly outage: readonly ('marks' | 'store')[];
  /** Since Redis last said that no change was missed; null: never yet. */
  readonly checkedAgoMs: number | null;
  /** What failed last, in words. */
  readonly failure: string | null;
}

export type Told = Ready | Figures;
