import { LRUCache } from 'lru-cache';
import type { Clock, Store, StoreVersion } from '../../contract.js';
import { counted } from '../../errors.js';
import { globToMatcher } from '../../glob.js';

export interface MemoryStoreOptions {
  /** Measures lifetimes. Default `performance`. */
  readonly clock?: Pick<Clock, 'now'> | undefined;
  /** Above this many entries the least recently used one goes. Default 100,000. */
  readonly maxEntries?: number | undefined;
  /** The same for bytes of keys and values, with an estimate of what holds them. Default unbounded. */
  readonly maxBytes?: number | undefined;
}

interface Cell {
  /** Null: deleted by `version`, kept so that an older write does not bring the key back. */
  readonly value: Uint8Array | null;
  readonly version: StoreVersion | undefined;
  /** By the clock; infinite: until evicted. */
  readonly expiresAt: number;
}

const PAGE = 1000;
/** What a cell, its map slot and its list links take beside key and bytes. */
const CELL_BYTES = 200;

/**
 * A {@link Store} in this process, on lru-cache. Bytes are copied in and out. Nothing is opened, so `close()` does
 * nothing: the store may be shared by several tides, and goes when the last reference does.
 */
export function memoryStore(options: MemoryStoreOptions = {}): Store {
  const clock = options.clock ?? performance;
  const maxEntries = counted('maxEntries', options.maxEntries, 100_000);
  // Entries are bounded by pop() below: lru-cache's own `max` fills its arrays at once, 25 ms for 100,000. Nor is its TTL
  // used: it takes a clock at 0 for "no start" and caches the time, where `expiresAt` is exact under any clock.
  const cells = new LRUCache<string, Cell>({
    maxSize: counted('maxBytes', options.maxBytes, Number.MAX_SAFE_INTEGER),
    sizeCalculation: ({ value }, key) => CELL_BYTES + 2 * key.length + (value?.byteLength ?? 0),
  });

  /** The cell of a key, also of one deleted by a version. */
  const cellOf = (key: string, now = clock.now()): Cell | undefined => {
    const cell = cells.get(key);
    if (cell === undefined || now < cell.expiresAt) return cell;
    cells.delete(key);
    return undefined;
  };
  const valueOf = (key: string): Uint8Array | undefined => cellOf(key)?.value ?? undefined;
  const holds = (key: string, value: Uint8Array): boolean => {
    const held = valueOf(key);
    return held !== undefined && sameBytes(held, value);
  };
  const put = (key: string, value: Uint8Array | null, ttlMs: number | undefined, version?: StoreVersion): void => {
    const expiresAt = ttlMs === undefined ? Infinity : clock.now() + ttlMs;
    cells.set(key, { value: value === null ? null : new Uint8Array(value), version, expiresAt });
    while (cells.size > maxEntries) cells.pop();
  };
  const liveKeys = (): string[] => {
    const now = clock.now();
    return [...cells].filter(([, { value, expiresAt }]) => value !== null && now < expiresAt).map(([key]) => key);
  };

  return {
    getMany: async (keys) => {
      const now = clock.now();
      return keys.map((key) => {
        const cell = cellOf(key, now);
        if (cell === undefined || cell.value === null) return undefined;
        const ttlMs = cell.expiresAt === Infinity ? undefined : cell.expiresAt - now;
        return { value: new Uint8Array(cell.value), ttlMs };
      });
    },
    setMany: async (entries) => {
      for (const { key, value, ttlMs } of entries) put(key, value, ttlMs);
    },
    setIfAbsent: async (key, value, ttlMs) => {
      if (valueOf(key) !== undefined) return false;
      put(key, value, ttlMs);
      return true;
    },
    setIfNewer: async (key, value, version, ttlMs) => {
      const last = cellOf(key)?.version;
      if (last !== undefined && last.epoch === version.epoch && last.position > version.position) return false;
      put(key, value, ttlMs, version);
      return true;
    },
    renewIf: async (key, value, ttlMs) => {
      if (!holds(key, value)) return false;
      put(key, value, ttlMs, cellOf(key)?.version);
      return true;
    },
    deleteIf: async (key, value) => holds(key, value) && cells.delete(key),
    deleteMany: async (keys) => keys.filter((key) => valueOf(key) !== undefined && cells.delete(key)).length,
    scan: async function* (glob) {
      const matches = globToMatcher(glob);
      const found = liveKeys().filter(matches);
      for (let i = 0; i < found.length; i += PAGE) yield found.slice(i, i + PAGE);
    },
    info: async (typeOf = (key) => key.split(':', 1)[0] as string) => {
      const counts = new Map<string, number>();
      for (const key of liveKeys()) {
        const type = typeOf(key);
        if (type !== null) counts.set(type, (counts.get(type) ?? 0) + 1);
      }
      return {
        pingMs: 0,
        memoryUsedBytes: cells.calculatedSize,
        memoryLimitBytes: options.maxBytes ?? null,
        policy: 'lru',
        keyCountByType: Object.fromEntries(counts),
      };
    },
    close: async () => {},
  };
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && a.every((byte, i) => byte === b[i]);
}
