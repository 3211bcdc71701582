import { connectTo } from './redis.mjs';
import { TTL_MS } from './world.mjs';

/**
 * The libraries compared with, on a Redis. Each is given where that is, where to subscribe (`bus`, if at all), whether to
 * keep values in memory too (`tier1`), whether values are read by a tag (`tags`), and an origin, `load(key)`. It gives `read(key)`
 * and, where it has the like, `readMany(keys)`, `readTagged(key, tag)`, `invalidate(key)` and `invalidateTag(tag)`.
 * Without `port` values are in memory only.
 *
 * @typedef {object} Place
 * @property {number} [port]
 * @property {number} [bus]
 * @property {boolean} tier1
 * @property {boolean} [tags]
 * @property {(key: string) => Promise<object>} load
 */

const HOST = '127.0.0.1';
const urlOf = (port) => `redis://${HOST}:${port}`;
/** A client of ioredis that fails loudly nowhere: what it does about a lost connection is for the library to show. */
const quiet = (port, options) => connectTo(port, options).on('error', () => {});

/** @param {Place} place */
export async function bento({ port, bus, tier1, load }) {
  const { BentoCache, bentostore } = await import('bentocache');
  const { memoryDriver } = await import('bentocache/drivers/memory');
  const { redisDriver, redisBusDriver } = await import('bentocache/drivers/redis');
  const store = bentostore();
  if (tier1) store.useL1Layer(memoryDriver({ maxItems: 10_000 }));
  if (port !== undefined) store.useL2Layer(redisDriver({ connection: quiet(port) }));
  if (bus !== undefined) store.useBus(redisBusDriver({ connection: { host: HOST, port: bus } }));
  const cache = new BentoCache({ default: 'all', ttl: TTL_MS, stores: { all: store } });
  return {
    read: (key) => cache.getOrSet({ key, factory: () => load(key) }),
    readTagged: (key, tag) => cache.getOrSet({ key, tags: [tag], factory: () => load(key) }),
    invalidate: (key) => cache.delete({ key }),
    invalidateTag: (tag) => cache.deleteByTag({ tags: [tag] }),
  };
}

/** @param {Place} place */
export async function cacheable({ port, bus, tier1, tags = false, load }) {
  const { Cacheable, Keyv, KeyvCacheableMemory } = await import('cacheable');
  const { default: KeyvRedis } = await import('@keyv/redis');
  const { RedisMessageProvider } = await import('@qified/redis');
  const provider = bus === undefined ? undefined : new RedisMessageProvider({ uri: urlOf(bus) });
  // Without listeners on its own clients a lost connection would end the process.
  for (const client of [provider?.pub, provider?.sub]) client?.on('error', () => {});
  const cache = new Cacheable({
    ttl: TTL_MS,
    tags,
    // It always has a first tier: of one entry where it is to have none.
    primary: new Keyv({ store: new KeyvCacheableMemory(tier1 ? {} : { lruSize: 1 }) }),
    ...(port === undefined ? {} : { secondary: new KeyvRedis(urlOf(port)) }),
    ...(provider === undefined ? {} : { sync: { qified: provider } }),
  });
  cache.on('error', () => {});
  return {
    read: (key) => cache.getOrSet(key, () => load(key)),
    readMany: (keys) => cache.getMany(keys),
    // getOrSet() takes no tags.
    readTagged: async (key, tag) => {
      const held = await cache.get(key);
      if (held !== undefined) return held;
      const value = await load(key);
      await cache.set(key, value, { ttl: TTL_MS, tags: [tag] });
      return value;
    },
    invalidate: (key) => cache.delete(key),
    invalidateTag: (tag) => cache.tags.invalidateTag(tag),
  };
}

/** @param {Place} place */
export async function cacheManager({ port, tier1, load }) {
  const { createCache } = await import('cache-manager');
  const { createKeyv } = await import('cacheable');
  const { Keyv } = await import('keyv-5');
  const { default: KeyvRedis } = await import('@keyv/redis');
  const stores = tier1 ? [createKeyv({ ttl: TTL_MS })] : [];
  if (port !== undefined) stores.push(new Keyv({ store: new KeyvRedis(urlOf(port)), useKeyPrefix: false }));
  const cache = createCache({ stores, ttl: TTL_MS });
  cache.on('error', () => {});
  return {
    read: (key) => cache.wrap(key, () => load(key), TTL_MS),
    readMany: (keys) => cache.mget(keys),
    invalidate: (key) => cache.del(key),
  };
}

