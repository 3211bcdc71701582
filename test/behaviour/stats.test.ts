import { describe, expect, test } from 'vitest';
import { type KindStats, defineView } from '../../src/index.js';
import { type World, model, replicas, world } from './setup.js';

const name = defineView(model)({
  name: 'name',
  load: async (read, { id }: { id: string }) => (await read.get('settlement', id))?.name,
});
const zero = { hits: 0, misses: 0, sets: 0, deletes: 0, loads: 0, joined: 0, tier2Hits: 0, doomed: 0, hitRate: 0 };
const counts = (stats: Partial<KindStats>): object => ({ ...zero, ...stats });

test('nothing has been read: all is zero, nothing is listed by type', () => {
  const { tide, clock } = world();
  expect(tide.stats()).toEqual({
    ...zero,
    patternDeletes: 0,
    originCalls: 0,
    changes: 0,
    startTime: new Date(clock.wallNow()),
    enabled: true,
    byType: {},
    tier1: { entries: 0, bytes: 0, marks: tide.stats().tier1.marks },
  });
});

test('by type: records, lists, views and keys each under the beginning of their keys, and the sum of all', async () => {
  const { tide } = world();
  for (let round = 0; round < 2; round++) {
    await tide.get('settlement', 's0');
    await tide.get('kingdom', 'none');
    await tide.children('settlement', { kingdom: 'k0' });
    await tide.view(name, { id: 's0' });
    await tide.cache.getOrLoad('n', () => 1);
  }
  const once = counts({ hits: 1, misses: 1, loads: 1, sets: 1, hitRate: 0.5 });
  const { byType, ...all } = tide.stats();
  expect(byType).toEqual({
    // The view read it too.
    settlement: counts({ hits: 2, misses: 1, loads: 1, sets: 1, hitRate: 2 / 3 }),
    kingdom: once,
    settlements: once,
    view: once,
    key: once,
  });
  expect(all).toMatchObject({ hits: 6, misses: 5, loads: 5, sets: 5, hitRate: 6 / 11, originCalls: 3 });
  for (const field of ['hits', 'misses', 'sets', 'loads', 'joined', 'doomed'] as const) {
    expect(Object.values(byType).reduce((sum, kind) => sum + kind[field], 0)).toBe(all[field]);
  }
});

test('loads are values asked, originCalls are what a database sees', async () => {
  const { tide } = world({ maxBatchSize: 3 });
  await tide.getMany('settlement', ['s0', 's1', 's2', 's3', 's0']);
  expect(tide.stats()).toMatchObject({ loads: 4, originCalls: 2, misses: 5, joined: 1 });
});

test('who waits for a load under way has joined, and missed', async () => {
  const { tide, db, clock } = world();
  const release = db.hold('settlement');
  const reads = [tide.get('settlement', 's0'), tide.get('settlement', 's0')];
  await clock.advance(0);
  reads.push(tide.scope().get('settlement', 's0'));
  release();
  await Promise.all(reads);
  expect(tide.stats()).toMatchObject({ misses: 3, joined: 2, loads: 1, hits: 0, sets: 1 });
});

test('what a change overtook is doomed, and no set', async () => {
  const { tide, db, clock, rename } = world();
  const release = db.hold('settlement');
  const reading = tide.get('settlement', 's0');
  await clock.advance(0);
  await rename('s0');
  release();
  await reading;
  expect(tide.stats()).toMatchObject({ doomed: 1, sets: 0, loads: 1, changes: 1 });
});

test('a stale or expired value is a miss', async () => {
  const { tide, clock, rename } = world({ ttlMs: 1000 });
  await tide.get('settlement', 's0');
  await rename('s0');
  await tide.get('settlement', 's0');
  await clock.advance(1000);
  await tide.get('settlement', 's0');
  expect(tide.stats()).toMatchObject({ hits: 0, misses: 3 });
});

test('a hit in tier 2 is a hit, and counted as such too', async () => {
  const { a, b, clock } = replicas();
  await a.tide.get('settlement', 's0');
  await clock.advance(0);
  await b.tide.get('settlement', 's0');
  await b.tide.get('settlement', 's0');
  expect(b.tide.stats()).toMatchObject({ hits: 2, tier2Hits: 1, misses: 0, loads: 0, sets: 0, originCalls: 0 });
});

test('deletions by key, and by pattern with the entries that they deleted', async () => {
  const { tide } = world();
  await tide.getMany('settlement', ['s0', 's1']);
  await tide.cache.set('n', 1);
  await tide.cache.del('n');
  await tide.cache.del('n');
  await tide.cache.delPattern('settlement:*');
  await tide.cache.delPattern('nothing*');
  const { byType, patternDeletes, deletes } = tide.stats();
  expect([byType['key']?.deletes, byType['settlement']?.deletes, deletes, patternDeletes]).toEqual([1, 2, 3, 2]);
});

