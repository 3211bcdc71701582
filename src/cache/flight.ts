import { TidemarkError } from '../errors.js';
import type { Applied, MarkCell, MarkTable } from './marks.js';
import type { ReceiptMarks } from './receipt.js';
import type { Entry, Shelf } from './tier.js';

/** What a load came to: the value, and the entry under which it was kept, if it was. */
export interface Outcome {
  readonly value: unknown;
  readonly entry: Entry | null;
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
  readonly #cells: MarkCell[] = [];
  readonly #stamps: number[] = [];
  readonly #pinned: MarkCell[] = [];
  readonly #waitsFor = new Set<Flight>();
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
    return this.#cells;
  }

  /** Depends on these from now on, as they were when the table had this version. The caller has them pinned. */
  capture(cells: readonly MarkCell[], stamp: number): void {
    for (const cell of cells) {
      this.#cells.push(cell);
      this.#stamps.push(stamp);
    }
  }

  /** Captures cells that came pinned, and keeps them so until it lands. */
  captureOwned(cells: readonly MarkCell[], stamp: number): void {
    this.capture(cells, stamp);
    this.#pinned.push(...cells);
  }

  /** These were captured for an entry that proved stale: the load goes on without them. */
  forget(cells: readonly MarkCell[]): void {
    const from = this.#cells.length - cells.length;
    this.#cells.splice(from);
    this.#stamps.splice(from);
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
    this.captureOwned(entry.cells, entry.stamp);
    if (this.#table.globs.deletedSince(entry.globs, () => entry.key)) this.unstorable = true;
  }

  land(): void {
    this.#landed = true;
    for (const cell of this.#pinned.splice(0)) this.#table.unpin(cell);
  }

  /** True if nothing it depends on has changed since it captured that. */
  isUnmoved(): boolean {
    return this.#cells.every((cell, i) => cell.usable && cell.changed <= (this.#stamps[i] as number));
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
    for (const other of this.#waitsFor) if (!other.canJoin(after)) return false;
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
    this.#waitsFor.add(other);
  }

  stopWaiting(other: Flight): void {
    this.#waitsFor.delete(other);
  }

  #pathTo(target: Flight): readonly Flight[] | null {
    if (this === target) return [this];
    for (const next of this.#waitsFor) {
      const path = next.#pathTo(target);
      if (path !== null) return [this, ...path];
    }
    return null;
  }
}

const NOT_STARTED = new Promise<never>(() => undefined);
