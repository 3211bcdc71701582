import assert from 'node:assert/strict';
import type { Awaitable, Outbox, OutboxRow, Sql, SweepOptions, Swept, SweptRow } from '../../contract.js';
import type { ContractCase, Elapse } from './case.js';

/** A transaction of the host's, under way. */
export interface OutboxTransaction {
  readonly via: Sql;
  commit(): Awaitable<unknown>;
  rollback(): Awaitable<unknown>;
}

export interface OutboxFixture {
  /** Empty. */
  readonly outbox: Outbox;
  /** The same outbox as another replica reaches it. */
  readonly peer: Outbox;
  /** At least three at once. */
  begin(): Awaitable<OutboxTransaction>;
  /** Commits a row as a trigger writes it. */
  trigger(row: OutboxRow): Awaitable<unknown>;
  readonly elapse: Elapse;
}

export type OutboxCase = ContractCase<OutboxFixture>;

export const NOW: SweepOptions = { olderThanMs: 0, limit: 100 };

export const rowOf = (id: string, change = `change of ${id}`): OutboxRow => ({ id, change });

/** Adds rows and commits them. */
export async function commit({ begin, outbox }: OutboxFixture, ...ids: readonly string[]): Promise<void> {
  const transaction = await begin();
  await outbox.add(
    transaction.via,
    ids.map((id) => rowOf(id)),
  );
  await transaction.commit();
}

export const idsOf = (rows: readonly SweptRow[]): string[] => rows.map(({ id }) => id);

/** The ids that a sweep hands over, all of which become as `fate` says. */
export async function swept(
  outbox: Outbox,
  options: Partial<SweepOptions> = {},
  fate: keyof Swept | 'neither' = 'applied',
): Promise<string[]> {
  let ids: string[] = [];
  const count = await outbox.sweep({ ...NOW, ...options }, async (rows) => {
    ids = idsOf(rows);
    return { applied: [], refused: [], [fate]: ids };
  });
  assert.equal(count, ids.length);
  return ids;
}
