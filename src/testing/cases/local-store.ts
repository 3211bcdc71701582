import assert from 'node:assert/strict';
import type { LocalStore } from '../../contract.js';
import { awkwardNames, type ContractCase } from './case.js';

/** What every in-process map must do that is to be tier 1. It must have room for 1,000 entries. */
export const localStoreCases: readonly ContractCase<LocalStore>[] = [
  {
    name: 'a key that was never set is undefined',
    run: async (make) => {
      const store = await make();
      assert.equal(store.get('absent'), undefined);
      assert.equal(store.size, 0);
    },
  },
  {
    name: 'a value comes back as the very same object',
    run: async (make) => {
      const store = await make();
      const value = { name: 'Ankh', at: new Date(0), tags: new Set(['port']) };
      store.set('k', value);
      assert.equal(store.get('k'), value);
      assert.equal(store.get('k'), value, 'the second time too');
    },
  },
  {
    name: 'null, false, 0, NaN and the empty string are values',
    run: async (make) => {
      const store = await make();
      const values = [null, false, 0, Number.NaN, ''];
      for (const [i, value] of values.entries()) store.set(`k${String(i)}`, value);
      assert.deepEqual(
        values.map((_, i) => store.get(`k${String(i)}`)),
        values,
      );
    },
  },
  {
    name: 'setting a key again replaces its value and adds no entry',
    run: async (make) => {
      const store = await make();
      store.set('k', 'old');
      store.set('k', 'new');
      assert.equal(store.get('k'), 'new');
      assert.equal(store.size, 1);
    },
  },
  {
    name: 'deleting a key removes it and no other',
    run: async (make) => {
      const store = await make();
      store.set('a', 1);
      store.set('ab', 2);
      store.delete('a');
      assert.equal(store.get('a'), undefined);
      assert.equal(store.get('ab'), 2);
      assert.equal(store.size, 1);
    },
  },
  {
    name: 'deleting a key that is absent does nothing',
    run: async (make) => {
      const store = await make();
      store.set('a', 1);
      store.delete('b');
      assert.equal(store.get('a'), 1);
      assert.equal(store.size, 1);
    },
  },
  {
    name: 'clear removes everything and the store goes on working',
    run: async (make) => {
      const store = await make();
      store.set('a', 1);
      store.set('b', 2);
      store.clear();
      assert.deepEqual([store.get('a'), store.get('b'), store.size], [undefined, undefined, 0]);
      store.set('a', 3);
      assert.deepEqual([store.get('a'), store.size], [3, 1]);
    },
  },
  {
    name: 'keys of any characters are kept apart',
    run: async (make) => {
      const store = await make();
      const keys = [...awkwardNames, 'a\ud800', 'a\ufffd'];
      for (const [i, key] of keys.entries()) store.set(key, i);
      assert.deepEqual(
        keys.map((key) => store.get(key)),
        keys.map((_, i) => i),
      );
      assert.equal(store.size, keys.length);
    },
  },
  {
    name: 'a key that names a property of objects is absent until it is set',
    run: async (make) => {
      const store = await make();
      for (const key of ['__proto__', 'constructor', 'toString', 'size', 'get']) {
        assert.equal(store.get(key), undefined, key);
      }
    },
  },
  {
    name: 'a thousand entries are each themselves',
    run: async (make) => {
      const store = await make();
      const keys = Array.from({ length: 1000 }, (_, i) => `settlement:${String(i)}`);
      for (const key of keys) store.set(key, `value of ${key}`);
      assert.equal(store.size, 1000);
      for (const key of keys) assert.equal(store.get(key), `value of ${key}`);
    },
  },
];
