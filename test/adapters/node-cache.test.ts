import NodeCache from 'node-cache';
import { expect, test } from 'vitest';
import { nodeCacheStore } from '../../src/adapters/node-cache/index.js';

const full = (maxKeys: number): NodeCache => new NodeCache({ useClones: false, checkperiod: 0, maxKeys });

test('node-cache itself throws when it is full, which the store never does', () => {
  const cache = full(3);
  const store = nodeCacheStore(cache);
  for (const key of ['a', 'b', 'c']) store.set(key, key);
  expect(() => cache.set('d', 'd')).toThrow('Cache max keys amount exceeded');
  store.set('d', 'd');
  expect(['a', 'b', 'c', 'd'].map((key) => store.get(key))).toEqual([undefined, 'b', 'c', 'd']);
  expect(store.size).toBe(3);
});

test('setting again what is there evicts nothing, however full it is', () => {
  const store = nodeCacheStore(full(3));
  for (const key of ['a', 'b', 'c']) store.set(key, key);
  store.set('c', 'new');
  expect(['a', 'b', 'c'].map((key) => store.get(key))).toEqual(['a', 'b', 'new']);
});

test('of many more values than there is room for the last ones stay', () => {
  const cache = full(1000);
  const store = nodeCacheStore<number>(cache);
  for (let i = 0; i < 5000; i++) {
    store.set(`k${String(i)}`, i);
    expect(store.get(`k${String(i)}`)).toBe(i);
  }
  expect(store.size).toBeGreaterThan(980);
  expect(cache.getStats().keys).toBeLessThanOrEqual(1000);
  expect(Array.from({ length: 980 }, (_, i) => store.get(`k${String(4999 - i)}`))).not.toContain(undefined);
});

test('what the host keeps in the same cache is neither evicted, cleared nor counted', () => {
  const cache = full(3);
  const store = nodeCacheStore(cache);
  cache.mset(['x', 'y'].map((key) => ({ key, val: key })));
  store.set('a', 1);
  store.set('b', 2);
  expect([store.get('a'), store.get('b'), store.size]).toEqual([undefined, 2, 1]);
  store.clear();
  expect(cache.keys()).toEqual(['x', 'y']);
  cache.set('z', 'z');
  store.set('c', 3);
  expect([store.get('c'), store.size, cache.keys()]).toEqual([undefined, 0, ['x', 'y', 'z']]);
});

test('undefined is absent', () => {
  const store = nodeCacheStore(full(3));
  store.set('a', 1);
  store.set('a', undefined);
  expect([store.get('a'), store.size]).toEqual([undefined, 0]);
});

test('a cache that copies its values is refused, as by default', () => {
  expect(() => nodeCacheStore(new NodeCache())).toThrow(/useClones: false/);
});

test("an error of the host's own listener is not taken for a full cache", () => {
  const cache = full(3);
  cache.on('set', () => {
    throw new Error("the host's own");
  });
  expect(() => nodeCacheStore(cache).set('a', 1)).toThrow("the host's own");
});
