import type { Reader } from '../api.js';
import type { Subject } from '../subject.js';
import type { SubjectKey } from '../contract.js';
import { TidemarkError, isTidemarkError, messageOf } from '../errors.js';
import type { AnyModel, Topology } from '../model.js';
import { subjectParts } from '../subject.js';
import { hasNotMovedSince } from './batch.js';
import { chainOf } from './branches.js';
import { type Chain, carriedBy, wholeTypeSubjects } from './cascade.js';
import type { Flight, Outcome } from './flight.js';
import { type Deadline, withDeadline } from './origin.js';
import type { MarkCell } from './marks.js';
import type { Reads } from './read.js';

/** Loads of views and of keyed values: the host's own function, whose reads become the value's marks. */

export interface Derivation {
  readonly dependsOn: readonly Subject[] | ((params: unknown) => readonly Subject[]) | undefined;
  readonly params?: unknown;
  /** Marks to carry besides, for a reader in these branches. */
  readonly also?: (chain: Chain) => readonly SubjectKey[];
  readonly ttlMs: number | undefined;
  /** Called before a load that must include a change not heard of yet. */
  readonly unheard?: () => void;
  readonly load: (reader: Reader<AnyModel>, params: unknown) => unknown;
}

export interface DeriveOptions {
  readonly reads: Reads;
  readonly topology: Topology;
  readonly deadline: Deadline;
  /** A reader whose reads become part of the flight. */
  readonly readerFor: (branch: string, flight: Flight, signal: AbortSignal) => Reader<AnyModel>;
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
  const { reads, topology, deadline } = options;
  const chain = chainOf(topology, branch);
  await takeMarks(options, flight, chain, what);
  flight.applied = reads.table.applied();
  const required = flight.cells.map(({ subject }) => subject);
  const found = (await reads.promote([flight], () => required)).get(flight);
  if (found !== undefined) return found;
  flight.shelf.space.counter.loads++;
  if (flight.bypassesStore) what.unheard?.();
  const value = await withDeadline(deadline, flight.key, 'LOAD_FAILED', (signal) =>
    what.load(options.readerFor(branch, flight, signal), what.params),
  );
  const sealed = reads.seal(value);
  const cells = [...new Set(flight.cells)];
  const kept = { ttlMs: what.ttlMs, absent: value === undefined };
  if (cells.length <= MOST_MARKS || chain === null) return reads.settle(flight, sealed, { ...kept, cells });
  const fewer = await collapse(options, flight, chain, cells);
  const outcome = reads.settle(flight, sealed, { ...kept, cells: fewer });
  for (const cell of fewer) reads.table.unpin(cell);
  return outcome;
}

/** Always gives way once, so that no host code runs before the flight is known to those it waits for. */
async function takeMarks(
  { reads, topology }: DeriveOptions,
  flight: Flight,
  chain: Chain | null,
  what: Derivation,
): Promise<void> {
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
  try {
    const cells = await reads.table.hold([...subjects]);
    flight.captureOwned({ cells, stamp: reads.table.version });
  } catch (error) {
    reads.events.emit('error', { error: error as Error, where: `marks of ${flight.key}` });
    flight.unstorable = true;
  }
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
  try {
    const fewer = await reads.table.hold([...subjects]);
    // First read after the load: they count only if they have not moved since before it.
    if (!fewer.every((cell) => hasNotMovedSince(cell, flight.applied ?? []))) flight.unstorable = true;
    return fewer;
  } catch (error) {
    reads.events.emit('error', { error: error as Error, where: `marks of ${flight.key}` });
    flight.unstorable = true;
    return [];
  }
}
