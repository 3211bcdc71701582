import fc from 'fast-check';
import { Pool } from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Box, Position, SpatialQuestion } from '../../../src/contract.js';
import { describePostgis } from '../../services/postgres.js';
import { GEODESIC, PLANAR, type Places, place, places } from './world.js';

const runs = process.env['TIDEMARK_LONG'] === undefined ? 50 : 3000;
const CHAINS = [['main'], ['draft', 'main'], ['leaf', 'draft', 'main']];

/** A row of one branch; at most one per branch and id. */
interface Row {
  readonly id: string;
  readonly branch: string;
  readonly x: number;
  readonly y: number;
  readonly kind: string | null;
  readonly deleted: boolean;
}

/** Small whole numbers: ties, borders and equal places are everywhere, and squares are exact. */
const coordinate = fc.integer({ min: -4, max: 4 });
const position = fc.record({ x: coordinate, y: coordinate });

const rowArbitrary: fc.Arbitrary<Row> = fc.record({
  id: fc.constantFrom(...'abcdefghijklmnoABCDEFé0123456789', 'aa', 'a b', "o'", 'ß'),
  branch: fc.constantFrom('main', 'main', 'main', 'draft', 'leaf', 'other'),
  x: coordinate,
  y: coordinate,
  kind: fc.constantFrom('town', 'city', null),
  deleted: fc.constantFrom(false, false, false, true),
});
const rowsArbitrary = fc.uniqueArray(rowArbitrary, {
  ...{ selector: ({ id, branch }) => `${branch}/${id}`, maxLength: 80, size: 'max' },
});

const boxArbitrary: fc.Arbitrary<Box> = fc.tuple(position, position).map(([a, b]) => ({
  ...{ minX: Math.min(a.x, b.x), maxX: Math.max(a.x, b.x) },
  ...{ minY: Math.min(a.y, b.y), maxY: Math.max(a.y, b.y) },
}));

const questionArbitrary: fc.Arbitrary<SpatialQuestion> = fc.oneof(
  fc.record({ kind: fc.constant('near' as const), point: position, radius: fc.integer({ min: 0, max: 7 }) }),
  fc.record({
    ...{ kind: fc.constant('nearest' as const), point: position, count: fc.integer({ min: 1, max: 12 }) },
    maxDistance: fc.option(fc.integer({ min: 0, max: 6 }), { nil: undefined }),
  }),
  fc.record({ kind: fc.constant('inBox' as const), boxes: fc.array(boxArbitrary, { minLength: 1, maxLength: 2 }) }),
);

interface Asked {
  readonly question: SpatialQuestion;
  readonly branches: readonly string[];
  readonly kinds: readonly (string | null)[] | undefined;
  readonly limit: number | undefined;
}

const askedOf = (chains: readonly (readonly string[])[]): fc.Arbitrary<Asked> =>
  fc.record({
    question: questionArbitrary,
    branches: fc.constantFrom(...chains),
    kinds: fc.option(fc.subarray(['town', 'city', null]), { nil: undefined }),
    limit: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
  });

const squared = (a: Position, b: Position): number => (a.x - b.x) ** 2 + (a.y - b.y) ** 2;
const isIn = ({ x, y }: Position, { minX, maxX, minY, maxY }: Box): boolean =>
  minX <= x && x <= maxX && minY <= y && y <= maxY;

/** Every row is looked at, and squares of distances are compared. */
function bruteForce(
  rows: readonly Row[],
  { question, branches, kinds, limit }: Asked,
): readonly (readonly unknown[])[] {
  const effective = new Map<string, Row>();
  for (const branch of [...branches].reverse()) {
    for (const row of rows) if (row.branch === branch) effective.set(row.id, row);
  }
  const live = [...effective.values()].filter(({ deleted, kind }) => !deleted && (kinds?.includes(kind) ?? true));
  const byId = live.sort((a, b) => (a.id < b.id ? -1 : 1));
  if (question.kind === 'inBox') {
    const found = byId.filter((row) => question.boxes.some((box) => isIn(row, box)));
    return found.slice(0, limit).map(({ id }) => [id, null]);
  }
  if (question.kind !== 'near' && question.kind !== 'nearest') return [];
  const { point } = question;
  const farthest = question.kind === 'near' ? question.radius : (question.maxDistance ?? Infinity);
  const found = byId
    .filter((row) => squared(row, point) <= farthest ** 2)
    .sort((a, b) => squared(a, point) - squared(b, point));
  const most = question.kind === 'near' ? limit : question.count;
  return found.slice(0, most).map((row) => [row.id, Math.sqrt(squared(row, point))]);
}

