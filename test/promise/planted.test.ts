import { afterAll, expect, test } from 'vitest';
import { createPlanter } from '../plant.js';
import { FAULTS } from './faults.js';
import { type Caught, known, recordCaught } from './results.js';
import { search } from './search.js';
import { simulatedGround } from './simulated-ground.js';

const LONG = process.env['TIDEMARK_LONG'] !== undefined;
const SEEDS = LONG ? 1000 : 300;
/** What takes longer to be caught than so many seeds is left to the long command. */
const QUICK = 25;

const { plant, remove } = createPlanter();
const caught: Caught[] = [];

afterAll(() => {
  remove();
  const lines = caught.map(({ name, seeds, by }) => `${String(seeds).padStart(5)}  ${name}: ${by}`);
  console.info(`planted faults: after how many seeds, by what\n${lines.join('\n')}`);
  if (LONG) recordCaught(caught);
});

const chosen = FAULTS.filter(({ name }) => LONG || (known(name)?.seeds ?? 0) <= QUICK);

test.each(chosen.map((fault) => [fault.name, fault] as const))('it is seen when %s', async (name, fault) => {
  const found = await search({ open: simulatedGround, first: 1, seeds: SEEDS, atOnce: 1, library: await plant(fault) });
  expect(found, 'the test is blind to it').toHaveProperty('report');
  if (!('report' in found)) return;
  caught.push({ name, seeds: found.seed, by: (found.faults[0] ?? '').replace(/^[^:]*: /, '') });
});
