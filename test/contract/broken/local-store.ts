import type { LocalStore } from '../../../src/contract.js';
import type { Broken } from './broken.js';

/** A map with some of its methods replaced. */
function broken(change: (inner: Map<string, unknown>) => Partial<LocalStore>): () => LocalStore {
  return () => {
    const inner = new Map<string, unknown>();
    const store: LocalStore = {
      get: (key) => inner.get(key),
      set: (key, value) => inner.set(key, value),
      delete: (key) => inner.delete(key),
      clear: () => {
        inner.clear();
      },
      get size() {
        return inner.size;
      },
    };
    return Object.defineProperties(store, Object.getOwnPropertyDescriptors(change(inner)));
  };
}

/** Its entries are properties of a plain object. */
function plainObject(): LocalStore {
  let entries: Record<string, unknown> = {};
  return {
    get: (key) => entries[key],
    set: (key, value) => (entries[key] = value),
    delete: (key) => delete entries[key],
    clear: () => {
      entries = {};
    },
    get size() {
      return Object.keys(entries).length;
    },
  };
}

export const brokenLocalStores: readonly Broken<LocalStore>[] = [
  [
    'null for what is absent',
    'a key that was never set is undefined',
    broken((inner) => ({ get: (key) => inner.get(key) ?? null })),
  ],
  [
    'clones',
    'a value comes back as the very same object',
    broken((inner) => ({ get: (key) => structuredClone(inner.get(key)) })),
  ],
  [
    'takes falsy values for absent',
    'null, false, 0, NaN and the empty string are values',
    broken((inner) => ({ get: (key) => inner.get(key) || undefined })),
  ],
  [
    'keeps the first value',
    'setting a key again replaces its value and adds no entry',
    broken((inner) => ({ set: (key, value) => inner.has(key) || inner.set(key, value) })),
  ],
  [
    'deletes by prefix',
    'deleting a key removes it and no other',
    broken((inner) => ({
      delete: (key) => {
        for (const held of [...inner.keys()]) if (held.startsWith(key)) inner.delete(held);
      },
    })),
  ],
  [
    'deleting what is absent clears',
    'deleting a key that is absent does nothing',
    broken((inner) => ({
      delete: (key) => {
        if (!inner.delete(key)) inner.clear();
      },
    })),
  ],
  ['does not clear', 'clear removes everything and the store goes on working', broken(() => ({ clear: () => {} }))],
  [
    'normalises keys',
    'keys of any characters are kept apart',
    broken((inner) => ({
      get: (key) => inner.get(key.normalize('NFC')),
      set: (key, value) => inner.set(key.normalize('NFC'), value),
    })),
  ],
  ['a plain object', 'a key that names a property of objects is absent until it is set', plainObject],
  [
    'holds a hundred',
    'a thousand entries are each themselves',
    broken((inner) => ({ set: (key, value) => inner.size < 100 && inner.set(key, value) })),
  ],
];
