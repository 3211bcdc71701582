import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { postgis } from '../../../src/adapters/postgres/index.js';
import type { SpatialQuestion } from '../../../src/contract.js';
import { describePostgis } from '../../services/postgres.js';
import { GEODESIC, type Places, PLANAR, ask, at, place, places, point, square } from './world.js';

const near = (x: number, y: number, radius: number): SpatialQuestion => ({ kind: 'near', point: at(x, y), radius });
const nearest = (x: number, y: number, count: number, maxDistance?: number): SpatialQuestion => ({
  ...{ kind: 'nearest', point: at(x, y), count, maxDistance },
});
const inBox = (minX: number, minY: number, maxX: number, maxY: number): SpatialQuestion => ({
  ...{ kind: 'inBox', boxes: [{ minX, minY, maxX, maxY }] },
});
const within = (strict: boolean): SpatialQuestion => ({ kind: 'within', region: square(0, 0, 10, 10), strict });
const containing = (x: number, y: number, strict: boolean): SpatialQuestion => ({
  ...{ kind: 'containing', point: at(x, y), strict },
});

describePostgis('what is found in the plane', (database) => {
  let world: Places;
  beforeAll(async () => {
    world = await places({ ...database(), table: 'Places' });
  });
  beforeEach(() => world.clear());

  test('near: up to and with the radius, by distance and then by code units of the id', async () => {
    await world.put(
      ...[
        place('b', 3, 4),
        place('a', 4, 3),
        place('B', -3, -4),
        place('é', 0, 5),
        place('in', 1, 0),
        place('out', 4, 4),
      ],
    );
    expect(await world.find(near(0, 0, 5))).toEqual([['in', 1], ...['B', 'a', 'b', 'é'].map((id) => [id, 5])]);
    expect(await world.ids(near(0, 0, 5), { limit: 3 })).toEqual(['in', 'B', 'a']);
    expect(await world.ids(near(0, 0, 0))).toEqual([]);
    expect(await world.find(near(1, 0, 0))).toEqual([['in', 0]]);
  });

  test('near: a region is at distance 0 for what is in it, and else as far as its border', async () => {
    await world.put({ id: 'region', geometry: square(0, 0, 10, 10) });
    expect(await world.find(near(5, 5, 1))).toEqual([['region', 0]]);
    expect(await world.find(near(12, 5, 2))).toEqual([['region', 2]]);
  });

  test('nearest: ties at the last place are decided by the id', async () => {
    await world.put(place('c', 0, 1), place('b', 1, 0), place('a', 0, -1), place('d', -1, 0), place('zero', 0, 0));
    expect(await world.find(nearest(0, 0, 3))).toEqual([
      ['zero', 0],
      ['a', 1],
      ['b', 1],
    ]);
    expect(await world.ids(nearest(0, 0, 99))).toEqual(['zero', 'a', 'b', 'c', 'd']);
    expect(await world.ids(nearest(0, 0, 99, 0.5))).toEqual(['zero']);
    expect(await world.ids(nearest(5, 5, 1, 1))).toEqual([]);
  });

  test('nearest: rows without a geometry, or with an empty one, take nobody’s place', async () => {
    const empty = { type: 'MultiPoint', coordinates: [] };
    await world.put(
      ...Array.from({ length: 20 }, (_, i) => ({ id: `none${String(i)}`, geometry: i % 2 === 0 ? null : empty })),
      ...[place('a', 1, 1), place('b', 9, 9)],
    );
    expect(await world.ids(nearest(0, 0, 2))).toEqual(['a', 'b']);
    expect(await world.ids(nearest(0, 0, 22))).toEqual(['a', 'b']);
    expect(await world.ids(near(0, 0, 100))).toEqual(['a', 'b']);
  });

  test('inBox: what has a point in common with a box, once, by id', async () => {
    await world.put(place('b', 0, 0), place('a', 10, 10), place('out', 11, 5), {
      id: 'big',
      geometry: square(9, 9, 99, 99),
    });
    expect(await world.find(inBox(0, 0, 10, 10))).toEqual([
      ['a', null],
      ['b', null],
      ['big', null],
    ]);
    const boxes = [
      { minX: 0, minY: 0, maxX: 10, maxY: 10 },
      { minX: 5, minY: 5, maxX: 11, maxY: 11 },
    ];
    expect(await world.ids({ kind: 'inBox', boxes })).toEqual(['a', 'b', 'big', 'out']);
    expect(await world.ids({ kind: 'inBox', boxes }, { limit: 2 })).toEqual(['a', 'b']);
  });

  test('inBox: a box without width or height is a line or a point', async () => {
    await world.put(place('on', 0, 5), place('end', 0, 10), place('out', 1, 5), {
      id: 'big',
      geometry: square(-1, 5, 1, 6),
    });
    expect(await world.ids(inBox(0, 0, 0, 10))).toEqual(['big', 'end', 'on']);
    expect(await world.ids(inBox(-9, 5, 0, 5))).toEqual(['big', 'on']);
    expect(await world.ids(inBox(0, 10, 0, 10))).toEqual(['end']);
  });

  test('within: the border is inside unless asked strictly', async () => {
    await world.put(place('border', 0, 5), place('corner', 10, 10), place('inside', 5, 5), place('outside', 11, 5), {
      id: 'same',
      geometry: square(0, 0, 10, 10),
    });
    await world.put({ id: 'over', geometry: square(5, 5, 15, 15) });
    expect(await world.ids(within(false))).toEqual(['border', 'corner', 'inside', 'same']);
    expect(await world.ids(within(true))).toEqual(['inside', 'same']);
    expect(await world.ids(within(false), { limit: 1 })).toEqual(['border']);
  });

  test('within: a region has holes and several parts', async () => {
    await world.put(place('hole', 5, 5), place('ring', 1, 1), place('part', 25, 25), place('between', 15, 15));
    const [outer, hole, part] = [square(0, 0, 10, 10), square(4, 4, 6, 6), square(20, 20, 30, 30)].map(
      ({ coordinates }) => (coordinates as unknown[])[0],
    );
    const region = { type: 'MultiPolygon', coordinates: [[outer, hole], [part]] };
    expect(await world.ids({ kind: 'within', region, strict: false })).toEqual(['part', 'ring']);
  });

  test('containing: the regions of a point, with their border unless asked strictly', async () => {
    await world.put(
      ...[
        { id: 'small', geometry: square(0, 0, 5, 5) },
        { id: 'large', geometry: square(0, 0, 10, 10) },
      ],
      { id: 'other', geometry: square(6, 6, 9, 9) },
    );
    expect(await world.find(containing(5, 5, false))).toEqual([
      ['large', null],
      ['small', null],
    ]);
    expect(await world.ids(containing(5, 5, true))).toEqual(['large']);
    expect(await world.ids(containing(5, 5, false), { limit: 1 })).toEqual(['large']);
  });

  test('a deleted row is nowhere', async () => {
    await world.put(place('live', 1, 1), place('dead', 1, 1, { deleted: true }));
    const questions = [near(1, 1, 1), nearest(1, 1, 2), inBox(0, 0, 2, 2), within(false), containing(1, 1, false)];
    for (const question of questions) expect(await world.ids(question)).toEqual(['live']);
  });

  test('where: each field has one of the values, among which null may be', async () => {
    await world.put(
      ...[place('a', 1, 1, { kind: 'town', size: 1 }), place('b', 1, 1, { kind: 'city', size: 2 })],
      ...[place('c', 1, 1, { kind: 'city' }), place('d', 1, 1)],
    );
    const where = async (...filters: readonly (readonly [string, readonly (string | number | null)[]])[]) =>
      world.ids(near(1, 1, 1), { where: filters.map(([field, oneOf]) => ({ field, oneOf })) });
    expect(await where(['kind', ['city']])).toEqual(['b', 'c']);
    expect(await where(['kind', ['city', 'town']], ['size', [1, 2]])).toEqual(['a', 'b']);
    expect(await where(['kind', [null]])).toEqual(['d']);
    expect(await where(['size', [2, null]])).toEqual(['b', 'c', 'd']);
    expect(await where(['size', []])).toEqual([]);
    const question = { where: [{ field: 'kind', oneOf: ['city'] }] };
    expect(await world.ids(nearest(1, 1, 1), question)).toEqual(['b']);
    expect(await world.ids(inBox(0, 0, 2, 2), { ...question, limit: 1 })).toEqual(['b']);
  });

  test('a field without a column is refused, with those that have one', async () => {
    const where = [{ field: 'toString', oneOf: ['x'] }];
    await expect(world.ids(near(0, 0, 1), { where })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: expect.stringMatching(/where\.toString: expected one of .*'kind', 'size'.* got 'toString'/) as string,
    });
  });

  test('a type without a table is refused, with those that have one', async () => {
    await expect(world.ids(near(0, 0, 1), { type: 'constructor' })).rejects.toMatchObject({
      code: 'INVALID_OPTION',
      message: "tables: expected a table for 'constructor', got 'place'.",
    });
    await expect(world.spatial.check(['river'], PLANAR)).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  });

  test('a question whose signal has fired is not asked', async () => {
    const reason = new Error('gone');
    await expect(world.ids(near(0, 0, 1), { signal: AbortSignal.abort(reason) })).rejects.toMatchObject({
      code: 'ABORTED',
      cause: reason,
    });
  });

  test('distance is to the nearest point; overlaps is ST_Overlaps', async () => {
    const { spatial } = world;
    expect(await spatial.distance(point(0, 0), point(3, 4), PLANAR)).toBe(5);
    expect(await spatial.distance(point(5, 5), square(0, 0, 10, 10), PLANAR)).toBe(0);
    const empty = { type: 'MultiPoint', coordinates: [] };
    await expect(spatial.distance(empty, point(0, 0), PLANAR)).rejects.toMatchObject({ code: 'INVALID_GEOMETRY' });
    const one = square(0, 0, 10, 10);
    expect(await spatial.overlaps(one, square(5, 5, 15, 15), PLANAR)).toBe(true);
    expect(await spatial.overlaps(one, square(10, 0, 20, 10), PLANAR)).toBe(false);
    expect(await spatial.overlaps(one, square(1, 1, 2, 2), PLANAR)).toBe(false);
    expect(await spatial.overlaps(one, one, PLANAR)).toBe(false);
  });

  test('a question in another SRID than the table’s names both', async () => {
    await world.put(place('a', 1, 1));
    const system = { srid: 4326, distance: 'planar' } as const;
    await expect(world.ids(near(0, 0, 9), { system })).rejects.toMatchObject({
      code: 'SPATIAL_NOT_READY',
      message: expect.stringMatching(/SRID 4326 only, got some of SRID 3857/) as string,
      cause: { code: 'XX000' },
    });
  });

  test('another error of the database is passed as it is', async () => {
    const { pool, schema } = database();
    const spatial = postgis({ sql: pool, tables: { place: { ...world.options, schema, table: 'gone' } } });
    await expect(spatial.find(ask(near(0, 0, 1)))).rejects.toMatchObject({ code: '42P01' });
  });

  test('inside a transaction the rows of that transaction are found', async () => {
    const client = await database().pool.connect();
    try {
      await client.query('begin');
      await client.query(
        `insert into ${database().schema}."Places" (id, geom) values ('new', ST_SetSRID(ST_MakePoint(1, 1), 3857))`,
      );
      const inside = postgis({ sql: client, tables: { place: world.options } });
      expect(await inside.find(ask(near(1, 1, 1)))).toEqual([{ id: 'new', distance: 0 }]);
      expect(await world.ids(near(1, 1, 1))).toEqual([]);
    } finally {
      await client.query('rollback');
      client.release();
    }
  });
});

