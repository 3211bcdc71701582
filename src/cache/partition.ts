import type { Bump, Head } from '../contract.js';

/** What a message or an answer says about a partition, compared with what is known of it. */
export type Finding =
  | 'nothing new'
  | 'next'
  /** Messages between what was applied and this one have not come. */
  | 'hole'
  /** Another epoch: every mark of the partition is unknown. */
  | 'epoch'
  /** Another epoch than now, of an answer to a question from before this one was known: either may be the later. */
  | 'unclear'
  /** The store has gone back under one epoch. */
  | 'lost';

/** What this replica knew when it sent a question. */
export interface Sent {
  readonly at: number;
  readonly serial: number;
  /** By partition. */
  readonly known: readonly { readonly epoch: string | null; readonly applied: number }[];
}

/** Epochs beyond these are forgotten: it takes a loss of the store to begin one. */
const PASSED_KNOWN = 32;

/** One partition of the marks as this replica knows it. Decides what a message or a head means; does nothing itself. */
export class Partition {
  readonly number: number;
  epoch: string | null = null;
  /** The last position applied without a hole. */
  applied = 0;
  /** The highest position that any message or answer named: what was bumped up to there may have been heard. */
  highest = 0;
  /** Of the bump at `applied`; empty if it is not known. */
  appliedNonce = '';
  /** When the last check was sent that found everything applied; -Infinity if there was none. */
  confirmedAt = -Infinity;
  /** The same, but a gap does not take it back. */
  wasConfirmedAt = -Infinity;
  /** While marks may be behind: only readings with a later serial count. */
  doubtedAt: number | null = null;
  /** What was read before, nobody has heard the changes of: it never counts. */
  readableFrom = 0;
  /** Counts gaps, so that a re-read notices the next one. */
  gaps = 0;
  /** True from a gap until everything has been read again. */
  repairing = false;
  /** How often an epoch was called for that begins after that moment, and for how many of these calls there was one. */
  epochsWanted = 0;
  epochsBegun = 0;
  /** The epoch that was known before this one, until it is settled what of this replica's own was lost with it. */
  replaced: string | null = null;
  /** Epochs that were replaced as this replica knows: a store that has one again has gone back. */
  readonly #passed = new Set<string>();
  /** A check that found more than was applied: it confirms once that much is. */
  #unconfirmed: { readonly head: number; readonly sentAt: number } | null = null;
  /** A position that an event named: doubt until it is applied. */
  #awaited = 0;

  constructor(number: number) {
    this.number = number;
  }

  /** True if everything held of it was current at this time. */
  isConfirmed(since: number): boolean {
    return this.doubtedAt === null && this.confirmedAt > since;
  }

  /** What the store says is not to be believed: it needs another epoch first. */
  get mustRenew(): boolean {
    return this.epochsWanted > this.epochsBegun;
  }

  /** The store has gone back to an epoch that was replaced: what was bumped since then is not in it. */
  get hasGoneBack(): boolean {
    return this.epoch !== null && this.#passed.has(this.epoch);
  }

  /** False while what the store says may lack changes of this replica: it needs another epoch, or these changes again. */
  get isBelievable(): boolean {
    return !this.mustRenew && this.replaced === null;
  }

  // ── Messages ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** What a bump means; `next` and `hole` have advanced `applied` to it. */
  hear({ epoch, prev, position, nonce }: Bump): Finding {
    // Of an epoch that was replaced, it may only have come late.
    if (this.epoch !== epoch) return this.#passed.has(epoch) ? 'unclear' : 'epoch';
    this.highest = Math.max(this.highest, position);
    if (position === this.applied && this.appliedNonce !== '' && this.appliedNonce !== nonce) return 'lost';
    if (position <= this.applied) return 'nothing new';
    const found = prev === this.applied ? 'next' : 'hole';
    this.#advance(position, nonce);
    return found;
  }

  /** The reply to a bump of this replica: a foreign one before it may still be on its way, then the messages advance. */
  hearOwn({ epoch, prev, position, nonce }: Bump, { known }: Sent): Finding {
    const then = known[this.number];
    if (this.epoch !== epoch) return then?.epoch === this.epoch ? 'epoch' : 'unclear';
    this.highest = Math.max(this.highest, position);
    if (then?.epoch === epoch && position <= then.applied) return 'lost';
    if (position === this.applied && this.appliedNonce !== '' && this.appliedNonce !== nonce) return 'lost';
    if (prev !== this.applied) return 'nothing new';
    this.#advance(position, nonce);
    return 'next';
  }

