import { memoryStore } from '../../../src/adapters/memory/index.js';
import type { Store, StoredValue } from '../../../src/contract.js';
import { fakeClock, type FakeClock, type StoreFixture } from '../../../src/testing/index.js';
import type { Broken } from './broken.js';

type Change = (inner: Store, clock: FakeClock) => Partial<Store>;

function broken(change: Change): () => StoreFixture {
  return () => {
    const clock = fakeClock();
    const inner = memoryStore({ clock });
    return { store: { ...inner, ...change(inner, clock) }, elapse: clock.advance };
  };
}

const one = async (store: Store, key: string): Promise<StoredValue | undefined> => (await store.getMany([key]))[0];
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);
/** Every key seen through `name`. */
const renamed = (inner: Store, name: (key: string) => string): Partial<Store> => ({
  getMany: (keys) => inner.getMany(keys.map(name)),
  setMany: (entries) => inner.setMany(entries.map((entry) => ({ ...entry, key: name(entry.key) }))),
});
const pages = (inner: Store, change: (page: readonly string[]) => readonly string[]): Partial<Store> => ({
  scan: async function* (glob) {
    for await (const page of inner.scan(glob)) yield change(page);
  },
});
/** setIfNewer that decides by itself. */
const ordered = (
  isOlder: (last: readonly [epoch: string, position: number], epoch: string, position: number) => boolean,
) =>
  broken((inner) => {
    const versions = new Map<string, readonly [string, number]>();
    return {
      setIfNewer: async (key, value, { epoch, position }, ttlMs) => {
        const last = versions.get(key);
        if (last !== undefined && isOlder(last, epoch, position)) return false;
        versions.set(key, [epoch, position]);
        if (value === null) await inner.deleteMany([key]);
        else await inner.setMany([{ key, value, ttlMs }]);
        return true;
      },
    };
  });

/** Bytes are compared and kept as they are handed over. */
function aliasing(): StoreFixture {
  const clock = fakeClock();
  const inner = memoryStore({ clock });
  const held = new Map<string, Uint8Array>();
  return {
    elapse: clock.advance,
    store: {
      ...inner,
      setMany: async (entries) => {
        for (const { key, value } of entries) held.set(key, value);
        await inner.setMany(entries);
      },
      getMany: async (keys) =>
        (await inner.getMany(keys)).map((answer, i) =>
          held.has(keys[i] ?? '') ? { value: held.get(keys[i] ?? '') as Uint8Array } : answer,
        ),
    },
  };
}

