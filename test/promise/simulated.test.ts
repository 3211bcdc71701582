import { expect, test } from 'vitest';
import type { Clean } from './results.js';
import { recordClean } from './results.js';
import { reportOf, search } from './search.js';
import { simulatedGround } from './simulated-ground.js';

const LONG = process.env['TIDEMARK_LONG'] !== undefined;
const SEEDS = LONG ? 5000 : 100;

test(`nothing is missing without a word in ${String(SEEDS)} simulated seeds`, { timeout: 12 * 3_600_000 }, async () => {
  const found = await search({ open: simulatedGround, first: 1, seeds: SEEDS, atOnce: 1 });
  expect(reportOf(found)).toBe('');
  if (LONG) recordClean('a simulated server', found as Clean);
});
