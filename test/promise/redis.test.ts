import { expect, test } from 'vitest';
import { describeOwn } from '../services/own.js';
import { redisGround } from './redis-ground.js';
import type { Clean } from './results.js';
import { recordClean } from './results.js';
import { reportOf, search } from './search.js';

const LONG = process.env['TIDEMARK_LONG'] !== undefined;
const SEEDS = LONG ? 200 : 6;

/** Servers and links wait most of the time. */
const AT_ONCE = 3;

describeOwn('clients of replicas on a Redis', () => {
  test(`nothing is missing without a word in ${String(SEEDS)} seeds`, { timeout: 3_600_000 }, async () => {
    const found = await search({ open: redisGround, first: 1, seeds: SEEDS, atOnce: AT_ONCE });
    expect(reportOf(found)).toBe('');
    if (LONG) recordClean('a Redis', found as Clean);
  });
});
