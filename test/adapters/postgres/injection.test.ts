import { beforeAll, describe, expect, test } from 'vitest';
import { distanceSql, findSql, overlapsSql, postgis, tableOf } from '../../../src/adapters/postgres/index.js';
import type { Geometry, SpatialAsk, SpatialQuestion } from '../../../src/contract.js';
import { describePostgis } from '../../services/postgres.js';
import { type Places, PLANAR, ask, at, place, places, point, square } from './world.js';

/** What would end a string, a name, a parameter or a statement, if it ever became part of one. */
const HOSTILE = [
  `'; drop table victim; --`,
  `"; drop table victim; --`,
  `') or true --`,
  `$1`,
  `$$; drop table victim; $$`,
  `\\'; drop table victim; --`,
  `{"a",null}`,
  `a,b`,
  `NULL`,
  `'||pg_sleep(9)||'`,
  'ʼ; drop table victim; --',
  '\u{1F600}\n/*',
] as const;

const table = tableOf('place', {
  ...{ table: 'victim', id: 'id', geometry: 'geom', branch: 'branch', deletedAt: 'at', deleted: 'gone' },
  columns: { kind: 'kind', x: 'kind', ...Object.fromEntries(HOSTILE.map((field) => [field, 'kind'])) },
});

/** As a reader would have to lie for it: every number and text is hostile. */
const everywhere = (hostile: string): readonly SpatialAsk[] => {
  const lie = hostile as never;
  const region = { type: hostile, coordinates: [hostile], [hostile]: hostile } as Geometry;
  const box = { minX: lie, minY: lie, maxX: lie, maxY: lie };
  const questions: readonly SpatialQuestion[] = [
    { kind: 'near', point: { x: lie, y: lie }, radius: lie },
    { kind: 'nearest', point: { x: lie, y: lie }, count: lie, maxDistance: lie },
    { kind: 'inBox', boxes: [box, { ...box, minX: 0, maxX: 1, minY: 0, maxY: 1 }] },
    { kind: 'within', region, strict: false },
    { kind: 'containing', point: { x: lie, y: lie }, strict: lie },
  ];
  return questions.map((question) =>
    ask(question, {
      system: { srid: lie, distance: lie },
      branches: [hostile, 'main'],
      where: [
        { field: 'kind', oneOf: [hostile, null] },
        { field: hostile, oneOf: [hostile] },
      ],
      limit: lie,
    }),
  );
};

describe('what a reader gives', () => {
  test.each(HOSTILE)('is no part of the SQL: %j', (hostile) => {
    const harmless = everywhere('x');
    everywhere(hostile).forEach((one, i) => {
      const { text, values } = findSql(table, one);
      expect(text).toBe(findSql(table, harmless[i] as SpatialAsk).text);
      const places = new Set([...text.matchAll(/\$(\d+)/g)].map(([, place]) => Number(place)));
      expect([...places].sort((a, b) => a - b)).toEqual(values.map((_, at) => at + 1));
    });
    const shape = { type: hostile, coordinates: hostile } as Geometry;
    for (const make of [distanceSql, overlapsSql]) {
      const system = { srid: hostile as never, distance: 'planar' } as const;
      expect(make(shape, shape, system).text).toBe(make(point(0, 0), point(0, 0), PLANAR).text);
    }
  });

  test.each(HOSTILE.filter((text) => /\W/.test(text)))('is no name: %j', (hostile) => {
    const plain = { table: 't', id: 'id', geometry: 'geom' };
    const names = ['table', 'schema', 'id', 'geometry', 'deletedAt', 'deleted', 'branch', 'idType'];
    for (const name of names) {
      expect(() => tableOf('place', { ...plain, [name]: hostile }), name).toThrow(/^tables\.place\./);
    }
    expect(() => tableOf('place', { ...plain, columns: { kind: hostile } })).toThrow(/^tables\.place\.columns\.kind/);
  });

  test('is no type and no field, unless it was declared', async () => {
    const spatial = postgis({ sql: { query: async () => ({ rows: [] }) }, tables: {} });
    const question = { kind: 'near', point: at(0, 0), radius: 1 } as const;
    for (const type of ['__proto__', 'constructor', ...HOSTILE]) {
      await expect(spatial.find(ask(question, { type }))).rejects.toMatchObject({ code: 'INVALID_OPTION' });
      const where = [{ field: `${type}?`, oneOf: [] }];
      expect(() => findSql(table, ask(question, { where }))).toThrow(/expected one of the fields/);
    }
  });
});

describePostgis('what a reader gives, in the database', (database) => {
  let world: Places;
  beforeAll(async () => {
    world = await places({ ...database(), table: 'victim', branches: true });
    for (const [i, hostile] of HOSTILE.entries()) {
      await world.put(
        place(hostile, i, 0, { kind: hostile }),
        place(hostile, i, 1, { branch: hostile, kind: 'other' }),
      );
    }
  });

  test.each(HOSTILE)('is found as it is, and nothing else by it: %j', async (hostile) => {
    const question = { kind: 'near', point: at(0, 0), radius: 99 } as const;
    const where = [{ field: 'kind', oneOf: [hostile] }];
    expect(await world.ids(question, { where })).toEqual([hostile]);
    expect(await world.ids(question, { where: [{ field: 'kind', oneOf: [hostile, null] }] })).toEqual([hostile]);
    const chain = [hostile, 'main'];
    expect(await world.ids(question, { branches: chain, where: [{ field: 'kind', oneOf: ['other'] }] })).toEqual([
      hostile,
    ]);
    expect(await world.ids(question, { branches: chain })).toHaveLength(HOSTILE.length);
  });

  test.each(HOSTILE)('fails where it is no value, and does nothing: %j', async (hostile) => {
    for (const one of everywhere(hostile).map(({ question }) => question)) {
      await expect(world.ids(one), one.kind).rejects.toThrow();
    }
    await expect(world.spatial.distance({ type: hostile }, square(0, 0, 1, 1), PLANAR)).rejects.toThrow();
    const { rows } = await database().pool.query(`select count(*)::int as n from ${database().schema}.victim`);
    expect(rows).toEqual([{ n: 2 * HOSTILE.length }]);
  });
});
