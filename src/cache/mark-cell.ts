import type { SubjectKey, Token } from '../contract.js';
import type { TidemarkError } from '../errors.js';
import type { Partition } from './partition.js';

/** One call that read marks: `serial` orders it among what this replica does, `sentAt` is when it was sent. */
export interface Reading {
  readonly serial: number;
  readonly sentAt: number;
}

const NEVER: Reading = { serial: 0, sentAt: -Infinity };

/**
 * The mark of one subject, held locally. `changed` is the table's version when the token last became another: a value
 * captured at version v is unmoved if and only if `changed <= v`, since a token never comes back. A killed cell is never
 * valid again.
 */
export class MarkCell {
  readonly subject: SubjectKey;
  readonly partition: Partition;
  token: Token | null = null;
  changed = 0;
  /** True once a reply said what the token is; a message alone does not. */
  valid = false;
  /** Entries and flights that rely on this cell. */
  pins = 0;
  /** It was let go, and has not come up for eviction since; `again`: it was let go once more meanwhile. */
  loose: 'once' | 'again' | null = null;
  /** The last one that said what the token is. */
  reading = NEVER;
  /** Local time at which it was bumped at the latest, in whole milliseconds. */
  bornBefore = 0;

  constructor(subject: SubjectKey, partition: Partition) {
    this.subject = subject;
    this.partition = partition;
  }

  /** Since when, by the local clock, it is known to be current; -Infinity if it is not. */
  get confirmedAt(): number {
    if (!this.valid) return -Infinity;
    const { doubtedAt, confirmedAt } = this.partition;
    if (doubtedAt === null) return Math.max(confirmedAt, this.reading.sentAt);
    return this.reading.serial > doubtedAt ? this.reading.sentAt : -Infinity;
  }
}

/** Whether `token` replaces `held`: another epoch always does, within one the higher position. */
export function isNewer(token: Token, held: Token | null): boolean {
  return held === null || token.epoch !== held.epoch || token.position > held.position;
}

export function sameToken(a: Token, b: Token): boolean {
  return a === b || (a.epoch === b.epoch && a.position === b.position && a.nonce === b.nonce);
}

/** Where every partition stood at a moment. */
export type Applied = readonly { readonly epoch: string | null; readonly applied: number; readonly sure: boolean }[];

/** Whether its mark had been applied at that moment: it has not moved since. */
export function wasApplied({ token, partition }: MarkCell, applied: Applied): boolean {
  const then = applied[partition.number];
  return token !== null && token.epoch === then?.epoch && token.position <= then.applied;
}

/** Whether what it says was read after this moment of the table. */
export function isReadAfter(cell: MarkCell, after: number): boolean {
  return cell.valid && cell.reading.serial > after;
}

/** Marks as they were when the table had the version `stamp`. The caller unpins the cells. */
export interface Held {
  readonly cells: readonly MarkCell[];
  readonly stamp: number;
  /** False if some could not be read: nothing built on them can be kept, nor anything that is kept be judged by them. */
  readonly known: boolean;
  /** Why. */
  readonly error: TidemarkError | null;
}
