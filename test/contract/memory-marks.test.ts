import { describe, test } from 'vitest';
import { memory } from '../../src/adapters/memory/index.js';
import { besideText } from './beside.js';
import { casesFor, fakeClock, marksCases, type MarksFixture } from '../../src/testing/index.js';

const skips = [
  ['a replica configured with another number of partitions is refused', 'replicas in one process share the object'],
  ['a store that lost everything has other epochs, and no token of before', 'a process loses nothing and lives on'],
] as const;

function make(partitions: number): MarksFixture {
  const clock = fakeClock();
  const { store, marks } = memory({ partitions, clock });
  return { marks, peer: marks, elapse: clock.advance, beside: { ...besideText, store } };
}

describe.each([1, 4, 16])('%i partitions', (partitions) => {
  for (const { name, run, skip } of casesFor(marksCases, skips)) {
    test(name, { skip: skip !== undefined }, () => run(() => make(partitions)));
  }
});
