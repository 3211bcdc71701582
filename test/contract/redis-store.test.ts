import { setTimeout as elapse } from 'node:timers/promises';
import { onTestFinished, test } from 'vitest';
import { redisStore } from '../../src/adapters/redis/index.js';
import { casesFor, storeCases, type StoreFixture } from '../../src/testing/index.js';
import { describeRedis, topologies } from '../services/redis.js';

describeRedis(
  (connected) => {
    function make(): StoreFixture {
      const { here, isolate } = connected();
      const { prefix, wipe } = isolate();
      const store = redisStore({ client: here.client, prefix });
      onTestFinished(() => store.close().then(wipe));
      return { store, elapse };
    }
    for (const { name, run } of casesFor(storeCases)) test(name, () => run(make));
  },
  topologies.filter(({ bySubscriber }) => bySubscriber !== true),
);
