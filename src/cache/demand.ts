import type { Freshness } from '../call.js';
import { type ReceiptMarks, marksOf } from './receipt.js';

/** How new a read must be, and how old its value may be if there is no other way. */
export interface Demand {
  readonly after: ReceiptMarks | null;
  /** Nothing counts but what the store says after the read began. */
  readonly strong: boolean;
  /** If the origin fails: a value loaded at most so long ago will do, whether or not it is known to be current. */
  readonly staleIfOutageMs: number;
}

export const ANYTHING: Demand = { after: null, strong: false, staleIfOutageMs: 0 };

/** What is said, over what holds otherwise. Throws INVALID_RECEIPT. */
export function demandOf(said: Freshness | undefined, otherwise: Demand): Demand {
  if (said === undefined) return otherwise;
  const { after, consistency, staleIfOutageMs } = said;
  if (after === undefined && consistency === undefined && staleIfOutageMs === undefined) return otherwise;
  return {
    after: after === undefined ? otherwise.after : marksOf(after),
    strong: consistency === undefined ? otherwise.strong : consistency === 'strong',
    staleIfOutageMs: staleIfOutageMs ?? otherwise.staleIfOutageMs,
  };
}
