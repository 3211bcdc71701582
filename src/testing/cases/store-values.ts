import assert from 'node:assert/strict';
import { assertSameList, awkwardBytes, awkwardNames, utf8 } from './case.js';
import { textsOf, type StoreCase } from './store-fixture.js';

const named = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => `k${String(i)}`);

/** Bytes in, the same bytes out, for as long as they live. */
export const storeValueCases: readonly StoreCase[] = [
  {
    name: 'answers are in the order of the keys, undefined where a key is absent',
    run: async (make) => {
      const { store } = await make();
      await store.setMany([
        { key: 'a', value: utf8('1') },
        { key: 'b', value: utf8('2') },
        { key: 'c', value: utf8('3') },
      ]);
      assert.deepEqual(await textsOf(store, 'c', 'absent', 'a', 'b'), ['3', undefined, '1', '2']);
    },
  },
  {
    name: 'a key asked for twice is answered twice',
    run: async (make) => {
      const { store } = await make();
      await store.setMany([{ key: 'a', value: utf8('1') }]);
      assert.deepEqual(await textsOf(store, 'a', 'b', 'a', 'b'), ['1', undefined, '1', undefined]);
    },
  },
  {
    name: 'empty batches are answered and change nothing',
    run: async (make) => {
      const { store } = await make();
      await store.setMany([{ key: 'a', value: utf8('1') }]);
      await store.setMany([]);
      assert.deepEqual(await store.getMany([]), []);
      assert.equal(await store.deleteMany([]), 0);
      assert.deepEqual(await textsOf(store, 'a'), ['1']);
    },
  },
  {
    name: 'any bytes come back as they were, zeros, invalid UTF-8, none at all and views included',
    run: async (make) => {
      const { store } = await make();
      const keys = awkwardBytes.map((_, i) => `bytes:${String(i)}`);
      await store.setMany(awkwardBytes.map((value, i) => ({ key: keys[i] as string, value })));
      const answers = await store.getMany(keys);
      // Not deepEqual: its diff of two long arrays can take all memory.
      awkwardBytes.forEach((value, i) => {
        const answer = answers[i]?.value;
        const same = answer !== undefined && Buffer.compare(answer, value) === 0;
        assert.ok(same, `value ${String(i)}: ${String(value.length)} bytes in, ${String(answer?.length)} bytes out`);
      });
    },
  },
  {
    name: 'a value of a mebibyte comes back whole',
    run: async (make) => {
      const { store } = await make();
      const value = Uint8Array.from({ length: 2 ** 20 }, (_, i) => (i * 31) % 256);
      await store.setMany([{ key: 'large', value }]);
      const [answer] = await store.getMany(['large']);
      assert.ok(answer !== undefined && Buffer.compare(answer.value, value) === 0);
    },
  },
  {
    name: 'keys of any characters are kept apart',
    run: async (make) => {
      const { store } = await make();
      await store.setMany(awkwardNames.map((key, i) => ({ key, value: utf8(String(i)) })));
      const expected = awkwardNames.map((_, i) => String(i));
      assert.deepEqual(await textsOf(store, ...awkwardNames), expected);
      assert.equal(await store.deleteMany(awkwardNames), awkwardNames.length);
    },
  },
  {
    name: 'a thousand keys are set, answered and deleted in one batch each',
    run: async (make) => {
      const { store } = await make();
      const keys = named(1000);
      await store.setMany(keys.map((key) => ({ key, value: utf8(`value of ${key}`) })));
      const shuffled = keys.toReversed();
      const texts = await textsOf(store, ...shuffled);
      assertSameList(
        texts.map((text) => text ?? 'absent'),
        shuffled.map((key) => `value of ${key}`),
      );
      assert.equal(await store.deleteMany(keys), 1000);
      assert.ok((await store.getMany(keys)).every((answer) => answer === undefined));
    },
  },
  {
    name: 'setting a key again replaces its value',
    run: async (make) => {
      const { store } = await make();
      await store.setMany([{ key: 'a', value: utf8('a longer old value') }]);
      await store.setMany([{ key: 'a', value: utf8('new') }]);
      assert.deepEqual(await textsOf(store, 'a'), ['new']);
    },
  },
  {
    name: 'of two entries for one key in a batch the later wins',
    run: async (make) => {
      const { store } = await make();
      await store.setMany([
        { key: 'a', value: utf8('first') },
        { key: 'b', value: utf8('other') },
        { key: 'a', value: utf8('second') },
      ]);
      assert.deepEqual(await textsOf(store, 'a', 'b'), ['second', 'other']);
    },
  },
  {
    name: 'what was stored does not change with the buffer it came from, nor with the answer',
    run: async (make) => {
      const { store } = await make();
      const mine = utf8('kept');
      await store.setMany([{ key: 'a', value: mine }]);
      await store.setIfAbsent('b', mine, 60_000);
      await store.setIfNewer('c', mine, { epoch: 'e', position: 1 });
      mine.fill(0);
      for (const answer of await store.getMany(['a', 'b', 'c'])) answer?.value.fill(1);
      assert.deepEqual(await textsOf(store, 'a', 'b', 'c'), ['kept', 'kept', 'kept']);
    },
  },
  {
    name: 'an entry is gone when its time is over, the others stay',
    run: async (make) => {
      const { store, elapse } = await make();
      await store.setMany([
        { key: 'short', value: utf8('1'), ttlMs: 300 },
        { key: 'long', value: utf8('2'), ttlMs: 60_000 },
        { key: 'ever', value: utf8('3') },
      ]);
      assert.deepEqual(await textsOf(store, 'short', 'long', 'ever'), ['1', '2', '3']);
      await elapse(400);
      assert.deepEqual(await textsOf(store, 'short', 'long', 'ever'), [undefined, '2', '3']);
      assert.equal(await store.deleteMany(['short', 'long']), 1);
    },
  },
  {
    name: 'an answer says how long it has to live, where the store can tell',
    run: async (make) => {
      const { store, elapse } = await make();
      await store.setMany([
        { key: 'a', value: utf8('1'), ttlMs: 10_000 },
        { key: 'b', value: utf8('2') },
      ]);
      await elapse(100);
      const [a, b] = await store.getMany(['a', 'b']);
      assert.ok(a?.ttlMs === undefined || (a.ttlMs > 0 && a.ttlMs <= 9901), `ttlMs is ${String(a?.ttlMs)}`);
      assert.equal(b?.ttlMs, undefined);
    },
  },
  {
    name: 'setting a key again replaces its life too',
    run: async (make) => {
      const { store, elapse } = await make();
      await store.setMany([
        { key: 'to ever', value: utf8('1'), ttlMs: 300 },
        { key: 'to short', value: utf8('1') },
      ]);
      await store.setMany([
        { key: 'to ever', value: utf8('2') },
        { key: 'to short', value: utf8('2'), ttlMs: 300 },
      ]);
      await elapse(400);
      assert.deepEqual(await textsOf(store, 'to ever', 'to short'), ['2', undefined]);
    },
  },
  {
    name: 'a life of a fraction of a millisecond more is accepted',
    run: async (make) => {
      const { store, elapse } = await make();
      await store.setMany([{ key: 'a', value: utf8('1'), ttlMs: 300.7 }]);
      await store.setIfAbsent('b', utf8('2'), 300.7);
      await store.setIfNewer('c', utf8('3'), { epoch: 'e', position: 1 }, 300.7);
      assert.deepEqual(await textsOf(store, 'a', 'b', 'c'), ['1', '2', '3']);
      assert.equal(await store.renewIf('b', utf8('2'), 300.7), true);
      await elapse(400);
      assert.deepEqual(await textsOf(store, 'a', 'b', 'c'), [undefined, undefined, undefined]);
    },
  },
  {
    name: 'deleting counts each key that existed once',
    run: async (make) => {
      const { store } = await make();
      await store.setMany(['a', 'b', 'c'].map((key) => ({ key, value: utf8(key) })));
      assert.equal(await store.deleteMany(['a', 'absent', 'b', 'a']), 2);
      assert.deepEqual(await textsOf(store, 'a', 'b', 'c'), [undefined, undefined, 'c']);
      assert.equal(await store.deleteMany(['a', 'b']), 0);
    },
  },
];
