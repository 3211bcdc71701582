import { expect } from 'vitest';
import { single } from './ground.js';
import { fault, onFleet } from './run.js';

const ORIGIN_MS = 100;

export function herds(): void {
  fault('1,000 callers in two processes on one cold record are one origin call', () =>
    onFleet(single(), async ({ a, b, origin }) => {
      // What a process does for the first time takes its own time.
      await Promise.all([a.call.herd('record:k0.1', 500), b.call.herd('record:k0.1', 500)]);
      origin.gate = () => new Promise((resume) => setTimeout(resume, ORIGIN_MS));
      origin.delayMs = 0;
      const herds = await Promise.all([a.call.herd('record:k0.0', 500), b.call.herd('record:k0.0', 500)]);
      expect(herds.flatMap(({ versions }) => versions)).toEqual([1, 1]);
      expect(origin.callsFor('k0.0')).toHaveLength(1);
      expect(origin.callsFor('k0.1')).toHaveLength(1);
      return { originCalls: 1, timesTheOrigin: Math.max(...herds.map(({ ms }) => ms)) / ORIGIN_MS };
    }),
  );

  for (const what of ['list', 'view', 'key']) {
    fault(`1,000 callers in two processes on one cold ${what} are one origin call each for what it reads`, () =>
      onFleet(single(), async ({ a, b, origin, database }) => {
        await Promise.all([a.call.herd(`${what}:k0`, 500), b.call.herd(`${what}:k0`, 500)]);
        const lists = origin.calls.filter(({ kind }) => kind === 'childrenOf');
        const records = origin.calls.filter(({ kind }) => kind === 'byIds').flatMap(({ ids }) => ids);
        expect(lists.map(({ ids }) => ids)).toEqual([['k0']]);
        expect(new Set(records).size).toBe(records.length);
        expect(records.length).toBeLessThanOrEqual(database.settlements.length);
        return { originCalls: origin.calls.length };
      }),
    );
  }
}
