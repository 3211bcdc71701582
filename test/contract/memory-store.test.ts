import { test } from 'vitest';
import { memoryStore } from '../../src/adapters/memory/index.js';
import { casesFor, fakeClock, storeCases } from '../../src/testing/index.js';

for (const { name, run } of casesFor(storeCases)) {
  const clock = fakeClock();
  test(name, () => run(() => ({ store: memoryStore({ clock }), elapse: clock.advance })));
}
