import { setTimeout as elapse } from 'node:timers/promises';
import { type TestContext, test } from 'vitest';
import { redis, redisMarks } from '../../src/adapters/redis/index.js';
import { casesFor, marksCases, type MarksFixture } from '../../src/testing/index.js';
import { describeRedis } from '../services/redis.js';
import { besideEntries } from './beside.js';

describeRedis((connected) => {
  function make({ onTestFinished }: TestContext): MarksFixture {
    const { here, there, isolate } = connected();
    const { prefix, wipe } = isolate();
    const { store, marks, bus } = redis({ ...here, prefix });
    const peer = redisMarks({ ...there, prefix });
    onTestFinished(() => Promise.all([store, marks, bus, peer].map((part) => part.close())).then(wipe));
    const miscounted = () => redisMarks({ ...there, prefix, partitions: marks.partitions + 4 });
    return { marks, peer, elapse, wipe, miscounted, beside: { ...besideEntries, store } };
  }
  // Some at once: most of their time is waiting.
  for (const { name, run } of casesFor(marksCases)) test.concurrent(name, (context) => run(() => make(context)));
});
