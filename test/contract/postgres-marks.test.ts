import { setTimeout as elapse } from 'node:timers/promises';
import { describe, onTestFinished, test } from 'vitest';
import { pgMarks, postgres } from '../../src/adapters/postgres/index.js';
import { type MarksFixture, casesFor, marksCases } from '../../src/testing/index.js';
import { describeReplicas } from '../services/replicas.js';
import { besideEntries } from './beside.js';

describeReplicas('marks in Postgres', (shared) => {
  describe.each([1, 4])('with partitions: %i', (partitions) => {
    async function make(): Promise<MarksFixture> {
      const { here, there, schema, wipe, reset } = shared();
      await reset();
      const { store, marks } = postgres({ pool: here, schema, partitions });
      const peer = pgMarks({ pool: there, schema, partitions });
      const miscounted = () => pgMarks({ pool: there, schema, partitions: partitions + 4 });
      onTestFinished(async () => {
        for (const part of [store, marks, peer]) await part.close();
      });
      return { marks, peer, elapse, wipe, miscounted, beside: { ...besideEntries, store } };
    }
    for (const { name, run } of casesFor(marksCases)) test(name, () => run(make));
  });
});
