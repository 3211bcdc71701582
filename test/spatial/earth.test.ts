import { describe, expect, test } from 'vitest';
import { postgis } from '../../src/adapters/postgres/index.js';
import { frameOf } from '../../src/frame.js';
import { createTidemark, defineModel, entity } from '../../src/index.js';
import { boxesAround } from '../../src/spatial/area.js';
import { metresBetween } from '../../src/spatial/distance.js';
import { seededRandom } from '../../src/testing/index.js';
import { describePostgis } from '../services/postgres.js';

interface Port {
  readonly id: string;
  readonly lon: number;
  readonly lat: number;
}

const model = defineModel({
  entities: { port: entity<Port>()({ geometry: ({ lon, lat }) => ({ lon, lat }) }) },
  spatial: { srid: 4326, distance: 'geodesic' },
});

const PORTS: readonly Port[] = [
  { id: 'suva', lon: 178.44, lat: -18.14 },
  { id: 'apia', lon: -171.76, lat: -13.83 },
  { id: 'nukualofa', lon: -175.2, lat: -21.13 },
  { id: 'longyearbyen', lon: 15.64, lat: 78.22 },
  { id: 'alert', lon: -62.34, lat: 82.5 },
];
const tide = createTidemark({ model, origin: { port: { byIds: () => PORTS, all: () => PORTS } } });
const ids = (rows: readonly Port[]): string[] => rows.map(({ id }) => id);

describe('on the earth', () => {
  test('what is near is near across the antimeridian', async () => {
    const point = { lon: 179.9, lat: -18 };
    expect(ids(await tide.spatial.near('port', { point, radius: 700_000 }))).toEqual(['suva', 'nukualofa']);
    expect(ids(await tide.spatial.nearest('port', { point, k: 3 }))).toEqual(['suva', 'nukualofa', 'apia']);
    expect(ids(await tide.spatial.nearest('port', { point, k: 3, maxDistance: 300_000 }))).toEqual(['suva']);
  });

  test('and around a pole', async () => {
    expect(ids(await tide.spatial.nearest('port', { point: { lon: 170, lat: 89 }, k: 2 }))).toEqual([
      'alert',
      'longyearbyen',
    ]);
  });

  test('a box may reach across the antimeridian', async () => {
    const box = { min: { lon: 178, lat: -25 }, max: { lon: -170, lat: 0 } };
    expect(ids(await tide.spatial.inBox('port', box))).toEqual(['apia', 'nukualofa', 'suva']);
  });

  test('metres are metres', async () => {
    const metres = await tide.spatial.distance({ lon: 179, lat: 0 }, { lon: -179, lat: 0 });
    expect(metres).toBeCloseTo(222_638.98, 1);
  });

  test('what only PostGIS measures is refused with its name', async () => {
    const line = { type: 'LineString', coordinates: [[0, 0], [1, 1]] }; // prettier-ignore
    await expect(tide.spatial.distance(line, { lon: 4, lat: 4 })).rejects.toMatchObject({
      code: 'UNSUPPORTED_GEOMETRY',
    });
  });

  test('boxes around a point contain what is so near', () => {
    const random = seededRandom(5);
    for (let i = 0; i < 20_000; i++) {
      const [lon, lat] = [random() * 360 - 180, (random() < 0.2 ? 1 : 180) * (random() - 0.5) + (i % 5 === 0 ? 89 : 0)];
      if (Math.abs(lat) > 90) continue;
      const [toLon, toLat] = [
        Math.min(180, Math.max(-180, lon + (random() - 0.5) * 20)),
        Math.min(90, lat + (random() - 0.5) * 10),
      ];
      const metres = metresBetween([lon, lat], [toLon, Math.max(-90, toLat)]);
      const boxes = boxesAround({ x: lon, y: lat }, metres);
      const y = Math.max(-90, toLat);
      const isIn = boxes.some(({ minX, minY, maxX, maxY }) => toLon >= minX && toLon <= maxX && y >= minY && y <= maxY);
      expect(isIn, JSON.stringify({ lon, lat, toLon, toLat, metres, boxes })).toBe(true);
    }
  });
});

describePostgis('geodesic distances', (database) => {
  test('are those of PostGIS, to a millimetre', async () => {
    const there = postgis({ sql: database().pool, tables: {} });
    const random = seededRandom(6);
    const at = (): readonly [number, number] => [random() * 360 - 180, random() * 180 - 90];
    for (let i = 0; i < 300; i++) {
      const [a, b] = [at(), at()];
      const point = (coordinates: readonly [number, number]) => ({ type: 'Point', coordinates });
      const metres = await there.distance(point(a), point(b), frameOf({ srid: 4326, distance: 'geodesic' }));
      expect(metresBetween(a, b), JSON.stringify([a, b])).toBeCloseTo(metres, 3);
    }
  });
});
