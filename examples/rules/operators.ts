import { type CustomOperator, defineOperators } from 'tidemark/rules';
import type { Place } from './facts.ts';

/** The operators of a world: settlements, structures, space and time, over the facts of `facts.ts`. */

const DAY_MS = 86_400_000;

/** A fact as it is. */
function fact(path: string, gives: 'number' | 'string' | 'boolean'): CustomOperator {
  return {
    ...{ arity: 0, reads: () => [path], types: { takes: [], gives } },
    evaluate: (_args, read) => read(path),
  };
}

/** One of the entries below a path; all of them are read if only the data knows which. */
function entryBelow(path: string): {
  readonly reads: CustomOperator['reads'];
  readonly pathOf: (name: unknown) => string | undefined;
} {
  const pathOf = (name: unknown): string | undefined =>
    typeof name === 'string' && /^[^.*\\]+$/.test(name) ? `${path}.${name}` : undefined;
  return { reads: ([name]) => [pathOf(name) ?? path], pathOf };
}

function variable(path: string): CustomOperator {
  const { reads, pathOf } = entryBelow(path);
  return {
    ...{ arity: 1, reads, types: { takes: ['string'], gives: 'any' } },
    evaluate: ([name], read) => {
      const at = pathOf(name);
      return at === undefined ? null : read(at);
    },
  };
}

/** Whether a fact is what the argument says. */
function isSame(path: string): CustomOperator {
  return {
    ...{ arity: 1, reads: () => [path], types: { takes: ['string'], gives: 'boolean' } },
    evaluate: ([wanted], read) => read(path) === wanted,
  };
}

/** How many structures there are, of one type or of all. */
function countOf(type: unknown, read: (path: string) => unknown): number {
  const structures = (read('settlement.structures') ?? []) as readonly { readonly type: string }[];
  return type === undefined ? structures.length : structures.filter((structure) => structure.type === type).length;
}

const regions = entryBelow('regions');
const locations = entryBelow('locations');
const PLACE = 'settlement.place';

export const worldOperators = defineOperators({
  'settlement.level': fact('settlement.level', 'number'),
  'settlement.var': variable('settlement.variables'),
  'settlement.inKingdom': isSame('settlement.kingdomId'),
  'settlement.atLocation': isSame('settlement.locationId'),
  'settlement.hasStructureType': {
    ...{ arity: 1, cost: 10, reads: () => ['settlement.structures'], types: { takes: ['string'], gives: 'boolean' } },
    evaluate: ([type], read) => countOf(type, read) > 0,
  },
  'settlement.structureCount': {
    ...{
      arity: [0, 1],
      cost: 10,
      reads: () => ['settlement.structures'],
      types: { takes: ['string'], gives: 'number' },
    },
    evaluate: ([type], read) => countOf(type, read),
  },

  'structure.level': fact('structure.level', 'number'),
  'structure.type': fact('structure.type', 'string'),
  'structure.var': variable('structure.variables'),
  'structure.isOperational': fact('structure.operational', 'boolean'),
  'structure.inSettlement': isSame('structure.settlementId'),

  /** Whether the settlement lies in a region. A region that is not there contains nothing. */
  'spatial.inside': {
    ...{ arity: 1, cost: 20, types: { takes: ['string'], gives: 'boolean' } },
    reads: (args) => [PLACE, ...regions.reads(args)],
    evaluate: ([region], read) => {
      const at = regions.pathOf(region);
      const ring = at === undefined ? null : read(`${at}.ring`);
      const place = read(PLACE) as Place | null;
      return ring !== null && place !== null && isInside(place, ring as readonly Place[]);
    },
  },
  /** From the settlement to a location, in units of the map; null if one of them is not known. */
  'spatial.distanceFrom': {
    ...{ arity: 1, types: { takes: ['string'], gives: 'number' } },
    reads: (args) => [PLACE, ...locations.reads(args)],
    evaluate: ([location], read) => {
      const at = locations.pathOf(location);
      const there = (at === undefined ? null : read(at)) as Place | null;
      const place = read(PLACE) as Place | null;
      return there === null || place === null ? null : Math.hypot(there.x - place.x, there.y - place.y);
    },
  },
  /** Whole days from a date, a text in ISO 8601 or milliseconds until the fact `now`. */
  'temporal.daysSince': {
    ...{ arity: 1, reads: () => ['now'], types: { takes: ['any'], gives: 'number' } },
    evaluate: ([since], read) => {
      const [from, now] = [timeOf(since), read('now')];
      if (from === null) return null;
      if (typeof now !== 'number') throw new Error('the fact `now` is missing');
      return Math.floor((now - from) / DAY_MS);
    },
  },
});

function timeOf(value: unknown): number | null {
  const time = value instanceof Date ? value.getTime() : typeof value === 'string' ? Date.parse(value) : value;
  return typeof time === 'number' && Number.isFinite(time) ? time : null;
}

/** Whether a ray to the right crosses the ring an odd number of times. */
function isInside({ x, y }: Place, ring: readonly Place[]): boolean {
  let inside = false;
  ring.forEach((a, i) => {
    const b = ring[(i + 1) % ring.length] as Place;
    if (a.y > y !== b.y > y && x < ((b.x - a.x) * (y - a.y)) / (b.y - a.y) + a.x) inside = !inside;
  });
  return inside;
}
