import { describe, expect, test } from 'vitest';
import { type Store, type TidemarkError, defineView, memory } from '../../src/index.js';
import { fakeClock } from '../../src/testing/index.js';
import { type World, database, model, world } from './setup.js';

const names = defineView(model)({
  name: 'names',
  load: async (read, { kingdom }: { kingdom: string }) =>
    (await read.children('settlement', { kingdom })).map(({ name }) => name),
});

type Misbehaviour = <T>() => Promise<T>;
/** A store of which every call, or only those of these names, misbehaves. */
function broken(misbehave: Misbehaviour, only?: readonly (keyof Store)[]): Store {
  const { store } = memory();
  const instead = <Verb extends keyof Store>(verb: Verb, call: Store[Verb]): Store[Verb] =>
    only === undefined || only.includes(verb) ? call : store[verb];
  return {
    getMany: instead('getMany', () => misbehave()),
    setMany: instead('setMany', () => misbehave()),
    setIfAbsent: instead('setIfAbsent', () => misbehave()),
    setIfNewer: instead('setIfNewer', () => misbehave()),
    renewIf: instead('renewIf', () => misbehave()),
    deleteIf: instead('deleteIf', () => misbehave()),
    deleteMany: instead('deleteMany', () => misbehave()),
    // eslint-disable-next-line require-yield -- it fails before it has anything to give
    scan: instead('scan', async function* () {
      await misbehave();
    }),
    info: instead('info', () => misbehave()),
    close: () => Promise.resolve(),
  };
}
const rejects: Misbehaviour = () => Promise.reject(new Error('connection refused'));
const hangs: Misbehaviour = () => new Promise(() => {});
const throws: Misbehaviour = () => {
  throw new Error('the client is closed');
};

/** Every verb once, with what it is to give. */
async function useAll({ tide, rename }: World): Promise<void> {
  expect(await tide.get('settlement', 's0')).toMatchObject({ name: 'old' });
  expect(await tide.getMany('settlement', ['s1', 'none'])).toMatchObject([{ name: 'old' }, null]);
  expect(await tide.children('settlement', { kingdom: 'k0' })).toHaveLength(2);
  expect(await tide.view(names, { kingdom: 'k0' })).toEqual(['old', 'old']);
  expect(await tide.cache.getOrLoad('n', () => 1)).toBe(1);
  await tide.cache.set('greeting', 'hello');
  expect(await tide.cache.get('greeting')).toBe('hello');
  expect(await tide.cache.get('nothing')).toBeUndefined();
  expect((await rename('s0')).state).toBe('done');
  expect(await tide.get('settlement', 's0')).toMatchObject({ name: 'new' });
  expect(await tide.cache.del('greeting')).toBe(true);
  expect(await tide.cache.get('greeting')).toBeUndefined();
}
/** Lets time pass until it is done: nothing else brings an answer that never comes. */
async function whileTimePasses(own: World, run: Promise<unknown>): Promise<number> {
  let done = false;
  const finished = run.finally(() => (done = true));
  finished.catch(() => {});
  let passed = 0;
  for (; !done && passed < 100_000; passed += 100) await own.clock.advance(100);
  await finished;
  return passed;
}

describe('a store that rejects every call', () => {
  test('fails no verb: each failure is an event', async () => {
    const own = world({ store: broken(rejects) });
    await useAll(own);
    await own.clock.advance(0);
    const where = new Set(own.seen.error.map((event) => event.where));
    expect([...where].sort()).toEqual(['tier 2: store.getMany', 'tier 2: store.setMany']);
    expect(own.seen.outage).toEqual([{ part: 'store', state: 'begun' }]);
    expect(own.seen.error[0]?.error.message).toBe('connection refused');
  });

  test('still lets values be served from tier 1', async () => {
    const own = world({ store: broken(rejects) });
    for (let i = 0; i < 5; i++) await own.tide.get('settlement', 's0');
    expect(own.settlementCalls()).toBe(1);
  });

  test('delPattern() says so, and has deleted here all the same', async () => {
    const own = world({ store: broken(rejects) });
    await own.tide.get('settlement', 's0');
    expect(await own.tide.cache.delPattern('settlement:*')).toEqual({
      success: false,
      keysDeleted: 1,
      error: 'connection refused',
    });
    expect(own.tide.peek('settlement', 's0')).toBeUndefined();
  });
});

