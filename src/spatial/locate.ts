import type { Geometry, SpatialQuestion } from '../contract.js';
import { TidemarkError } from '../errors.js';
import type { Frame } from '../frame.js';
import type { AnyRow, EntityPlan, Id } from '../model.js';
import type { Footprint } from '../subject.js';
import { type Area, areaAsked, areaOfNearest, areaOfShape } from './area.js';
import { type Asked, type RegionRef, SPATIAL_VERBS, type SpatialVerb, askOf, refOf } from './ask.js';
import { MOST_ASKED, MOST_CHANGED, footprintOf } from './cells.js';
import type { Finder } from './finder.js';
import { checkGeometry, isUnstated } from './geometry.js';
import { checkedRegion } from './region.js';
import { type Shape, geometryOf, shapeOf } from './shape.js';

/** What an answer came to, and from where. */
export interface Answer {
  readonly rows: readonly AnyRow[];
  readonly area: Area;
  /** Found with the answer; null for one that was known before. */
  readonly footprint: Footprint | null;
}

/** A question about one type, checked. */
export interface Question {
  readonly text: string;
  /** Null where only the answer tells. Both are asked for by who loads: a hit needs neither. */
  readonly footprint: () => Footprint | null;
  /** Where an answer that was kept came from; null if it does not say. */
  readonly area: () => Area | null;
  readonly answer: (branch: string, read: ReadRow, signal: AbortSignal) => Promise<Answer>;
}

/** Reads a record so that whoever asks depends on it. */
export type ReadRow = (type: string, id: Id) => Promise<AnyRow | null>;

export interface LocateOptions {
  readonly frame: Frame;
  readonly finder: Finder;
  readonly planOf: (type: string) => EntityPlan;
  /** Outlines of entities that are known to be valid: looking at one with thousands of corners takes a while. */
  readonly valid: WeakSet<object>;
}

/** Throws INVALID_GEOMETRY or INVALID_OPTION. */
export function questionOf(
  { frame, finder, planOf, valid }: LocateOptions,
  verb: SpatialVerb,
  plan: EntityPlan,
  query: unknown,
): Question {
  placed(plan, verb);
  const asked = askOf(verb, query, frame);
  let made: Area | null | undefined;
  const known = (): Area | null => (made ??= asked.question === null ? null : areaAsked(asked.question, frame));
  return {
    text: asked.text,
    footprint: () => {
      const from = known();
      return from === null ? null : footprintOf(from, frame.extent, MOST_ASKED);
    },
    area: known,
    answer: async (branch, read, signal) => {
      const question = asked.question ?? (await within(asked, { planOf, frame, valid }, read));
      if (asked.question?.kind === 'within') checkedRegion(asked.question.region, 'within.polygon');
      const { where, limit } = asked;
      const located = await finder.find(plan, branch, { question, where, limit, signal });
      const rows = located.map(({ row }) => row);
      const from = known();
      if (from !== null) return { rows, area: from, footprint: null };
      const distances = located.map(({ distance }) => distance ?? 0);
      const area =
        question.kind === 'nearest' ? areaOfNearest(question, distances, frame) : (areaAsked(question, frame) as Area);
      return { rows, area, footprint: footprintOf(area, frame.extent, MOST_ASKED) };
    },
  };
}

function placed(plan: EntityPlan, where: string): (row: AnyRow) => unknown {
  if (plan.geometryOf !== undefined) return plan.geometryOf;
  const expected = 'expected a type that declares a geometry';
  throw new TidemarkError('INVALID_GEOMETRY', `${where}: ${expected}, got '${plan.type}'.`);
}

async function within(
  { region }: Asked,
  { planOf, frame, valid }: Omit<LocateOptions, 'finder'>,
  read: ReadRow,
): Promise<SpatialQuestion> {
  const named = region as NonNullable<Asked['region']>;
  const { geometry, where } = await placeOf(named, planOf, read, frame, 'within.region');
  if (!valid.has(geometry)) valid.add(checkedRegion(geometry, where));
  return { kind: 'within', region: geometry, strict: named.strict };
}

