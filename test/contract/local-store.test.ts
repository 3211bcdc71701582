import { LRUCache } from 'lru-cache';
import NodeCache from 'node-cache';
import { describe, test } from 'vitest';
import type { LocalStore } from '../../src/contract.js';
import { casesFor, localStoreCases } from '../../src/testing/index.js';

function nodeCache(): LocalStore {
  const cache = new NodeCache({ useClones: false, checkperiod: 0 });
  // node-cache holds its entries in a plain object, where '__proto__' is no key.
  const own = (key: string): string => `:${key}`;
  return {
    get: (key) => cache.get(own(key)),
    set: (key, value) => cache.set(own(key), value),
    delete: (key) => cache.del(own(key)),
    clear: () => {
      cache.flushAll();
    },
    get size() {
      return cache.keys().length;
    },
  };
}

const stores: Readonly<Record<string, () => LocalStore>> = {
  Map: () => new Map(),
  'lru-cache': () => new LRUCache<string, NonNullable<unknown>>({ max: 2000 }),
  'node-cache': nodeCache,
};

for (const [name, make] of Object.entries(stores)) {
  describe(name, () => {
    for (const { name, run } of casesFor(localStoreCases)) test(name, () => run(make));
  });
}
