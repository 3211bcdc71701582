import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { createPlanter } from '../plant.js';
import { FAULTS } from './faults.js';
import { history, play } from './grid.js';

const MOST_HISTORIES = 1000;
const { plant, remove } = createPlanter();
const found: string[] = [];

afterAll(() => {
  remove();
  console.info(`planted faults of spatial answers, found after how many histories:\n${found.join('\n')}`);
});

/** What shows in few histories only is left to the long command. */
const RARE = [
  'the map ends at its edge',
  'a strict question has the answer of one that is not',
  'fewer than k nearest depend on the disc to the last of them',
  'the k nearest depend on a disc that ends before the last of them',
];
const LONG = process.env['TIDEMARK_LONG'] !== undefined;
const chosen = FAULTS.filter(({ name }) => LONG || !RARE.includes(name));

describe(`a fault planted in the source is found within ${String(MOST_HISTORIES)} histories`, () => {
  test.each(chosen.map((fault) => [fault.name, fault] as const))('%s', { timeout: 300_000 }, async (name, fault) => {
    const library = await plant(fault);
    const { failed, numRuns } = await fc.check(
      fc.asyncProperty(history, async (one) => {
        await play(library, one);
      }),
      { numRuns: MOST_HISTORIES, seed: 1, endOnFailure: true },
    );
    expect(failed, 'no history shows it').toBe(true);
    found.push(`${String(numRuns).padStart(5)}  ${name}`);
  });
});
