import type { CoarseClock } from '../clock.js';
import type { TidemarkError } from '../errors.js';
import type { Events } from '../events.js';
import { type Chronicle, type Miss, missOf } from './chronicle.js';
import type { Demand } from './demand.js';
import { Flight, type Outcome } from './flight.js';
import { frozenCopy } from './freeze.js';
import type { Leases } from './leases.js';
import type { MarkCell, MarkTable } from './marks.js';
import type { LoadMessage, Traces } from '../traces.js';
import type { Statistics } from './stats.js';
import type { Tier2 } from './tier2.js';
import { type Entries, Entry, type Shelf, type Space, type Tier, graceUntil, isExpired } from './tier.js';

export interface ReadsOptions {
  readonly table: MarkTable;
  readonly tier: Tier;
  readonly tier2: Tier2 | null;
  /** Null where there is no store to share loads through. */
  readonly leases: Leases | null;
  /** Where the entries of a space in a branch are kept. */
  readonly entriesFor: (space: Space, branch: string) => Entries;
  readonly time: CoarseClock;
  readonly random: () => number;
  readonly events: Events;
  readonly statistics: Statistics;
  readonly traces: Traces;
  readonly chronicle: Chronicle;
  readonly freeze: boolean;
  /** What a change takes to reach every copy of the origin that is read from. */
  readonly originLagMs: number;
}

/** One read: what, how new, for which load, and how to load it. */
export interface ReadRequest {
  readonly shelf: Shelf;
  readonly id: unknown;
  readonly demand: Demand;
  /** The load that this read is part of: it will carry the marks of what is read. */
  readonly into: Flight | null;
  /** Starts the load; called at most once, and only on a miss. */
  readonly begin: (flight: Flight) => Promise<Outcome>;
}

/** Entries live up to a tenth shorter than asked, so that what was filled together does not expire together. */
const JITTER = 0.1;
/** After a refresh behind grace failed, the next one waits. */
const REFRESH_PAUSE_MS = 1000;

/**
 * The read path that every kind of value shares: tier 1, a load under way, a new load. What differs per kind is how a
 * load runs (`begin`) and which marks it captures.
 */
export class Reads {
  readonly table: MarkTable;
  readonly tier: Tier;
  readonly tier2: Tier2 | null;
  readonly leases: Leases | null;
  readonly time: CoarseClock;
  readonly events: Events;
  readonly statistics: Statistics;
  readonly traces: Traces;
  readonly #options: ReadsOptions;
  readonly #refreshAfter = new WeakMap<Entry, number>();

  constructor(options: ReadsOptions) {
    this.#options = options;
    this.table = options.table;
    this.tier = options.tier;
    this.tier2 = options.tier2;
    this.leases = options.leases;
    this.time = options.time;
    this.events = options.events;
    this.statistics = options.statistics;
    this.traces = options.traces;
  }

  /** The entry, if it is provably fresh and not expired. Synchronous; no string, no allocation, no clock call. */
  servable(shelf: Shelf, id: unknown): Entry | undefined {
    const entry = shelf.entries.get(id);
    if (entry === undefined || !this.tier.isFresh(entry)) return undefined;
    const now = this.time.now();
    return isExpired(entry, now) || !this.table.trusts(entry.cells, now) ? undefined : entry;
  }

  /** The value, with the entry under which it is kept, if it is. */
  outcome(request: ReadRequest): Promise<Outcome> {
    const { into } = request;
    const found = this.start(request);
    if (found instanceof Flight)
      return into === null ? this.landing(request, found) : this.#waitInto(into, request, found);
    const outcome = { value: found.value, entry: found };
    into?.adopt(outcome);
    return Promise.resolve(outcome);
  }

  /** An old value instead of a failure, where the reader prefers that. */
  orStale(request: ReadRequest, reading: Promise<Outcome>): Promise<Outcome> {
    return request.demand.staleIfOutageMs === 0 ? reading : this.#orStale(request, reading);
  }

