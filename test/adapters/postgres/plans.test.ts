import { beforeAll, expect, test } from 'vitest';
import { findSql, tableOf } from '../../../src/adapters/postgres/index.js';
import type { SpatialAsk, SpatialQuestion } from '../../../src/contract.js';
import { describePostgis } from '../../services/postgres.js';
import { GEODESIC, type Places, PLANAR, ask, at, places, square } from './world.js';

const ROWS = 20_000;

const questions: readonly (readonly [string, SpatialQuestion])[] = [
  ['near', { kind: 'near', point: at(50, 50), radius: 1 }],
  ['nearest', { kind: 'nearest', point: at(50, 50), count: 10, maxDistance: undefined }],
  ['nearest, up to a distance', { kind: 'nearest', point: at(50, 50), count: 10, maxDistance: 1_000 }],
  ['inBox', { kind: 'inBox', boxes: [{ minX: 50, minY: 50, maxX: 51, maxY: 51 }] }],
  [
    'inBox, of two boxes',
    {
      kind: 'inBox',
      boxes: [
        { minX: 50, minY: 50, maxX: 51, maxY: 51 },
        { minX: 10, minY: 10, maxX: 11, maxY: 11 },
      ],
    },
  ],
  ['within', { kind: 'within', region: square(50, 50, 51, 51), strict: false }],
  ['within, strict', { kind: 'within', region: square(50, 50, 51, 51), strict: true }],
  ['containing', { kind: 'containing', point: at(50, 50), strict: false }],
  ['containing, strict', { kind: 'containing', point: at(50, 50), strict: true }],
];

const kinds = [
  ['a table', { system: PLANAR }],
  ['a table with branches', { system: PLANAR, branches: true }],
  ['a geodesic table', { system: GEODESIC }],
] as const;

describePostgis(`over ${String(ROWS)} rows`, (database) => {
  const tables = new Map<string, Places>();

  /** The plan as text, of the planner as it is. */
  const planOf = async (table: string, question: SpatialQuestion, beside: Partial<SpatialAsk>): Promise<string> => {
    const { options } = tables.get(table) as Places;
    const { text, values } = findSql(tableOf('place', options), ask(question, beside));
    const { rows } = await database().pool.query<{ 'QUERY PLAN': string }>(`explain ${text}`, [...values]);
    return rows.map((row) => row['QUERY PLAN']).join('\n');
  };

  beforeAll(async () => {
    for (const [name, options] of kinds) {
      const { pool, schema } = database();
      const table = name.replaceAll(' ', '_');
      tables.set(name, await places({ pool, schema, table, ...options }));
      await pool.query(`insert into ${schema}."${table}" (id, branch, geom)
        select i::text, case when i % 10 = 0 then 'draft' else 'main' end,
          ST_SetSRID(ST_MakePoint(i % 100 + random(), i / 100 % 90 + random()), ${String(options.system.srid)})
        from generate_series(1, ${String(ROWS)}) i`);
      await pool.query(`analyze ${schema}."${table}"`);
    }
  });

  test.each(kinds.flatMap(([table, options]) => questions.map(([kind, one]) => [table, kind, one, options] as const)))(
    'of %s, %s is answered by the GiST index',
    async (table, _, question, { system }) => {
      const plan = await planOf(table, question, { system, branches: ['draft', 'main'], limit: 100 });
      expect(plan).toMatch(/Index Scan (using|on) \w+_(geom|geography)_idx/);
      expect(plan).not.toMatch(/Seq Scan/);
    },
  );

  test('nearest is looked for in the order of the index, then within the reach that this gave', async () => {
    const question = { kind: 'nearest', point: at(50, 50), count: 10, maxDistance: undefined } as const;
    const plan = await planOf('a table', question, {});
    expect(plan).toMatch(/Order By: \(geom <-> /);
    expect(plan).toMatch(/Index Cond: \(geom && st_expand\(/);
  });

  test('of a table with branches a row is looked up in nearer ones by its id', async () => {
    const plan = await planOf('a table with branches', { kind: 'near', point: at(50, 50), radius: 1 }, {});
    expect(plan).toMatch(/SubPlan[^]*Index Cond: \(id = t\.id\)/);
  });
});