describe('a store that never answers', () => {
  test('delays a read by storeTimeoutMs and no more, with an event', async () => {
    const own = world({ store: broken(hangs), storeTimeoutMs: 300 });
    const reading = own.tide.get('settlement', 's0');
    await own.clock.advance(299);
    expect(own.settlementCalls()).toBe(0);
    await own.clock.advance(1);
    expect(await reading).toMatchObject({ name: 'old' });
    expect(own.seen.error).toMatchObject([{ where: 'tier 2: store.getMany', error: { code: 'STORE_TIMEOUT' } }]);
  });

  test('by default that is a second', async () => {
    const own = world({ store: broken(hangs) });
    const reading = own.tide.get('settlement', 's0');
    await own.clock.advance(999);
    expect(own.settlementCalls()).toBe(0);
    await own.clock.advance(1);
    await reading;
  });

  test('fails no verb, and leaves no timer', async () => {
    const own = world({ store: broken(hangs), storeTimeoutMs: 100 });
    await whileTimePasses(own, useAll(own));
    expect(own.seen.error.filter(({ error }) => !('code' in error && error.code === 'STORE_TIMEOUT'))).toEqual([]);
    await own.tide.close();
    await own.clock.advance(100);
    expect(own.clock.timers).toBe(0);
  });

  test('nobody waits for a write: not the reader, not set()', async () => {
    const own = world({ store: broken(hangs, ['setMany', 'setIfNewer']) });
    await own.tide.get('settlement', 's0');
    await own.tide.cache.set('n', 1);
    expect(own.clock.now()).toBe(0);
  });

  test('an answer that comes too late changes nothing', async () => {
    let answer: (found: []) => void = () => {};
    const own = world({ store: { ...memory().store, getMany: () => new Promise((resolve) => (answer = resolve)) } });
    const reading = own.tide.get('settlement', 's0');
    await own.clock.advance(1000);
    await reading;
    answer([]);
    await own.clock.advance(0);
    expect(own.settlementCalls()).toBe(1);
    expect(own.tide.peek('settlement', 's0')).toBeDefined();
  });

  test('close() waits for its writes no longer than that', async () => {
    const own = world({ store: broken(hangs, ['setMany']), storeTimeoutMs: 300 });
    await own.tide.get('settlement', 's0');
    await own.clock.advance(0);
    let closed = false;
    void own.tide.close().then(() => (closed = true));
    await own.clock.advance(299);
    expect(closed).toBe(false);
    await own.clock.advance(1);
    expect(closed).toBe(true);
  });

  test.each(['scan', 'deleteMany'] as const)('at %s does not hold up delPattern() for longer', async (verb) => {
    const own = world({ store: broken(hangs, [verb]), storeTimeoutMs: 300 });
    await own.tide.get('settlement', 's0');
    await own.clock.advance(0);
    let answer: unknown;
    void own.tide.cache.delPattern('settlement:*').then((result) => (answer = result));
    await own.clock.advance(300);
    expect(answer).toMatchObject({ success: false, keysDeleted: 1 });
  });
});

test('a store that throws before it has a promise fails no verb either', async () => {
  await useAll(world({ store: broken(throws) }));
});

test('whichever call to the store is the one that fails, or hangs, every answer is right', async () => {
  for (const misbehave of [rejects, hangs]) {
    for (let nth = 0, failed = true; failed; nth++) {
      const clock = fakeClock();
      const { store } = memory({ clock });
      let calls = 0;
      const mayFail = <T>(call: () => Promise<T>): Promise<T> => (calls++ === nth ? misbehave() : call());
      const fragile: Store = {
        ...store,
        getMany: (keys) => mayFail(() => store.getMany(keys)),
        setMany: (entries) => mayFail(() => store.setMany(entries)),
        setIfNewer: (...call) => mayFail(() => store.setIfNewer(...call)),
      };
      const own = world({ store: fragile, storeTimeoutMs: 100 }, { db: database(), clock });
      await whileTimePasses(own, useAll(own));
      failed = calls > nth;
      expect(own.seen.error).toHaveLength(failed ? 1 : 0);
      expect(failed || nth > 10).toBe(true);
    }
  }
});

