import type { SubjectKey, Token } from '../contract.js';

/** One partition as this replica knows it. */
export interface Partition {
  readonly number: number;
  epoch: string | null;
  /** The last position applied without a hole. */
  applied: number;
  appliedNonce: string;
  /** False between a gap and the end of the re-read: marks may be behind. */
  trusted: boolean;
  /** Counts gaps, so that a re-read notices the next one. */
  gaps: number;
}

/**
 * The mark of one subject, held locally. `changed` is the table's version when the token last became another: a value
 * captured at version v is fresh if and only if `changed <= v`, since a token never comes back. A killed cell is never
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

  constructor(subject: SubjectKey, partition: Partition) {
    this.subject = subject;
    this.partition = partition;
  }

  /** True while entries may be judged by it. */
  get usable(): boolean {
    return this.valid && this.partition.trusted;
  }
}

/** Whether `token` replaces `held`: another epoch always does, within one the higher position. */
export function isNewer(token: Token, held: Token | null): boolean {
  return held === null || token.epoch !== held.epoch || token.position > held.position;
}

export function sameToken(a: Token, b: Token): boolean {
  return a === b || (a.epoch === b.epoch && a.position === b.position && a.nonce === b.nonce);
}
