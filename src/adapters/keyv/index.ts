import type { Clock, Store, StoredValue, StoreEntry, StoreVersion } from '../../contract.js';
import { globToMatcher } from '../../glob.js';
import { KeyvCalls, type KeyvClient, type KeyvWrite } from './client.js';
import { decodeEntry, encodeEntry, entryFor, type KeyvEntry, leftOf, sameBytes } from './entry.js';

export type { KeyvClient, KeyvWrite };

export interface KeyvStoreOptions {
  /** Measures pings and what a value has left to live. Default the system's. */
  readonly clock?: Pick<Clock, 'now' | 'wallNow'> | undefined;
}

const PAGE = 1000;
/** An older write that comes later than this brings a deleted value back; its marks are not current, so nobody is served it. */
const TOMBSTONE_MS = 600_000;

/**
 * A {@link Store} over a Keyv of the host's, version 5.6 or later, or 6, with whatever storage it has. Give tidemark a
 * Keyv of its own: it listens to its errors, so that the host's own calls of it would be told of failures by event only.
 *
 * `capabilities` says what a Keyv lacks. No operation is atomic across processes: `setIfAbsent`, `setIfNewer`, `renewIf`
 * and `deleteIf` are a read and a write, in turn within this store only. `scan` rejects where the storage cannot list its
 * keys. `info` knows the ping and nothing else.
 *
 * Keys are passed on as they are behind one ':'. The namespace is the Keyv's: nothing here reads or sets it. How long a
 * value has left is told by comparing the writer's wall clock with the reader's, as Keyv itself does for every expiry.
 *
 * Round trips: one to read, one to write, two to delete or for the conditional ones; whether a batch is one for the
 * storage is its own matter. A failure of the Keyv, by event, answer or rejection, is a rejection with STORE_FAILED.
 * `close()` takes back the listener; the Keyv stays connected. Throws INVALID_OPTION for a Keyv with `emitErrors: false`.
 *
 * @example
 * createTidemark({ model, origin, store: keyvStore(new Keyv(new KeyvSqlite('sqlite://cache.sqlite'))) });
 */
export function keyvStore(keyv: KeyvClient, options: KeyvStoreOptions = {}): Store {
  const clock = options.clock ?? { now: performance.now.bind(performance), wallNow: Date.now };
  const calls = new KeyvCalls(keyv);
  const inTurn = turns();

  const readMany = async (keys: readonly string[]): Promise<(KeyvEntry | undefined)[]> => {
    if (keys.length === 0) return [];
    const found = await calls.getMany(keys.map(keyIn));
    const now = clock.wallNow();
    return keys.map((key, i) => {
      const entry = entryFor(key, found[i]);
      return entry === undefined || (leftOf(entry, now) ?? 1) <= 0 ? undefined : entry;
    });
  };
  const read = async (key: string): Promise<KeyvEntry | undefined> => (await readMany([key]))[0];
  const holds = (entry: KeyvEntry | undefined, value: Uint8Array): entry is KeyvEntry =>
    entry !== undefined && entry.value !== null && sameBytes(entry.value, value);

  const written = (key: string, value: Uint8Array | null, ttlMs?: number, version?: StoreVersion): KeyvWrite => {
    const entry = { key: keyIn(key), value: encodeEntry(key, { value, writtenAt: clock.wallNow(), ttlMs, version }) };
    // Storages take whole milliseconds.
    return ttlMs === undefined ? entry : { ...entry, ttl: Math.ceil(ttlMs) };
  };
  const removeMany = async (keys: readonly string[]): Promise<number> => {
    const unique = [...new Set(keys)];
    const found = await readMany(unique);
    const present = unique.filter((_, i) => found[i]?.value != null);
    if (present.length > 0) await calls.deleteMany(present.map(keyIn));
    return present.length;
  };

  return {
    capabilities: { atomic: false, scan: calls.canIterate, count: false },
    getMany: async (keys) => {
      const entries = await readMany(keys);
      const now = clock.wallNow();
      return entries.map((entry): StoredValue | undefined =>
        entry === undefined || entry.value === null ? undefined : { value: entry.value, ttlMs: leftOf(entry, now) },
      );
    },
    setMany: async (entries: readonly StoreEntry[]) => {
      // A storage may write a batch in any order.
      const last = new Map(entries.map(({ key, value, ttlMs }) => [key, written(key, value, ttlMs)]));
      if (last.size > 0) await calls.setMany([...last.values()]);
    },
    setIfAbsent: (key, value, ttlMs) => {
      const write = written(key, value, ttlMs);
      return inTurn(key, async () => {
        if ((await read(key))?.value != null) return false;
        await calls.setMany([write]);
        return true;
      });
    },
    setIfNewer: (key, value, version, ttlMs = value === null ? TOMBSTONE_MS : undefined) => {
      const write = written(key, value, ttlMs, version);
      return inTurn(key, async () => {
        const last = (await read(key))?.version;
        if (last !== undefined && last.epoch === version.epoch && last.position > version.position) return false;
        await calls.setMany([write]);
        return true;
      });
    },
    renewIf: (key, value, ttlMs) =>
      inTurn(key, async () => {
        const entry = await read(key);
        if (!holds(entry, value)) return false;
        await calls.setMany([written(key, entry.value, ttlMs, entry.version)]);
        return true;
      }),
    deleteIf: (key, value) =>
      inTurn(key, async () => {
        if (!holds(await read(key), value)) return false;
        await calls.deleteMany([keyIn(key)]);
        return true;
      }),
    deleteMany: removeMany,
    scan: async function* (glob) {
      const matches = globToMatcher(glob);
      let page: string[] = [];
      // Keys are read from the values: what a Keyv gives for them depends on namespace, version and storage.
      for await (const text of calls.values()) {
        const entry = decodeEntry(text);
        if (entry === null || entry.value === null || !matches(entry.key)) continue;
        if ((leftOf(entry, clock.wallNow()) ?? 1) <= 0) continue;
        page.push(entry.key);
        if (page.length < PAGE) continue;
        yield page;
        page = [];
      }
      if (page.length > 0) yield page;
    },
    info: async () => {
      const start = clock.now();
      await calls.getMany([keyIn('ping')]);
      return {
        pingMs: clock.now() - start,
        memoryUsedBytes: null,
        memoryLimitBytes: null,
        policy: null,
        keyCountByType: {},
      };
    },
    close: () => calls.close(),
  };
}

/**
 * The key that a Keyv is given. Version 5 takes a key that begins with its namespace and ':' for one that has it already
 * when it sets, but not when it reads many: behind a ':' of our own no key begins with any namespace.
 */
function keyIn(key: string): string {
  return `:${key}`;
}

/** Runs what concerns one key one after the other. */
function turns(): <T>(key: string, run: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return (key, run) => {
    const turn = (last.get(key) ?? Promise.resolve()).then(run, run);
    const end = turn
      .catch(() => {}) // the caller's to hear of
      .then(() => {
        if (last.get(key) === end) last.delete(key);
      });
    last.set(key, end);
    return turn;
  };
}
