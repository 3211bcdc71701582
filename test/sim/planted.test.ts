import { afterAll, describe, expect, test } from 'vitest';
import * as library from '../../src/index.js';
import { createPlanter } from '../plant.js';
import { CONTROLS, FAULTS } from './faults/index.js';
import { type Plan, onPostgres, onRedis, withoutFaults } from './plan.js';
import { type Caught, known, record } from './results.js';
import { search } from './run.js';

const SEEDS = 4000;
const LONG = process.env['TIDEMARK_LONG'] !== undefined;
const CONTROL_SEEDS = LONG ? 150 : 25;
/** What takes longer to be caught than so many worlds is left to the long command. */
const QUICK = 5;

const { plant, remove } = createPlanter();
const caught: Caught[] = [];

afterAll(() => {
  remove();
  const lines = caught.map(({ name, promise, seeds }) => `${String(seeds).padStart(5)}  ${promise.padEnd(8)} ${name}`);
  console.info(`planted faults: after how many worlds, by which promise\n${lines.join('\n')}`);
  if (LONG) record(caught);
});

const chosen = FAULTS.filter(({ name }) => LONG || (known(name)?.seeds ?? 0) <= QUICK);

describe(`a planted fault is caught within ${String(SEEDS)} worlds in which the library without it keeps what it breaks`, () => {
  test.each(chosen.map((fault) => [fault.name, fault] as const))('%s', async (name, fault) => {
    const { edits, beside = [], breaks, rules, calm, postgres } = fault;
    const planted = await plant({ name, edits: [...edits, ...beside] });
    const unlike = beside.length === 0 ? [library] : [library, await plant({ name, edits: beside })];
    const placed = postgres === true ? onPostgres : onRedis;
    const change = (plan: Plan): Plan => (calm === true ? withoutFaults(placed(plan)) : placed(plan));
    const found = await search(planted, { first: 1, seeds: SEEDS, judged: breaks, rules, change, unlike });
    expect(found, 'the simulation is blind to it').not.toBeNull();
    if (found !== null) caught.push({ name, promise: found.violation.rule, seeds: found.seeds });
  });
});

test.each(CONTROLS.map((control) => [control.name, control] as const))('it is no fault when %s', async (_, control) => {
  const changed = await plant(control);
  const change = control.calm === true ? withoutFaults : undefined;
  expect(await search(changed, { first: 1, seeds: CONTROL_SEEDS, change })).toBeNull();
});
