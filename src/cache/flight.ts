import { TidemarkError } from '../errors.js';
import type { LoadMessage } from '../traces.js';
import { ANYTHING, type Demand } from './demand.js';
import { type Applied, type Held, type MarkCell, type MarkTable, wasApplied } from './marks.js';
import type { Place as MapPlace } from './moves.js';
import type { Entry, Place, Shelf } from './tier.js';

/** What a load came to: the value, and the entry under which it was kept, if it was. */
export interface Outcome {
  readonly value: unknown;
  readonly entry: Entry | null;
  /** For what is not kept although nothing is known to have changed: what it depends on, as it was. */
  readonly unverified?: readonly Captured[];
}

/** Marks as they were when the table had this version. */
export interface Captured {
  readonly cells: readonly MarkCell[];
  readonly stamp: number;
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
  /** For a strong read: only marks read after this moment count. */
  readonly readAfter: number | null;
  /** Local time at which it began. */
  readonly begunAt: number;
  /** Another load waits for it, which holds a place in front of the origin meanwhile: this one needs none. */
  isNested: boolean;
  /** Ends its own wait for a place. */
  hurry: () => void = () => {};
  /** The moment of the pattern log when it began. */
  readonly globs: number;
  /** Where every partition stood just before the origin was asked; null before that. */
  applied: Applied | null = null;
  /** What it found cannot be kept, and may be older than a change that is known here. */
  unstorable = false;
  /** Its marks are not known: what it found cannot be kept, but is as new as the moment at which it began. */
  unverified = false;
  /** When the origin was asked. */
  askedAt = -Infinity;
  /** Where on the map its value comes from, as far as that is known. */
  area: MapPlace | null = null;
  promise: Promise<Outcome>;
  /** The read that began it, as opposed to those that joined. */
  launchedBy: unknown = null;
  /** Nobody reads it: it replaces a value behind grace. */
  isRefresh = false;
  /** Where what it came to was. */
  source: 'tier1' | 'tier2' | 'load' = 'load';
  /** What is told of it, if anybody listens. */
  message: LoadMessage | null = null;
  readonly #table: MarkTable;
  readonly #begunVersion: number;
  readonly #begunTold: number;
  readonly #captured: Captured[] = [];
  /** How many of these were there before the origin was asked. */
  #early = 0;
  #pinned: MarkCell[] | null = null;
  #waitsFor: Set<Flight> | null = null;
  #landed = false;

  constructor(
    { shelf, id }: Place,
    table: MarkTable,
    demand: Demand,
    began: { readonly at: number; readonly nested?: boolean },
  ) {
    this.shelf = shelf;
    this.id = id;
    this.demand = demand;
    this.bypassesStore = demand.after !== null && !table.reached(demand.after);
    this.readAfter = demand.strong ? table.serial : null;
    this.begunAt = began.at;
    this.isNested = began.nested === true;
    this.globs = table.globs.moment;
    this.#table = table;
    this.#begunVersion = table.version;
    this.#begunTold = table.told;
    this.promise = NOT_STARTED;
  }

  get key(): string {
    return this.shelf.space.keyOf(this.shelf.branch, this.id);
  }

