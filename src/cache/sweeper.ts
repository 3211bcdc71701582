import { inTime } from '../clock.js';
import type { Clock, Outbox, Swept, SweptRow } from '../contract.js';
import { TidemarkError, messageOf } from '../errors.js';
import type { Events } from '../events.js';
import type { Topology } from '../model.js';
import type { Changer, NamedChange, Telling } from './change.js';
import { decodeRow } from './outbox-rows.js';

export interface SweeperOptions {
  readonly outbox: Outbox;
  readonly changer: Changer;
  readonly topology: Topology;
  readonly clock: Clock;
  readonly events: Events;
  readonly namespace: string | undefined;
  /** Between two looks. */
  readonly intervalMs: number;
}

/** Who writes a row applies it at once: what is older was left behind. */
const LEFT_BEHIND_MS = 2000;
/** Rows at once: they are locked while they are applied. */
const ROWS = 500;
/** Rows whose marks are bumped at once. */
const ROWS_PER_BUMP = 100;
/** A trigger's row that is older may be told after newer ones of the same entity. */
const LATE_MS = 5000;
/** A change with more rows of triggers is told as `resync`: nobody patches so many. */
const MOST_EVENTS = ROWS_PER_BUMP;
const LONGEST_PAUSE_MS = 30_000;
/** Whoever sweeps is taken to be gone if it says nothing for so long. */
const PATIENCE_MS = 60_000;
/** Nobody who closes a tide waits longer for what is being applied. */
const CLOSING_MS = 5000;
/** Removals are collected for so long. */
const REMOVE_AFTER_MS = 200;
/** Ids remembered of rows that were refused and of changes that failed. */
const MOST_REMEMBERED = 1000;
/** So many changes in a row cannot be made: marks or bus are away. */
const MOST_FAILURES = 5;

interface Understood {
  readonly row: SweptRow;
  readonly change: NamedChange;
}

/** The change that a row is part of, and what tells it from the others. */
function namesIn(rowId: string): readonly [changeId: string, id: string] {
  const dot = rowId.lastIndexOf('.');
  return dot < 0 ? [rowId, '0'] : [rowId.slice(0, dot), rowId.slice(dot + 1)];
}

/**
 * Applies what lies in the outbox: what writers that died, or whose marks could not be reached, left behind, and what
 * triggers wrote. Looks by itself, one replica at a time, for as long as the tide is open.
 */
export class Sweeper {
  readonly #options: SweeperOptions;
  readonly #refused = new Set<string>();
  /** Changes that could not be made at first: others may have been told before them. */
  readonly #late = new Set<string>();
  #removing: string[] = [];
  #failures = 0;
  #running: Promise<void> | null = null;
  #closed = false;
  #cancelTimer: () => void = () => {};
  #cancelRemoval: (() => void) | null = null;

  constructor(options: SweeperOptions) {
    this.#options = options;
    this.#arm(options.intervalMs);
  }

