import fc from 'fast-check';
import {
  type ChangeOp,
  type Clock,
  type Receipt,
  type Spatial,
  type Tidemark,
  defineModel,
  entity,
} from '../../src/index.js';
import { fakeClock, seededRandom } from '../../src/testing/index.js';
import type { Library } from '../plant.js';

/**
 * A small map of whole numbers: towns are points, regions rectangles with perhaps a rectangular hole. Everything that can be
 * asked of it is decided by looking at each half of a unit, without any of the library's geometry.
 */

interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly hole: boolean;
}
export interface Town {
  readonly id: string;
  readonly at: readonly [number, number] | null;
  readonly level: number;
  readonly deleted: boolean;
}
export interface Region {
  readonly id: string;
  readonly rect: Rect | null;
  readonly deleted: boolean;
}

/** Cells of the quadtree are finer than a unit. */
const EDGE = 16;
const model = defineModel({
  entities: {
    region: entity<Region>()({
      deleted: (row) => row.deleted,
      geometry: ({ rect }) => rect && { type: 'Polygon', coordinates: ringsOf(rect) },
    }),
    town: entity<Town>()({
      deleted: (row) => row.deleted,
      geometry: ({ at }) => at && { x: at[0], y: at[1] },
    }),
  },
  spatial: { srid: 0, extent: { min: { x: -EDGE, y: -EDGE }, max: { x: EDGE, y: EDGE } } },
});
type Model = typeof model;

function ringsOf(rect: Rect): number[][][] {
  const ring = (x: number, y: number, width: number, height: number): number[][] => [
    [x, y],
    [x + width, y],
    [x + width, y + height],
    [x, y + height],
    [x, y],
  ];
  const { x, y, width, height } = rect;
  const outer = ring(x, y, width, height);
  return hasHole(rect) ? [outer, ring(x + 1, y + 1, width - 2, height - 2)] : [outer];
}

const hasHole = ({ hole, width, height }: Rect): boolean => hole && width > 2 && height > 2;

// ── The oracle ──────────────────────────────────────────────────────────────────────────────────────────────────

type Side = 'in' | 'on' | 'out';

function sideOf(rect: Rect, px: number, py: number): Side {
  const side = (x: number, y: number, width: number, height: number): Side => {
    if (px < x || py < y || px > x + width || py > y + height) return 'out';
    return px === x || py === y || px === x + width || py === y + height ? 'on' : 'in';
  };
  const { x, y, width, height } = rect;
  const outer = side(x, y, width, height);
  if (!hasHole(rect) || outer !== 'in') return outer;
  const inner = side(x + 1, y + 1, width - 2, height - 2);
  return inner === 'in' ? 'out' : inner === 'on' ? 'on' : 'in';
}

/** Every half unit in or on a rectangle. */
function* pointsOf(rect: Rect): Iterable<readonly [number, number]> {
  for (let x = rect.x; x <= rect.x + rect.width; x += 0.5) {
    for (let y = rect.y; y <= rect.y + rect.height; y += 0.5) if (sideOf(rect, x, y) !== 'out') yield [x, y];
  }
}

interface Database {
  readonly town: Map<string, Town>;
  readonly region: Map<string, Region>;
}