describe('marks that cannot be reached', () => {
  const refusing = () => {
    const { marks } = memory();
    let down = false;
    const orDown = <T>(call: () => Promise<T>): Promise<T> => (down ? rejects() : call());
    return {
      fail: (fails: boolean) => (down = fails),
      marks: {
        ...marks,
        watch: (watcher: Parameters<typeof marks.watch>[0]) => orDown(() => marks.watch(watcher)),
        heads: () => orDown(() => marks.heads()),
        read: (subjects: Parameters<typeof marks.read>[0]) => orDown(() => marks.read(subjects)),
        bump: (...call: Parameters<typeof marks.bump>) => orDown(() => marks.bump(...call)),
      },
    };
  };

  test('let reads go to the origin, and nothing be kept that cannot be judged', async () => {
    const { marks, fail } = refusing();
    const own = world({ marks });
    fail(true);
    for (let i = 1; i <= 2; i++) {
      expect(await own.tide.get('settlement', 's0')).toMatchObject({ name: 'old' });
      expect(own.settlementCalls()).toBe(i);
    }
    expect(own.tide.peek('settlement', 's0')).toBeUndefined();
    const said = own.seen.error.map(({ where, error }) => `${where}: ${(error as TidemarkError).code}`);
    expect(new Set(said)).toEqual(new Set(['marks of settlement: MARKS_UNAVAILABLE']));
    fail(false);
    await own.tide.get('settlement', 's0');
    expect(own.tide.peek('settlement', 's0')).toBeDefined();
  });

  test('make change() wait in a queue; what it named is not served from tier 1 until it is sent', async () => {
    const { marks, fail } = refusing();
    const own = world({ marks });
    await own.tide.getMany('settlement', ['s0', 's1']);
    fail(true);
    const items = own.tide.subscribe({ type: 'settlement', id: 's0' });
    const receipt = await own.rename('s0');
    expect([receipt.state, receipt.marks]).toEqual(['queued', {}]);
    expect(own.tide.peek('settlement', 's0')).toBeUndefined();
    expect(own.tide.peek('settlement', 's1')).toBeDefined();
    expect(await own.tide.get('settlement', 's0')).toMatchObject({ name: 'new' });
    expect(own.tide.peek('settlement', 's0')).toBeUndefined();
    expect(own.seen.queued).toEqual([{ changeId: receipt.changeId, waiting: 1 }]);
    fail(false);
    await own.clock.advance(1000);
    expect(own.seen.sent).toEqual([{ changeId: receipt.changeId, waiting: 0 }]);
    expect((await items.next()).value).toMatchObject({ kind: 'change', changeId: receipt.changeId });
    expect(await own.tide.get('settlement', 's0')).toMatchObject({ name: 'new' });
    expect(own.tide.peek('settlement', 's0')).toBeDefined();
  });

  test('a receipt that says queued leads every reader to the origin, its string too', async () => {
    const { marks, fail } = refusing();
    const own = world({ marks });
    await own.tide.get('settlement', 's0');
    fail(true);
    const receipt = await own.rename('s1');
    fail(false);
    for (const after of [receipt, receipt.toString()]) {
      const calls = own.settlementCalls();
      await own.tide.get('settlement', 's0', { after });
      expect(own.settlementCalls()).toBe(calls + 1);
    }
  });

  test('hold up no read for longer than storeTimeoutMs if they never answer', async () => {
    const own = world({ marks: { ...memory().marks, read: () => hangs() }, storeTimeoutMs: 300 });
    let row: unknown;
    void own.tide.get('settlement', 's0').then((found) => (row = found));
    await own.clock.advance(1000);
    expect(row).toMatchObject({ name: 'old' });
  });

  test('make ready() reject, and the next one may resolve', async () => {
    const { marks, fail } = refusing();
    const own = world({ marks });
    fail(true);
    await expect(own.tide.ready()).rejects.toMatchObject({ code: 'MARKS_UNAVAILABLE' });
    fail(false);
    await own.tide.ready();
  });
});