export const brokenStores: readonly Broken<StoreFixture>[] = [
  [
    'answers without the absent ones',
    'answers are in the order of the keys, undefined where a key is absent',
    broken((inner) => ({
      getMany: async (keys) => (await inner.getMany(keys)).filter((answer) => answer !== undefined),
    })),
  ],
  [
    'answers each key once',
    'a key asked for twice is answered twice',
    broken((inner) => ({ getMany: (keys) => inner.getMany([...new Set(keys)]) })),
  ],
  [
    'an empty batch deletes all',
    'empty batches are answered and change nothing',
    broken((inner) => ({ deleteMany: (keys) => inner.deleteMany(keys.length === 0 ? ['a'] : keys) })),
  ],
  [
    'values pass through text',
    'any bytes come back as they were, zeros, invalid UTF-8, none at all and views included',
    broken((inner) => ({
      setMany: (entries) => inner.setMany(entries.map((entry) => ({ ...entry, value: bytes(text(entry.value)) }))),
    })),
  ],
  [
    'a view stores all of its buffer',
    'any bytes come back as they were, zeros, invalid UTF-8, none at all and views included',
    broken((inner) => ({
      setMany: (entries) =>
        inner.setMany(entries.map((entry) => ({ ...entry, value: new Uint8Array(entry.value.buffer as ArrayBuffer) }))),
    })),
  ],
  [
    'cuts values at 64 KiB',
    'a value of a mebibyte comes back whole',
    broken((inner) => ({
      setMany: (entries) =>
        inner.setMany(entries.map((entry) => ({ ...entry, value: entry.value.subarray(0, 2 ** 16) }))),
    })),
  ],
  [
    'keys end at a zero',
    'keys of any characters are kept apart',
    broken((inner) => renamed(inner, (key) => key.split('\u0000', 1)[0] as string)),
  ],
  [
    'deletes a hundred at most',
    'a thousand keys are set, answered and deleted in one batch each',
    broken((inner) => ({ deleteMany: (keys) => inner.deleteMany(keys.slice(0, 100)) })),
  ],
  [
    'setMany leaves what is there',
    'setting a key again replaces its value',
    broken((inner) => ({
      setMany: async (entries) => {
        for (const entry of entries) if ((await one(inner, entry.key)) === undefined) await inner.setMany([entry]);
      },
    })),
  ],
  [
    'of a batch the first wins',
    'of two entries for one key in a batch the later wins',
    broken((inner) => ({ setMany: (entries) => inner.setMany(entries.toReversed()) })),
  ],
  [
    'hands out its own bytes',
    'what was stored does not change with the buffer it came from, nor with the answer',
    aliasing,
  ],
  [
    'nothing expires',
    'an entry is gone when its time is over, the others stay',
    broken((inner) => ({ setMany: (entries) => inner.setMany(entries.map(({ key, value }) => ({ key, value }))) })),
  ],
  [
    'tells the life it was given, not what is left',
    'an answer says how long it has to live, where the store can tell',
    broken((inner) => ({
      getMany: async (keys) => (await inner.getMany(keys)).map((answer) => answer && { ...answer, ttlMs: 10_000 }),
    })),
  ],
  [
    'setting again keeps the old life',
    'setting a key again replaces its life too',
    broken((inner) => ({
      setMany: async (entries) => {
        for (const { key, value, ttlMs } of entries) {
          const held = await one(inner, key);
          await inner.setMany([{ key, value, ttlMs: held === undefined ? ttlMs : held.ttlMs }]);
        }
      },
    })),
  ],
  [
    'refuses fractions of a millisecond',
    'a life of a fraction of a millisecond more is accepted',
    broken((inner) => ({
      setIfAbsent: async (key, value, ttlMs) => {
        if (!Number.isInteger(ttlMs)) throw new Error('invalid expire time');
        return inner.setIfAbsent(key, value, ttlMs);
      },
    })),
  ],
  [
    'counts keys asked for, not deleted',
    'deleting counts each key that existed once',
    broken((inner) => ({
      deleteMany: async (keys) => {
        await inner.deleteMany(keys);
        return keys.length;
      },
    })),
  ],
  [
    'setIfAbsent always sets',
    'setIfAbsent sets what is absent and leaves what is there, its life too',
    broken((inner) => ({
      setIfAbsent: async (key, value, ttlMs) => {
        const absent = await inner.setIfAbsent(key, value, ttlMs);
        await inner.setMany([{ key, value, ttlMs }]);
        return absent;
      },
    })),
  ],
  [
    'setIfAbsent sets a key only once in its life',
    'setIfAbsent sets again after expiry and after deletion',
    broken((inner) => {
      const known = new Set<string>();
      return {
        setIfAbsent: async (key, value, ttlMs) => {
          if (known.has(key)) return false;
          known.add(key);
          return inner.setIfAbsent(key, value, ttlMs);
        },
      };
    }),
  ],
  [
    'setIfAbsent looks first and sets later',
    'of many setIfAbsent at once exactly one sets',
    broken((inner) => ({
      setIfAbsent: async (key, value, ttlMs) => {
        if ((await one(inner, key)) !== undefined) return false;
        await inner.setMany([{ key, value, ttlMs }]);
        return true;
      },
    })),
  ],
  [
    'positions are compared as text',
    'setIfNewer applies a higher position and refuses a lower one',
    ordered(([epoch, position], of, at) => epoch === of && String(position) > String(at)),
  ],
  [
    'an equal position is refused',
    'setIfNewer applies the same version again, so that a repeated write is no lost one',
    ordered(([epoch, position], of, at) => epoch === of && position >= at),
  ],
  [
    'epochs are not looked at',
    'setIfNewer takes another epoch for newer, whatever its position',
    ordered(([, position], _, at) => position > at),
  ],
  [
    'positions are 53 bits with 14 digits',
    'setIfNewer compares positions exactly up to the largest safe integer',
    ordered(
      ([epoch, position], of, at) => epoch === of && Number(position.toPrecision(14)) > Number(at.toPrecision(14)),
    ),
  ],
  ...[
    'a deletion by version deletes, and an older write does not bring the key back',
    'a deletion by version of a key that is absent still holds off older writes',
    'in whatever order versions arrive, the newest stays',
  ].map((caughtBy): Broken<StoreFixture> => [
    'a deletion forgets its version',
    caughtBy,
    broken((inner) => ({
      setIfNewer: async (key, value, version, ttlMs) => {
        const applied = await inner.setIfNewer(key, value ?? new Uint8Array(0), version, ttlMs);
        if (applied && value === null) await inner.deleteMany([key]);
        return applied;
      },
    })),
  ]),
  [
    'a deletion asks for no version',
    'a deletion by an older version deletes nothing',
    broken((inner) => ({
      setIfNewer: async (key, value, version, ttlMs) =>
        value === null ? (await inner.deleteMany([key])) > 0 : inner.setIfNewer(key, value, version, ttlMs),
    })),
  ],
  [
    'setIfNewer forgets the life',
    'a value set by setIfNewer lives for its time, or until evicted',
    broken((inner) => ({ setIfNewer: (key, value, version) => inner.setIfNewer(key, value, version) })),
  ],
  [
    'deleteIf compares text',
    'binary values pass through setIfAbsent, setIfNewer, renewIf and deleteIf unchanged',
    broken((inner) => ({
      setIfNewer: (key, value, version, ttlMs) => inner.setIfNewer(key, value && bytes(text(value)), version, ttlMs),
    })),
  ],
  [
    'renewIf renews nothing',
    'renewIf extends the life of a key that holds exactly these bytes',
    broken((inner) => ({
      renewIf: async (key, value) => {
        const held = await one(inner, key);
        return held !== undefined && text(held.value) === text(value);
      },
    })),
  ],
  [
    'renewIf asks nobody',
    "renewIf leaves another's key and its life alone",
    broken((inner) => ({
      renewIf: async (key, _, ttlMs) => {
        const held = await one(inner, key);
        if (held !== undefined) await inner.setMany([{ key, value: held.value, ttlMs }]);
        return false;
      },
    })),
  ],
  [
    'renewIf sets',
    'renewIf brings back neither an absent key nor an expired one',
    broken((inner) => ({
      renewIf: async (key, value, ttlMs) =>
        (await inner.setIfAbsent(key, value, ttlMs)) || inner.renewIf(key, value, ttlMs),
    })),
  ],
  [
    'deleteIf deletes nothing',
    'deleteIf deletes a key that holds exactly these bytes, once',
    broken((inner) => ({ deleteIf: async (key) => (await one(inner, key)) !== undefined })),
  ],
  [
    'deleteIf ignores its value',
    'deleteIf leaves a key whose bytes differ at all: a prefix, a longer one, a trailing zero',
    broken((inner) => ({ deleteIf: async (key) => (await inner.deleteMany([key])) === 1 })),
  ],
  [
    'a glob is a prefix',
    'scan gives the keys that match a Redis glob, and no others',
    broken((inner) => ({ scan: (glob) => inner.scan(glob.endsWith('*') ? glob : `${glob}*`) })),
  ],
  [
    'scan gives its first page',
    'scan gives every key of thousands, in pages',
    broken((inner) => ({
      scan: async function* (glob) {
        for await (const page of inner.scan(glob)) {
          yield page;
          return;
        }
      },
    })),
  ],
  [
    'scan counts from the start of what is left',
    'scan gives every key even if each page is deleted as it comes, and others are added',
    broken((inner) => ({
      scan: async function* (glob) {
        for (let from = 0; ; from += 1000) {
          const keys: string[] = [];
          for await (const page of inner.scan(glob)) keys.push(...page);
          if (from >= keys.length) return;
          yield keys.sort().slice(from, from + 1000);
        }
      },
    })),
  ],
  [
    'all scans share one cursor',
    'scan may be left before its end and begun again',
    broken((inner) => {
      const given = new Set<string>();
      return pages(inner, (page) => page.filter((key) => !given.has(key) && given.add(key)));
    }),
  ],
  [
    'scan gives every key it ever saw',
    'scan does not give what was deleted or has expired',
    broken((inner) => {
      const seen = new Set<string>();
      return {
        setMany: (entries) => {
          for (const { key } of entries) seen.add(key);
          return inner.setMany(entries);
        },
        scan: async function* () {
          yield [...seen];
        },
      };
    }),
  ],
  [
    'counts by whole keys',
    'info counts keys by the text before their first colon',
    broken((inner) => ({
      info: async () => ({ ...(await inner.info()), keyCountByType: { 'settlement:1': 1, 'settlement:2': 1 } }),
    })),
  ],
  [
    'cannot close twice',
    'closing twice is closing once',
    broken(() => {
      let closed = false;
      return {
        close: async () => {
          if (closed) throw new Error('closed already');
          closed = true;
        },
      };
    }),
  ],
];