  async #orStale({ shelf, id, demand }: ReadRequest, reading: Promise<Outcome>): Promise<Outcome> {
    try {
      return await reading;
    } catch (error) {
      const entry = shelf.entries.get(id);
      if (entry === undefined || this.time.now() - entry.loadedAt > demand.staleIfOutageMs) throw error;
      this.events.emit('stale', { key: entry.key, ageMs: this.time.now() - entry.loadedAt });
      return { value: entry.value, entry: null };
    }
  }

  /**
   * What a load comes to for one reader. Marks found only in the rows are not known while a load runs: whoever joined one
   * that turns out to be overtaken reads again, since the change may have resolved before this read began. One more time
   * is enough: that load began after the read did.
   */
  landing(request: ReadRequest, flight: Flight): Promise<Outcome> {
    return this.orStale(request, this.#landing(request, flight));
  }

  async #landing(request: ReadRequest, flight: Flight): Promise<Outcome> {
    const outcome = await flight.promise.catch((error: unknown) => {
      // So with a failure: it may come of what was read and has changed.
      if (flight.launchedBy === request || !flight.isOvertaken) throw error;
      return OVERTAKEN;
    });
    if (servesAll(outcome) || flight.launchedBy === request) return outcome;
    const next = this.start(request);
    return next instanceof Flight ? next.promise : { value: next.value, entry: next };
  }

  async #waitInto(into: Flight, request: ReadRequest, flight: Flight): Promise<Outcome> {
    const outcome = await waitInto(into, flight);
    if (servesAll(outcome) || flight.launchedBy === request) return outcome;
    const next = this.start(request);
    return next instanceof Flight ? waitInto(into, next) : { value: next.value, entry: next };
  }

  /** Where the value comes from: an entry that may be served, or a load, joined or launched. */
  start(request: ReadRequest): Entry | Flight {
    const { shelf, id, demand } = request;
    const { counter } = shelf.space;
    const entry = this.#usableEntry(request);
    if (entry !== undefined) {
      counter.hits++;
      entry.visited = true;
      return entry;
    }
    const running = shelf.flights.get(id) as Flight | undefined;
    if (running?.canJoin(demand, this.time.now()) !== true) return this.#launch(request);
    counter.misses++;
    counter.joined++;
    return running;
  }

  #usableEntry(request: ReadRequest): Entry | undefined {
    const { shelf, id, demand } = request;
    const entry = shelf.entries.get(id);
    if (entry === undefined || demand.strong || !this.tier.isFresh(entry)) return undefined;
    if (demand.after !== null && !this.table.reached(demand.after)) return undefined;
    const now = this.time.now();
    // What cannot be trusted is not lost: the load that follows asks for its marks first.
    if (!this.table.trusts(entry.cells, now)) return undefined;
    if (!isExpired(entry, now)) return entry;
    if (now >= graceUntil(entry)) return undefined;
    this.#refresh(request, entry, now);
    return entry;
  }

  /** Soft expiry: the expired value serves while one load at a time replaces it. */
  #refresh(request: ReadRequest, entry: Entry, now: number): void {
    const { shelf, id } = request;
    if (shelf.flights.has(id) || now < (this.#refreshAfter.get(entry) ?? -Infinity)) return;
    const flight = this.#launch({ ...request, into: null });
    flight.isRefresh = true;
    flight.promise.catch((error: unknown) => {
      this.#refreshAfter.set(entry, this.time.now() + REFRESH_PAUSE_MS);
      this.events.emit('error', { error: error as TidemarkError, where: `refresh of ${entry.key}` });
    });
  }

  #launch(request: ReadRequest): Flight {
    const { shelf, id, demand, begin } = request;
    const began = { at: this.time.now(), nested: request.into !== null };
    const flight = new Flight(request, this.table, demand, began);
    flight.launchedBy = request;
    shelf.flights.set(id, flight);
    const { chronicle } = this.#options;
    const miss = chronicle.isKept ? this.#missOf(request, began.at) : null;
    const land = (outcome: Outcome | null): void => {
      if (miss !== null) chronicle.landed(flight, miss, this.time.now(), outcome);
      if (shelf.flights.get(id) === flight) shelf.flights.delete(id);
      flight.land();
      if (!flight.isRefresh) this.count(flight);
      if (flight.source === 'load') {
        this.statistics.loads.add({ kind: shelf.space.kind }, this.time.now() - flight.begunAt);
      }
    };
    flight.promise = this.#begin(flight, begin).then(
      (outcome) => {
        land(outcome);
        return outcome;
      },
      (error: unknown) => {
        land(null);
        throw error;
      },
    );
    return flight;
  }

  #missOf({ shelf, id, demand }: ReadRequest, now: number): Miss {
    return missOf(shelf.entries.get(id), demand, { table: this.table, tier: this.tier, now });
  }

  #begin(flight: Flight, begin: ReadRequest['begin']): Promise<Outcome> {
    const { traces } = this;
    if (!traces.hears('load')) return begin(flight);
    const { kind, name } = flight.shelf.space;
    const message: LoadMessage = { tide: traces.tide, kind, type: name };
    flight.message = message;
    return traces.run(
      'load',
      message,
      () => begin(flight),
      () => {
        message.found = flight.source;
      },
    );
  }

  /** A read counts once it is known where its value came from: counts never go back. */
  count({ shelf, source }: Flight): void {
    const { counter } = shelf.space;
    if (source === 'load') counter.misses++;
    else counter.hits++;
    if (source === 'tier2') counter.tier2Hits++;
  }

  /** The shelf of a space in a branch, made on first use. */
  shelfOf(space: Space, branch: string, keep: boolean): Shelf {
    let shelf = space.shelves.get(branch);
    if (shelf === undefined) {
      shelf = { space, branch, entries: this.#options.entriesFor(space, branch), flights: new Map() };
      if (keep) space.shelves.set(branch, shelf);
    }
    return shelf;
  }

  /** Whether loads are more than usual, since what they find cannot be kept or what others found cannot be had. */
  isOutage(flights: readonly Flight[]): boolean {
    return this.table.calls.isDown || this.tier2?.isDown === true || flights.some((flight) => flight.unverified);
  }

  /** The value as it is handed out and kept: a frozen copy, unless the host chose to share its own. */
  seal(value: unknown): unknown {
    return this.#options.freeze ? frozenCopy(value) : value;
  }

  /** Infinity, so that it is not kept, for what cannot be measured. */
  #weigh(value: unknown, { key }: Flight): number {
    try {
      return this.tier.weigh(value);
    } catch (error) {
      this.events.emit('error', { error: error as Error, where: `size of ${key}` });
      return Infinity;
    }
  }

  /**
   * Ends a load: keeps the value if nothing it depends on has changed, else hands it out and forgets it. `cells` are
   * the marks to carry if they are fewer than the flight's. `stored`: whether other replicas find it.
   */
  settle(
    flight: Flight,
    value: unknown,
    kept: {
      readonly cells?: readonly MarkCell[];
      readonly absent?: boolean;
      readonly ttlMs?: number | undefined;
      /** What is left of its life, when it was found in tier 2. */
      readonly leftMs?: number | undefined;
    } = {},
  ): Settled {
    const { shelf, id } = flight;
    if (flight.isOvertaken) {
      shelf.space.counter.doomed++;
      this.events.emit('doomed', { kind: shelf.space.kind, type: shelf.space.name, branch: shelf.branch });
      return { outcome: { value, entry: null }, stored: NOT_STORED };
    }
    if (kept.leftMs === undefined && this.#mayLag(() => flight.late, flight.askedAt)) {
      // Nobody told the origin, so that the value may be as old as a copy of it was: too old for who joined meanwhile.
      return { outcome: { value, entry: null }, stored: NOT_STORED };
    }
    if (!flight.isStorable() || (kept.leftMs === undefined && this.#mayLag(() => flight.early, flight.askedAt))) {
      return { outcome: { value, entry: null, unverified: [...flight.captured] }, stored: NOT_STORED };
    }
    const { ttlMs, absentTtlMs } = shelf.space.lifetime;
    const asked = kept.ttlMs ?? (kept.absent === true ? absentTtlMs : ttlMs);
    const lifeMs = asked === 0 ? Infinity : Math.ceil(asked * (1 - JITTER * this.#options.random()));
    const now = this.time.now();
    const entry = new Entry(shelf, id, {
      value,
      cells: kept.cells ?? flight.cells,
      stamp: this.table.version,
      globs: this.table.globs.moment,
      loadedAt: now,
      lifeMs: Math.min(lifeMs, kept.leftMs ?? Infinity),
      bytes: this.#weigh(value, flight),
      area: flight.area,
    });
    try {
      this.tier.put(entry);
    } catch (error) {
      this.events.emit('error', { error: error as Error, where: `tier 1: ${entry.key} not kept` });
    }
    const outcome = { value, entry };
    if (kept.leftMs !== undefined) return { outcome, stored: NOT_STORED };
    shelf.space.counter.sets++;
    const stored = this.tier2?.fill(entry, flight, lifeMs, kept.absent === true) ?? NOT_STORED;
    return { outcome, stored };
  }

  /**
   * Whether the origin must not be asked where it may be behind: of a change heard of, as young as that, or named; or nobody
   * knows, since the marks cannot be read or it is not known what the value depends on.
   */
  changedRecently(flight: Flight): boolean {
    if (flight.demand.after !== null || flight.unverified || flight.unstorable) return true;
    return this.table.changedRecently(flight.cells) || this.#mayLag(() => flight.cells, this.time.now());
  }

  /** Whether a copy of the origin may not have had everything yet that the value's marks stand for. */
  #mayLag(cellsOf: () => readonly MarkCell[], askedAt: number): boolean {
    const { originLagMs } = this.#options;
    return originLagMs > 0 && cellsOf().some(({ bornBefore }) => askedAt - bornBefore < originLagMs);
  }
}

/** What a load came to, and whether it could be stored for other replicas. */
export interface Settled {
  readonly outcome: Outcome;
  readonly stored: Promise<boolean>;
}

const NOT_STORED = Promise.resolve(false);

const OVERTAKEN: Outcome = { value: undefined, entry: null };

/** False for what a change has overtaken: whoever joined later must read again. */
function servesAll({ entry, unverified }: Outcome): boolean {
  return entry !== null || unverified !== undefined;
}

async function waitInto(into: Flight, flight: Flight): Promise<Outcome> {
  into.waitFor(flight);
  try {
    const outcome = await flight.promise;
    into.adopt(outcome);
    return outcome;
  } catch (error) {
    // Even if the load catches this, what it builds without the value must not be kept.
    into.unstorable = true;
    throw error;
  } finally {
    into.stopWaiting(flight);
  }
}
