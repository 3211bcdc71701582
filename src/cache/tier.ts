import { TidemarkError } from '../errors.js';
import type { MarkCell, MarkTable } from './marks.js';
import type { Demand } from './demand.js';
import type { Counter } from '../report.js';
import type { Place as MapPlace } from './moves.js';

/** How long values live. All milliseconds; 0 for `ttlMs` and `absentTtlMs` is until evicted. */
export interface Lifetime {
  readonly ttlMs: number;
  /** After `ttlMs`: how long an expired but unchanged value may be served while one refresh runs. */
  readonly graceMs: number;
  /** The `ttlMs` of "there is none". */
  readonly absentTtlMs: number;
}

const NEVER = -1;

/** What is cached under one shape of key: the records of a type, the lists of a link, one view, the keyed values. */
export interface Space {
  readonly kind: 'record' | 'list' | 'view' | 'key' | 'spatial' | 'computed';
  /** The entity type or the view's name, for people. */
  readonly name: string;
  readonly counter: Counter;
  readonly lifetime: Lifetime;
  /** The key of one of its values, as patterns, tier 2 and people see it. */
  keyOf(branch: string, id: unknown): string;
  readonly shelves: Map<string, Shelf>;
}

/** All values of one space in one branch: found by two map look-ups and no string. */
export interface Shelf {
  readonly space: Space;
  readonly branch: string;
  readonly entries: Entries;
  /** Loads under way that a reader may join. */
  readonly flights: Map<unknown, Joinable>;
}

/** Where a value is found: its shelf and its id there. */
export interface Place {
  readonly shelf: Shelf;
  readonly id: unknown;
}

/** What is used of a Map: a host's own store may stand in for it, and forget entries by itself. */
export type Entries = Pick<Map<unknown, Entry>, 'get' | 'delete'> & { set(id: unknown, entry: Entry): unknown };

/** A load under way, as far as tier 1 knows: `flight.ts` has the rest. */
export interface Joinable {
  canJoin(demand: Demand, now: number): boolean;
}

/**
 * One value with the cells of the marks that it carries. `stamp` is the version of the table at which all of them were
 * seen to be what they were before the load.
 */
export class Entry {
  // What a hit looks at comes first, and times are whole numbers: both keep a hit within a line or two of memory.
  /** The version of the table at which it was last found fresh. */
  checked: number;
  /** When it expires; NEVER for until evicted. */
  readonly expiresAt: number;
  readonly value: unknown;
  visited = false;
  readonly cells: readonly MarkCell[];
  readonly shelf: Shelf;
  readonly id: unknown;
  stamp: number;
  /** Where on the map its value came from; null for what did not, or where nobody knows. */
  readonly area: MapPlace | null;
  /** The moment of the pattern log when its load began, or when it was last tested against the log. */
  globs: number;
  readonly loadedAt: number;
  readonly bytes: number;
  newer: Entry | null = null;
  older: Entry | null = null;
  /** True while it has a place in tier 1's order. */
  linked = false;

  constructor(
    shelf: Shelf,
    id: unknown,
    content: {
      readonly value: unknown;
      readonly cells: readonly MarkCell[];
      readonly stamp: number;
      readonly globs: number;
      readonly loadedAt: number;
      /** From `loadedAt`; Infinity for until evicted. */
      readonly lifeMs: number;
      readonly bytes: number;
      readonly area: MapPlace | null;
    },
  ) {
    const { loadedAt, lifeMs } = content;
    this.checked = content.stamp;
    this.expiresAt = lifeMs === Infinity ? NEVER : Math.floor(loadedAt + lifeMs);
    this.value = content.value;
    this.cells = content.cells;
    this.shelf = shelf;
    this.id = id;
    this.stamp = content.stamp;
    this.globs = content.globs;
    this.loadedAt = Math.floor(loadedAt);
    this.bytes = content.bytes;
    this.area = content.area;
  }

  get key(): string {
    return this.shelf.space.keyOf(this.shelf.branch, this.id);
  }
}

export interface TierLimits {
  readonly maxEntries: number;
  /** Sum of the entries' `bytes`; Infinity if not bounded. */
  readonly maxBytes: number;
  /** The size of a value; asked only if `maxBytes` bounds anything. */
  readonly bytesOf: (value: unknown) => number;
  /** Marks held for all entries together. */
  readonly maxMarks: number;
}

/**
 * Tier 1: entries indexed by space, branch and id, in one bounded whole. Evicts by SIEVE: a hand walks from the oldest
 * to the newest and evicts the first entry that was not read since it last passed.
 * Source: Zhang et al., "SIEVE is Simpler than LRU", NSDI '24.
 */
export class Tier {
  readonly #table: MarkTable;
  readonly #limits: TierLimits;
  /** Entries that had to go for others. */
  evictions = 0;
  #newest: Entry | null = null;
  #oldest: Entry | null = null;
  #hand: Entry | null = null;
  #size = 0;
  #bytes = 0;
  #marks = 0;