  /** Some time soon; what fails to be removed is swept, which tells nobody anything twice. */
  remove(ids: readonly string[]): void {
    this.#removing.push(...ids);
    if (this.#closed) void this.#flush();
    else
      this.#cancelRemoval ??= this.#options.clock.after(REMOVE_AFTER_MS, () => {
        void this.#flush();
      });
  }

  /** Resolves once what is being applied has been, or it takes too long: then it is swept by another. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelTimer();
    const ended = async (): Promise<void> => {
      await Promise.all([this.#running, this.#flush()]);
    };
    await inTime(this.#options.clock, CLOSING_MS, ended, () => new Error('late')).catch(() => undefined);
  }

  async #flush(): Promise<void> {
    this.#cancelRemoval?.();
    this.#cancelRemoval = null;
    const ids = this.#removing;
    this.#removing = [];
    if (ids.length === 0) return;
    try {
      await this.#inTime('remove', () => this.#options.outbox.remove(ids));
    } catch {
      // The next sweep says what is wrong with the outbox.
    }
  }

  #arm(delayMs: number): void {
    if (this.#closed) return;
    this.#cancelTimer = this.#options.clock.after(delayMs, () => {
      this.#running = this.#run().finally(() => {
        this.#running = null;
      });
    });
  }

  async #run(): Promise<void> {
    const { intervalMs, events } = this.#options;
    try {
      await this.#sweep();
      this.#failures = 0;
    } catch (thrown) {
      // Once per outage.
      if (this.#failures++ === 0) events.emit('error', { error: thrown as Error, where: 'outbox: sweep' });
    }
    this.#arm(Math.min(intervalMs * 2 ** Math.min(this.#failures, 16), Math.max(intervalMs, LONGEST_PAUSE_MS)));
  }

  /** Until nothing is left. */
  async #sweep(): Promise<void> {
    const { outbox } = this.#options;
    for (let found = ROWS; found >= ROWS && !this.#closed;) {
      let failure: Error | undefined;
      const apply = async (rows: readonly SweptRow[]): Promise<Swept> => {
        const { applied, refused, error } = await this.#apply(rows);
        failure = error;
        return { applied, refused };
      };
      found = await this.#inTime('sweep', () => outbox.sweep({ olderThanMs: LEFT_BEHIND_MS, limit: ROWS }, apply));
      if (failure !== undefined) throw failure;
    }
  }

  /** As far as it gets. */
  async #apply(rows: readonly SweptRow[]): Promise<Swept & { readonly error: Error | undefined }> {
    const applied: string[] = [];
    const refused: string[] = [];
    const changes = new Map<string, Understood[]>();
    for (const row of rows) {
      const change = this.#understand(row);
      if (change === null) {
        refused.push(row.id);
        continue;
      }
      const [changeId] = namesIn(row.id);
      const together = changes.get(changeId) ?? [];
      // In the order of their last rows: of two that wrote the same the later one's is behind all of the other's.
      changes.delete(changeId);
      changes.set(changeId, [...together, { row, change }]);
    }
    const failed: { readonly rows: readonly Understood[]; readonly error: Error }[] = [];
    let inARow = 0;
    for (const [changeId, together] of changes) {
      try {
        await this.#make(changeId, together);
        applied.push(...together.map(({ row }) => row.id));
        inARow = 0;
      } catch (thrown) {
        keep(this.#late, changeId);
        failed.push({ rows: together, error: thrown as Error });
        if (++inARow >= MOST_FAILURES) break;
      }
    }
    if (applied.length === 0) return { applied, refused, error: failed[0]?.error };
    // Where others could be applied it is no outage: what cannot be must not hold up what comes after it.
    for (const { rows: together, error } of failed) {
      for (const { row } of together) {
        refused.push(row.id);
        this.#refuse(row.id, error);
      }
    }
    return { applied, refused, error: undefined };
  }

  async #make(changeId: string, together: readonly Understood[]): Promise<void> {
    const telling = tellingOf(together, this.#late.has(changeId));
    for (let from = 0; from < together.length; from += ROWS_PER_BUMP) {
      const some = together.slice(from, from + ROWS_PER_BUMP).map(({ change }) => change);
      await this.#options.changer.sweep(changeId, some, telling);
    }
    this.#late.delete(changeId);
  }

  #understand({ id: rowId, change: text }: SweptRow): NamedChange | null {
    const { changer, topology, namespace } = this.#options;
    const [, id] = namesIn(rowId);
    try {
      return { ...changer.plan(decodeRow(text, topology, namespace), `outbox row ${rowId}`), id };
    } catch (cause) {
      const message = `outbox row ${rowId}: kept, since this version of the app does not understand it: ${messageOf(cause)}`;
      this.#refuse(rowId, new TidemarkError('OUTBOX_REFUSED', message, { cause }));
      return null;
    }
  }

  /** Told once. */
  #refuse(rowId: string, error: Error): void {
    if (this.#refused.has(rowId)) return;
    keep(this.#refused, rowId);
    this.#options.events.emit('error', { error, where: 'outbox: sweep' });
  }

  #inTime<T>(verb: string, call: () => Promise<T>): Promise<T> {
    return inTime(this.#options.clock, PATIENCE_MS, call, () => {
      const message = `outbox.${verb}: expected an answer within ${String(PATIENCE_MS)} ms, got none.`;
      return new TidemarkError('STORE_TIMEOUT', message);
    });
  }
}

/** What a writer left behind is old; what a trigger wrote is told by nobody else. */
function tellingOf(together: readonly Understood[], isLate: boolean): Telling {
  if (!together.every(({ row }) => row.isTrigger)) return 'missing';
  const isNew = !isLate && together.every(({ row }) => row.ageMs <= LATE_MS);
  return isNew && together.length <= MOST_EVENTS ? 'events' : 'missing as one';
}

function keep(ids: Set<string>, id: string): void {
  ids.add(id);
  if (ids.size > MOST_REMEMBERED) ids.delete(ids.values().next().value as string);
}