test('changes are counted one by one, also those of a batch', async () => {
  const { tide } = world();
  const change = { type: 'settlement', id: 's0', op: 'update' } as const;
  await tide.change([change, { ...change, id: 's1' }]);
  await tide.change(change);
  await expect(tide.change({ ...change, id: '' })).rejects.toThrow();
  expect(tide.stats().changes).toBe(3);
});

describe('tier1', () => {
  test('says what is held now', async () => {
    const { tide } = world({ maxBytes: 1e6, bytesOf: () => 7 });
    const empty = tide.stats().tier1;
    await tide.getMany('settlement', ['s0', 's1']);
    const { entries, bytes, marks } = tide.stats().tier1;
    expect([entries, bytes]).toEqual([2, 14]);
    // Two of their own, those of the two kingdoms, their type's and the branch's; the empty table held what it holds always.
    expect(marks - empty.marks).toBeGreaterThanOrEqual(6);
  });

  test('is empty after close()', async () => {
    const { tide } = world();
    await tide.get('settlement', 's0');
    await tide.close();
    expect(tide.stats().tier1.entries).toBe(0);
  });
});

test('resetStats() begins again, and forgets nothing that is cached', async () => {
  const { tide, clock } = world();
  await tide.get('settlement', 's0');
  await tide.cache.delPattern('x*');
  await tide.change({ type: 'kingdom', id: 'k1', op: 'update' });
  await clock.advance(5000);
  const before = tide.stats();
  tide.resetStats();
  expect(tide.stats()).toMatchObject({ ...zero, patternDeletes: 0, originCalls: 0, changes: 0, byType: {} });
  expect(tide.stats().startTime).toEqual(new Date(before.startTime.getTime() + 5000));
  expect(before.hits + before.misses).toBe(1);
  await tide.get('settlement', 's0');
  expect(tide.stats()).toMatchObject({ hits: 1, misses: 0, hitRate: 1 });
});

test('resetStats() sets everything at once that was ever counted, whatever is under way, and a load of before counts where it ends', async () => {
  const { a, b, clock } = replicas();
  const { tide, db } = a;
  await b.tide.get('settlement', 's3');
  await clock.advance(0);
  await tide.get('settlement', 's3');
  await tide.cache.set('n', 1);
  await tide.cache.del('n');
  await tide.cache.delPattern('nothing*');
  const release = db.hold('settlement');
  const overtaken = [tide.get('settlement', 's0'), tide.get('settlement', 's0')];
  await clock.advance(0);
  await a.rename('s0');
  const reading = tide.get('settlement', 's1');
  release();
  await Promise.all([...overtaken, reading]);
  await tide.get('settlement', 's1');

  const hold = db.hold('settlement');
  const late = tide.get('settlement', 's2');
  await clock.advance(0);
  const numbers = (stats: object): Record<string, number> =>
    Object.fromEntries(Object.entries(stats).filter(([, value]) => typeof value === 'number'));
  const before = numbers(tide.stats());
  for (const [name, value] of Object.entries(before)) expect(value, name).toBeGreaterThan(0);
  tide.resetStats();
  for (const [name, value] of Object.entries(numbers(tide.stats()))) expect(value, name).toBe(0);
  expect(tide.stats().byType).toEqual({});
  hold();
  await late;
  expect(tide.stats()).toMatchObject({ ...zero, misses: 1, sets: 1 });
});

test('with metrics: false nothing is counted, and everything works', async () => {
  const { tide }: World = world({ metrics: false });
  await tide.get('settlement', 's0');
  await tide.get('settlement', 's0');
  await tide.change({ type: 'settlement', id: 's0', op: 'update' });
  expect(tide.stats()).toMatchObject({ ...zero, originCalls: 0, changes: 0, enabled: false, byType: {} });
  expect(tide.stats().tier1.entries).toBe(1);
});

describe('counts never go back', () => {
  test('a value that another replica has refreshed is no read here', async () => {
    const { a, b, clock } = replicas({ ttlMs: 1000, graceMs: 60_000 });
    await a.tide.get('settlement', 's0');
    await clock.advance(0);
    await b.tide.get('settlement', 's0');
    await clock.advance(1500);
    // Behind grace a loads it anew, and b then finds that in tier 2.
    await a.tide.get('settlement', 's0');
    await clock.advance(0);
    await b.tide.get('settlement', 's0');
    await clock.advance(0);
    expect(b.tide.stats()).toMatchObject({ hits: 2, tier2Hits: 1, misses: 0, originCalls: 0 });
  });

  test('a read that is under way at a reset counts after it, as what it was', async () => {
    const { a, b, clock } = replicas();
    await a.tide.get('settlement', 's0');
    await clock.advance(0);
    const reading = b.tide.get('settlement', 's0');
    b.tide.resetStats();
    await reading;
    expect(b.tide.stats()).toMatchObject({ hits: 1, tier2Hits: 1, misses: 0 });
  });
});
