import { setTimeout as elapse } from 'node:timers/promises';
import { type TestContext, test } from 'vitest';
import { redisStore } from '../../src/adapters/redis/index.js';
import { casesFor, storeCases, type StoreFixture } from '../../src/testing/index.js';
import { describeRedis, topologies } from '../services/redis.js';

describeRedis(
  (connected) => {
    function make({ onTestFinished }: TestContext): StoreFixture {
      const { here, isolate } = connected();
      const { prefix, wipe } = isolate();
      const store = redisStore({ client: here.client, prefix });
      onTestFinished(() => store.close().then(wipe));
      return { store, elapse };
    }
    for (const { name, run } of casesFor(storeCases)) {
      // Some at once: most of their time is waiting for a life to end. What counts keys looks at a page, and is to find its own there.
      const declare = name.startsWith('info') ? test : test.concurrent;
      declare(name, (context) => run(() => make(context)));
    }
  },
  topologies.filter(({ bySubscriber }) => bySubscriber !== true),
);
