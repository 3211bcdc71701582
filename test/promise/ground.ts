import type { Clock } from '../../src/contract.js';
import type { Library } from '../plant.js';
import type { Principal, PromiseTide, Truth } from './model.js';
import type { Plan } from './plan.js';

/** What goes wrong. `ms` is for how long, where that has a meaning. */
export type Fault =
  | { readonly what: LinkFault; readonly replica: number; readonly link: LinkName; readonly ms: number }
  | { readonly what: ServerFault; readonly ms: number };

export type LinkName = 'client' | 'subscriber';

/**
 * `hold`: everything is late but arrives; `silence`: the connection is gone and nobody is told before the end; `lose`: some
 * messages are gone and nobody is told, which only a simulated link does.
 */
export const LINK_FAULTS = ['cut', 'refuse', 'hold', 'silence', 'delay', 'lose'] as const;
export type LinkFault = (typeof LINK_FAULTS)[number];

/**
 * `restart`: with what was kept by the last `keep`, or with nothing. `failover`: to a standby that has heard nothing since the
 * last `part`. `trim`: of each topic only the last message is kept. `full`: bumps are
 * taken, and what needs memory is refused.
 */
export const SERVER_FAULTS = ['wipe', 'trim', 'full', 'keep', 'restart', 'part', 'failover', 'kill', 'pause'] as const;
export type ServerFault = (typeof SERVER_FAULTS)[number];

/** Replicas on a server, and time. All milliseconds are by the clock of the replicas. */
export interface Ground {
  readonly tides: readonly PromiseTide[];
  readonly clock: Clock;
  /** Lets so much time pass. */
  pass(ms: number): Promise<void>;
  /** Begins the fault; what has a duration ends by itself. */
  strike(fault: Fault): Promise<void>;
  /** Ends every fault that is still there. */
  heal(): Promise<void>;
  close(): Promise<void>;
}

export interface GroundOptions {
  readonly library: Library;
  readonly plan: Plan;
  readonly truth: Truth;
  readonly banned: Set<Principal['name']>;
}

export type OpenGround = (options: GroundOptions) => Promise<Ground>;
