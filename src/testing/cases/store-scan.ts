import assert from 'node:assert/strict';
import type { Store } from '../../contract.js';
import { assertSameList, utf8 } from './case.js';
import type { StoreCase } from './store-fixture.js';

/** The distinct keys that a scan gives, sorted. A scan may give a key more than once. */
async function scanned(store: Store, glob: string): Promise<string[]> {
  const keys = new Set<string>();
  for await (const page of store.scan(glob)) for (const key of page) keys.add(key);
  return [...keys].sort();
}

const fill = (store: Store, keys: readonly string[]): Promise<void> =>
  store.setMany(keys.map((key) => ({ key, value: utf8(key) })));

const KEYS = [
  'a:1',
  'a:2',
  'a:12',
  'ab:1',
  'b:1',
  'a',
  'A:1',
  'a:x\ny',
  'a*1',
  'a?1',
  'a[1]',
  'a\\1',
  'a-1',
  'a^1',
  'a.1',
];

const GLOBS: readonly (readonly [glob: string, matching: readonly string[]])[] = [
  ['*', KEYS],
  ['a:*', ['a:1', 'a:2', 'a:12', 'a:x\ny']],
  ['a:?', ['a:1', 'a:2']],
  ['*:1', ['a:1', 'ab:1', 'b:1', 'A:1']],
  ['a*2', ['a:2', 'a:12']],
  ['a:[12]', ['a:1', 'a:2']],
  ['a:[^1]', ['a:2']],
  ['a:[1-9]', ['a:1', 'a:2']],
  ['[ab]:1', ['a:1', 'b:1']],
  ['a', ['a']],
  ['a.1', ['a.1']],
  ['a\\*1', ['a*1']],
  ['a\\?1', ['a?1']],
  ['a\\[1\\]', ['a[1]']],
  ['a\\\\1', ['a\\1']],
  ['a[*?]1', ['a*1', 'a?1']],
  ['none:*', []],
  ['', []],
];

/** Enumerating keys for deletion by pattern, counting them for people, and closing. */
export const storeScanCases: readonly StoreCase[] = [
  {
    name: 'scan gives the keys that match a Redis glob, and no others',
    run: async (make) => {
      const { store } = await make();
      await fill(store, KEYS);
      for (const [glob, matching] of GLOBS) {
        assert.deepEqual(await scanned(store, glob), [...matching].sort(), `glob ${JSON.stringify(glob)}`);
      }
    },
  },
  {
    name: 'scan gives every key of thousands, in pages',
    run: async (make) => {
      const { store } = await make();
      const keys = Array.from({ length: 3000 }, (_, i) => `page:${String(i)}`);
      await fill(store, [...keys, 'other:1']);
      let pages = 0;
      for await (const page of store.scan('page:*')) {
        pages++;
        assert.ok(page.length < 3000, 'a page is a part');
      }
      assert.ok(pages > 1);
      assertSameList(await scanned(store, 'page:*'), keys.sort());
    },
  },
  {
    name: 'scan gives every key even if each page is deleted as it comes, and others are added',
    run: async (make) => {
      const { store } = await make();
      const keys = Array.from({ length: 3000 }, (_, i) => `gone:${String(i)}`);
      await fill(store, [...keys, 'kept:1']);
      let deleted = 0;
      for await (const page of store.scan('gone:*')) {
        deleted += await store.deleteMany(page);
        await fill(store, [`added:${String(deleted)}`]);
      }
      assert.equal(deleted, 3000);
      assertSameList(await scanned(store, 'gone:*'), []);
      assert.deepEqual(await scanned(store, 'kept:*'), ['kept:1']);
    },
  },
  {
    name: 'scan may be left before its end and begun again',
    run: async (make) => {
      const { store } = await make();
      const keys = Array.from({ length: 3000 }, (_, i) => `page:${String(i)}`);
      await fill(store, keys);
      for await (const page of store.scan('page:*')) if (page.length > 0) break;
      assertSameList(await scanned(store, 'page:*'), keys.sort());
    },
  },
  {
    name: 'scan does not give what was deleted or has expired',
    run: async (make) => {
      const { store, elapse } = await make();
      await fill(store, ['x:kept', 'x:deleted']);
      await store.setMany([{ key: 'x:expired', value: utf8('1'), ttlMs: 300 }]);
      await store.deleteMany(['x:deleted']);
      await elapse(400);
      assert.deepEqual(await scanned(store, 'x:*'), ['x:kept']);
    },
  },
  {
    name: 'info counts keys by the text before their first colon',
    run: async (make) => {
      const { store } = await make();
      const keys = ['settlement:1:main', 'settlement:2:main', 'kingdom:1:main'];
      await store.setMany(keys.map((key) => ({ key, value: utf8(key) })));
      const info = await store.info();
      assert.ok(info.pingMs >= 0 && Number.isFinite(info.pingMs));
      for (const bytes of [info.memoryUsedBytes, info.memoryLimitBytes]) assert.ok(bytes === null || bytes >= 0);
      assert.ok(info.policy === null || typeof info.policy === 'string');
      const { settlement = 0, kingdom = 0, ...others } = info.keyCountByType;
      assert.ok(settlement > kingdom && kingdom > 0, `settlement ${String(settlement)}, kingdom ${String(kingdom)}`);
      assert.deepEqual(others, {});
    },
  },
  {
    name: 'closing twice is closing once',
    run: async (make) => {
      const { store } = await make();
      await store.setMany([{ key: 'a', value: utf8('1') }]);
      await store.close();
      await store.close();
    },
  },
];
