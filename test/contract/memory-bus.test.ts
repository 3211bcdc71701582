import { test } from 'vitest';
import { memoryBus } from '../../src/adapters/memory/index.js';
import { busCases, casesFor, fakeClock, type BusFixture } from '../../src/testing/index.js';

const maxTopics = 100;

function make(): BusFixture {
  const bus = memoryBus({ history: 40, maxTopics });
  const forget = async (): Promise<void> => {
    for (let i = 0; i < maxTopics; i++) await bus.read(`newer topic ${String(i)}`, undefined, 0);
  };
  return { bus, peer: bus, elapse: fakeClock().advance, history: 40, forget };
}

for (const { name, run } of casesFor(busCases)) test(name, () => run(make));
