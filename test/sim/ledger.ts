import type { Outbox, OutboxRow, Sql, SweptRow } from '../../src/contract.js';
import type { Violated } from './check.js';
import type { Database } from './database.js';
import type { Engine } from './engine.js';
import { type ChangeRecord, type History, bumpOf } from './history.js';
import type { Process } from './process.js';
import type { Commit, Draft, World } from './world.js';

/** A transaction of a host's: what it has written down is committed with its one write, or gone. */
export interface Transaction extends Sql {
  readonly rows: OutboxRow[];
}

interface Row extends OutboxRow {
  readonly writtenAt: number;
  isApplied: boolean;
}

export interface LedgerParts {
  readonly engine: Engine;
  readonly world: World;
  readonly history: History;
  readonly database: Database;
  readonly violated: Violated;
  readonly labelOf: (commit: Commit) => string;
}

const PRIMARY = { recentlyChanged: true };
const changeIdOf = (rowId: string): string => rowId.slice(0, rowId.lastIndexOf('.'));

/** The outbox as the database has it: rows are seen once their transactions are committed. Judges what becomes of them (P8). */
export class Ledger {
  readonly #parts: LedgerParts;
  /** Committed, in the order of their writing. */
  readonly #rows = new Map<string, Row>();
  /** Written and not committed, by change. */
  readonly #open = new Set<string>();
  readonly #records = new Map<string, ChangeRecord>();
  /** By change, who asked for its bump. */
  readonly #bumpedBy = new Map<string, Set<Process>>();
  /** Changes of which their own replica was told that they are committed. */
  readonly #known = new Set<string>();
  #sweeping: Process | null = null;

  constructor(parts: LedgerParts) {
    this.#parts = parts;
  }

  begin(): Transaction {
    return { rows: [], query: () => Promise.reject(new Error('the ledger writes rows by itself')) };
  }

  /** Resolves with what was committed; null if something else was in between, and it was rolled back. */
  commit(process: Process, transaction: Transaction, draft: Draft): Promise<ChangeRecord | null> {
    const { engine, world, history, database, labelOf } = this.#parts;
    return database.ask(process, 'commit', PRIMARY, () => {
      const commit = world.put(draft, engine.now);
      if (commit === null) return null;
      const record = history.change(process, labelOf(commit), {
        commits: [commit],
        bump: bumpOf.entity(commit),
        isEvent: true,
      });
      for (const row of transaction.rows) {
        const changeId = changeIdOf(row.id);
        history.named(record, changeId);
        this.#open.delete(changeId);
        this.#records.set(changeId, record);
        this.#rows.set(row.id, { ...row, writtenAt: engine.now, isApplied: false });
      }
      return record;
    });
  }

  /** As one replica reaches it. */
  outboxFor(process: Process): Outbox {
    const { engine } = this.#parts;
    const ask = <T>(label: string, run: () => T): Promise<T> =>
      this.#parts.database.ask(process, `outbox: ${label}`, PRIMARY, run);
    return {
      add: (via, rows) =>
        ask('add', () => {
          for (const row of rows) {
            (via as Transaction).rows.push(row);
            this.#open.add(changeIdOf(row.id));
          }
        }),
      committed: async (ids) => {
        const found = await ask('committed', () => ids.filter((id) => this.#rows.has(id)));
        for (const id of found) this.#known.add(changeIdOf(id));
        return found;
      },
      remove: (ids) =>
        ask('remove', () => {
          for (const id of ids) this.#rows.delete(id);
        }),
      sweep: async ({ olderThanMs, limit }, apply) => {
        const found = await ask('sweep', () => {
          if (this.#sweeping?.alive === true) return [];
          const rows = [...this.#rows.values()].filter(
            ({ isApplied, writtenAt }) => !isApplied && engine.now - writtenAt >= olderThanMs,
          );
          if (rows.length > 0) this.#sweeping = process;
          return rows.slice(0, limit).map(({ id, change, writtenAt }): SweptRow => ({
            id,
            change,
            isTrigger: false,
            ageMs: engine.now - writtenAt,
          }));
        });
        if (found.length === 0) return 0;
        try {
          const { applied } = await apply(found);
          await ask('swept', () => {
            for (const id of applied) {
              const row = this.#rows.get(id);
              if (row !== undefined) row.isApplied = true;
            }
          });
          return found.length;
        } finally {
          if (this.#sweeping === process) this.#sweeping = null;
        }
      },
      info: () => Promise.reject(new Error('nobody asks')),
      close: async () => {},
    };
  }

  /** A replica asks for the bump of a change. */
  bumping(process: Process, changeId: string): void {
    const by = this.#bumpedBy.get(changeId) ?? new Set();
    this.#bumpedBy.set(changeId, by.add(process));
    if (this.#open.has(changeId))
      this.#parts.violated('P8', `${process.name} applied change ${changeId}, which is not committed`);
  }

  /** Whether its replica was told that it is committed: then its receipt is a promise. */
  isKnown({ changeId }: ChangeRecord): boolean {
    return changeId !== null && this.#known.has(changeId);
  }

  has({ changeId }: ChangeRecord): boolean {
    return changeId !== null && this.#records.has(changeId);
  }

  /** A subscriber was given an event: only who wrote it may have told it, since nobody else knows what was told after it. */
  delivered(changeId: string): void {
    const record = this.#records.get(changeId);
    if (record === undefined || this.#bumpedBy.get(changeId)?.has(record.process) === true) return;
    this.#parts.violated('P8', `${record.label} was left to the sweeper, and told as if it were new`);
  }

  /** At rest: what was committed has been applied, whoever died; but for what a store forgot that nobody is left to repeat. */
  finish(isForgotten: (record: ChangeRecord, bumpedBy: Iterable<Process>) => boolean): void {
    const { history, violated } = this.#parts;
    for (const [changeId, record] of this.#records) {
      if (history.standsSince(record) !== null || history.isOvertaken(record) || history.isReplaced(record)) continue;
      if (isForgotten(record, this.#bumpedBy.get(changeId) ?? [])) continue;
      violated('P8', `${record.label} of ${record.process.name} was committed, and never applied`);
    }
  }
}