/** @param {Place} place */
export async function dedupe({ port, tags = false, load }) {
  const { createCache } = await import('async-cache-dedupe');
  const storage =
    port === undefined
      ? { type: 'memory', options: { size: 10_000, invalidation: tags } }
      : { type: 'redis', options: { client: quiet(port), ...(tags ? { invalidation: { referencesTTL: 3600 } } : {}) } };
  const cache = createCache({ ttl: TTL_MS / 1000, storage });
  cache.define('load', tags ? { references: ({ tag }) => [tag] } : {}, ({ key }) => load(key));
  return {
    read: (key) => cache.load({ key, tag: '' }),
    readTagged: (key, tag) => cache.load({ key, tag }),
    invalidate: (key) => cache.clear('load', { key, tag: '' }),
    invalidateTag: (tag) => cache.invalidateAll(tag),
  };
}

/** @param {Place} place */
export async function layeredLoader({ port, bus, tier1, tags = false, load }) {
  const lib = await import('layered-loader');
  const names = { channel: tags ? 'tagged' : 'plain' };
  const pairOf = tags ? lib.createGroupNotificationPair : lib.createNotificationPair;
  const pair = bus === undefined ? null : pairOf({ ...names, consumerRedis: quiet(bus), publisherRedis: quiet(port) });
  const Remote = tags ? lib.RedisGroupCache : lib.RedisCache;
  const config = {
    inMemoryCache: tier1 ? { ttlInMsecs: TTL_MS, maxItems: 10_000, maxGroups: 100, maxItemsPerGroup: 1000 } : false,
    ...(port === undefined
      ? {}
      : { asyncCache: new Remote(quiet(port), { json: true, ttlInMsecs: TTL_MS, prefix: names.channel }) }),
    ...(pair === null ? {} : { notificationConsumer: pair.consumer, notificationPublisher: pair.publisher }),
  };
  if (!tags) {
    const loader = new lib.Loader({ ...config, dataSourceGetOneFn: load, cacheKeyFromValueResolver: ({ id }) => id });
    await loader.init();
    return {
      read: (key) => loader.get(key),
      readMany: (keys) => loader.getMany(keys),
      invalidate: (key) => loader.invalidateCacheFor(key),
    };
  }
  const source = { name: 'origin', isCache: false, getFromGroup: (key) => load(key) };
  const loader = new lib.GroupLoader({ ...config, dataSources: [source] });
  await loader.init();
  return {
    readTagged: (key, tag) => loader.get(key, tag),
    invalidateTag: (tag) => loader.invalidateCacheForGroup(tag),
  };
}

/** @param {Place} place */
export async function tidemark({ port, bus, tier1, load }) {
  const { createTidemark } = await import('tidemark');
  const { redis } = await import('tidemark/redis');
  const { model } = await import('./world.mjs');
  const clients = () => ({ client: quiet(port), subscriber: quiet(bus ?? port, { maxRetriesPerRequest: null }) });
  const byIds = (ids) => Promise.all(ids.map(load));
  const tide = createTidemark({
    model,
    origin: { structure: { byIds } },
    ttlMs: TTL_MS,
    ...(tier1 ? {} : { maxEntries: 1 }),
    ...(port === undefined ? {} : redis(clients())),
  });
  await tide.ready();
  const read = (key) => tide.get('structure', key);
  const change = async (what) => {
    const { state } = await tide.change(what);
    return state;
  };
  return {
    read,
    // A structure says itself which settlement it belongs to.
    readTagged: read,
    /** With the receipt of the change that it must not be older than. */
    readAfter: (key, after) => tide.get('structure', key, { after }),
    invalidate: (key) => change({ type: 'structure', id: key, op: 'update' }),
    invalidateTag: (id) => change({ type: 'settlement', id, op: 'delete', before: { id, kingdomId: 'k' } }),
    invalidateForReceipt: async (key) => String(await tide.change({ type: 'structure', id: key, op: 'update' })),
  };
}

/** No cache at all, but one call for all who ask for the same at once: the least that a process can do alone. */
export async function shared({ load }) {
  const running = new Map();
  const read = (key) => {
    let loading = running.get(key);
    if (loading === undefined) {
      loading = load(key).finally(() => running.delete(key));
      running.set(key, loading);
    }
    return loading;
  };
  return { read };
}