describePostgis('the ids', (database) => {
  test.each([
    ['number', 'bigint', ['9', '10', '9007199254740993'], [9, 10, 9007199254740993n]],
    ['number', 'int', ['-1', '2'], [-1, 2]],
    ['text', 'text', ['10', '9'], ['10', '9']],
    ['text', 'varchar(40)', ['Z', 'a'], ['Z', 'a']],
    ...[['uuid', 'uuid', ['00000000-0000-4000-8000-00000000000a'], ['00000000-0000-4000-8000-00000000000a']] as const],
  ] as const)('of type %s, in a column of type %s, come in their order', async (idType, type, given, expected) => {
    const { pool, schema } = database();
    const table = `ids_${type.replace(/\W/g, '_')}`;
    await pool.query(`create table ${schema}.${table} (id ${type} primary key, geom geometry(Point, 3857))`);
    for (const id of [...given].reverse()) {
      await pool.query(`insert into ${schema}.${table} values ($1, ST_SetSRID(ST_MakePoint(1, 1), 3857))`, [id]);
    }
    const spatial = postgis({ sql: pool, tables: { place: { schema, table, id: 'id', idType, geometry: 'geom' } } });
    for (const question of [near(1, 1, 1), nearest(0, 0, 9), inBox(0, 0, 2, 2)]) {
      expect((await spatial.find(ask(question))).map(({ id }) => id)).toEqual(expected);
    }
  });
});