  #advance(position: number, nonce: string): void {
    this.applied = position;
    this.highest = Math.max(this.highest, position);
    this.appliedNonce = nonce;
    const unconfirmed = this.#unconfirmed;
    if (unconfirmed !== null && position >= unconfirmed.head) this.#confirm(unconfirmed.sentAt);
    if (!this.repairing && position >= this.#awaited) this.doubtedAt = null;
  }

  #confirm(sentAt: number): void {
    this.confirmedAt = Math.max(this.confirmedAt, sentAt);
    this.wasConfirmedAt = Math.max(this.wasConfirmedAt, sentAt);
    this.#unconfirmed = null;
  }

  // ── Heads ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What a head means that came with the answer to a question. */
  compare({ epoch, head, nonce }: Head, { known }: Sent): Finding {
    const then = known[this.number];
    if (this.epoch !== epoch) return then?.epoch === this.epoch ? 'epoch' : 'unclear';
    if (then?.epoch === epoch && head < then.applied) return 'lost';
    if (head === this.applied && this.appliedNonce !== '' && head > 0 && this.appliedNonce !== nonce) return 'lost';
    return head > this.applied ? 'next' : 'nothing new';
  }

  /** The same for a regular check: trust runs on from here, or a hole is found that no message has shown. */
  check(head: Head, sent: Sent): Finding {
    const found = this.compare(head, sent);
    if (found === 'nothing new' && !this.repairing) {
      this.#confirm(sent.at);
      // An event of an epoch that is gone named a position that never comes.
      if (this.doubtedAt !== null && this.doubtedAt <= sent.serial) {
        this.doubtedAt = null;
        this.#awaited = 0;
      }
    }
    if (found !== 'next') return found;
    // What an earlier check found has had a whole interval to arrive.
    if (this.#unconfirmed !== null) {
      this.#advance(head.head, head.nonce);
      return 'hole';
    }
    this.#unconfirmed = { head: head.head, sentAt: sent.at };
    return 'nothing new';
  }

  // ── Doubt ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * An event names this position: until it is applied, what was read before may be older than the event. True if it is not
   * applied yet.
   */
  expect(epoch: string, position: number, serial: number): boolean {
    if (epoch === this.epoch && position <= this.applied) return false;
    this.#awaited = epoch === this.epoch ? Math.max(this.#awaited, position) : Infinity;
    this.doubtedAt = serial;
    return true;
  }

  /** Nothing read before `serial` counts until a check that is sent later finds everything applied. */
  suspect(serial: number): void {
    this.#awaited = Infinity;
    this.doubtedAt = serial;
  }

  /** Nothing read before `serial` counts any more, until `settle`. */
  doubt(serial: number): void {
    this.gaps++;
    this.doubtedAt = serial;
    this.confirmedAt = -Infinity;
    this.#unconfirmed = null;
  }

  /** Messages up to here need not come: what they say is in what is read from now on. */
  skipTo({ head, nonce }: Head): void {
    if (head > this.applied) this.#advance(head, nonce);
    else if (head === this.applied) this.appliedNonce = nonce;
  }

  /** Another epoch: its head is where messages go on. */
  adopt({ epoch, head, nonce }: Pick<Head, 'epoch' | 'head' | 'nonce'>): void {
    this.replaced ??= this.epoch;
    if (this.epoch !== null) this.#passed.add(this.epoch);
    if (this.#passed.size > PASSED_KNOWN) this.#passed.delete(this.#passed.values().next().value as string);
    this.epoch = epoch;
    this.applied = head;
    this.highest = head;
    this.appliedNonce = nonce;
    this.#awaited = 0;
    this.#unconfirmed = null;
  }

  /** Everything held has been read again since a time. */
  settle(sentAt: number): void {
    this.repairing = false;
    if (this.#awaited <= this.applied) this.doubtedAt = null;
    this.#confirm(sentAt);
  }
}
