import fc from 'fast-check';
import { expect, test } from 'vitest';
import { complaints, steps } from './delivery.js';

const LONG = process.env.TIDEMARK_LONG !== undefined;
const numRuns = LONG ? 30_000 : 400;

test('whatever happens on the way: every topic in order, nothing twice, no silent hole', async () => {
  const path = steps({ breaking: true, failing: false });
  await fc.assert(
    fc.asyncProperty(path, async (steps_) => {
      expect(await complaints(steps_, { ringSize: 100, ordered: true })).toEqual([]);
    }),
    { numRuns },
  );
});

test('readers that are too slow for a ring of two: nothing twice, no silent hole', async () => {
  const path = steps({ breaking: true, failing: false });
  await fc.assert(
    fc.asyncProperty(path, async (steps_) => {
      expect(await complaints(steps_, { ringSize: 2, ordered: false })).toEqual([]);
    }),
    { numRuns },
  );
});

test('a bus that fails for seconds: nothing twice, no silent hole', async () => {
  const path = steps({ breaking: true, failing: true });
  await fc.assert(
    fc.asyncProperty(path, async (steps_) => {
      expect(await complaints(steps_, { ringSize: 100, ordered: false })).toEqual([]);
    }),
    { numRuns },
  );
});
