import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MOST_ASKED, MOST_CHANGED, ancestorsOf, coverOf, footprintOf } from '../../src/spatial/cells.js';
import type { Box } from '../../src/index.js';
import { frameOf } from '../../src/frame.js';
import { areaOfBoxes } from '../../src/spatial/area.js';

const EARTH = frameOf({ srid: 4326 }).extent;
const number = fc.oneof(
  fc.double({ min: -200, max: 200, noNaN: true }),
  fc.constantFrom(-180, -90, 0, 45, 90, 180),
  fc.integer({ min: -1024, max: 1024 }).map((n) => (n * 180) / 1024),
);
const box = fc
  .tuple(number, number, number, number, fc.boolean())
  .map(([a, b, c, d, point]): Box =>
    point
      ? { minX: a, minY: b, maxX: a, maxY: b }
      : { minX: Math.min(a, c), minY: Math.min(b, d), maxX: Math.max(a, c), maxY: Math.max(b, d) },
  );
const meet = (a: Box, b: Box): boolean => a.minX <= b.maxX && b.minX <= a.maxX && a.minY <= b.maxY && b.minY <= a.maxY;

/** What a query in `asked` carries and what a change in `changed` bumps have a mark in common. */
function isHeard(asked: Box, changed: Box): boolean {
  const query = footprintOf(areaOfBoxes([asked]), EARTH, MOST_ASKED);
  const change = footprintOf(areaOfBoxes([changed]), EARTH, MOST_CHANGED);
  const bumped = new Set([...change.cells, ...change.ancestors]);
  return query.cells.some((cell) => bumped.has(cell)) || query.ancestors.some((cell) => change.cells.includes(cell));
}

test('a query and a change whose boxes meet always share a mark', () => {
  fc.assert(
    fc.property(box, box, (asked, changed) => {
      fc.pre(meet(asked, changed));
      expect(isHeard(asked, changed)).toBe(true);
    }),
    { numRuns: 5000 },
  );
});

test('a cover has at most eight cells, all of one level, and a point one cell of the finest', () => {
  fc.assert(
    fc.property(box, (any) => {
      const cells = coverOf(areaOfBoxes([any]), EARTH, MOST_CHANGED);
      expect(cells.length).toBeGreaterThan(0);
      expect(cells.length).toBeLessThanOrEqual(8);
      expect(new Set(cells.map((cell) => cell.split('.')[0])).size).toBe(1);
    }),
  );
  expect(coverOf(areaOfBoxes([{ minX: 12.5, minY: 41.9, maxX: 12.5, maxY: 41.9 }]), EARTH, MOST_ASKED)).toEqual([
    '10.547.750',
  ]);
});

test('the ancestors of a cell are one of each level above it, up to the root', () => {
  expect(ancestorsOf(['3.5.2'])).toEqual(['2.2.1', '1.1.0', '0']);
  expect(ancestorsOf(['0'])).toEqual([]);
  expect(ancestorsOf(['10.0.0', '10.1.0'])).toHaveLength(10);
});

test('a change a thousand kilometres away shares no mark with a city-sized query', () => {
  const rome: Box = { minX: 12.4, minY: 41.8, maxX: 12.6, maxY: 42 };
  const berlin: Box = { minX: 13.4, minY: 52.5, maxX: 13.4, maxY: 52.5 };
  expect(isHeard(rome, berlin)).toBe(false);
});
