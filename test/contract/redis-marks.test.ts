import { setTimeout as elapse } from 'node:timers/promises';
import { onTestFinished, test } from 'vitest';
import { redis, redisMarks } from '../../src/adapters/redis/index.js';
import { casesFor, marksCases, type MarksFixture } from '../../src/testing/index.js';
import { describeRedis } from '../services/redis.js';
import { besideEntries } from './beside.js';

describeRedis((connected) => {
  function make(): MarksFixture {
    const { here, there, isolate } = connected();
    const { prefix, wipe } = isolate();
    const { store, marks, bus } = redis({ ...here, prefix });
    const peer = redisMarks({ ...there, prefix });
    onTestFinished(() => Promise.all([store, marks, bus, peer].map((part) => part.close())).then(wipe));
    const miscounted = () => redisMarks({ ...there, prefix, partitions: marks.partitions + 4 });
    return { marks, peer, elapse, wipe, miscounted, beside: { ...besideEntries, store } };
  }
  for (const { name, run } of casesFor(marksCases)) test(name, () => run(make));
});