/** The geometry of an entity. Throws NOT_PLACED if there is no such entity, or it lies nowhere. */
async function placeOf(
  { type, id }: RegionRef,
  planOf: (type: string) => EntityPlan,
  read: ReadRow,
  { srid }: Frame,
  where: string,
): Promise<{ readonly geometry: Geometry; readonly where: string }> {
  const geometryIn = placed(planOf(type), where);
  const row = await read(type, id);
  const geometry = row === null ? undefined : geometryIn(row);
  const named = `'${type}' ${JSON.stringify(String(id))}`;
  if (geometry === undefined || geometry === null) {
    const got = row === null ? 'there is no such entity' : 'it has none';
    throw new TidemarkError('NOT_PLACED', `${where}: expected ${named} to have a geometry; ${got}.`);
  }
  checkGeometry(geometry, srid, `geometry of ${named}`);
  return { geometry: geometryOf(geometry), where: `geometry of ${named}` };
}

/**
 * Two things to be compared: entities `{ type, id }`, or points and GeoJSON as they are. Throws NOT_PLACED or
 * INVALID_GEOMETRY.
 */
export async function compared(
  { frame, planOf }: Pick<LocateOptions, 'frame' | 'planOf'>,
  verb: string,
  pair: readonly [unknown, unknown],
  read: ReadRow,
): Promise<readonly [Geometry, Geometry]> {
  const [a, b] = pair.map(async (one, i): Promise<Geometry> => {
    const where = `${verb}[${String(i)}]`;
    if (typeof one === 'object' && one !== null && 'id' in one) {
      return (await placeOf(refOf(one, where), planOf, read, frame, where)).geometry;
    }
    checkGeometry(one, frame.srid, where);
    return geometryOf(one as object);
  });
  return Promise.all([a as Promise<Geometry>, b as Promise<Geometry>]);
}

/**
 * Where a geometry of a row is; null if the row does not say. Throws INVALID_GEOMETRY, saying where the fault is.
 */
export function placeIn(
  { srid, extent }: Frame,
  geometry: unknown,
  where: string,
): { readonly footprint: Footprint; readonly shape: Shape } | null {
  if (typeof geometry === 'object' && geometry !== null && isUnstated(geometry)) return null;
  checkGeometry(geometry, srid, where);
  const shape = shapeOf(geometry as object);
  return { footprint: footprintOf(areaOfShape(shape), extent, MOST_CHANGED), shape };
}

/** What the rest of the library asks; `unheard` is for who keeps an index by what is heard. */
export function mapQuestions(given: Omit<LocateOptions, 'valid'> & { readonly unheard: (known: boolean) => void }) {
  const { finder, unheard } = given;
  const options = { ...given, valid: new WeakSet<object>() };
  const read =
    (reader: RowReader): ReadRow =>
    async (type, id) =>
      (await reader.get(type, id)) as AnyRow | null;
  return {
    verbs: SPATIAL_VERBS,
    question: (verb: string, plan: EntityPlan, query: unknown) => {
      const question = questionOf(options, verb as SpatialVerb, plan, query);
      return {
        ...question,
        unheard,
        answer: (branch: string, reader: RowReader) =>
          question.answer(branch, read(reader), reader.signal ?? new AbortController().signal),
      };
    },
    distance: async (pair: readonly [unknown, unknown], reader: RowReader) =>
      finder.distance(...(await compared(options, 'distance', pair, read(reader)))),
    overlaps: async (pair: readonly [unknown, unknown], reader: RowReader) =>
      finder.overlaps(...(await compared(options, 'overlaps', pair, read(reader)))),
  };
}

interface RowReader {
  readonly signal?: AbortSignal | undefined;
  get(type: string, id: Id): Promise<unknown>;
}
