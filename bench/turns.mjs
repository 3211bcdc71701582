import assert from 'node:assert/strict';
import { rowsOf } from './measure.mjs';
import { seeded, shuffled } from './random.mjs';

const ROUNDS = 40;
const PER_ROUND = 50;

/**
 * Times cases that ask the same server, in one process: each operation is done by every case before the next, in an order
 * shuffled by a seeded generator. A sample is the mean of a round's operations. The checksums of all cases must be the
 * same at every operation.
 *
 * @param {{ title: string, operation: string, reference: string, cases: readonly { name: string,
 *   make: (given: unknown) => (i: number) => Promise<number> }[] }} group `make` gives what does the operation with this
 *   number and returns its checksum.
 * @param {unknown} given What the question's `start` gave.
 */
export async function takingTurns({ title, operation, reference, cases }, given) {
  const first = cases.findIndex(({ name }) => name === reference);
  const entrants = cases.map(({ name, make }) => ({ name, control: false, turns: [], once: make(given) }));
  const again = { ...entrants[first], name: `${reference} (again: noise)`, control: true, turns: [] };
  entrants.splice(first + 1, 0, again);
  const random = seeded(3);
  let n = 0;
  for (let round = -1; round < ROUNDS; round++) {
    const spent = new Map(entrants.map((one) => [one, 0]));
    for (let i = 0; i < PER_ROUND; i++, n++) {
      const sums = new Set();
      for (const one of shuffled(entrants, random)) {
        const began = performance.now();
        sums.add(await one.once(n));
        spent.set(one, spent.get(one) + performance.now() - began);
      }
      assert.equal(sums.size, 1, `${title}: the cases answer differently`);
    }
    if (round < 0) continue; // warming up
    for (const [one, ms] of spent) one.turns.push([(ms / PER_ROUND) * 1e6]);
  }
  return { title, operation, unit: 'ns', reference, rounds: ROUNDS, rows: rowsOf(entrants, first) };
}