  get cells(): readonly MarkCell[] {
    // Joined and not pushed: an array that grew keeps room to grow on, in every entry.
    return NO_CELLS.concat(...this.#captured.map(({ cells }) => cells));
  }

  /** The marks that were known to be needed before the origin was asked. */
  get early(): readonly MarkCell[] {
    return NO_CELLS.concat(...this.#captured.slice(0, this.#early).map(({ cells }) => cells));
  }

  /** Those that were found on the way: of what they stand for the origin was told nothing. */
  get late(): readonly MarkCell[] {
    return NO_CELLS.concat(...this.#captured.slice(this.#early).map(({ cells }) => cells));
  }

  /** Its marks are taken, and every partition stood here: the origin can be asked. */
  ask(applied: Applied): void {
    this.applied = applied;
    this.#early = this.#captured.length;
  }

  /**
   * Depends on a subject that was found only after the origin was asked: its mark may be newer than the value, and counts
   * if it is not. `applied` is from before the load.
   */
  captureLate(
    cell: MarkCell,
    held: { readonly known: boolean; readonly stamp: number; readonly applied: Applied },
  ): void {
    if (!held.known) {
      this.unverified = true;
      this.capture({ cells: [cell], stamp: this.#begunVersion });
    } else if (wasApplied(cell, held.applied)) {
      this.capture({ cells: [cell], stamp: held.stamp });
    } else this.unstorable = true;
  }

  /** Depends on these from now on. The caller has them pinned. */
  capture(captured: Captured): void {
    this.#captured.push(captured);
  }

  /** Captures cells that came pinned, and keeps them so until it lands. */
  captureOwned(captured: Captured): void {
    this.capture(captured);
    this.own(captured.cells);
  }

  /** Unpins these when it lands. */
  own(cells: readonly MarkCell[]): void {
    this.#pinned ??= [];
    for (const cell of cells) this.#pinned.push(cell);
  }

  /** Keeps what it has captured until it lands, after those who took it have let go. */
  keep(): void {
    const { cells } = this;
    for (const cell of cells) this.#table.pin(cell);
    this.own(cells);
  }

  /** Captures marks as they were held; without them the load goes on, but what it finds is not kept. */
  captureHeld(held: Held): void {
    this.captureOwned(held);
    if (!held.known) this.unverified = true;
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
      if (outcome.unverified === undefined) this.unstorable = true;
      else this.#adoptUnverified(outcome.unverified);
      return;
    }
    for (const cell of entry.cells) this.#table.pin(cell);
    this.captureOwned(entry);
    if (this.#table.globs.deletedSince(entry.globs, () => entry.key)) this.unstorable = true;
  }

  #adoptUnverified(seen: readonly Captured[]): void {
    this.unverified = true;
    for (const captured of seen) {
      for (const cell of captured.cells) this.#table.pin(cell);
      this.captureOwned(captured);
    }
  }

  /** What it depends on so far. */
  get captured(): readonly Captured[] {
    return this.#captured;
  }

  /** The marks known before it asked, as text: equal for loads of replicas that know the same. */
  digest(): string {
    return this.cells
      .map(({ subject, token }) => `${subject} ${token?.epoch ?? ''} ${String(token?.position)} ${token?.nonce ?? ''}`)
      .join(' ');
  }

  land(): void {
    this.#landed = true;
    for (const cell of this.#pinned ?? []) this.#table.unpin(cell);
    this.#pinned = null;
  }

  /** True if something it depends on has changed, as far as is known here, since it captured that. */
  get isOvertaken(): boolean {
    if (this.unstorable) return true;
    for (const { cells, stamp } of this.#captured) for (const cell of cells) if (cell.changed > stamp) return true;
    return this.#table.globs.deletedSince(this.globs, () => this.key);
  }

  /** True if that holds for it, or for a load that it waits for: what it comes to will not be kept. */
  get isDoomed(): boolean {
    if (this.isOvertaken) return true;
    for (const other of this.#waitsFor ?? []) if (other.isDoomed) return true;
    return false;
  }

  /** True if its result may be kept. */
  isStorable(): boolean {
    if (this.unverified || this.isOvertaken) return false;
    return this.#captured.every(({ cells }) => cells.every((cell) => cell.valid));
  }

  /**
   * Whether a reader that begins now may wait for this load: also not if a load that it waits for has been overtaken,
   * whose marks it will have only once that one has landed.
   */
  canJoin({ after, strong }: Demand, now: number): boolean {
    if (this.isOvertaken) return false;
    // Marks asked for before a strong read began say nothing of what was changed in between: since then nothing was sent. Nor
    // does what was loaded without marks.
    if (strong && (this.unverified || this.readAfter !== this.#table.serial)) return false;
    if (!this.#isRecent(now)) return false;
    for (const other of this.#waitsFor ?? []) if (!other.canJoin({ ...ANYTHING, after }, now)) return false;
    if (after === null) return true;
    return this.applied === null ? this.bypassesStore : this.#table.reached(after, this.applied);
  }

  /** Whether what it takes for current was so lately. */
  #isRecent(now: number): boolean {
    if (this.applied === null) return true;
    if (this.unverified) return this.#begunTold === this.#table.told && now - this.begunAt < this.#table.maxStalenessMs;
    return this.#captured.every(({ cells }) => this.#table.trusts(cells, now));
  }

  /** Throws LOAD_FAILED if `other` waits, directly or not, for this one: both would wait for ever. */
  waitFor(other: Flight): void {
    const path = other.#pathTo(this);
    if (path !== null) {
      const cycle = [this, ...path].map((flight) => flight.key).join(' → ');
      throw new TidemarkError('LOAD_FAILED', `a load waits for itself: ${cycle}.`);
    }
    (this.#waitsFor ??= new Set()).add(other);
    other.isNested = true;
    other.hurry();
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
