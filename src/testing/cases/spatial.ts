import assert from 'node:assert/strict';
import type { Geometry, Spatial, SpatialAsk, SpatialQuestion } from '../../contract.js';
import type { ContractCase } from './case.js';

/** A row of type `place`. */
export interface SpatialRow {
  readonly id: string;
  /** Null: it lies nowhere. */
  readonly geometry: Geometry | null;
  /** Default null. */
  readonly level?: number | null;
  /** Default 'main'. */
  readonly branch?: string;
  /** Default false. */
  readonly deleted?: boolean;
}

/** A back end for one type, `place`, in a planar system of SRID 0, whose field `level` can be asked for. */
export interface SpatialFixture {
  readonly spatial: Spatial;
  /** Replaces every row. */
  put(rows: readonly SpatialRow[]): Promise<void>;
}

export type SpatialCase = ContractCase<SpatialFixture>;

const system = { srid: 0, distance: 'planar' } as const;
const at = (x: number, y: number) => ({ x, y });
const point = (x: number, y: number): Geometry => ({ type: 'Point', coordinates: [x, y] });
const ring = (minX: number, minY: number, maxX: number, maxY: number): number[][] => [
  [minX, minY],
  [maxX, minY],
  [maxX, maxY],
  [minX, maxY],
  [minX, minY],
];
const square = (minX: number, minY: number, maxX: number, maxY: number): Geometry => ({
  type: 'Polygon',
  coordinates: [ring(minX, minY, maxX, maxY)],
});
const row = (id: string, x: number, y: number, beside: Partial<SpatialRow> = {}): SpatialRow => ({
  id,
  geometry: point(x, y),
  ...beside,
});

async function ids(
  { spatial }: SpatialFixture,
  question: SpatialQuestion,
  beside: Partial<SpatialAsk> = {},
): Promise<readonly unknown[]> {
  const { signal } = new AbortController();
  const plain = { type: 'place', system, branches: ['main'], where: [], limit: undefined, signal };
  return (await spatial.find({ ...plain, question, ...beside })).map(({ id }) => id);
}

