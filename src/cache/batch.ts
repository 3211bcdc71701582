import DataLoader from 'dataloader';
import type { Awaitable, OriginContext, SubjectKey } from '../contract.js';
import { TidemarkError, isTidemarkError, messageOf } from '../errors.js';
import type { AnyRow, EntityPlan, ParentPlan, Topology } from '../model.js';
import { idText } from '../subject.js';
import { chainOf } from './branches.js';
import {
  type Chain,
  absentSubjects,
  baseSubjects,
  listSubjects,
  parentSubjects,
  recordSubjects,
  sharedListSubjects,
} from './cascade.js';
import type { Captured, Flight, Outcome } from './flight.js';
import { type AnyEntityOrigin, type Deadline, withDeadline } from './origin.js';
import type { Applied, MarkCell } from './marks.js';
import type { Reads } from './read.js';
import type { Requirement } from './tier2.js';
import { checkedRows, rowsByIds, rowsByParent } from './rows.js';
import type { Counter } from '../report.js';
import type { Lifetime, Shelf, Space } from './tier.js';

/** Loads of records and lists: many ids in one batch, their marks taken first, one call to the origin. */

/** Records of a type, or the lists of a type under one parent type. */
export interface RowSpace extends Space {
  readonly plan: EntityPlan;
  readonly parent: ParentPlan | null;
  readonly batches: Map<string, DataLoader<Flight, Outcome>>;
}

export interface BatchOptions {
  readonly reads: Reads;
  readonly topology: Topology;
  readonly origin: Readonly<Record<string, AnyEntityOrigin | undefined>>;
  readonly deadline: Deadline;
  readonly maxBatchSize: number;
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
    const chain = chainOf(this.#options.topology, shelf.branch);
    const marks = await this.#takeMarks(flights, chain);
    try {
      const results = new Map<Flight, Outcome | Error>();
      const required: Requirement = ({ id }, value, absent) =>
        requiredOf(shelf.space as RowSpace, id, value, absent, chain ?? []);
      for (const [flight, outcome] of await reads.promote(flights, required)) results.set(flight, outcome);
      const missing = flights.filter((flight) => !results.has(flight));
      if (missing.length > 0) await this.#ask(shelf, missing, chain, marks, results);
      return flights.map((flight) => results.get(flight) as Outcome | Error);
    } finally {
      for (const cell of marks.pinned) reads.table.unpin(cell);
    }
  }

