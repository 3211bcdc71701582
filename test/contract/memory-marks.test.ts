import { describe, test } from 'vitest';
import { memoryMarks } from '../../src/adapters/memory/index.js';
import { casesFor, fakeClock, marksCases, type MarksFixture } from '../../src/testing/index.js';

const skips = [
  ['a store that lost everything has other epochs, and no token of before', 'a process loses nothing and lives on'],
] as const;

function make(partitions: number): MarksFixture {
  const marks = memoryMarks({ partitions });
  return { marks, peer: marks, elapse: fakeClock().advance };
}

describe.each([1, 4, 16])('%i partitions', (partitions) => {
  for (const { name, run, skip } of casesFor(marksCases, skips)) {
    test(name, { skip: skip !== undefined }, () => run(() => make(partitions)));
  }
});
