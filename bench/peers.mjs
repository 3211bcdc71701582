import { TTL_MS } from './world.mjs';

/**
 * The libraries compared with, each in memory only, with a time to live and in its fastest setting: nothing cloned,
 * nothing serialised. Imported when asked for, since each case has a process of its own.
 */

export async function lru(max, options = {}) {
  const { LRUCache } = await import('lru-cache');
  return new LRUCache({ max, ttl: TTL_MS, ...options });
}

export async function nodeCache() {
  const { default: NodeCache } = await import('node-cache');
  return new NodeCache({ useClones: false, stdTTL: TTL_MS / 1000, checkperiod: 0 });
}

export async function cacheableMemory() {
  const { CacheableMemory } = await import('cacheable');
  return new CacheableMemory({ ttl: TTL_MS, useClone: false });
}

export async function cacheable() {
  const { Cacheable } = await import('cacheable');
  const cache = new Cacheable({ ttl: TTL_MS });
  // Its `primary` option takes only an instance of its own copy of Keyv: this reaches into the default one.
  cache.primary.store.store.useClone = false;
  return cache;
}

export async function cacheManager() {
  const { createKeyv } = await import('cacheable');
  const { createCache } = await import('cache-manager');
  return createCache({ stores: [createKeyv({ ttl: TTL_MS, useClone: false })], ttl: TTL_MS });
}

export async function bento(maxItems) {
  const { BentoCache, bentostore } = await import('bentocache');
  const { memoryDriver } = await import('bentocache/drivers/memory');
  const memory = bentostore().useL1Layer(memoryDriver({ maxItems, serialize: false }));
  return new BentoCache({ default: 'memory', ttl: TTL_MS, stores: { memory } });
}

/** async-cache-dedupe around one function. */
export async function dedupe(size, load) {
  const { createCache } = await import('async-cache-dedupe');
  const cache = createCache({ ttl: TTL_MS / 1000, storage: { type: 'memory', options: { size } } });
  cache.define('load', load);
  return (key) => cache.load(key);
}
