import type { Geometry, SpatialFilter, SpatialQuestion, SpatialSystem } from '../contract.js';
import { TidemarkError } from '../errors.js';
import type { Id } from '../model.js';
import { escapePart, idText } from '../subject.js';
import { boxesOf, checkGeometry, pointOf } from './geometry.js';

/** Questions as people ask them, checked. */

export const SPATIAL_VERBS = ['inBox', 'near', 'nearest', 'within', 'containing'] as const;
export type SpatialVerb = (typeof SPATIAL_VERBS)[number];

/** An entity of the model that is a region. */
export interface RegionRef {
  readonly type: string;
  readonly id: Id;
}

export interface Asked {
  /** Unique within the type: what the answer is kept under. */
  readonly text: string;
  /** Null until the region is known. */
  readonly question: SpatialQuestion | null;
  /** Within which entity, and how. */
  readonly region: (RegionRef & { readonly strict: boolean }) | null;
  readonly where: readonly SpatialFilter[];
  readonly limit: number | undefined;
}

/** Throws INVALID_GEOMETRY or INVALID_OPTION, saying where. */
export function askOf(verb: SpatialVerb, query: unknown, system: SpatialSystem): Asked {
  if (typeof query !== 'object' || query === null) {
    throw new TidemarkError('INVALID_GEOMETRY', `${verb}: expected an object, got ${String(query)}.`);
  }
  const given = query as Record<string, unknown>;
  refuseOthers(verb, given);
  const where = filtersOf(given['where'], verb);
  const limit = verb === 'nearest' ? undefined : countOf(given['limit'], `${verb}.limit`);
  const { name, parts, question, region = null } = READ[verb](given, system);
  const named = [name, ...parts.map(textOf), ...(limit === undefined ? [] : [String(limit)]), ...filterText(where)];
  return { text: named.join(':'), question, region, where, limit };
}

interface Read {
  readonly name: string;
  readonly parts: readonly (number | string)[];
  readonly question: SpatialQuestion | null;
  readonly region?: Asked['region'];
}

type Given = Readonly<Record<string, unknown>>;

const OPTIONS: Readonly<Record<SpatialVerb, readonly string[]>> = {
  inBox: ['min', 'max', 'limit', 'where'],
  near: ['point', 'radius', 'limit', 'where'],
  nearest: ['point', 'k', 'maxDistance', 'where'],
  within: ['region', 'polygon', 'strict', 'limit', 'where'],
  containing: ['point', 'strict', 'limit', 'where'],
};

const READ: Readonly<Record<SpatialVerb, (given: Given, system: SpatialSystem) => Read>> = {
  inBox: (given, { srid }) => {
    const boxes = boxesOf(given, srid, 'inBox');
    const [first, last] = [boxes[0], boxes.at(-1)] as const;
    const parts = [first?.minX, first?.minY, last?.maxX, first?.maxY, srid] as number[];
    return { name: 'in-box', parts, question: { kind: 'inBox', boxes } };
  },
  near: ({ point: at, radius }, system) => {
    const point = pointOf(at, system.srid, 'near.point');
    const reach = lengthOf(radius, 'near.radius');
    return {
      name: 'near',
      parts: [point.x, point.y, reach, system.srid],
      question: { kind: 'near', point, radius: reach },
    };
  },
  nearest: ({ point: at, k, maxDistance: most }, system) => {
    const point = pointOf(at, system.srid, 'nearest.point');
    const count = countOf(k, 'nearest.k');
    if (count === undefined) throw new TidemarkError('INVALID_OPTION', 'nearest.k: expected how many, got undefined.');
    const maxDistance = most === undefined ? undefined : lengthOf(most, 'nearest.maxDistance');
    return {
      name: 'nearest',
      parts: [point.x, point.y, system.srid, count, maxDistance ?? ''],
      question: { kind: 'nearest', point, count, maxDistance },
    };
  },
  within: ({ region: named, polygon, strict: given }, { srid }) => {
    const strict = flagOf(given, 'within.strict');
    const how = strict ? ['strict'] : [];
    if ((named === undefined) === (polygon === undefined)) {
      const got = named === undefined ? 'neither' : 'both';
      throw new TidemarkError('INVALID_GEOMETRY', `within: expected a region or a polygon, got ${got}.`);
    }
    if (named !== undefined) {
      const region = { ...refOf(named, 'within.region'), strict };
      const parts = [`${escapePart(idText(region.id, 'within.region.id'))}`, ...how];
      return { name: `in-${escapePart(region.type)}`, parts, question: null, region };
    }
    checkGeometry(polygon, srid, 'within.polygon');
    // Whether it is valid takes a while: that is looked at by who loads.
    const shape = polygon as Geometry;
    const parts = [escapePart(JSON.stringify(shape.coordinates ?? null)), srid, ...how];
    return { name: 'in-polygon', parts, question: { kind: 'within', region: shape, strict } };
  },
  containing: ({ point: at, strict: given }, { srid }) => {
    const point = pointOf(at, srid, 'containing.point');
    const strict = flagOf(given, 'containing.strict');
    const parts = [point.x, point.y, srid, ...(strict ? ['strict'] : [])];
    return { name: 'containing', parts, question: { kind: 'containing', point, strict } };
  },
};