function placesOf(
  db: Database,
  type: 'town' | 'region',
): { readonly id: string; readonly points: readonly (readonly [number, number])[] }[] {
  const placed =
    type === 'town'
      ? [...db.town.values()]
          .filter(({ deleted }) => !deleted)
          .map(({ id, at }) => ({ id, points: at === null ? [] : [at] }))
      : [...db.region.values()]
          .filter(({ deleted }) => !deleted)
          .map(({ id, rect }) => ({ id, points: rect === null ? [] : [...pointsOf(rect)] }));
  return placed.filter(({ points }) => points.length > 0).sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** What must come: ids in their order, or the code of an error. */
function expected(db: Database, asked: Question): readonly string[] | string {
  const { kind, type, point, radius, rect, k, strict, region, level, limit } = asked;
  const wanted = ({ id }: { readonly id: string }): boolean =>
    type !== 'town' || level === undefined || db.town.get(id)?.level === level;
  const places = placesOf(db, type).filter(wanted);
  const ids = (found: readonly { readonly id: string }[]): string[] => found.map(({ id }) => id).slice(0, limit);
  const [px, py] = point;
  const squared = (points: (typeof places)[0]['points']): number =>
    Math.min(...points.map(([x, y]) => (x - px) ** 2 + (y - py) ** 2));
  const nearestFirst = places
    .map(({ id, points }) => ({ id, away: squared(points) }))
    .sort((a, b) => a.away - b.away || (a.id < b.id ? -1 : 1));
  const covers = (area: Rect): string[] =>
    ids(
      places.filter(({ points }) => {
        const sides = points.map(([x, y]) => sideOf(area, x, y));
        return !sides.includes('out') && (!strict || sides.includes('in'));
      }),
    );
  switch (kind) {
    case 'near':
      return ids(nearestFirst.filter(({ away }) => away <= radius ** 2));
    case 'nearest':
      return nearestFirst
        .filter(({ away }) => radius === 0 || away <= radius ** 2)
        .slice(0, k)
        .map(({ id }) => id);
    case 'inBox':
      return ids(
        places.filter(({ points }) => points.some(([x, y]) => sideOf({ ...rect, hole: false }, x, y) !== 'out')),
      );
    case 'within': {
      if (region === undefined) return covers(rect);
      const row = db.region.get(region);
      return row === undefined || row.deleted || row.rect === null ? 'NOT_PLACED' : covers(row.rect);
    }
    case 'containing':
      return ids(
        places.filter(({ id }) => {
          const side = sideOf(db.region.get(id)?.rect as Rect, px, py);
          return strict ? side === 'in' : side !== 'out';
        }),
      );
  }
}

// ── Questions and changes ───────────────────────────────────────────────────────────────────────────────────────

interface Question {
  readonly kind: 'near' | 'nearest' | 'inBox' | 'within' | 'containing';
  readonly type: 'town' | 'region';
  readonly point: readonly [number, number];
  /** Of a k-nearest question 0 is however far. */
  readonly radius: number;
  readonly rect: Rect;
  readonly k: number;
  readonly strict: boolean;
  readonly region: string | undefined;
  readonly level: number | undefined;
  readonly limit: number | undefined;
}

const axis = fc.integer({ min: -7, max: 7 });
/** At the edge of the map and beyond it, too. */
const far = fc.oneof({ weight: 6, arbitrary: axis }, { weight: 1, arbitrary: fc.constantFrom(-20, -15, 15, 20) });
const point = fc.tuple(far, far);
const rect = fc.record({
  x: axis,
  y: axis,
  width: fc.integer({ min: 1, max: 6 }),
  height: fc.integer({ min: 1, max: 6 }),
  hole: fc.boolean(),
});
const TOWNS = [...'abcdef'];
const REGIONS = [...'rs'];

const question: fc.Arbitrary<Question> = fc
  .record({
    kind: fc.constantFrom('near', 'nearest', 'nearest', 'inBox', 'within', 'within', 'containing'),
    type: fc.constantFrom('town', 'town', 'region'),
    point,
    radius: fc.integer({ min: 0, max: 6 }),
    rect,
    k: fc.integer({ min: 1, max: 3 }),
    strict: fc.boolean(),
    region: fc.constantFrom(undefined, ...REGIONS),
    level: fc.constantFrom(undefined, undefined, 1),
    limit: fc.constantFrom(undefined, undefined, 2),
  })
  .map((asked): Question => (asked.kind === 'containing' ? { ...asked, type: 'region' } : asked));

/** Beside some questions another that differs in one thing. */
const questions = fc
  .array(fc.tuple(question, fc.constantFrom(undefined, undefined, 'strict', 'level')), { minLength: 3, maxLength: 5 })
  .map((asked) =>
    asked.flatMap(([one, twin]): Question[] => {
      if (twin === 'strict') return [one, { ...one, strict: !one.strict }];
      return twin === 'level' ? [one, { ...one, level: one.level === undefined ? 1 : undefined }] : [one];
    }),
  );

const change = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('town' as const),
      id: fc.constantFrom(...TOWNS),
      at: fc.oneof({ weight: 9, arbitrary: fc.tuple(far, far) }, { weight: 1, arbitrary: fc.constant(null) }),
      level: fc.constantFrom(1, 1, 2),
      deleted: fc.constantFrom(false, false, false, true),
      told: fc.constantFrom('both', 'both', 'both', 'nothing'),
      by: fc.constantFrom(0, 1),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant('region' as const),
      id: fc.constantFrom(...REGIONS),
      rect: fc.oneof({ weight: 9, arbitrary: rect }, { weight: 1, arbitrary: fc.constant(null) }),
      deleted: fc.constantFrom(false, false, false, true),
      told: fc.constantFrom('both', 'both', 'both', 'nothing'),
      by: fc.constantFrom(0, 1),
    }),
  },
);

export const history = fc.record({
  questions,
  changes: fc.array(change, { minLength: 1, maxLength: 14, size: 'max' }),
});
export type History = typeof history extends fc.Arbitrary<infer T> ? T : never;

// ── Playing ─────────────────────────────────────────────────────────────────────────────────────────────────────

export interface Played {
  readonly hits: number;
  readonly reads: number;
}

/** What every replica of it shares. */
export type Shared = Pick<Parameters<Library['createTidemark']>[0], 'marks' | 'bus' | 'store' | 'namespace'>;

/** Where things are kept beside the rows, for who asks there. */
export interface Outside {
  readonly spatial: Spatial;
  put(
    type: 'town' | 'region',
    id: string,
    row: { readonly geometry: object | null; readonly level: number | null; readonly deleted: boolean },
  ): Promise<void>;
}

