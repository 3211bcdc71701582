import { setTimeout as elapse } from 'node:timers/promises';
import { type TestContext, test } from 'vitest';
import type { Bus } from '../../src/contract.js';
import { redisBus } from '../../src/adapters/redis/index.js';
import { busCases, casesFor, type BusFixture } from '../../src/testing/index.js';
import { describeRedis } from '../services/redis.js';

describeRedis((connected) => {
  function make({ onTestFinished }: TestContext): BusFixture {
    const { here, there, isolate } = connected();
    const { prefix, wipe } = isolate();
    const [bus, peer] = [here, there].map((clients) => redisBus({ ...clients, prefix, history: 100 })) as Bus[] as [
      Bus,
      Bus,
    ];
    onTestFinished(() => Promise.all([bus.close(), peer.close()]).then(wipe));
    return { bus, peer, elapse, history: 100, forget: wipe };
  }
  // Some at once: most of their time is waiting.
  for (const { name, run } of casesFor(busCases)) test.concurrent(name, (context) => run(() => make(context)));
});
