import type { StoredValue, SubjectKey } from '../contract.js';
import { type Chain, linksOf } from './cascade.js';
import type { Flight, Outcome } from './flight.js';
import { type Held, type MarkCell, sameToken } from './marks.js';
import type { Reads } from './read.js';
import { isExpired } from './tier.js';
import type { Found, Requirement, Tier2 } from './tier2.js';

/** What comes before a load: its marks are taken, and with them what is there already is judged. */

/** What was found before a load, and the marks that judge it. */
export interface Looked {
  readonly held: Held;
  readonly stored: ReadonlyMap<Flight, StoredValue>;
  /** Whether there is a store that answers, to share loads through. */
  readonly sharing: boolean;
}

const NOTHING: Looked['stored'] = new Map();

/**
 * The marks of these subjects and of what tier 1 has for the flights, and what tier 2 has: in one round trip where marks
 * and store lie together. A branch of which this replica does not know where it hangs is read past every cache. The
 * caller unpins the cells, the first of which are those of the subjects.
 */
export function look(
  reads: Reads,
  flights: readonly Flight[],
  subjects: readonly SubjectKey[],
  chain: Chain = [],
): Looked | Promise<Looked> {
  const links = linksOf(chain).flat();
  const looking = lookAt(reads, flights, links.length === 0 ? subjects : [...subjects, ...links]);
  if (links.length === 0) return looking;
  return Promise.resolve(looking).then((looked) => {
    const cells = looked.held.cells.slice(subjects.length, subjects.length + links.length);
    if (!moveInPairs(cells)) for (const flight of flights) flight.unstorable = true;
    return looked;
  });
}

function lookAt(reads: Reads, flights: readonly Flight[], subjects: readonly SubjectKey[]): Looked | Promise<Looked> {
  const after = latest(flights);
  const asked = [...subjects];
  for (const { shelf, id } of flights) {
    const entry = shelf.entries.get(id);
    if (entry !== undefined && reads.tier.isFresh(entry)) for (const { subject } of entry.cells) asked.push(subject);
  }
  const { tier2 } = reads;
  const asking = tier2 === null ? [] : flights.filter((flight) => !flight.bypassesStore && !flight.unstorable);
  if (tier2 !== null && asking.length > 0)
    return lookFurther(reads, tier2, { flights: asking, subjects: asked, after });
  const held = reads.table.hold(asked, after);
  const alone = { stored: NOTHING, sharing: false };
  return 'then' in held ? held.then((then) => ({ held: then, ...alone })) : { held, ...alone };
}

async function lookFurther(
  reads: Reads,
  tier2: Tier2,
  {
    flights,
    subjects,
    after,
  }: { readonly flights: readonly Flight[]; readonly subjects: readonly SubjectKey[]; readonly after: number | null },
): Promise<Looked> {
  const keys = flights.map((flight) => tier2.keyOf(flight));
  const { held, entries } = reads.table.fetches
    ? await reads.table.fetch(keys, subjects, after)
    : await both(reads.table.hold(subjects, after), tier2.getMany(keys));
  if (entries === null) return { held, stored: NOTHING, sharing: false };
  const stored = new Map<Flight, StoredValue>();
  for (let i = 0; i < flights.length; i++) {
    const value = entries.get(keys[i] as string);
    if (value !== undefined) stored.set(flights[i] as Flight, value);
  }
  return { held, stored, sharing: held.known };
}

/** What makes a load unnecessary: a value of tier 1 that its marks vouch for again, or one of tier 2. */
export function find(
  reads: Reads,
  flight: Flight,
  { held, stored }: Looked,
  required: Requirement,
): Outcome | null | Promise<Outcome | null> {
  if (!held.known || flight.bypassesStore || flight.unstorable) return null;
  const known = verified(reads, flight);
  if (known !== null) return known;
  const value = stored.get(flight);
  return value === undefined ? null : opened(reads, flight, value, required);
}

function verified(reads: Reads, flight: Flight): Outcome | null {
  const { shelf, id, readAfter } = flight;
  const entry = shelf.entries.get(id);
  const now = reads.time.now();
  if (entry === undefined || isExpired(entry, now) || !reads.tier.isFresh(entry)) return null;
  if (!reads.table.trusts(entry.cells, now, readAfter)) return null;
  flight.source = 'tier1';
  entry.visited = true;
  return { value: entry.value, entry };
}

function opened(
  reads: Reads,
  flight: Flight,
  stored: StoredValue,
  required: Requirement,
): Outcome | null | Promise<Outcome | null> {
  const found = reads.tier2?.open(flight, stored, required) ?? null;
  return found !== null && 'then' in found
    ? found.then((then) => promoted(reads, flight, then))
    : promoted(reads, flight, found);
}

/** To tier 1, if nothing moved while it was fetched. */
function promoted(reads: Reads, flight: Flight, found: Found | null): Outcome | null {
  if (found === null) return null;
  const { value, absent, cells, leftMs } = found;
  const { outcome } = reads.settle(flight, reads.seal(value), { absent, cells, leftMs });
  // What a bump overtook may be older than the reader's own write: it goes to the origin.
  if (outcome.entry === null) return null;
  flight.source = 'tier2';
  return outcome;
}

/** For a strong read: the moment after which marks must be read to serve all of these flights. */
function latest(flights: readonly Flight[]): number | null {
  let after: number | null = null;
  for (const { readAfter } of flights)
    if (readAfter !== null && !(after !== null && after > readAfter)) after = readAfter;
  return after;
}

function moveInPairs(cells: readonly MarkCell[]): boolean {
  for (let i = 0; i < cells.length; i += 2) {
    const [a, b] = [cells[i]?.token, cells[i + 1]?.token];
    if (a != null && b != null && !sameToken(a, b)) return false;
  }
  return true;
}

async function both(
  holding: Held | Promise<Held>,
  getting: Promise<ReadonlyMap<string, StoredValue> | null>,
): Promise<{ readonly held: Held; readonly entries: ReadonlyMap<string, StoredValue> | null }> {
  const [held, entries] = await Promise.all([holding, getting]);
  return { held, entries };
}
