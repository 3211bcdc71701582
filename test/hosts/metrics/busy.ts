import { onTestFinished } from 'vitest';
import { remoteRules } from '../../../src/hosts/grpc/index.js';
import { memory } from '../../../src/index.js';
import { chaosMarks, fakeClock, memoryOutbox, seededRandom } from '../../../src/testing/index.js';
import { type World, database, world } from '../../behaviour/setup.js';

export interface Busy {
  readonly a: World;
  readonly b: World;
  readonly rules: ReturnType<typeof remoteRules>;
}

/** Two replicas to which everything has happened that is counted: no family is without a number. */
export async function busy(): Promise<Busy> {
  const [db, clock] = [database(), fakeClock()];
  const shared = memory({ clock });
  const outbox = memoryOutbox({ clock });
  const marks = chaosMarks(shared.marks, { random: seededRandom(1), clock });
  const a = world({ ...shared, marks, outbox, ringSize: 1, maxEntries: 3 }, { db, clock, from: 0 });
  const b = world({ ...shared, outbox }, { db, clock, from: 5000 });
  const rules = remoteRules({ host: '127.0.0.1', port: 1, clock });
  onTestFinished(async () => {
    rules.close();
    await Promise.all([a.tide.close(), b.tide.close()]);
  });
  const items = a.tide.subscribe({ type: 'settlement', id: 's0' })[Symbol.asyncIterator]();
  await clock.advance(10);

  // One loads, one waits for it.
  const release = db.hold('settlement');
  const reads = [a.tide.get('settlement', 's0'), b.tide.get('settlement', 's0'), b.tide.get('settlement', 's0')];
  await clock.advance(2);
  release();
  await clock.advance(100);
  await Promise.all(reads);
  await a.tide.get('settlement', 's0');
  await a.tide.getMany('settlement', ['s1', 's2', 's3']);
  await b.tide.children('settlement', { kingdom: 'k0' });
  await a.tide.cache.set('user:ada:secret', 1);
  await a.tide.cache.getOrLoad('user:bob:secret', () => 1);
  db.failNext('settlement', new Error('no'));
  await a.tide.get('settlement', 'missing').catch(() => undefined);

  // More than the ring holds, some without images.
  await a.rename('s0', 'one');
  await a.tide.change({ type: 'settlement', id: 's0', op: 'update' });
  await a.tide.change({ subjects: [a.tide.subject.branch('main')] });
  await a.rename('s0', 'two');
  await clock.advance(10);
  // The iterator is asked once: it is told to look at everything.
  await items.next();
  await a.rename('s0', 'three');
  await clock.advance(10);

  // The marks are away for a while.
  const stop = a.tide.on('queued', () => {
    throw new Error('a listener of the host');
  });
  marks.failAlways();
  await a.rename('s1');
  stop();
  await clock.advance(2500);
  return { a, b, rules };
}