const textOf = (part: number | string): string => (typeof part === 'number' ? String(part + 0) : part);

/** The name of an entity: `{ type, id }`. */
export function refOf(value: unknown, where: string): RegionRef {
  const { type, id } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  if (typeof type === 'string' && id !== undefined) return { type, id: id as Id };
  throw new TidemarkError('INVALID_GEOMETRY', `${where}: expected an entity as { type, id }, got ${shown(value)}.`);
}

function refuseOthers(verb: SpatialVerb, given: Given): void {
  const other = Object.keys(given).find((name) => !OPTIONS[verb].includes(name));
  if (other === undefined) return;
  const known = OPTIONS[verb].join(', ');
  throw new TidemarkError('INVALID_OPTION', `${verb}: expected ${known}, got ${JSON.stringify(other)}.`);
}

function lengthOf(value: unknown, where: string): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value;
  throw new TidemarkError('INVALID_GEOMETRY', `${where}: expected a finite number from 0, got ${shown(value)}.`);
}

function countOf(value: unknown, where: string): number | undefined {
  if (value === undefined || (Number.isSafeInteger(value) && (value as number) > 0)) return value as number | undefined;
  throw new TidemarkError('INVALID_OPTION', `${where}: expected a whole number above 0, got ${shown(value)}.`);
}

function flagOf(value: unknown, where: string): boolean {
  if (value === undefined || typeof value === 'boolean') return value === true;
  throw new TidemarkError('INVALID_OPTION', `${where}: expected true or false, got ${shown(value)}.`);
}

/** By field, in their order; one value or several. */
function filtersOf(where: unknown, verb: string): readonly SpatialFilter[] {
  if (where === undefined) return [];
  if (typeof where !== 'object' || where === null || Array.isArray(where)) {
    throw new TidemarkError('INVALID_OPTION', `${verb}.where: expected values by field, got ${shown(where)}.`);
  }
  const filters = Object.entries(where).flatMap(([field, value]): SpatialFilter[] => {
    if (value === undefined) return [];
    const oneOf = (Array.isArray(value) ? value : [value]) as unknown[];
    const odd = oneOf.find((each) => each !== null && !['string', 'number', 'boolean'].includes(typeof each));
    if (odd !== undefined || oneOf.some((each) => typeof each === 'number' && !Number.isFinite(each))) {
      throw new TidemarkError(
        'INVALID_OPTION',
        `${verb}.where.${field}: expected a string, finite number, boolean or null, or several, got ${shown(odd)}.`,
      );
    }
    return [{ field, oneOf: [...new Set(oneOf as SpatialFilter['oneOf'])].sort(byText) }];
  });
  return filters.sort((a, b) => byText(a.field, b.field));
}

function filterText(where: readonly SpatialFilter[]): string[] {
  return where.length === 0
    ? []
    : [escapePart(`where ${JSON.stringify(where.map(({ field, oneOf }) => [field, oneOf]))}`)];
}

function byText(a: unknown, b: unknown): number {
  const [one, other] = [JSON.stringify(a), JSON.stringify(b)];
  return one < other ? -1 : one > other ? 1 : 0;
}

function shown(value: unknown): string {
  if (typeof value === 'number') return String(value);
  return value === null ? 'null' : Array.isArray(value) ? 'an array' : typeof value;
}
