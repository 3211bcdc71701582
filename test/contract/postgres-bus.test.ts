import { setTimeout as elapse } from 'node:timers/promises';
import { onTestFinished, test } from 'vitest';
import { pgBus } from '../../src/adapters/postgres/index.js';
import { type BusFixture, busCases, casesFor } from '../../src/testing/index.js';
import { describeReplicas } from '../services/replicas.js';

describeReplicas('a bus in Postgres', (shared) => {
  async function make(): Promise<BusFixture> {
    const { here, there, schema, wipe, reset } = shared();
    await reset();
    const bus = pgBus({ pool: here, schema, history: 100 });
    const peer = pgBus({ pool: there, schema, history: 100 });
    onTestFinished(() => Promise.all([bus.close(), peer.close()]).then(() => undefined));
    // Cleared away at every 64th message.
    return { bus, peer, elapse, history: 164, forget: wipe };
  }
  for (const { name, run } of casesFor(busCases)) test(name, () => run(make));
});
