import DataLoader from 'dataloader';
import type { Awaitable, OriginContext, SubjectKey } from '../contract.js';
import { TidemarkError } from '../errors.js';
import type { AnyRow, Topology } from '../model.js';
import type { OriginMessage } from '../traces.js';
import { chainOf } from './branches.js';
import { type Chain, absentSubjects, parentSubjects } from './cascade.js';
import type { Captured, Flight, Outcome } from './flight.js';
import { type AnyEntityOrigin, type Deadline, withDeadline } from './origin.js';
import type { Applied, MarkCell } from './marks.js';
import type { Gate } from './gate.js';
import { followLoad } from './follow.js';
import type { Lease, Leases } from './leases.js';
import { type Looked, find, look } from './look.js';
import type { Reads } from './read.js';
import {
  type RowSpace,
  guarded,
  ownSubjects,
  requiredOf,
  rowError,
  sharedSubjects,
  visible,
  whichRow,
} from './row-space.js';
import type { Requirement } from './tier2.js';
import { checkedRows, rowsByIds, rowsByParent } from './rows.js';
import type { Shelf } from './tier.js';

/** Loads of records and lists: many ids in one batch, their marks taken first, one call to the origin. */

export interface BatchOptions {
  readonly reads: Reads;
  readonly topology: Topology;
  readonly origin: Readonly<Record<string, AnyEntityOrigin | undefined>>;
  readonly deadline: Deadline;
  readonly maxBatchSize: number;
  readonly gate: Gate;
}

/** What the origin said of one id: a row or null for a record, rows for a list. */
type Answer = AnyRow | null | readonly AnyRow[] | Error;

export class Batches {
  readonly #options: BatchOptions;

  constructor(options: BatchOptions) {
    this.#options = options;
  }

  /** Joins the batch of this turn. */
  readonly begin = (flight: Flight): Promise<Outcome> => this.#batchOf(flight.shelf).load(flight);

  #batchOf(shelf: Shelf): DataLoader<Flight, Outcome> {
    const { batches } = shelf.space as RowSpace;
    let batch = batches.get(shelf.branch);
    if (batch === undefined) {
      const { deadline, maxBatchSize } = this.#options;
      batch = new DataLoader((flights: readonly Flight[]) => this.#load(flights), {
        cache: false,
        maxBatchSize,
        batchScheduleFn: (run) => {
          deadline.clock.defer(run);
        },
      });
      // Only branches that exist are kept: names from outside must not pile up.
      if (chainOf(this.#options.topology, shelf.branch) !== null) batches.set(shelf.branch, batch);
    }
    return batch;
  }

  async #load(flights: readonly Flight[]): Promise<(Outcome | Error)[]> {
    const { reads } = this.#options;
    const [first] = flights as [Flight];
    const { shelf } = first;
    const space = shelf.space as RowSpace;
    const chain = chainOf(this.#options.topology, shelf.branch);
    const batch = await this.#begin(flights, chain);
    try {
      const required: Requirement = (flight, value, absent) =>
        requiredOf(space, flight, { value, absent, chain: chain ?? [] });
      const missing: Flight[] = [];
      // All at once: what their entries name and is not known here yet is asked for in one question.
      const finding = flights.map((flight) => find(reads, flight, batch.looked, required));
      const found = finding.some(isPending)
        ? await Promise.all(finding.map((one) => Promise.resolve(one)))
        : (finding as (Outcome | null)[]);
      for (let i = 0; i < flights.length; i++) {
        const flight = flights[i] as Flight;
        const outcome = found[i] as Outcome | null;
        if (outcome === null) missing.push(flight);
        else batch.results.set(flight, outcome);
      }
      const { ours, theirs } = await this.#share(missing, batch);
      for (const flight of theirs) {
        const load = (lease: Lease | null): Promise<Outcome> => this.#askOne(flight, lease, batch);
        batch.results.set(flight, followLoad(reads, flight, { required, load }));
      }
      if (ours.size > 0) await this.#ask(shelf, ours, batch);
      // A promise among them is adopted like a value: whoever waits for another replica holds up nobody.
      return flights.map((flight) => batch.results.get(flight) as Outcome | Error);
    } finally {
      for (const cell of batch.looked.held.cells) reads.table.unpin(cell);
    }
  }