/** Tables this small are read whole, unless that and sorting are made to look dear. */
const BY_INDEX = '-c jit=off -c enable_seqscan=off -c enable_sort=off -c enable_bitmapscan=off';

describePostgis('random points on a grid', (database) => {
  const made = new Map<string, Places>();
  let byIndex: Pool;
  beforeAll(async () => {
    const { pool, schema, connectionString } = database();
    byIndex = new Pool({ connectionString, options: BY_INDEX });
    for (const table of ['plain', 'branched']) {
      made.set(table, await places({ pool, schema, table, branches: table === 'branched' }));
      const indexed = await places({
        pool: byIndex,
        schema,
        table: `${table}_by_index`,
        branches: table === 'branched',
      });
      made.set(`${table}_by_index`, indexed);
    }
  });
  afterAll(() => byIndex.end());

  const cases = [
    ['plain', [['main']]],
    ['plain_by_index', [['main']]],
    ['branched', CHAINS],
    ['branched_by_index', CHAINS],
  ] as const;
  test.each(cases)('are found as by looking at each, in the table %s', async (name, chains) => {
    const table = made.get(name) as Places;
    const rowsOf = name.startsWith('plain')
      ? rowsArbitrary.map((rows) => rows.filter(({ branch }) => branch === 'main'))
      : rowsArbitrary;
    const questions = fc.array(askedOf(chains), { minLength: 10, maxLength: 10 });
    const property = fc.asyncProperty(rowsOf, questions, async (rows, some) => {
      await table.clear();
      await table.put(...rows.map(({ id, x, y, ...beside }) => place(id, x, y, beside)));
      for (const one of some) {
        const { question, branches, kinds, limit } = one;
        const where = kinds === undefined ? [] : [{ field: 'kind', oneOf: kinds }];
        const beside = { branches, where, ...(question.kind === 'nearest' ? {} : { limit }) };
        expect(await table.find(question, beside), JSON.stringify(one)).toEqual(bruteForce(rows, one));
      }
    });
    await fc.assert(property, { numRuns: runs });
  });
});

describePostgis('the nearest of random shapes anywhere', (database) => {
  const shapes = {
    planar: `ST_SetSRID(ST_MakePoint((random() - 0.5) * 4e7, (random() - 0.5) * 4e7), 3857)`,
    geodesic: `ST_SetSRID(ST_MakePoint(random() * 360 - 180, degrees(asin(random() * 2 - 1))), 4326)`,
  };

  test.each([
    ['planar', PLANAR],
    ['geodesic', GEODESIC],
  ] as const)('%s, are those with the smallest distances of all', async (kind, system) => {
    const { pool, schema, connectionString } = database();
    const byIndex = new Pool({ connectionString, options: BY_INDEX });
    const world = await places({ pool: byIndex, schema, table: kind, system });
    const empty = `ST_SetSRID('MULTIPOINT EMPTY'::geometry, ${String(system.srid)})`;
    await pool.query(`insert into ${schema}.${kind} (id, geom)
      select i, case when i % 10 = 0 then ${empty} else ${shapes[kind]} end from generate_series(1, 1000) i`);
    await pool.query(`insert into ${schema}.${kind} (id, geom)
      select 'line ' || a.id, ST_MakeLine(a.geom, ST_Translate(a.geom, 0.5, 0.25)) from ${schema}.${kind} a
      where not ST_IsEmpty(a.geom)`);
    const cast = kind === 'geodesic' ? '::geography' : '';
    const { rows: points } = await pool.query<Position>(
      `select ST_X(p) x, ST_Y(p) y from (select ${shapes[kind]} p from generate_series(1, 60)) q`,
    );
    for (const [i, point] of points.entries()) {
      const [count, maxDistance] = [(i % 20) + 1, i % 2 === 0 ? undefined : i * 1e5];
      const { rows } = await pool.query<{ id: string; d: number }>(
        `select id, d from ${schema}.${kind}, ST_SetSRID(ST_MakePoint($1, $2), ${String(system.srid)}) p,
          ST_Distance(geom${cast}, p${cast}) d where d <= $3 order by d, id collate "C" limit $4`,
        [point.x, point.y, maxDistance ?? Infinity, count],
      );
      const found = await world.find({ kind: 'nearest', point, count, maxDistance });
      expect(found).toEqual(rows.map(({ id, d }) => [id, d]));
    }
    await byIndex.end();
  });
});