describePostgis('a deletion by a boolean column', (database) => {
  test('hides the row; null is not deleted', async () => {
    const { pool, schema } = database();
    await pool.query(`create table ${schema}.flagged (id text primary key, gone boolean, geom geometry(Point, 3857))`);
    await pool.query(`insert into ${schema}.flagged
      select id, gone, ST_SetSRID(ST_MakePoint(1, 1), 3857) from (values ('a', false), ('b', true), ('c', null)) v(id, gone)`);
    const table = { schema, table: 'flagged', id: 'id', geometry: 'geom', deleted: 'gone' };
    const spatial = postgis({ sql: pool, tables: { place: table } });
    expect((await spatial.find(ask(near(1, 1, 1)))).map(({ id }) => id)).toEqual(['a', 'c']);
  });
});

describePostgis('branches', (database) => {
  let world: Places;
  beforeAll(async () => {
    world = await places({ ...database(), table: 'branched', branches: true });
    await world.put(
      ...[place('kept', 1, 1), place('moved', 2, 2), place('dropped', 3, 3), place('back', 4, 4, { deleted: true })],
      ...[place('moved', 50, 50, { branch: 'draft' }), place('dropped', 3, 3, { branch: 'draft', deleted: true })],
      ...[place('back', 4, 4, { branch: 'draft' }), place('added', 5, 5, { branch: 'draft' })],
      ...[place('moved', 6, 6, { branch: 'leaf' }), place('kept', 1, 1, { branch: 'other', deleted: true })],
      ...[place('sorted', 7, 7, { kind: 'old' }), place('sorted', 7, 7, { branch: 'draft', kind: 'new' })],
    );
  });
  const questions: readonly SpatialQuestion[] = [
    near(0, 0, 20),
    nearest(0, 0, 9, 20),
    inBox(0, 0, 9, 9),
    within(false),
  ];

  test.each([
    [['main'], ['dropped', 'kept', 'moved', 'sorted']],
    [
      ['draft', 'main'],
      ['added', 'back', 'kept', 'sorted'],
    ],
    [
      ['leaf', 'draft', 'main'],
      ['added', 'back', 'kept', 'moved', 'sorted'],
    ],
    [
      ['other', 'main'],
      ['dropped', 'moved', 'sorted'],
    ],
    [['draft'], ['added', 'back', 'sorted']],
    [['nowhere'], []],
  ])('of the chain %j each id counts as in the nearest branch that has it', async (branches, expected) => {
    for (const question of questions) expect([...(await world.ids(question, { branches }))].sort()).toEqual(expected);
  });

  test('a filter looks at the row of the nearest branch only', async () => {
    const where = [{ field: 'kind', oneOf: ['old'] }];
    expect(await world.ids(near(0, 0, 20), { where })).toEqual(['sorted']);
    expect(await world.ids(near(0, 0, 20), { where, branches: ['draft', 'main'] })).toEqual([]);
  });

  test('nearest passes over what a nearer branch hides', async () => {
    expect(await world.ids(nearest(2, 2, 1), { branches: ['main'] })).toEqual(['moved']);
    expect(await world.ids(nearest(2.5, 2.5, 2), { branches: ['draft', 'main'] })).toEqual(['back', 'kept']);
  });
});

