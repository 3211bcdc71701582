import { expect, test } from 'vitest';
import { seedOf } from '../../examples/campaign/seed.js';

test('without a size there is the small campaign', () => {
  expect(seedOf(undefined)).toBe(seedOf(''));
  expect(seedOf('').settlement.map(({ name }) => name)).toEqual(['Harrow', 'Mora', 'Tarn']);
});

test('the same size gives the same rows, each under a parent that there is and in a place of its own', () => {
  const seed = seedOf('5x40x3');
  expect(seedOf('5x40x3')).toEqual(seed);
  const { kingdom, settlement, structure } = seed;
  expect([kingdom.length, settlement.length, structure.length]).toEqual([5, 200, 600]);
  expect([kingdom.at(-1)?.id, settlement.at(-1)?.id, structure.at(-1)?.id]).toEqual(['k5', 's200', 'm600']);
  const count = (ids: readonly string[], parents: readonly { id: string }[], each: number) =>
    expect(parents.filter(({ id }) => ids.filter((of) => of === id).length === each)).toEqual(parents);
  const kingdoms = settlement.map(({ kingdomId }) => kingdomId);
  const settlements = structure.map(({ settlementId }) => settlementId);
  count(kingdoms, kingdom, 40);
  count(settlements, settlement, 3);
  expect(new Set(settlement.map(({ x, y }) => `${String(x)} ${String(y)}`)).size).toBe(200);
  for (const { x, y } of settlement) expect(Math.min(x, y, 999 - x, 999 - y)).toBeGreaterThan(-1);
});

test('there may be settlements without structures', () => {
  expect(seedOf('1x1x0').structure).toEqual([]);
});

test.each(['10', '10x20', '0x1x1', '1x0x1', '1x1x1x1', '1x1x-1', '1.5x1x1', '10 x 20 x 5', '999999x1x1'])(
  'a size of %j is refused with what was expected',
  (size) => {
    expect(() => seedOf(size)).toThrow(/CAMPAIGN_SIZE: expected <kingdoms>x<settlements>x<structures>/);
  },
);
