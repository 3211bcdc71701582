import type { Clock, Outbox, OutboxRow, Sql } from '../contract.js';

/** A transaction of a database that holds nothing but the outbox's rows. */
export interface MemoryTransaction extends Sql {
  commit(): void;
  rollback(): void;
}

export interface MemoryOutbox extends Outbox {
  /** What `via` is to be. */
  begin(): MemoryTransaction;
  /** A row as a trigger writes it, committed. */
  trigger(row: OutboxRow): void;
  /** Ids of the rows that are committed and wait, the oldest first. */
  readonly waiting: readonly string[];
}

interface Row extends OutboxRow {
  readonly isTrigger: boolean;
  readonly writtenAt: number;
  isCommitted: boolean;
  appliedAt: number | null;
  refusedAt: number | null;
}

const AGAIN_MS = 60_000;

/**
 * An {@link Outbox} in this process, with transactions of its own that commit and roll back: what a test of code that uses
 * `tide.transaction` gives for a database. Several tides may share it.
 *
 * @example
 * const outbox = memoryOutbox({ clock });
 * const tide = createTidemark({ model, origin, clock, outbox });
 * const via = outbox.begin();
 * await tide.transaction(async (changes) => {
 *   await changes.add({ type: 'settlement', id: 's1', op: 'update' });
 *   via.commit();
 * }, { via });
 */
export function memoryOutbox({ clock }: { readonly clock: Pick<Clock, 'now'> }): MemoryOutbox {
  /** In the order in which they were written. */
  const rows = new Map<string, Row>();
  const open = new Map<object, Row[]>();
  let sweeping = false;

  const write = (row: OutboxRow, isCommitted: boolean, isTrigger: boolean): Row => {
    if (rows.has(row.id)) throw new Error(`outbox.add: expected an id of its own, got ${row.id} again.`);
    const written = { ...row, isTrigger, writtenAt: clock.now(), isCommitted, appliedAt: null, refusedAt: null };
    rows.set(row.id, written);
    return written;
  };
  const isWaiting = ({ isCommitted, appliedAt }: Row): boolean => isCommitted && appliedAt === null;
  const waiting = (): Row[] => [...rows.values()].filter(isWaiting);

  return {
    begin: () => {
      const transaction: MemoryTransaction = {
        query: async () => ({ rows: [] }),
        commit: () => {
          for (const row of open.get(transaction) ?? []) row.isCommitted = true;
          open.delete(transaction);
        },
        rollback: () => {
          for (const { id } of open.get(transaction) ?? []) rows.delete(id);
          open.delete(transaction);
        },
      };
      open.set(transaction, []);
      return transaction;
    },
    trigger: (row) => {
      write(row, true, true);
    },
    get waiting() {
      return waiting().map(({ id }) => id);
    },
    add: async (via, added) => {
      const pending = open.get(via);
      for (const row of added) {
        const written = write(row, pending === undefined, false);
        pending?.push(written);
      }
    },
    committed: async (ids) => ids.filter((id) => rows.get(id)?.isCommitted === true),
    remove: async (ids) => {
      for (const id of ids) rows.delete(id);
    },
    sweep: async ({ olderThanMs, limit }, apply) => {
      if (sweeping) return 0;
      sweeping = true;
      try {
        const now = clock.now();
        for (const [id, { appliedAt }] of rows) if (appliedAt !== null && now - appliedAt > AGAIN_MS) rows.delete(id);
        const found = waiting()
          .filter(({ isTrigger, writtenAt }) => isTrigger || now - writtenAt >= olderThanMs)
          .filter(({ refusedAt }) => refusedAt === null || now - refusedAt > AGAIN_MS)
          .slice(0, limit);
        if (found.length === 0) return 0;
        const { applied, refused } = await apply(
          found.map(({ id, change, isTrigger, writtenAt }) => ({ id, change, isTrigger, ageMs: now - writtenAt })),
        );
        for (const id of applied) {
          const row = rows.get(id);
          // Whoever wrote it may still ask whether it was committed.
          if (row?.isTrigger === true) rows.delete(id);
          else if (row !== undefined) row.appliedAt = now;
        }
        for (const id of refused) {
          const row = rows.get(id);
          if (row !== undefined) row.refusedAt = now;
        }
        return found.length;
      } finally {
        sweeping = false;
      }
    },
    info: async () => {
      const left = waiting();
      const ages = left.map(({ writtenAt }) => clock.now() - writtenAt);
      return {
        waiting: left.length,
        oldestMs: ages.length === 0 ? null : Math.max(...ages),
        refused: left.filter(({ refusedAt }) => refusedAt !== null).length,
      };
    },
    close: async () => {},
  };
}