  /** Takes the marks known before the load. Without them the load runs, but nothing it finds is kept. */
  async #begin(flights: readonly Flight[], chain: Chain | null): Promise<Batch> {
    const { reads } = this.#options;
    const space = flights[0]?.shelf.space as RowSpace;
    const results: Batch['results'] = new Map();
    if (chain === null) {
      for (const flight of flights) flight.unstorable = true;
      return this.#begun(flights, { chain, looked: NOTHING_KNOWN, absent: null, results });
    }
    const shared = sharedSubjects(space, chain);
    const absent = space.parent === null ? absentSubjects(space.plan.type, chain) : [];
    const subjects = [...shared, ...absent];
    for (const { id } of flights) for (const subject of ownSubjects(space, String(id), chain)) subjects.push(subject);
    const looking = look(reads, flights, subjects, chain);
    const looked = 'then' in looking ? await looking : looking;
    const { cells, stamp, known, error } = looked.held;
    if (error !== null) reads.events.emit('error', { error, where: `marks of ${space.name}` });
    let at = 0;
    const next = (count: number): Captured => ({ cells: cells.slice(at, (at += count)), stamp });
    const every = next(shared.length);
    const none = absent.length === 0 ? null : next(absent.length);
    const each = (subjects.length - at) / flights.length;
    for (const flight of flights) {
      flight.capture(every);
      flight.capture(next(each));
      if (!known) flight.unverified = true;
    }
    return this.#begun(flights, { chain, looked, absent: none, results });
  }

  #begun(flights: readonly Flight[], batch: Omit<Batch, 'applied'>): Batch {
    const applied = this.#options.reads.table.applied();
    for (const flight of flights) flight.ask(applied);
    return { ...batch, applied };
  }

  /** Which of the flights load here, each with its lease, and which are being loaded by another replica. */
  async #share(
    flights: readonly Flight[],
    { looked }: Batch,
  ): Promise<{ readonly ours: ReadonlyMap<Flight, Lease | null>; readonly theirs: readonly Flight[] }> {
    const { leases } = this.#options.reads;
    const shared =
      leases === null || !looked.sharing ? [] : flights.filter((flight) => !flight.bypassesStore && !flight.unstorable);
    const taken = shared.length === 0 ? [] : await (leases as Leases).take(shared, looked.stored);
    const ours = new Map<Flight, Lease | null>(flights.map((flight) => [flight, null]));
    const theirs: Flight[] = [];
    for (const [i, flight] of shared.entries()) {
      const lease = taken[i] as Lease | null;
      if (lease !== null) ours.set(flight, lease);
      else {
        ours.delete(flight);
        theirs.push(flight);
      }
    }
    return { ours, theirs };
  }

  /** One load for whoever waits, with the lease that it could get in the end. */
  async #askOne(flight: Flight, lease: Lease | null, batch: Batch): Promise<Outcome> {
    const own: Batch = { ...batch, results: new Map() };
    await this.#ask(flight.shelf, new Map([[flight, lease]]), own);
    const result = (await own.results.get(flight)) as Outcome | Error;
    if (result instanceof Error) throw result;
    return result;
  }

  async #ask(shelf: Shelf, ours: ReadonlyMap<Flight, Lease | null>, batch: Batch): Promise<void> {
    const { reads } = this.#options;
    const space = shelf.space as RowSpace;
    const flights = [...ours.keys()];
    const ids = flights.map(({ id }) => id);
    try {
      const answers = await this.ask(space, ids, { branch: shelf.branch, chain: batch.chain, flights });
      const values = flights.map((flight, i) => this.#seal(space, flight.id, answers[i] as Answer));
      const late = await this.#takeLate(space, flights, values, batch);
      for (const [i, flight] of flights.entries()) {
        const value = values[i];
        if (value instanceof Error) {
          batch.results.set(flight, value);
          void ours.get(flight)?.fail(value);
          continue;
        }
        const absent = value === null;
        if (absent && batch.absent !== null) flight.capture(batch.absent);
        const { outcome, stored } = reads.settle(flight, value, { absent });
        batch.results.set(flight, outcome);
        const lease = ours.get(flight);
        if (lease) void stored.then((kept) => lease.release(kept ? 'stored' : 'not kept'));
      }
      for (const cell of late) reads.table.unpin(cell);
    } catch (error) {
      // Of the whole call: what others load, or tier 2 had, is not concerned.
      for (const [flight, lease] of ours) {
        batch.results.set(flight, error as Error);
        void lease?.fail(error);
      }
    }
  }

  /** Asks the origin, past every cache. Rejects if the call as a whole failed; a failed id is its Error. */
  async ask(space: RowSpace, ids: readonly unknown[], about: Asking): Promise<readonly Answer[]> {
    const { reads, origin, deadline, gate } = this.#options;
    const { plan, parent } = space;
    const loaders = origin[plan.type];
    const method: OriginMessage['method'] = parent === null ? 'byIds' : 'childrenOf';
    const where = `origin.${plan.type}.${parent === null ? method : `${method}.${parent.type}`}`;
    const load = parent === null ? loaders?.byIds : loaders?.childrenOf?.[parent.type];
    if (load === undefined) throw new TidemarkError('ORIGIN_MISSING', `${where}: expected a function, got none.`);
    const branches = branchesOf(this.#options.topology, about);
    const unique = [...new Set(ids)];
    space.counter.loads += unique.length;
    reads.statistics.originCalls++;
    reads.events.emit('load', { kind: space.kind, type: plan.type, branch: about.branch, count: unique.length });
    // An index keeps what it is told, and is told of what has just changed.
    const recentlyChanged = about.flights?.some((flight) => reads.changedRecently(flight)) ?? true;
    const asking = (): Promise<unknown> =>
      withDeadline(deadline, where, 'ORIGIN_FAILED', ({ signal }): Awaitable<unknown> => {
        for (const flight of about.flights ?? []) flight.askedAt = deadline.clock.now();
        const context: OriginContext = { branch: about.branch, branches, signal, recentlyChanged, via: about.via };
        return load.call(loaders, unique, context);
      });
    const call = { type: plan.type, method, count: unique.length };
    const counted = (): Promise<unknown> => this.#counted(call, about.flights ?? [], asking);
    const answer = await (reads.isOutage(about.flights ?? []) ? gate.pass(where, counted) : counted());
    const mapped = guarded(where, () =>
      parent === null ? rowsByIds(plan, unique, answer) : rowsByParent(plan, parent, unique, answer),
    );
    if (unique.length === ids.length) return mapped;
    const byId = new Map(unique.map((id, i) => [id, mapped[i] as Answer]));
    return ids.map((id) => byId.get(id) as Answer);
  }

  /** Every row of a type, as readers may see them, past every cache. */
  async askAll(space: RowSpace, branch: string): Promise<readonly AnyRow[]> {
    const { reads, origin, deadline, topology } = this.#options;
    const { plan } = space;
    const loaders = origin[plan.type];
    const where = `origin.${plan.type}.all`;
    if (loaders?.all === undefined)
      throw new TidemarkError('ORIGIN_MISSING', `${where}: expected a function, got none.`);
    const { all } = loaders;
    const branches = branchesOf(topology, { branch });
    reads.statistics.originCalls++;
    const asking = (): Promise<unknown[]> =>
      withDeadline(deadline, where, 'ORIGIN_FAILED', async ({ signal }) => {
        const rows: unknown[] = [];
        for await (const row of all.call(loaders, { branch, branches, signal, recentlyChanged: true })) rows.push(row);
        return rows;
      });
    const rows = await this.#counted({ type: plan.type, method: 'all', count: 0 }, [], asking);
    reads.events.emit('load', { kind: 'spatial', type: plan.type, branch, count: rows.length });
    return guarded(where, () => visible(plan, checkedRows(plan, rows))) as readonly AnyRow[];
  }

  /** One call, counted and told of. */
  async #counted<T>(
    { type, method, count }: Pick<OriginMessage, 'type' | 'method' | 'count'>,
    flights: readonly Flight[],
    call: () => Promise<T>,
  ): Promise<T> {
    const { reads, deadline } = this.#options;
    const { statistics, traces } = reads;
    const begun = deadline.clock.now();
    try {
      if (!traces.hears('origin')) return await call();
      const loads = flights.flatMap(({ message }) => message ?? []);
      return await traces.run('origin', { tide: traces.tide, type, method, count, loads }, call);
    } catch (error) {
      statistics.originFailures.add({ type, method });
      throw error;
    } finally {
      statistics.origin.add({ type, method }, deadline.clock.now() - begun);
    }
  }

  /** The value to hand out: frozen, and without what is deleted. One row that cannot be read fails only its own id. */
  #seal(space: RowSpace, id: unknown, answer: Answer): Answer {
    if (answer === null || answer instanceof Error) return answer;
    try {
      return this.#options.reads.seal(visible(space.plan, answer)) as Answer;
    } catch (cause) {
      return rowError(whichRow(space, id), cause);
    }
  }

  /**
   * Marks of subjects found in the rows: they count only if they have not moved since before the origin was asked.
   * Returns the cells to unpin.
   */
  async #takeLate(
    space: RowSpace,
    flights: readonly Flight[],
    values: Answer[],
    { chain, applied }: Batch,
  ): Promise<readonly MarkCell[]> {
    if (chain === null || space.parent !== null || space.plan.parents.length === 0) return [];
    const subjects = values.map((value, i): readonly SubjectKey[] => {
      if (value === null || value instanceof Error) return [];
      try {
        return parentSubjects(space.plan, value as AnyRow, chain);
      } catch (cause) {
        values[i] = rowError(whichRow(space, flights[i]?.id), cause);
        return [];
      }
    });
    const { table, events } = this.#options.reads;
    const unique = [...new Set(subjects.flat())];
    const holding = table.hold(unique);
    const { cells, known, error, stamp } = 'then' in holding ? await holding : holding;
    if (error !== null) events.emit('error', { error, where: `marks of ${space.name}` });
    const bySubject = new Map(cells.map((cell) => [cell.subject, cell]));
    for (const [i, flight] of flights.entries()) {
      for (const subject of subjects[i] ?? []) {
        const cell = bySubject.get(subject) as MarkCell;
        flight.captureLate(cell, { known, stamp, applied });
      }
    }
    return cells;
  }
}

/** What the origin is asked about. */
interface Asking {
  readonly branch: string;
  /** As it was when the marks were taken; null for a branch that does not exist. Default: as it is now. */
  readonly chain?: Chain | null | undefined;
  readonly flights?: readonly Flight[];
  readonly via?: unknown;
}

/** Of a branch that does not exist nothing but its name is known. */
function branchesOf(topology: Topology, { branch, chain = chainOf(topology, branch) }: Asking): readonly string[] {
  return chain ?? [branch];
}

/** What a batch of loads works with. */
interface Batch {
  readonly chain: Chain | null;
  /** The marks taken before the load, to unpin when the batch ends, and what tier 2 has. */
  readonly looked: Looked;
  /** What an absent record carries besides. */
  readonly absent: Captured | null;
  readonly applied: Applied;
  readonly results: Map<Flight, Outcome | Error | Promise<Outcome>>;
}

const isPending = (finding: Outcome | null | Promise<Outcome | null>): boolean => finding !== null && 'then' in finding;

const NOTHING_KNOWN: Looked = {
  held: { cells: [], stamp: 0, known: false, error: null },
  stored: new Map(),
  sharing: false,
};
