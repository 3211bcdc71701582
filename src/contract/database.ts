/** What the core asks of a database that changes are committed in. Part of `contract.ts`. */

/** A `pg` Pool or Client fits, inside a transaction or not. */
export interface Sql {
  query(text: string, values: readonly unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
}

export interface OutboxRow {
  /** Unique. Of the rows of one transaction, the same up to the last '.'. */
  readonly id: string;
  /** What changed, as text that only the core understands. It holds no NUL and no lone surrogate. */
  readonly change: string;
}

export interface SweptRow extends OutboxRow {
  /** Written by a trigger: nobody but who sweeps announces it. */
  readonly isTrigger: boolean;
  /** Since it was written, by the database's clock. */
  readonly ageMs: number;
}

export interface SweepOptions {
  /** Younger rows are left to who wrote them; those of triggers are not. */
  readonly olderThanMs: number;
  /** Rows at once. */
  readonly limit: number;
}

/** What became of the rows that were handed over. Those in neither list are handed over again by the next sweep. */
export interface Swept {
  readonly applied: readonly string[];
  /** Not understood: kept, and handed over again after a minute, by when another version of the app may sweep. */
  readonly refused: readonly string[];
}

export interface OutboxInfo {
  /** Rows that are committed and not applied, as far as anybody has said so. */
  readonly waiting: number;
  /** Since the oldest of them was written, by the database's clock; null if there is none. */
  readonly oldestMs: number | null;
  /** Of those that wait: not understood by who looked at them last. */
  readonly refused: number;
}

/** Changes written down in the host's own transaction: committed with its data, or rolled back with it. */
export interface Outbox {
  /**
   * Writes rows through `via`, so that they are committed if and only if its transaction is. The statement is sent before
   * the first await: what is sent after the call comes after it.
   */
  add(via: Sql, rows: readonly OutboxRow[]): Promise<void>;
  /** Those of the ids whose rows are committed, on a connection that is no part of any transaction of the host. */
  committed(ids: readonly string[]): Promise<readonly string[]>;
  /** They have been applied and announced. */
  remove(ids: readonly string[]): Promise<void>;
  /**
   * Hands the oldest committed rows that wait to `apply`, in the order in which they were written, and remembers what
   * became of them. One sweep at a time, of however many replicas: meanwhile the others resolve with 0, and no row is
   * handed to two. If `apply` rejects, so does the sweep, and no row is forgotten. Resolves with how many were handed over.
   */
  sweep(options: SweepOptions, apply: (rows: readonly SweptRow[]) => Promise<Swept>): Promise<number>;
  info(): Promise<OutboxInfo>;
  /** Releases what the adapter itself opened. Idempotent. */
  close(): Promise<void>;
}
