import { expect, test } from 'vitest';
import type { Clean } from './results.js';
import { recordClean } from './results.js';
import { reportOf, search } from './search.js';
import { simulatedGround } from './simulated-ground.js';

const LONG = process.env['TIDEMARK_LONG'] !== undefined;
const SEEDS = LONG ? 20_000 : 300;

/** In which something was wrong once, by a fault that is mended. */
const BROKEN = [80, 167];

test.each(BROKEN)('what was wrong once, in seed %i, is right', async (first) => {
  expect(reportOf(await search({ open: simulatedGround, first, seeds: 1, atOnce: 1 }))).toBe('');
});

test(`nothing is missing without a word in ${String(SEEDS)} simulated seeds`, { timeout: 12 * 3_600_000 }, async () => {
  const found = await search({ open: simulatedGround, first: 1, seeds: SEEDS, atOnce: 1 });
  expect(reportOf(found)).toBe('');
  if (LONG) recordClean('a simulated server', found as Clean);
});
