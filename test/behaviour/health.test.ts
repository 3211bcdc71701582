import { describe, expect, test } from 'vitest';
import { type Store, type StoreInfo, memory } from '../../src/index.js';
import { type World, replicas, world } from './setup.js';

const THRESHOLDS = { minHitRate: 0.5, maxMemory: 512, maxLatency: 50 };

/** A store that says this of itself. */
const saying = (info: Partial<StoreInfo>): Store => {
  const { store } = memory();
  return { ...store, info: async () => ({ ...(await store.info()), ...info }) };
};
/** As many reads as that, the first `misses` of which are misses. */
async function readTimes({ tide }: World, reads: number, misses: number): Promise<void> {
  for (let i = 0; i < reads; i++) await tide.cache.getOrLoad(`n${String(Math.min(i, misses - 1))}`, () => i);
}

test('a tide that nobody has used is up', async () => {
  expect(await world().tide.health()).toEqual({
    status: 'up',
    metrics: { hitRate: null, redisPingMs: null, memoryUsageMB: null, keyCountByType: {} },
    thresholds: THRESHOLDS,
    issues: [],
  });
});

test('without a store, what is counted is tier 1', async () => {
  const { tide } = world({ maxBytes: 10 * 1024 * 1024, bytesOf: () => 1024 * 1024 });
  await tide.getMany('settlement', ['s0', 's1']);
  await tide.children('settlement', { kingdom: 'k0' });
  await tide.cache.set('greeting:en', 'hello');
  await tide.get('settlement', 's0');
  expect((await tide.health()).metrics).toEqual({
    hitRate: 0.25,
    redisPingMs: null,
    memoryUsageMB: 4,
    keyCountByType: { settlement: 2, settlements: 1, greeting: 1 },
  });
});

describe('with a store', () => {
  test('ping and memory are the store’s', async () => {
    const { tide } = world({ store: saying({ pingMs: 3, memoryUsedBytes: 7 * 1024 * 1024 + 60_000 }) });
    expect(await tide.health()).toMatchObject({ status: 'up', metrics: { redisPingMs: 3, memoryUsageMB: 7.1 } });
  });

  test('keys are counted by type', async () => {
    const { a, clock } = replicas();
    await a.tide.getMany('settlement', ['s0', 's1']);
    await a.tide.cache.set('greeting:en', 'hello');
    await clock.advance(0);
    expect((await a.tide.health()).metrics.keyCountByType).toEqual({ settlement: 2, greeting: 1 });
  });

  test('a probe writes nothing, and many at once get the same answer', async () => {
    const { a, b, clock, shared } = replicas();
    await a.tide.get('settlement', 's0');
    await clock.advance(0);
    const [info, heads] = [await shared.store.info(), await shared.marks.heads()];
    const probes = await Promise.all(Array.from({ length: 10 }, (_, i) => (i % 2 === 0 ? a : b).tide.health()));
    for (const probe of probes) expect(probe.metrics).toMatchObject({ redisPingMs: 0 });
    for (const probe of probes) expect(probe.status).toBe('up');
    expect([await shared.store.info(), await shared.marks.heads()]).toEqual([info, heads]);
    expect(a.tide.stats()).toMatchObject({ hits: 0, misses: 1 });
  });
});

