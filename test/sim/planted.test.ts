import { afterAll, describe, expect, test } from 'vitest';
import { type Library, createPlanter } from '../plant.js';
import { CONTROLS, FAULTS, type SimFault } from './faults.js';
import { withoutFaults } from './plan.js';
import { search } from './run.js';

const SEEDS = 2000;
const CONTROL_SEEDS = 150;

const { plant, remove } = createPlanter();
const caught: string[] = [];

afterAll(() => {
  remove();
  console.info(`planted faults: after how many seeds, by which promise\n${caught.join('\n')}`);
});

const searched = async (fault: SimFault, seeds: number) => {
  const library: Library = await plant(fault);
  const { rules, calm } = fault;
  return search(library, { first: 1, seeds, ...(rules && { rules }), ...(calm && { change: withoutFaults }) });
};

/** All of them take minutes: every fourth here, the others in the long command. */
const LONG = process.env['TIDEMARK_LONG'] !== undefined;
const chosen = FAULTS.filter((_, i) => LONG || i % 4 === 0);

describe(`a planted fault is caught within ${String(SEEDS)} seeds`, () => {
  test.each(chosen.map((fault) => [fault.name, fault] as const))('%s', async (name, fault) => {
    const found = await searched(fault, SEEDS);
    expect(found, 'the simulation is blind to it').not.toBeNull();
    caught.push(`${String(found?.seeds).padStart(5)}  ${String(found?.violation.rule).padEnd(8)} ${name}`);
  });
});

// In the long command only, where they fail today: whether the checker or the core is wrong there is not settled.
const controls = LONG ? CONTROLS : [];

test.each(controls.map((control) => [control.name, control] as const))('it is no fault when %s', async (_, control) => {
  expect(await searched(control, CONTROL_SEEDS)).toBeNull();
});