  constructor(table: MarkTable, limits: TierLimits) {
    this.#table = table;
    this.#limits = limits;
  }

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Of all entries, each as often as it is carried. */
  get marks(): number {
    return this.#marks;
  }

  /** True if no mark of the entry is known to have moved since its load began. Whether that counts, `trusts` says. */
  isFresh(entry: Entry): boolean {
    return entry.checked === this.#table.version || this.#verify(entry);
  }

  #verify(entry: Entry): boolean {
    if (!isUnmoved(entry, this.#table)) return false;
    entry.checked = this.#table.version;
    return true;
  }

  weigh(value: unknown): number {
    return this.#limits.maxBytes === Infinity ? 0 : this.#limits.bytesOf(value);
  }

  put(entry: Entry): void {
    const { entries } = entry.shelf;
    const old = entries.get(entry.id);
    if (old !== undefined) this.remove(old);
    if (entry.bytes > this.#limits.maxBytes) return;
    // Room first: what comes is no candidate, and the hand stays among what was there.
    while (this.#size > 0 && this.#isTooMuch(entry)) this.#evict();
    entries.set(entry.id, entry);
    entry.linked = true;
    for (const cell of entry.cells) this.#table.pin(cell);
    entry.older = this.#newest;
    if (this.#newest === null) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
    this.#size++;
    this.#bytes += entry.bytes;
    this.#marks += entry.cells.length;
  }

  #isTooMuch(one: Entry): boolean {
    const { maxEntries, maxBytes, maxMarks } = this.#limits;
    return (
      this.#size + 1 > maxEntries || this.#bytes + one.bytes > maxBytes || this.#marks + one.cells.length > maxMarks
    );
  }

  /** False if it is not there any more. */
  remove(entry: Entry): boolean {
    if (!entry.linked) return false;
    entry.linked = false;
    const { entries } = entry.shelf;
    if (entries.get(entry.id) === entry) entries.delete(entry.id);
    if (this.#hand === entry) this.#hand = entry.newer;
    if (entry.newer === null) this.#newest = entry.older;
    else entry.newer.older = entry.older;
    if (entry.older === null) this.#oldest = entry.newer;
    else entry.older.newer = entry.newer;
    entry.newer = null;
    entry.older = null;
    this.#size--;
    this.#bytes -= entry.bytes;
    this.#marks -= entry.cells.length;
    for (const cell of entry.cells) this.#table.unpin(cell);
    return true;
  }

  #evict(): void {
    let candidate = this.#hand ?? this.#oldest;
    while (candidate?.visited === true) {
      candidate.visited = false;
      candidate = candidate.newer ?? this.#oldest;
    }
    if (candidate === null) return;
    this.#hand = candidate.newer;
    this.evictions++;
    this.remove(candidate);
  }

  /** Every entry, oldest first. For explaining and deleting by pattern, not for reading. */
  *[Symbol.iterator](): IterableIterator<Entry> {
    for (let entry = this.#oldest; entry !== null;) {
      const { newer } = entry;
      if (entry.shelf.entries.get(entry.id) === entry) yield entry;
      entry = newer;
    }
  }

  clear(): void {
    while (this.#oldest !== null) this.remove(this.#oldest);
  }
}

/** The test itself, mark by mark: also for an entry that tier 1 has evicted, whose cells may have been killed. */
export function isUnmoved(entry: Entry, table: MarkTable): boolean {
  for (const cell of entry.cells) {
    if (!cell.valid || (cell.changed > entry.stamp && !isSpared(entry, table))) return false;
  }
  if (table.globs.deletedSince(entry.globs, () => entry.key)) return false;
  entry.globs = table.globs.moment;
  return true;
}

/** Its cells have moved, for what lies beside its area: then it stands as it would with the marks of now. */
function isSpared(entry: Entry, { moves, version }: MarkTable): boolean {
  const { area, cells, stamp } = entry;
  if (area === null) return false;
  const moved = cells.filter((cell) => cell.changed > stamp);
  if (!moves.spare(area, moved, stamp)) return false;
  entry.stamp = version;
  return true;
}

export function isExpired({ expiresAt }: Entry, now: number): boolean {
  return now >= expiresAt && expiresAt !== NEVER;
}

/** Until when an expired value may still be served while a refresh runs. */
export function graceUntil({ expiresAt, shelf }: Entry): number {
  return expiresAt + shelf.space.lifetime.graceMs;
}

/** Throws INVALID_OPTION. */
export function checkTtl(ttlMs: unknown, of: string): void {
  if (ttlMs === undefined || (typeof ttlMs === 'number' && ttlMs >= 0)) return;
  const got = typeof ttlMs === 'number' ? String(ttlMs) : typeof ttlMs;
  throw new TidemarkError('INVALID_OPTION', `ttlMs of ${of}: expected a number of at least 0, got ${got}.`);
}