describePostgis('geodesic distances', (database) => {
  let world: Places;
  beforeAll(async () => {
    world = await places({ ...database(), table: 'earth', system: GEODESIC });
    await world.put(
      place('east', 179.9, 0),
      place('west', -179.9, 0),
      place('paris', 2.3522, 48.8566),
      place('london', -0.1276, 51.5072),
    );
  });

  test('are metres along the ellipsoid', async () => {
    // WGS 84: a degree along the equator is 6,378,137 m · π / 180; the first one of a meridian is shorter by the flattening.
    const alongEquator = await world.spatial.distance(point(0, 0), point(1, 0), GEODESIC);
    expect(alongEquator).toBeCloseTo((6_378_137 * Math.PI) / 180, 6);
    expect(await world.spatial.distance(point(0, 0), point(0, 1), GEODESIC)).toBeCloseTo(110_574.389, 2);
    expect(await world.spatial.distance(point(0.5, 0), square(0, -1, 1, 1), GEODESIC)).toBe(0);

    const distance = await world.spatial.distance(point(2.3522, 48.8566), point(-0.1276, 51.5072), GEODESIC);
    expect(await world.find(near(2.3522, 48.8566, distance + 1))).toEqual([
      ['paris', 0],
      ['london', distance],
    ]);
    expect(await world.ids(near(2.3522, 48.8566, distance - 1))).toEqual(['paris']);
  });

  test('cross the antimeridian', async () => {
    expect(await world.ids(near(180, 0, 12_000))).toEqual(['east', 'west']);
    expect(await world.ids(nearest(-179.95, 0, 2))).toEqual(['west', 'east']);
    const boxes = [
      { minX: 179, minY: -1, maxX: 180, maxY: 1 },
      { minX: -180, minY: -1, maxX: -179, maxY: 1 },
    ];
    expect(await world.ids({ kind: 'inBox', boxes })).toEqual(['east', 'west']);
  });

  test('order the nearest by the ellipsoid, though the index knows a sphere', async () => {
    // On the sphere a degree of the meridian is as long as one of the equator, so that 'along' would be nearer.
    await world.put(place('north', 100, 1), place('along', 100.998, 0));
    const measured = await world.find(nearest(100, 0, 1));
    expect(measured.map(([id]) => id)).toEqual(['north']);
  });
});

describe('without a pool', () => {
  test('nothing is made', () => {
    expect(() => postgis({ sql: undefined as never, tables: {} })).toThrow(/sql: expected a Pool or Client of pg/);
  });
});
