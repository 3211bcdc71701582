import { setTimeout as elapse } from 'node:timers/promises';
import { onTestFinished, test } from 'vitest';
import { pgStore } from '../../src/adapters/postgres/index.js';
import { type StoreFixture, casesFor, storeCases } from '../../src/testing/index.js';
import { describeReplicas } from '../services/replicas.js';

describeReplicas('a store in Postgres', (shared) => {
  async function make(): Promise<StoreFixture> {
    const { here, schema, reset } = shared();
    await reset();
    const store = pgStore({ pool: here, schema });
    onTestFinished(() => store.close());
    return { store, elapse };
  }
  for (const { name, run } of casesFor(storeCases)) test(name, () => run(make));
});
