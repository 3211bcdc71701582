import { LRUCache } from 'lru-cache';
import NodeCache from 'node-cache';
import { describe, expect, test } from 'vitest';
import type { LocalStore } from '../../src/index.js';
import { nodeCacheStore } from '../../src/adapters/node-cache/index.js';
import { database, world } from './setup.js';

const STORES: Readonly<Record<string, (max: number) => LocalStore>> = {
  Map: () => new Map<string, unknown>(),
  'lru-cache': (max) => new LRUCache<string, object>({ max }),
  'node-cache': (max) => nodeCacheStore(new NodeCache({ useClones: false, maxKeys: max, checkperiod: 0 })),
};
const ids = Array.from({ length: 20 }, (_, i) => `s${String(i)}`);

describe.each(Object.entries(STORES))('tier 1 in a %s', (_, make) => {
  test('serves, goes stale with a change, and is empty once the tide is closed', async () => {
    const local = make(1000);
    const own = world({ local });
    await own.tide.get('settlement', 's0');
    expect(own.tide.peek('settlement', 's0')?.name).toBe('old');
    await own.rename('s0');
    expect(own.tide.peek('settlement', 's0')).toBeUndefined();
    expect((await own.tide.get('settlement', 's0'))?.name).toBe('new');
    expect(local.size).toBe(1);
    await own.tide.close();
    expect(local.size).toBe(0);
  });

  test('forgets what it likes: that is a miss', async () => {
    const local = make(1000);
    const own = world({ local });
    await own.tide.get('settlement', 's0');
    local.clear();
    expect(own.tide.peek('settlement', 's0')).toBeUndefined();
    expect(await own.tide.get('settlement', 's0')).toBeDefined();
    expect(own.settlementCalls()).toBe(2);
  });

  test('may be smaller than the tide thinks, and the other way round', async () => {
    for (const [max, maxEntries] of [
      [3, 1000],
      [1000, 3],
    ] as const) {
      const own = world({ local: make(max), maxEntries }, { db: database(20) });
      for (let round = 0; round < 3; round++)
        for (const id of ids) expect((await own.tide.get('settlement', id))?.id).toBe(id);
      expect(own.tide.stats().tier1.entries).toBeLessThanOrEqual(maxEntries);
    }
  });

  test('may be shared by tides with namespaces of their own', async () => {
    const local = make(1000);
    const [a, b] = [world({ local, namespace: 'a' }), world({ local, namespace: 'b' })];
    await a.tide.cache.set('k', 1);
    await b.tide.cache.set('k', 2);
    expect([await a.tide.cache.get('k'), await b.tide.cache.get('k')]).toEqual([1, 2]);
    await a.tide.close();
    expect(await b.tide.cache.get('k')).toBe(2);
  });
});

test('a store that throws fails no read: what it does not take is not kept', async () => {
  const full: LocalStore = {
    ...{ get: () => undefined, delete: () => false, clear: () => undefined, size: 0 },
    set: () => {
      throw new Error('full');
    },
  };
  const own = world({ local: full });
  for (let i = 0; i < 3; i++) expect(await own.tide.get('settlement', 's0')).toMatchObject({ name: 'old' });
  expect(own.settlementCalls()).toBe(3);
  expect(own.seen.error[0]).toMatchObject({ where: 'tier 1: settlement:s0:main not kept', error: { message: 'full' } });
});
