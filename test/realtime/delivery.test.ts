import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Step, complaints, steps } from './delivery.js';
import { A, B, C } from './setup.js';

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

test('an event that fell into a hole on one topic comes after what was before the hole', async () => {
  const path: Step[] = [
    { do: 'join', on: 0, who: 0, topics: [B, C], resume: false },
    { do: 'die', topics: [B, C], reached: [C] },
    { do: 'hold', on: 0 },
    { do: 'publish', on: 0, topics: [C], early: false },
    { do: 'lose', on: 0, topic: C },
    { do: 'publish', on: 0, topics: [B, C], early: false },
    { do: 'wipe', topics: [C] },
  ];
  expect(await complaints(path, { ringSize: 100, ordered: true })).toEqual([]);
});

test('two that fell into holes on the topics of each other come in the order of their arrival', async () => {
  const path: Step[] = [
    { do: 'join', on: 1, who: 0, topics: [B, C], resume: false },
    { do: 'die', topics: [B, C], reached: [C] },
    { do: 'hold', on: 1 },
    { do: 'publish', on: 0, topics: [C], early: false },
    { do: 'lose', on: 1, topic: C },
    { do: 'publish', on: 0, topics: [B, C], early: false },
    { do: 'wipe', topics: [B, C] },
  ];
  expect(await complaints(path, { ringSize: 100, ordered: true })).toEqual([]);
});

test('a change whose event is missing on a topic that still has a resync of before to come is told', async () => {
  const path: Step[] = [
    { do: 'join', on: 0, who: 1, topics: [B, C], resume: false },
    { do: 'join', on: 1, who: 0, topics: [B, C], resume: false },
    { do: 'fail', on: 0, verb: 'read' },
    { do: 'deliver', on: 0, topic: A },
    { do: 'fail', on: 1, verb: 'read' },
    { do: 'gap', on: 1, topic: B },
    { do: 'marks lost', on: 0, topics: [B, C] },
    { do: 'join', on: 1, who: 1, topics: [C], resume: true },
    { do: 'die', topics: [B, C], reached: [C] },
  ];
  expect(await complaints(path, { ringSize: 100, ordered: false })).toEqual([]);
});

test('messages lost without a word: an event that came over another topic looks for them first', async () => {
  const both = [A, B];
  const path: Step[] = [
    { do: 'join', on: 0, who: 0, topics: both, resume: false },
    { do: 'hold', on: 0 },
    { do: 'publish', on: 0, topics: [B], early: false },
    { do: 'publish', on: 0, topics: [B], early: false },
    { do: 'publish', on: 0, topics: both, early: false },
    { do: 'lose', on: 0, topic: B },
  ];
  expect(await complaints(path, { ringSize: 100, ordered: true })).toEqual([]);
});
