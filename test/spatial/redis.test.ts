import fc from 'fast-check';
import { expect, test } from 'vitest';
import { redis } from '../../src/adapters/redis/index.js';
import * as library from '../../src/index.js';
import { describeRedis, topologies } from '../services/redis.js';
import { history, play } from './grid.js';

const RUNS = process.env['TIDEMARK_LONG'] === undefined ? 25 : 500;

describeRedis(
  (connected) => {
    test(
      'as of a change every answer, on both replicas, is what looking at everything gives',
      { timeout: 3_600_000 },
      async () => {
        const { here, there, isolate } = connected();
        let hits = 0;
        await fc.assert(
          fc.asyncProperty(history, async (one) => {
            const { prefix, wipe } = isolate();
            const sharedBy = (n: number) => redis({ ...(n === 0 ? here : there), prefix });
            hits += (await play(library, one, sharedBy, library.systemClock)).hits;
            await wipe();
          }),
          { numRuns: RUNS },
        );
        expect(hits).toBeGreaterThan(0);
      },
    );
  },
  topologies.filter(({ name }) => ['single server, ioredis 6', 'cluster, ioredis 6'].includes(name)),
);
