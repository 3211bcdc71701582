import { LRUCache } from 'lru-cache';
import NodeCache from 'node-cache';
import { describe, test } from 'vitest';
import { nodeCacheStore } from '../../src/adapters/node-cache/index.js';
import type { LocalStore } from '../../src/contract.js';
import { casesFor, localStoreCases } from '../../src/testing/index.js';

const stores: Readonly<Record<string, () => LocalStore>> = {
  Map: () => new Map(),
  'lru-cache': () => new LRUCache<string, NonNullable<unknown>>({ max: 2000 }),
  'node-cache': () => nodeCacheStore(new NodeCache({ useClones: false, checkperiod: 0 })),
  'node-cache with room for a thousand': () => nodeCacheStore(new NodeCache({ useClones: false, maxKeys: 1000 })),
};

for (const [name, make] of Object.entries(stores)) {
  describe(name, () => {
    for (const { name, run } of casesFor(localStoreCases)) test(name, () => run(make));
  });
}
