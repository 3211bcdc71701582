import { expect, test } from 'vitest';
import { postgis } from '../../src/adapters/postgres/index.js';
import { frameOf } from '../../src/frame.js';
import { type Geometry, defineModel, entity } from '../../src/index.js';
import { EmbeddedIndex } from '../../src/spatial/embedded.js';
import { Indexes } from '../../src/spatial/indexes.js';
import { checkedRegion } from '../../src/spatial/region.js';
import { seededRandom } from '../../src/testing/index.js';
import { describePostgis } from '../services/postgres.js';
import { anyGeometry, anyPolygon, anyQuestion, anyRegion, pick, whole } from './shapes.js';

const LONG = process.env['TIDEMARK_LONG'] !== undefined;
const QUESTIONS = LONG ? 5000 : 1000;
const ROWS = 30;
const PER_ROUND = 25;

const system = frameOf({ srid: 0 });
const { topology } = defineModel({
  entities: { place: entity<{ id: string; geometry: Geometry }>()({ geometry: (row) => row.geometry }) },
});
const plan = topology.types.get('place');

const faultIn = (region: Geometry): string | null => {
  try {
    checkedRegion(region, 'it');
    return null;
  } catch (error) {
    return (error as Error).message;
  }
};
const isValid = (region: Geometry): boolean => faultIn(region) === null;
const signal = new AbortController().signal;

describePostgis('the embedded index against PostGIS', (database) => {
  test('a polygon is valid here if it is valid there', { timeout: 600_000 }, async () => {
    const random = seededRandom(1);
    const regions = Array.from({ length: LONG ? 20_000 : 4000 }, (_, i): Geometry => {
      const [one, other] = [anyPolygon(random), anyPolygon(random)];
      return i % 3 > 0 ? { type: 'Polygon', coordinates: one } : { type: 'MultiPolygon', coordinates: [one, other] };
    });
    const { rows } = await database().pool.query<{ valid: boolean; reason: string }>(
      `select ST_IsValid(g) as valid, ST_IsValidReason(g) as reason
       from (select ST_GeomFromGeoJSON(p::text) as g, n from jsonb_array_elements($1) with ordinality as e(p, n)) as all_of
       order by n`,
      [JSON.stringify(regions)],
    );
    const other = regions.flatMap((region, i) => {
      const [fault, there] = [faultIn(region), rows[i]];
      return (fault === null) === there?.valid ? [] : [{ region: JSON.stringify(region), fault, there }];
    });
    expect(other.slice(0, 3)).toEqual([]);
    expect(other).toHaveLength(0);
    const validOf = (type: string): number =>
      regions.filter((region) => region.type === type && isValid(region)).length;
    expect(validOf('Polygon')).toBeGreaterThan(regions.length / 6);
    expect(validOf('MultiPolygon')).toBeGreaterThan(regions.length / 100);
  });

  test('both answer alike', { timeout: 600_000 }, async () => {
    const { pool, schema } = database();
    const name = `${schema}.grid`;
    await pool.query(`create table ${name} (id text primary key, kind int, geom geometry(Geometry, 0))`);
    await pool.query(`create index on ${name} using gist (geom)`);
    const table = { schema, table: 'grid', id: 'id', geometry: 'geom', columns: { kind: 'kind' } };
    const there = postgis({ sql: pool, tables: { place: table } });
    const random = seededRandom(2);
    const region = (): Geometry => anyRegion(random, isValid);
    let asked = 0;
    for (; asked < QUESTIONS; asked += PER_ROUND) {
      const rows = Array.from({ length: ROWS }, (_, i) => ({
        id: `p${String(i)}`,
        kind: whole(random, 3),
        geometry: anyGeometry(random, isValid),
      }));
      await pool.query(`truncate ${name}`);
      await pool.query(
        `insert into ${name} select id, kind, ST_SetSRID(ST_GeomFromGeoJSON(geometry::text), 0)
         from jsonb_to_recordset($1) as r(id text, kind int, geometry jsonb)`,
        [JSON.stringify(rows)],
      );
      const index = new EmbeddedIndex(plan as never, system, {
        all: async () => rows,
        byIds: async () => [],
      });
      await index.current();
      for (let i = 0; i < PER_ROUND; i++) {
        const question = anyQuestion(random, region);
        const where = random() < 0.3 ? [{ field: 'kind', oneOf: [pick(random, [0, 1, 2])] }] : [];
        const limit = question.kind !== 'nearest' && random() < 0.3 ? 3 : undefined;
        const here = index.find({ question, where, limit }).map(({ row, distance }) => [row['id'], distance]);
        const found = await there.find({ type: 'place', system, branches: ['main'], question, where, limit, signal });
        const shown = JSON.stringify({ question, rows });
        expect(
          here.map(([id]) => id),
          shown,
        ).toEqual(found.map(({ id }) => id));
        here.forEach(([, distance], n) => {
          expect(distance ?? 0, shown).toBeCloseTo(found[n]?.distance ?? 0, 9);
        });
      }
    }
    expect(asked).toBe(QUESTIONS);
  });

  test(
    'of any two geometries both say the same distance, and of areas whether they overlap',
    { timeout: 600_000 },
    async () => {
      const { pool } = database();
      const there = postgis({ sql: pool, tables: {} });
      const here = new Indexes({ system, chainOf: () => ['main'], all: async () => [], byIds: async () => [] });
      const random = seededRandom(3);
      const areas = { pairs: 0, overlapping: 0 };
      for (let i = 0; i < QUESTIONS; i++) {
        const [a, b] = [anyGeometry(random, isValid), anyGeometry(random, isValid)];
        const shown = JSON.stringify([a, b]);
        expect(await here.distance(a, b), shown).toBeCloseTo(await there.distance(a, b, system), 9);
        if (!a.type.endsWith('Polygon') || !b.type.endsWith('Polygon')) continue;
        const [mine, right] = [await here.overlaps(a, b), await there.overlaps(a, b, system)];
        expect(mine, shown).toBe(right);
        areas.pairs++;
        if (right) areas.overlapping++;
      }
      expect(areas.overlapping).toBeGreaterThan(areas.pairs / 10);
    },
  );
});
