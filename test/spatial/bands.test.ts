import { expect, test } from 'vitest';
import { bandsOf } from '../../src/spatial/bands.js';
import { sideOf } from '../../src/spatial/relate.js';
import { shapeOf } from '../../src/spatial/shape.js';
import { checkedRegion } from '../../src/spatial/region.js';
import { seededRandom } from '../../src/testing/index.js';
import { anyRegion } from './shapes.js';

const isValid = (region: object): boolean => {
  try {
    checkedRegion(region as never, 'region');
    return true;
  } catch {
    return false;
  }
};

test('a point lies beside the bands of a polygon as it lies beside the polygon', () => {
  const random = seededRandom(5);
  const seen = { in: 0, on: 0, out: 0 };
  for (let i = 0; i < 2000; i++) {
    for (const polygon of shapeOf(anyRegion(random, isValid)).polygons) {
      const side = bandsOf(polygon);
      for (let n = 0; n < 20; n++) {
        const point = [Math.floor(random() * 25) / 2 - 1, Math.floor(random() * 25) / 2 - 1] as const;
        const expected = sideOf(point, polygon);
        seen[expected]++;
        expect([polygon, point, side(point)]).toEqual([polygon, point, expected]);
      }
    }
  }
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(1000);
});

test('so it does in a ring of thousands of corners', () => {
  const random = seededRandom(6);
  const corners = Array.from({ length: 5000 }, (_, i) => {
    const [angle, reach] = [(i / 5000) * 2 * Math.PI, 50 + 40 * random()];
    return [reach * Math.cos(angle), reach * Math.sin(angle)] as const;
  });
  const polygon = [[...corners, corners[0] as (typeof corners)[0]]];
  const side = bandsOf(polygon);
  for (let n = 0; n < 500; n++) {
    const point = [200 * random() - 100, 200 * random() - 100] as const;
    expect(side(point)).toBe(sideOf(point, polygon));
  }
  for (const corner of corners.slice(0, 50)) expect(side(corner)).toBe('on');
});
