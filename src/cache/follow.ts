import type { Flight, Outcome } from './flight.js';
import type { Lease } from './leases.js';
import { find, look } from './look.js';
import type { Reads } from './read.js';
import type { Requirement } from './tier2.js';

/** Where values expire before those who wait find them, waiting for yet another load would go on for ever. */
const MOST_WAITS = 3;

/** Waits for another replica's load of the same value, and takes over if nothing came of it. */
export async function followLoad(
  reads: Reads,
  flight: Flight,
  { required, load }: { readonly required: Requirement; readonly load: (lease: Lease | null) => Promise<Outcome> },
): Promise<Outcome> {
  const { leases } = reads;
  if (leases === null) return load(null);
  flight.keep();
  for (let waits = 1; ; waits++) {
    const ended = await leases.wait(flight);
    if (typeof ended === 'object') throw ended.failed;
    if (ended === 'not kept' || flight.isOvertaken) return load(null);
    const looked = await look(reads, [flight], []);
    flight.own(looked.held.cells);
    const found = await find(reads, flight, looked, required);
    if (found !== null) return found;
    if (waits === MOST_WAITS) return load(null);
    const [lease] = await leases.take([flight], looked.stored);
    if (lease) return load(lease);
  }
}
