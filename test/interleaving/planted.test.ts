import { afterAll, describe, expect, test } from 'vitest';
import { createPlanter } from '../plant.js';
import { explore } from './explore.js';
import { CONTROLS, FAULTS } from './faults.js';

const LONG = process.env['TIDEMARK_LONG'] !== undefined;
const { plant, remove } = createPlanter();
const found: string[] = [];

afterAll(() => {
  remove();
  console.info(`planted faults, found after how many histories:\n${found.join('\n')}`);
});

describe('a fault planted in the source is found within 1,000 interleavings', () => {
  test.each(FAULTS.filter(({ rare }) => LONG || rare !== true).map((fault) => [fault.name, fault] as const))(
    '%s',
    async (name, fault) => {
      const library = await plant(fault);
      const failure = await explore(library, { seed: 1, runs: 1000, shrink: false });
      expect(failure, 'the interleavings are blind to it').not.toBeNull();
      found.push(`${String(failure?.runs).padStart(5)}  ${name}`);
    },
  );
});

test.each(CONTROLS.map((control) => [control.name, control] as const))('it is no fault when %s', async (_, control) => {
  expect(await explore(await plant(control), { seed: 1, runs: LONG ? 300 : 100, shrink: true })).toBeNull();
});