const geometryOf = (row: Town | Region): object | null => {
  if ('at' in row) return row.at && { type: 'Point', coordinates: row.at };
  return row.rect && { type: 'Polygon', coordinates: ringsOf(row.rect) };
};
const levelOf = (row: Town | Region): number | null => ('level' in row ? row.level : null);

/**
 * Two replicas; after every change each is asked everything, as of that change. Throws where an answer is not what looking at
 * everything gives. Without a clock of its own the machine's counts.
 */
export async function play(
  library: Library,
  { questions, changes }: History,
  sharedBy: (replica: number) => Shared = always(library.memory()),
  clock: Clock | undefined = fakeClock(),
  outside?: Outside,
): Promise<Played> {
  const db: Database = { town: new Map(), region: new Map() };
  const tides = [0, 1].map((n) =>
    library.createTidemark<Model>({
      model,
      ...sharedBy(n),
      clock,
      spatial: outside?.spatial,
      random: seededRandom(n + 1),
      origin: {
        town: { byIds: (ids) => ids.flatMap((id) => db.town.get(id) ?? []), all: () => db.town.values() },
        region: { byIds: (ids) => ids.flatMap((id) => db.region.get(id) ?? []), all: () => db.region.values() },
      },
    }),
  );
  let reads = 0;
  const check = async (after: unknown, receipt?: Receipt): Promise<void> => {
    for (const [n, tide] of tides.entries()) {
      for (const asked of questions) {
        reads++;
        const found = await answer(tide, asked, receipt);
        const right = expected(db, asked);
        if (JSON.stringify(found) === JSON.stringify(right)) continue;
        const told = [found, right].map((each) => JSON.stringify(each));
        throw new Error(
          `replica ${String(n)}, ${JSON.stringify(asked)} after ${JSON.stringify(after)}: ${told.join(', not ')}`,
        );
      }
    }
  };
  try {
    await check('nothing');
    for (const { type, told, by, ...row } of changes) {
      const before = db[type].get(row.id) ?? null;
      if (before === null && row.deleted) continue;
      const after = type === 'town' ? (row as Town) : (row as Region);
      db[type].set(row.id, after as never);
      await outside?.put(type, row.id, { geometry: geometryOf(after), level: levelOf(after), deleted: after.deleted });
      const images = told === 'nothing' && before?.deleted === after.deleted ? {} : { before, after };
      // That the row has not moved is what an update without `before` says.
      const receipt = await tides[by]?.change({ type, id: row.id, op: opOf(before, after), ...images });
      await check({ type, ...row }, receipt);
    }
    const { hits } = tides.reduce((sum, tide) => ({ hits: sum.hits + (tide.stats().byType['spatial']?.hits ?? 0) }), {
      hits: 0,
    });
    return { hits, reads };
  } finally {
    for (const tide of tides) await tide.close();
  }
}

const always = (shared: Shared) => (): Shared => shared;

function opOf(before: { readonly deleted: boolean } | null, after: { readonly deleted: boolean }): ChangeOp {
  if (before === null) return 'create';
  if (before.deleted === after.deleted) return 'update';
  return after.deleted ? 'delete' : 'restore';
}

async function answer(
  tide: Pick<Tidemark<Model>, 'spatial'>,
  asked: Question,
  after: Receipt | undefined,
): Promise<readonly string[] | string> {
  const call = { after };
  const {
    kind,
    type,
    point: [x, y],
    radius,
    rect: area,
    k,
    strict,
    region,
    level,
    limit,
  } = asked;
  const of = { limit, ...(type === 'town' && level !== undefined ? { where: { level } } : {}) };
  const at = { x, y };
  const ask = (): Promise<readonly { readonly id: string }[]> => {
    switch (kind) {
      case 'near':
        return tide.spatial.near(type, { point: at, radius, ...of }, call);
      case 'nearest': {
        const { limit: _, ...where } = of;
        return tide.spatial.nearest(
          type,
          { point: at, k, maxDistance: radius === 0 ? undefined : radius, ...where },
          call,
        );
      }
      case 'inBox': {
        const max = { x: area.x + area.width, y: area.y + area.height };
        return tide.spatial.inBox(type, { min: { x: area.x, y: area.y }, max, ...of }, call);
      }
      case 'within':
        return region === undefined
          ? tide.spatial.within(type, { polygon: { type: 'Polygon', coordinates: ringsOf(area) }, strict, ...of }, call)
          : tide.spatial.within(type, { region: { type: 'region', id: region }, strict, ...of }, call);
      case 'containing':
        return tide.spatial.containing('region', { point: at, strict, limit }, call);
    }
  };
  try {
    return (await ask()).map(({ id }) => id);
  } catch (error) {
    return (error as { readonly code?: string }).code ?? String(error);
  }
}
