import { setTimeout as elapse } from 'node:timers/promises';
import { onTestFinished, test } from 'vitest';
import { pgBus } from '../../src/adapters/postgres/index.js';
import { type BusFixture, busCases, casesFor } from '../../src/testing/index.js';
import { describeReplicas } from '../services/replicas.js';

describeReplicas('a bus in Postgres', (shared) => {
  async function make(): Promise<BusFixture> {
    const { here, there, schema } = shared();
    const [bus, peer] = [here, there].map((pool) => pgBus({ pool, schema, history: 100 })) as [
      ReturnType<typeof pgBus>,
      ReturnType<typeof pgBus>,
    ];
    const forget = async (): Promise<void> => {
      await here.query(`truncate ${schema}.topic, ${schema}.message`);
    };
    onTestFinished(async () => {
      await Promise.all([bus.close(), peer.close()]);
      await forget();
    });
    return { bus, peer, elapse, history: 100, forget };
  }
  for (const { name, run } of casesFor(busCases)) test(name, () => run(make));
});
