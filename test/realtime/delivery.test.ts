import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Step, complaints, steps } from './delivery.js';
import { A, B } from './setup.js';

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

test('messages lost without a word: an event that came over another topic looks for them first', async () => {
  const both = [A, B];
  const path: Step[] = [
    { do: 'join', on: 0, who: 0, topics: both, resume: false },
    { do: 'hold', on: 0 },
    { do: 'publish', on: 0, topics: [B] },
    { do: 'publish', on: 0, topics: [B] },
    { do: 'publish', on: 0, topics: both },
    { do: 'lose', on: 0, topic: B },
  ];
  expect(await complaints(path, { ringSize: 100, ordered: true })).toEqual([]);
});
