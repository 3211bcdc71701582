import type { Reader } from '../api.js';
import type { Subject } from '../subject.js';
import type { SubjectKey } from '../contract.js';
import { TidemarkError, isTidemarkError, messageOf } from '../errors.js';
import type { AnyModel, Topology } from '../model.js';
import { subjectParts } from '../subject.js';
import { chainOf } from './branches.js';
import { type Chain, carriedBy, wholeTypeSubjects } from './cascade.js';
import type { Flight, Outcome } from './flight.js';
import { type Deadline, type Patience, withDeadline } from './origin.js';
import type { MarkCell } from './marks.js';
import type { Place } from './moves.js';
import type { Gate } from './gate.js';
import { followLoad } from './follow.js';
import type { Lease } from './leases.js';
import { type Looked, find, look } from './look.js';
import type { Reads, Settled } from './read.js';

/** Loads of views and of keyed values: the host's own function, whose reads become the value's marks. */

export interface Derivation {
  readonly dependsOn: readonly Subject[] | ((params: unknown) => readonly Subject[]) | undefined;
  readonly params?: unknown;
  /** Marks to carry besides, for a reader in these branches. */
  readonly also?: (chain: Chain) => readonly SubjectKey[];
  /** Marks that only the value tells of, and where on the map it came from. */
  readonly located?: Located;
  /** Asked once it is loaded. */
  readonly ttlMs: () => number | undefined;
  /** Called before a load that must include changes not heard of yet; `known`: that there are some. */
  readonly unheard?: (known: boolean) => void;
  readonly load: (reader: Reader<AnyModel>, params: unknown) => unknown;
}

/** What a value that comes from a part of the map says of that: before the load what is known then, after it all. */
export interface Located {
  readonly area: () => Place | null;
  readonly late: (chain: Chain) => readonly SubjectKey[];
}

export interface DeriveOptions {
  readonly reads: Reads;
  readonly topology: Topology;
  readonly deadline: Deadline;
  readonly gate: Gate;
  /** A reader whose reads become part of the flight. */
  readonly readerFor: (branch: string, flight: Flight, patience: Patience) => Reader<AnyModel>;
}

/** Above this many marks a value carries those of the types it touched instead: right, less precise. */
const MOST_MARKS = 256;

/** Runs one load. `branch` is where its reader reads; the shelf of a keyed value has none of its own. */
export async function derive(
  options: DeriveOptions,
  flight: Flight,
  branch: string,
  what: Derivation,
): Promise<Outcome> {
  const { reads, topology } = options;
  const chain = chainOf(topology, branch);
  const looked = await takeMarks(options, flight, chain, what);
  const required = flight.cells.map(({ subject }) => subject);
  flight.area = what.located?.area() ?? null;
  const found = await find(reads, flight, looked, () => required);
  if (found !== null) return found;
  const loading = (lease: Lease | null): Promise<Outcome> =>
    loadFor(flight, lease, () => load(options, flight, branch, what, chain));
  const { leases } = reads;
  if (leases === null || flight.bypassesStore || flight.unstorable || !looked.sharing) return loading(null);
  const [lease] = await leases.take([flight], looked.stored);
  return lease ? loading(lease) : followLoad(reads, flight, { required: () => required, load: loading });
}

/** A load for which other replicas wait, if it has a lease. */
async function loadFor(flight: Flight, lease: Lease | null, run: () => Promise<Settled>): Promise<Outcome> {
  try {
    const { outcome, stored } = await run();
    void stored.then((kept) => lease?.release(kept ? 'stored' : 'not kept'));
    return outcome;
  } catch (error) {
    // Who waits shares the marks that were known before. What was read on the way may have failed it, and changed since.
    if (flight.late.length > 0 || flight.unstorable) void lease?.release('not kept');
    else void lease?.fail(error);
    throw error;
  }
}

