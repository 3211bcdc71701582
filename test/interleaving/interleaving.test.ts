import { expect, test } from 'vitest';
import * as library from '../../src/index.js';
import { explore } from './explore.js';

const RUNS = process.env.TIDEMARK_LONG === '1' ? 100_000 : 600;

test(
  `no read is older than a change resolved or heard before it began, in ${String(RUNS)} interleavings`,
  { timeout: 3_600_000 },
  async () => {
    expect(await explore(library, { seed: 20_261_123, runs: RUNS, shrink: true })).toBeNull();
  },
);
