import { TidemarkError } from '../errors.js';
import type { Applied, MarkCell, MarkTable } from './marks.js';
import type { ReceiptMarks } from './receipt.js';
import type { Entry, Shelf } from './tier.js';

/** What a load came to: the value, and the entry under which it was kept, if it was. */
export interface Outcome {
  readonly value: unknown;
  readonly entry: Entry | null;
}

/** Marks as they were when the table had this version. */
export interface Captured {
  readonly cells: readonly MarkCell[];
  readonly stamp: number;
}

/** How new a read must be. */
export interface Demand {
  readonly after: ReceiptMarks | null;
}

/**
 * One load under way. It carries the marks it depends on as they were before it asked; a bump of any of them dooms it:
 * readers that come later do not join it and its result is not kept.
 */
export class Flight {
  readonly shelf: Shelf;
  readonly id: unknown;
  readonly demand: Demand;
  /** Tier 2 may hold something older than the demand: ask the origin. */
  readonly bypassesStore: boolean;
  /** The moment of the pattern log when it began. */
  readonly globs: number;
  /** Where every partition stood just before the origin was asked; null before that. */
  applied: Applied | null = null;
  /** What it found cannot be kept, whatever the marks say. */
  unstorable = false;
  promise: Promise<Outcome>;
  /** The read that began it, as opposed to those that joined. */
  launchedBy: unknown = null;
  readonly #table: MarkTable;
  readonly #captured: Captured[] = [];
  #pinned: MarkCell[] | null = null;
  #waitsFor: Set<Flight> | null = null;
  #landed = false;

  constructor(shelf: Shelf, id: unknown, table: MarkTable, demand: Demand) {
    this.shelf = shelf;
    this.id = id;
    this.demand = demand;
    this.bypassesStore = demand.after !== null && !table.reached(demand.after);
    this.globs = table.globs.moment;
    this.#table = table;
    this.promise = NOT_STARTED;
  }

  get key(): string {
    return this.shelf.space.keyOf(this.shelf.branch, this.id);
  }

  get cells(): readonly MarkCell[] {
    // Joined and not pushed: an array that grew keeps room to grow on, in every entry.
    return NO_CELLS.concat(...this.#captured.map(({ cells }) => cells));
  }

  /** Depends on these from now on. The caller has them pinned. */
  capture(captured: Captured): void {
    this.#captured.push(captured);
  }

  /** Captures cells that came pinned, and keeps them so until it lands. */
  captureOwned(captured: Captured): void {
    this.capture(captured);
    this.#pinned ??= [];
    for (const cell of captured.cells) this.#pinned.push(cell);
  }

  /** What was captured last was so for an entry that proved stale: the load goes on without it. */
  forgetLast(): void {
    this.#captured.pop();
  }

  /** A nested read brings the marks that its value was stored with, never present ones. */
  adopt(outcome: Outcome): void {
    const { entry } = outcome;
    if (this.#landed) return; // a load that kept its reader and went on reading after it had returned
    if (entry === null) {
      this.unstorable = true;
      return;
    }
    for (const cell of entry.cells) this.#table.pin(cell);
    this.captureOwned(entry);
    if (this.#table.globs.deletedSince(entry.globs, () => entry.key)) this.unstorable = true;
  }

  land(): void {
    this.#landed = true;
    for (const cell of this.#pinned ?? []) this.#table.unpin(cell);
    this.#pinned = null;
  }

  /** True if nothing it depends on has changed since it captured that. */
  isUnmoved(): boolean {
    for (const { cells, stamp } of this.#captured) {
      for (const cell of cells) if (!cell.usable || cell.changed > stamp) return false;
    }
    return true;
  }

  /** True if its result may be kept. */
  isStorable(): boolean {
    return !this.unstorable && this.isUnmoved() && !this.#table.globs.deletedSince(this.globs, () => this.key);
  }

  /**
   * Whether a reader that begins now may wait for this load: also not if a load that it waits for has been overtaken,
   * whose marks it will have only once that one has landed.
   */
  canJoin(after: ReceiptMarks | null): boolean {
    if (!this.isStorable()) return false;
    for (const other of this.#waitsFor ?? []) if (!other.canJoin(after)) return false;
    if (after === null) return true;
    return this.applied === null ? this.bypassesStore : this.#table.reached(after, this.applied);
  }

  /** Throws LOAD_FAILED if `other` waits, directly or not, for this one: both would wait for ever. */
  waitFor(other: Flight): void {
    const path = other.#pathTo(this);
    if (path !== null) {
      const cycle = [this, ...path].map((flight) => flight.key).join(' → ');
      throw new TidemarkError('LOAD_FAILED', `a load waits for itself: ${cycle}.`);
    }
    (this.#waitsFor ??= new Set()).add(other);
  }

  stopWaiting(other: Flight): void {
    this.#waitsFor?.delete(other);
  }

  #pathTo(target: Flight): readonly Flight[] | null {
    if (this === target) return [this];
    for (const next of this.#waitsFor ?? []) {
      const path = next.#pathTo(target);
      if (path !== null) return [this, ...path];
    }
    return null;
  }
}

const NO_CELLS: readonly MarkCell[] = [];
const NOT_STARTED = new Promise<never>(() => undefined);