describe('degraded', () => {
  test('by a low hit rate, but only after 100 reads', async () => {
    const own = world();
    await readTimes(own, 99, 99);
    expect(await own.tide.health()).toMatchObject({ status: 'up', metrics: { hitRate: 0 }, issues: [] });
    await readTimes(own, 2, 1);
    const { status, issues } = await own.tide.health();
    expect(status).toBe('degraded');
    expect(issues).toEqual([
      expect.stringMatching(/^Low hit rate: expected at least 0\.5, got 0\.\d+ over 101 reads\.$/),
    ]);
    own.tide.resetStats();
    expect((await own.tide.health()).status).toBe('up');
  });

  test.each([
    ['10 hits of 110 reads', 110, 100, 'degraded', 10 / 110],
    ['1 hit of 4 reads', 4, 3, 'up', 0.25],
    ['80 hits of 100 reads', 100, 20, 'up', 0.8],
  ])('as the source system judged it: %s', async (_, reads, misses, status, hitRate) => {
    const own = world();
    await readTimes(own, reads, misses);
    const health = await own.tide.health();
    expect([health.status, health.metrics.hitRate]).toEqual([status, hitRate]);
    expect(health.issues.join()).toMatch(status === 'up' ? /^$/ : /^Low hit rate/);
  });

  test('not by one that is as asked', async () => {
    const own = world();
    await readTimes(own, 200, 100);
    expect(await own.tide.health()).toMatchObject({ status: 'up', metrics: { hitRate: 0.5 } });
    const strict = world({ thresholds: { minHitRate: 0.51 } });
    await readTimes(strict, 200, 100);
    expect(await strict.tide.health()).toMatchObject({
      status: 'degraded',
      thresholds: { ...THRESHOLDS, minHitRate: 0.51 },
    });
  });

  test.each<[what: string, info: Partial<StoreInfo>, issue: RegExp]>([
    ['a slow store', { pingMs: 50.5 }, /^Slow store: .*50 ms, got 50\.5 ms/],
    ['a full one', { memoryUsedBytes: 513 * 1024 * 1024 }, /^High memory: .*512 MB, got 513 MB/],
  ])('by %s', async (_, info, issue) => {
    const { status, issues } = await world({ store: saying(info) }).tide.health();
    expect([status, issues]).toEqual(['degraded', [expect.stringMatching(issue)]]);
  });

  test('at the threshold itself it is up', async () => {
    const { tide } = world({ store: saying({ pingMs: 50, memoryUsedBytes: 512 * 1024 * 1024 }) });
    expect((await tide.health()).status).toBe('up');
    const other = world({
      store: saying({ pingMs: 50, memoryUsedBytes: 512 * 1024 * 1024 }),
      thresholds: { maxLatency: 49, maxMemory: 511 },
    });
    expect((await other.tide.health()).issues).toHaveLength(2);
  });
});

describe('down', () => {
  const { marks, store } = memory();
  const failing = (): Promise<never> => Promise.reject(new Error('refused'));
  const hanging = (): Promise<never> => new Promise(() => {});

  test.each([
    ['the store fails', { store: { ...store, info: failing } }, ['Unreachable store: refused.']],
    ['marks fail', { marks: { ...marks, heads: failing } }, ['Unreachable marks: refused.']],
    [
      'both fail',
      { store: { ...store, info: failing }, marks: { ...marks, heads: failing } },
      ['Unreachable marks: refused.', 'Unreachable store: refused.'],
    ],
    [
      'the store throws',
      {
        store: {
          ...store,
          info: () => {
            throw new Error('closed');
          },
        },
      },
      ['Unreachable store: closed.'],
    ],
  ])('if %s: it says so and never rejects', async (_, options, issues) => {
    expect(await world(options).tide.health()).toMatchObject({
      status: 'down',
      issues,
      metrics: { redisPingMs: null },
    });
  });

  test('if they do not answer within storeTimeoutMs', async () => {
    const { tide, clock } = world({
      store: { ...store, info: hanging },
      marks: { ...marks, heads: hanging },
      storeTimeoutMs: 200,
    });
    let status: unknown;
    void tide.health().then((health) => (status = health.status));
    await clock.advance(199);
    expect(status).toBeUndefined();
    await clock.advance(1);
    expect([status, clock.timers]).toEqual(['down', 0]);
  });

  test('down counts more than degraded, and lists both', async () => {
    const { tide } = world({ store: saying({ pingMs: 60 }), marks: { ...marks, heads: failing } });
    const { status, issues } = await tide.health();
    expect(status).toBe('down');
    expect(issues).toEqual([expect.stringMatching(/marks/), expect.stringMatching(/Slow store/)]);
  });
});
