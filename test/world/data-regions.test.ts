import { afterAll, describe, expect, test } from 'vitest';
import { withinDegrees } from '../../examples/world/data/antimeridian.js';
import { countriesGeoJson } from '../../examples/world/data/countries.js';
import { earth } from '../../examples/world/data/earth.js';
import { worldOrigin } from '../../examples/world/data/origin.js';
import { model } from '../../examples/world/model.js';
import { type Geometry, createTidemark } from '../../src/index.js';
import { shapeOf } from '../../src/spatial/shape.js';

// The outlines of the kingdoms as regions: valid, within the map, and holding what a count by hand finds in them.

const tables = await earth.load(() => {});
const tide = createTidemark({ model, origin: worldOrigin(tables) });
afterAll(() => tide.close());
const drawn = [...tables.all('kingdom', 'main')].flatMap(({ id, outline }) =>
  outline === undefined ? [] : [{ id, outline: outline as Geometry }],
);
type Ring = readonly (readonly number[])[];

const ringsOf = ({ type, coordinates }: Geometry): readonly Ring[] =>
  type === 'Polygon' ? (coordinates as Ring[]) : (coordinates as Ring[][]).flat();

/** Whether a line from the point to the east crosses the rings an odd number of times. */
function isInside(rings: readonly Ring[], lon: number, lat: number): boolean {
  let odd = false;
  for (const ring of rings) {
    for (let i = 1; i < ring.length; i++) {
      const [[x1 = 0, y1 = 0] = [], [x2 = 0, y2 = 0] = []] = [ring[i - 1], ring[i]];
      if (y1 > lat !== y2 > lat && lon < x1 + ((lat - y1) / (y2 - y1)) * (x2 - x1)) odd = !odd;
    }
  }
  return odd;
}

describe('the outline of a country', () => {
  test('is there for every outline of the map, from -180 to 180 degrees', () => {
    expect(drawn.map(({ id }) => id).sort()).toEqual(
      countriesGeoJson()
        .features.map(({ id }) => String(id))
        .sort(),
    );
    const positions = drawn.flatMap(({ outline }) => ringsOf(outline).flat());
    expect(positions.filter(([lon = NaN, lat = NaN]) => !(Math.abs(lon) <= 180 && Math.abs(lat) <= 90))).toEqual([]);
  });

  test('is a valid region, and has those airports in it that a count finds there', async () => {
    const airports = [...tables.all('structure', 'main')];
    for (const { id, outline } of drawn) {
      const rings = ringsOf(outline);
      const { minX, minY, maxX, maxY } = shapeOf(outline).box;
      const near = airports.filter(({ lon, lat }) => lon >= minX && lon <= maxX && lat >= minY && lat <= maxY);
      const counted = near.filter(({ lon, lat }) => isInside(rings, lon, lat));
      const found = await tide.spatial.within('structure', { region: { type: 'kingdom', id } }, { branch: 'main' });
      expect([id, found.map((row) => row.id)]).toEqual([id, counted.map((row) => row.id).sort()]);
    }
  });

  test('reaches over the antimeridian: Russia on both sides, Fiji in the west and in the east', async () => {
    const at = async (lon: number, lat: number): Promise<string[]> =>
      (await tide.spatial.containing('kingdom', { point: { lon, lat } }, { branch: 'main' })).map(({ id }) => id);
    expect(await at(172, 66)).toEqual(['RU']);
    expect(await at(-175, 66.5)).toEqual(['RU']);
    expect(await at(179.35, -16.5)).toEqual(['FJ']); // Vanua Levu
    expect(await at(-179.9, -16.8)).toEqual(['FJ']); // Taveuni, east of it
    expect(await at(0, -85)).toEqual(['AQ']);
    expect(await at(-30, 40)).toEqual([]);
  });
});

describe('an area', () => {
  const box = (west: number, east: number): number[][][] => [
    [[west, 0], [east, 0], [east, 9], [west, 9], [west, 0]], // prettier-ignore
  ];
  const cut = (coordinates: number[][][]) => withinDegrees({ type: 'Polygon', coordinates });

  test('that does not cross the antimeridian stays as it is, turned to where the map is', () => {
    expect(cut(box(-180, 180))).toEqual({ type: 'Polygon', coordinates: box(-180, 180) });
    expect(cut(box(190, 200))).toEqual({ type: 'Polygon', coordinates: box(-170, -160) });
    expect(cut(box(-200, -190))).toEqual({ type: 'Polygon', coordinates: box(160, 170) });
  });

  test('is cut where it crosses it, in as many pieces as that makes, each hole in its own', () => {
    const comb = [[[170, 0], [190, 0], [190, 1], [175, 2], [190, 3], [190, 4], [170, 4], [170, 0]]]; // prettier-ignore
    const { type, coordinates } = cut(comb);
    expect([type, coordinates.length]).toEqual(['MultiPolygon', 3]);
    const holes = cut([...box(170, 190), ...box(172, 174).map((ring) => ring.map(([x = 0, y = 0]) => [x, y / 2 + 1]))]);
    expect(holes.coordinates.map((polygon) => polygon.length)).toEqual([2, 1]);
  });
});