/** What every back end must answer that is to stand in for the index in the process. */
export const spatialCases: readonly SpatialCase[] = [
  {
    name: 'near takes in what lies exactly on the radius, nearest first, then by id',
    run: async (make) => {
      const fixture = await make();
      await fixture.put([row('far', 3, 4), row('c', 1, 0), row('b', 0, 1), row('beyond', 3, 5), row('a', 0, 0)]);
      const near = await ids(fixture, { kind: 'near', point: at(0, 0), radius: 5 });
      assert.deepEqual(near, ['a', 'b', 'c', 'far']);
    },
  },
  {
    name: 'a region is as near as its border, and at no distance of what lies in it',
    run: async (make) => {
      const fixture = await make();
      await fixture.put([
        { id: 'around', geometry: square(-9, -9, 9, 9) },
        { id: 'beside', geometry: square(2, -1, 4, 1) },
      ]);
      const { signal } = new AbortController();
      const plain = { type: 'place', system, branches: ['main'], where: [], limit: undefined, signal };
      const found = await fixture.spatial.find({ ...plain, question: { kind: 'near', point: at(0, 0), radius: 2 } });
      assert.deepEqual(
        found.map(({ id, distance }) => [id, distance]),
        [
          ['around', 0],
          ['beside', 2],
        ],
      );
    },
  },
  {
    name: 'of what is equally far the nearest are the first by id',
    run: async (make) => {
      const fixture = await make();
      await fixture.put([row('d', 0, 2), row('c', 2, 0), row('b', -2, 0), row('a', 0, -2), row('z', 1, 0)]);
      const asked: SpatialQuestion = { kind: 'nearest', point: at(0, 0), count: 3, maxDistance: undefined };
      assert.deepEqual(await ids(fixture, asked), ['z', 'a', 'b']);
    },
  },
  {
    name: 'the nearest are at most so far away as was asked for',
    run: async (make) => {
      const fixture = await make();
      await fixture.put([row('a', 1, 0), row('b', 2, 0), row('c', 3, 0)]);
      const asked = (maxDistance: number): SpatialQuestion => ({
        kind: 'nearest',
        point: at(0, 0),
        count: 9,
        maxDistance,
      });
      assert.deepEqual(await ids(fixture, asked(2)), ['a', 'b']);
      assert.deepEqual(await ids(fixture, asked(0)), []);
    },
  },
  {
    name: 'in a box is whatever has a point in common with it, its border included, by id',
    run: async (make) => {
      const fixture = await make();
      const crossing: Geometry = { type: 'LineString', coordinates: [[-1, 2], [2, 5]] }; // prettier-ignore
      const passing: Geometry = { type: 'LineString', coordinates: [[-1, 4], [1, 6]] }; // prettier-ignore
      await fixture.put([
        row('corner', 4, 4),
        row('beside', 4, 4.5),
        { id: 'crossing', geometry: crossing },
        { id: 'passing', geometry: passing },
        { id: 'around', geometry: square(-9, -9, 9, 9) },
      ]);
      const boxes = [{ minX: 0, minY: 0, maxX: 4, maxY: 4 }];
      assert.deepEqual(await ids(fixture, { kind: 'inBox', boxes }), ['around', 'corner', 'crossing']);
    },
  },
  {
    name: 'of two boxes what lies in either is found, and once',
    run: async (make) => {
      const fixture = await make();
      await fixture.put([row('a', 0, 0), row('b', 9, 9), { id: 'both', geometry: square(0, 0, 9, 9) }, row('c', 5, 5)]);
      const boxes = [0, 9].map((edge) => ({ minX: edge, minY: edge, maxX: edge, maxY: edge }));
      assert.deepEqual(await ids(fixture, { kind: 'inBox', boxes }), ['a', 'b', 'both']);
    },
  },
  {
    name: 'within a region is what has no point outside it; strict, not only on its border',
    run: async (make) => {
      const fixture = await make();
      await fixture.put([
        row('in', 1, 1),
        row('on', 0, 2),
        row('out', 5, 1),
        { id: 'same', geometry: square(0, 0, 4, 4) },
        { id: 'sticking out', geometry: square(3, 3, 5, 5) },
      ]);
      const asked = (strict: boolean): SpatialQuestion => ({ kind: 'within', region: square(0, 0, 4, 4), strict });
      assert.deepEqual(await ids(fixture, asked(false)), ['in', 'on', 'same']);
      assert.deepEqual(await ids(fixture, asked(true)), ['in', 'same']);
    },
  },
  {
    name: 'what lies in a hole lies outside',
    run: async (make) => {
      const fixture = await make();
      await fixture.put([
        row('in', 1, 1),
        row('hole', 3, 3),
        row('rim', 2, 3),
        { id: 'over', geometry: square(1, 1, 5, 5) },
      ]);
      const region: Geometry = { type: 'Polygon', coordinates: [ring(0, 0, 6, 6), ring(2, 2, 4, 4)] };
      assert.deepEqual(await ids(fixture, { kind: 'within', region, strict: false }), ['in', 'rim']);
    },
  },
  {
    name: 'a point is contained by regions on whose border it lies; strict, by those it lies in',
    run: async (make) => {
      const fixture = await make();
      await fixture.put([
        { id: 'in', geometry: square(-1, -1, 9, 9) },
        { id: 'on', geometry: square(2, 0, 9, 9) },
        { id: 'out', geometry: square(3, 0, 9, 9) },
      ]);
      const asked = (strict: boolean): SpatialQuestion => ({ kind: 'containing', point: at(2, 2), strict });
      assert.deepEqual(await ids(fixture, asked(false)), ['in', 'on']);
      assert.deepEqual(await ids(fixture, asked(true)), ['in']);
    },
  },
  {
    name: 'a filter takes any of its values, null among them',
    run: async (make) => {
      const fixture = await make();
      await fixture.put([
        row('a', 0, 0, { level: 1 }),
        row('b', 0, 0, { level: 2 }),
        row('c', 0, 0),
        row('d', 0, 0, { level: 3 }),
      ]);
      const here: SpatialQuestion = { kind: 'near', point: at(0, 0), radius: 1 };
      const of = (...oneOf: (number | null)[]) => ({ where: [{ field: 'level', oneOf }] });
      assert.deepEqual(await ids(fixture, here, of(2)), ['b']);
      assert.deepEqual(await ids(fixture, here, of(3, null)), ['c', 'd']);
      assert.deepEqual(await ids(fixture, here, of()), []);
    },
  },
  {
    name: 'a limit takes the first, of those that the filter leaves',
    run: async (make) => {
      const fixture = await make();
      await fixture.put([row('far', 3, 0, { level: 1 }), row('near', 1, 0), row('nearer', 2, 0, { level: 1 })]);
      const asked: SpatialQuestion = { kind: 'near', point: at(0, 0), radius: 9 };
      assert.deepEqual(await ids(fixture, asked, { limit: 2 }), ['near', 'nearer']);
      const where = [{ field: 'level', oneOf: [1] }];
      assert.deepEqual(await ids(fixture, asked, { where, limit: 1 }), ['nearer']);
    },
  },
  {
    name: 'ids that are text come in the order of their code units',
    run: async (make) => {
      const fixture = await make();
      await fixture.put(['b', 'a', 'B', 'Z', 'ä', 'a10', 'a9'].map((id) => row(id, 0, 0)));
      const boxes = [{ minX: 0, minY: 0, maxX: 0, maxY: 0 }];
      assert.deepEqual(await ids(fixture, { kind: 'inBox', boxes }), ['B', 'Z', 'a', 'a10', 'a9', 'b', 'ä']);
    },
  },
  {
    name: 'what is deleted, or lies nowhere, is not found',
    run: async (make) => {
      const fixture = await make();
      await fixture.put([row('a', 0, 0), row('gone', 0, 0, { deleted: true }), { id: 'nowhere', geometry: null }]);
      const asked: SpatialQuestion = { kind: 'nearest', point: at(0, 0), count: 9, maxDistance: undefined };
      assert.deepEqual(await ids(fixture, asked), ['a']);
    },
  },
  {
    name: 'of one id the row of the nearest branch counts, wherever it lies and if it is deleted',
    run: async (make) => {
      const fixture = await make();
      await fixture.put([
        ...['kept', 'moved away', 'moved here', 'gone'].map((id) => row(id, id === 'moved here' ? 9 : 0, 0)),
        row('moved away', 9, 0, { branch: 'draft' }),
        row('moved here', 0, 0, { branch: 'draft' }),
        row('gone', 0, 0, { branch: 'draft', deleted: true }),
        row('elsewhere', 0, 0, { branch: 'other' }),
      ]);
      const asked: SpatialQuestion = { kind: 'near', point: at(0, 0), radius: 1 };
      assert.deepEqual(await ids(fixture, asked, { branches: ['draft', 'main'] }), ['kept', 'moved here']);
      assert.deepEqual(await ids(fixture, asked), ['gone', 'kept', 'moved away']);
    },
  },
  {
    name: 'a distance is that of the nearest points, and 0 for what has one in common',
    run: async (make) => {
      const { spatial } = await make();
      const distance = (a: Geometry, b: Geometry): Promise<number> => spatial.distance(a, b, system);
      assert.equal(await distance(point(0, 0), point(3, 4)), 5);
      assert.equal(await distance(point(0, 0), square(3, -9, 9, 9)), 3);
      assert.equal(await distance(square(0, 0, 4, 4), square(4, 4, 5, 5)), 0);
      assert.equal(await distance(point(1, 1), square(0, 0, 4, 4)), 0);
    },
  },
  {
    name: 'regions overlap if their areas meet and neither lies in the other',
    run: async (make) => {
      const { spatial } = await make();
      const overlap = (other: Geometry): Promise<boolean> => spatial.overlaps(square(0, 0, 4, 4), other, system);
      assert.equal(await overlap(square(2, 2, 6, 6)), true);
      assert.equal(await overlap(square(4, 0, 6, 4)), false, 'a border in common');
      assert.equal(await overlap(square(0, 0, 4, 4)), false, 'the same');
      assert.equal(await overlap(square(1, 1, 2, 2)), false, 'one in the other');
      assert.equal(await overlap(square(8, 8, 9, 9)), false, 'apart');
    },
  },
  {
    name: 'a back end in order has no faults to tell',
    run: async (make) => {
      const { spatial } = await make();
      assert.deepEqual(await spatial.check(['place'], system), []);
    },
  },
];
