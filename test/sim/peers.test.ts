import { expect, test } from 'vitest';
import { PEERS } from './peers.js';
import { type Plan, withoutFaults, withoutMappings } from './plan.js';
import { search } from './run.js';

/** They answer no questions about provinces. */
const calm = (plan: Plan): Plan => withoutMappings(withoutFaults(plan));

// The checker knows nothing of how a cache works. Were it made to measure, it would find nothing here.
test.each(Object.entries(PEERS))('finds a stale read in %s without any fault', async (name, library) => {
  const found = await search(library, { first: 1, seeds: 50, judged: ['P1'], change: calm });
  expect(found?.violation.rule).toBe('P1');
  console.info(`${name}: found in seed ${String(found?.seeds)}: ${String(found?.violation.message)}`);
});
