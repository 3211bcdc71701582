import type { LocalStore } from '../../contract.js';
import { TidemarkError } from '../../errors.js';

/** What is used of a node-cache, or of `@cacheable/node-cache`. */
export interface NodeCacheClient {
  get(key: string): unknown;
  set(key: string, value: unknown): unknown;
  del(keys: string | string[]): number;
  keys(): string[];
  readonly options: { readonly useClones?: boolean | undefined };
}

/** Its own keys, of whatever else the host keeps there; and '__proto__' is no key of the plain object that node-cache is. */
const PREFIX = 'tidemark:';
/** When it is full, one in so many goes: listing the keys takes time that grows with them. */
const EVICTED_SHARE = 100;

/**
 * A {@link LocalStore} over a node-cache of the host's. Where node-cache throws because `maxKeys` is reached, the oldest
 * hundredth of the values set here goes; if all room is taken by what the host itself keeps there, the new value is not
 * kept. `clear` and `size` concern what was set here only; `size` walks the keys.
 *
 * Values go in and out as they are, so the cache must be made with `useClones: false` (clones are node-cache's default, and
 * make every read a deep copy). Throws INVALID_OPTION otherwise. The host closes the cache.
 *
 * @example
 * const local = nodeCacheStore(new NodeCache({ useClones: false, stdTTL: 300, maxKeys: 10_000 }));
 */
export function nodeCacheStore<Value = unknown>(cache: NodeCacheClient): LocalStore<Value> {
  if (cache.options.useClones !== false) {
    const message =
      'node-cache: expected one made with useClones: false, got one that copies what it stores and gives.';
    throw new TidemarkError('INVALID_OPTION', message);
  }
  const ownKeys = (): string[] => cache.keys().filter((key) => key.startsWith(PREFIX));
  const setIfRoom = (key: string, value: Value): boolean => {
    try {
      cache.set(key, value);
      return true;
    } catch (error) {
      if (isFull(error)) return false;
      throw error;
    }
  };

  return {
    get: (key) => cache.get(PREFIX + key) as Value | undefined,
    set: (key, value) => {
      const own = PREFIX + key;
      if (value === undefined) {
        cache.del(own); // node-cache would give null for it
        return;
      }
      if (setIfRoom(own, value)) return;
      // It also refuses a key that is there already, which takes no room.
      if (cache.del(own) === 0) {
        const keys = ownKeys();
        cache.del(keys.slice(0, Math.ceil(keys.length / EVICTED_SHARE)));
      }
      setIfRoom(own, value);
    },
    delete: (key) => cache.del(PREFIX + key) > 0,
    clear: () => {
      cache.del(ownKeys());
    },
    get size() {
      return ownKeys().length;
    },
  };
}

function isFull(error: unknown): boolean {
  // Both node-cache and @cacheable/node-cache say it in these words; only the first has a code.
  return error instanceof Error && error.message.startsWith('Cache max keys amount exceeded');
}