  /** Takes the marks known before the load. Without them the load runs, but nothing it finds is kept. */
  async #takeMarks(flights: readonly Flight[], chain: Chain | null): Promise<Taken> {
    const { table } = this.#options.reads;
    const space = flights[0]?.shelf.space as RowSpace;
    let taken: Taken = { pinned: [], absent: null, applied: table.applied() };
    if (chain !== null) {
      const shared = sharedSubjects(space, chain);
      const absent = space.parent === null ? absentSubjects(space.plan.type, chain) : [];
      const subjects = [...shared, ...absent];
      for (const { id } of flights) for (const subject of ownSubjects(space, String(id), chain)) subjects.push(subject);
      try {
        const holding = table.hold(subjects);
        const cells = 'then' in holding ? await holding : holding;
        const stamp = table.version;
        let at = 0;
        const next = (count: number): Captured => ({ cells: cells.slice(at, (at += count)), stamp });
        const every = next(shared.length);
        const none = absent.length === 0 ? null : next(absent.length);
        const each = (cells.length - at) / flights.length;
        for (const flight of flights) {
          flight.capture(every);
          flight.capture(next(each));
        }
        taken = { pinned: cells, absent: none, applied: table.applied() };
      } catch (error) {
        this.#options.reads.events.emit('error', { error: error as Error, where: `marks of ${space.name}` });
        for (const flight of flights) flight.unstorable = true;
      }
    } else {
      for (const flight of flights) flight.unstorable = true;
    }
    for (const flight of flights) flight.applied = taken.applied;
    return taken;
  }

  async #ask(
    shelf: Shelf,
    flights: readonly Flight[],
    chain: Chain | null,
    marks: Taken,
    results: Map<Flight, Outcome | Error>,
  ): Promise<void> {
    const space = shelf.space as RowSpace;
    const ids = flights.map(({ id }) => id);
    const answers = await this.ask(space, ids, { branch: shelf.branch, flights });
    const values = flights.map((flight, i) => this.#seal(space, flight.id, answers[i] as Answer));
    const late = await this.#takeLate(space, flights, values, chain, marks.applied);
    flights.forEach((flight, i) => {
      const value = values[i];
      if (value instanceof Error) {
        results.set(flight, value);
        return;
      }
      const absent = value === null;
      if (absent && marks.absent !== null) flight.capture(marks.absent);
      results.set(flight, this.#options.reads.settle(flight, value, { absent }));
    });
    for (const cell of late) this.#options.reads.table.unpin(cell);
  }

  /** Asks the origin, past every cache. Rejects if the call as a whole failed; a failed id is its Error. */
  async ask(
    space: RowSpace,
    ids: readonly unknown[],
    about: { readonly branch: string; readonly flights?: readonly Flight[]; readonly via?: unknown },
  ): Promise<readonly Answer[]> {
    const { reads, origin, deadline } = this.#options;
    const { plan, parent } = space;
    const loaders = origin[plan.type];
    const where = `origin.${plan.type}.${parent === null ? 'byIds' : `childrenOf.${parent.type}`}`;
    const call = parent === null ? loaders?.byIds : loaders?.childrenOf?.[parent.type];
    if (call === undefined) throw new TidemarkError('ORIGIN_MISSING', `${where}: expected a function, got none.`);
    const unique = [...new Set(ids)];
    space.counter.loads += unique.length;
    reads.statistics.originCalls++;
    reads.events.emit('load', { kind: space.kind, type: plan.type, branch: about.branch, count: unique.length });
    const recentlyChanged = about.flights?.some(({ cells }) => reads.table.changedRecently(cells)) ?? false;
    const answer = await withDeadline(deadline, where, 'ORIGIN_FAILED', (signal): Awaitable<unknown> => {
      const context: OriginContext = { branch: about.branch, signal, recentlyChanged, via: about.via };
      return call.call(loaders, unique, context);
    });
    const mapped = guarded(where, () =>
      parent === null ? rowsByIds(plan, unique, answer) : rowsByParent(plan, parent, unique, answer),
    );
    if (unique.length === ids.length) return mapped;
    const byId = new Map(unique.map((id, i) => [id, mapped[i] as Answer]));
    return ids.map((id) => byId.get(id) as Answer);
  }

  /** Every row of a type, as readers may see them, past every cache. */
  async askAll(space: RowSpace, branch: string): Promise<readonly AnyRow[]> {
    const { reads, origin, deadline } = this.#options;
    const { plan } = space;
    const loaders = origin[plan.type];
    const where = `origin.${plan.type}.all`;
    if (loaders?.all === undefined)
      throw new TidemarkError('ORIGIN_MISSING', `${where}: expected a function, got none.`);
    const { all } = loaders;
    reads.statistics.originCalls++;
    const rows = await withDeadline(deadline, where, 'ORIGIN_FAILED', async (signal) => {
      const rows: unknown[] = [];
      for await (const row of all.call(loaders, { branch, signal, recentlyChanged: false })) rows.push(row);
      return rows;
    });
    reads.events.emit('load', { kind: 'spatial', type: plan.type, branch, count: rows.length });
    return guarded(where, () => visible(plan, checkedRows(plan, rows))) as readonly AnyRow[];
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
    chain: Chain | null,
    applied: Applied,
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
    try {
      const holding = table.hold(unique);
      const cells = 'then' in holding ? await holding : holding;
      const bySubject = new Map(cells.map((cell) => [cell.subject, cell]));
      flights.forEach((flight, i) => {
        for (const subject of subjects[i] ?? []) {
          const cell = bySubject.get(subject) as MarkCell;
          if (hasNotMovedSince(cell, applied)) flight.capture({ cells: [cell], stamp: table.version });
          else flight.unstorable = true;
        }
      });
      return cells;
    } catch (error) {
      events.emit('error', { error: error as Error, where: `marks of ${space.name}` });
      for (const flight of flights) flight.unstorable = true;
      return [];
    }
  }
}

interface Taken {
  /** To unpin when the batch ends. */
  readonly pinned: readonly MarkCell[];
  /** What an absent record carries besides. */
  readonly absent: Captured | null;
  readonly applied: Applied;
}

/** Every subject that a record or list carries. */
function requiredOf(space: RowSpace, id: unknown, value: unknown, absent: boolean, chain: Chain): SubjectKey[] {
  const known = [...sharedSubjects(space, chain), ...ownSubjects(space, String(id), chain)];
  if (space.parent !== null) return known;
  return [
    ...known,
    ...(absent ? absentSubjects(space.plan.type, chain) : parentSubjects(space.plan, value as AnyRow, chain)),
  ];
}

/** What a record or list carries that is known from its id alone: the same number of subjects for every id. */
function ownSubjects(space: RowSpace, id: string, chain: Chain): SubjectKey[] {
  return space.parent === null
    ? recordSubjects(space.plan.type, id, chain)
    : listSubjects(space.plan, space.parent.type, id, chain);
}

/** What every record, or every list, of the space carries. */
function sharedSubjects(space: RowSpace, chain: Chain): SubjectKey[] {
  return space.parent === null ? baseSubjects(space.plan.type, chain) : sharedListSubjects(space.plan, chain);
}

/** A mark first read after the origin was asked may be newer than the value: it counts if it is not. */
export function hasNotMovedSince(cell: MarkCell, applied: Applied): boolean {
  const then = applied[cell.partition.number];
  return cell.usable && cell.token !== null && cell.token.epoch === then?.epoch && cell.token.position <= then.applied;
}

/** What readers see: null for a deleted record, lists without deleted rows. */
export function visible(
  plan: EntityPlan,
  answer: AnyRow | null | readonly AnyRow[],
): AnyRow | null | readonly AnyRow[] {
  if (answer === null) return null;
  if (Array.isArray(answer)) return (answer as readonly AnyRow[]).filter((row) => !plan.isDeleted(row));
  return plan.isDeleted(answer as AnyRow) ? null : answer;
}

function guarded<T>(where: string, map: () => T): T {
  try {
    return map();
  } catch (cause) {
    throw rowError(where, cause);
  }
}

function whichRow({ plan, parent }: RowSpace, id: unknown): string {
  return parent === null ? `${plan.type} ${String(id)}` : `${plan.plural} of ${parent.type} ${String(id)}`;
}

function rowError(where: string, cause: unknown): TidemarkError {
  if (isTidemarkError(cause)) return cause;
  return new TidemarkError('LOAD_FAILED', `${where}: the model's own function failed on a row: ${messageOf(cause)}`, {
    cause,
  });
}

/** The space of a type's records, or of its lists under one parent type. */
export function rowSpace(
  plan: EntityPlan,
  parent: ParentPlan | null,
  shared: {
    readonly counter: Counter;
    readonly lifetime: Lifetime;
    readonly keyOf: (branch: string, id: unknown) => string;
  },
): RowSpace {
  return {
    kind: parent === null ? 'record' : 'list',
    name: plan.type,
    plan,
    parent,
    batches: new Map(),
    shelves: new Map(),
    ...shared,
  };
}

/** An id as the caller gave it, checked. Throws BLANK_ID naming the type. */
export function checkedId(type: string, id: unknown): unknown {
  idText(id, `id of '${type}'`);
  return id;
}
