import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as library from '../../src/index.js';
import { type Played, history, play } from './grid.js';

const RUNS = process.env['TIDEMARK_LONG'] === undefined ? 100 : 5000;

test(
  'after any change every answer, on every replica, is what looking at everything gives',
  { timeout: 3_600_000 },
  async () => {
    const sum = { hits: 0, reads: 0 };
    await fc.assert(
      fc.asyncProperty(history, async (one) => {
        const { hits, reads }: Played = await play(library, one);
        sum.hits += hits;
        sum.reads += reads;
      }),
      { numRuns: RUNS },
    );
    console.info(
      `${String(RUNS)} histories: ${String(sum.reads)} answers, ${String(sum.hits)} of them kept through changes`,
    );
    expect(sum.hits).toBeGreaterThan(sum.reads / 4);
  },
);