async function load(
  options: DeriveOptions,
  flight: Flight,
  branch: string,
  what: Derivation,
  chain: Chain | null,
): Promise<Settled> {
  const { reads, deadline, gate } = options;
  flight.shelf.space.counter.loads++;
  if (flight.bypassesStore || flight.unverified) what.unheard?.(flight.bypassesStore || flight.demand.strong);
  else if (reads.table.isAhead(flight.cells)) what.unheard?.(true);
  const loading = (): Promise<unknown> =>
    withDeadline(deadline, flight.key, 'LOAD_FAILED', (patience) => {
      flight.askedAt = deadline.clock.now();
      return what.load(options.readerFor(branch, flight, patience), what.params);
    });
  // A load within a load does not queue: the outer one holds its place while it waits for it.
  const queues = reads.isOutage([flight]) && !flight.isNested;
  const onWaiting = (hurry: () => void): void => {
    flight.hurry = hurry;
  };
  const run = (): Promise<unknown> => (queues ? gate.pass(flight.key, loading, onWaiting) : loading());
  let value = await run();
  if (what.located !== undefined && chain !== null) {
    const { unstorable } = flight;
    await captureFound(options, flight, what.located.late(chain));
    if (flight.demand.strong && flight.unstorable && !unstorable) {
      // It came from an index that has not heard of what the store knows.
      what.unheard?.(true);
      value = await run();
    }
    flight.area = what.located.area();
  }
  const sealed = reads.seal(value);
  const cells = [...new Set(flight.cells)];
  const kept = { ttlMs: what.ttlMs(), absent: value === undefined };
  if (cells.length <= MOST_MARKS || chain === null) return reads.settle(flight, sealed, { ...kept, cells });
  return reads.settle(flight, sealed, { ...kept, cells: await collapse(options, flight, chain, cells) });
}

/** Always gives way once, so that no host code runs before the flight is known to those it waits for. */
async function takeMarks(
  { reads, topology }: DeriveOptions,
  flight: Flight,
  chain: Chain | null,
  what: Derivation,
): Promise<Looked> {
  if (chain === null) flight.unstorable = true;
  const subjects = new Set<SubjectKey>(what.also?.(chain ?? []));
  for (const { key } of dependencies(what, flight)) {
    const carried = carriedBy(key, topology, (branch) => {
      const found = chainOf(topology, branch);
      if (found === null) flight.unstorable = true;
      return found ?? [];
    });
    for (const subject of carried) subjects.add(subject);
  }
  const looked = await look(reads, [flight], [...subjects], chain ?? []);
  const { cells, error } = looked.held;
  if (error !== null) reads.events.emit('error', { error, where: `marks of ${flight.key}` });
  // Behind those asked for are the marks of what tier 1 has: they judge that, and are not the load's own.
  flight.own(cells.slice(subjects.size));
  flight.captureHeld({ ...looked.held, cells: cells.slice(0, subjects.size) });
  flight.ask(reads.table.applied());
  return looked;
}

function dependencies({ dependsOn, params }: Derivation, { key }: Flight): readonly Subject[] {
  if (typeof dependsOn !== 'function') return dependsOn ?? [];
  try {
    return dependsOn(params);
  } catch (cause) {
    if (isTidemarkError(cause)) throw cause;
    throw new TidemarkError('LOAD_FAILED', `dependsOn of ${key}: ${messageOf(cause)}`, { cause });
  }
}

/** The marks of the types touched instead of those of single entities and lists; rules and keys stay as they are. */
async function collapse(
  { reads }: DeriveOptions,
  flight: Flight,
  chain: Chain,
  cells: readonly MarkCell[],
): Promise<readonly MarkCell[]> {
  const subjects = new Set<SubjectKey>();
  for (const { subject } of cells) {
    const [kind, type] = subjectParts(subject);
    if (kind === 'rules' || kind === 'key' || kind === 'branch') subjects.add(subject);
    else if (kind === 'entity' || kind === 'list' || kind === 'type') {
      for (const whole of wholeTypeSubjects(type as string, chain)) subjects.add(whole);
    }
  }
  return captureFound({ reads }, flight, [...subjects]);
}

/** Marks that are first read after the load: they count only if they have not moved since before it. */
async function captureFound(
  { reads }: Pick<DeriveOptions, 'reads'>,
  flight: Flight,
  subjects: readonly SubjectKey[],
): Promise<readonly MarkCell[]> {
  if (subjects.length === 0) return [];
  const { cells, known, stamp, error } = await reads.table.hold(subjects, flight.readAfter);
  if (error !== null) reads.events.emit('error', { error, where: `marks of ${flight.key}` });
  flight.own(cells);
  for (const cell of cells) flight.captureLate(cell, { known, stamp, applied: flight.applied ?? [] });
  return cells;
}
