import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createClient } from '../../src/client/index.js';
import { type Setting, step, tell } from './story.js';

const SETTINGS: readonly (readonly [string, Setting])[] = [
  ['one web socket for all tabs', { transport: 'ws', shared: true, slowness: 30 }],
  ['one event stream for all tabs', { transport: 'sse', shared: true, slowness: 30 }],
  ['a web socket each', { transport: 'ws', shared: false, slowness: 30 }],
  ['an event stream each', { transport: 'sse', shared: false, slowness: 200 }],
];

test.each(SETTINGS)('%s: in order, nothing twice, no silent hole, whatever happens', async (_, setting) => {
  let told = 0;
  let resyncs = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async (steps) => {
      const result = await tell({ createClient }, steps, setting);
      told += result.told;
      resyncs += result.resyncs;
      expect(result.faults).toEqual([]);
    }),
    { numRuns: process.env['TIDEMARK_LONG'] === undefined ? 300 : 5000 },
  );
  // Most of what is told is no excuse.
  expect(told).toBeGreaterThan(200);
  expect(resyncs).toBeLessThan(told / 2);
});
