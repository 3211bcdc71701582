import assert from 'node:assert/strict';
import type { StoreVersion } from '../../contract.js';
import { seededRandom } from '../random.js';
import { awkwardBytes, plain, utf8 } from './case.js';
import { textsOf, type StoreCase } from './store-fixture.js';

const at = (position: number, epoch = 'e1'): StoreVersion => ({ epoch, position });

/** Writes that depend on what is there: leases and ordered values. */
export const storeConditionCases: readonly StoreCase[] = [
  {
    name: 'setIfAbsent sets what is absent and leaves what is there, its life too',
    run: async (make) => {
      const { store, elapse } = await make();
      assert.equal(await store.setIfAbsent('a', utf8('first'), 300), true);
      assert.equal(await store.setIfAbsent('a', utf8('second'), 60_000), false);
      assert.deepEqual(await textsOf(store, 'a'), ['first']);
      await elapse(400);
      assert.deepEqual(await textsOf(store, 'a'), [undefined]);
    },
  },
  {
    name: 'setIfAbsent sets again after expiry and after deletion',
    run: async (make) => {
      const { store, elapse } = await make();
      assert.equal(await store.setIfAbsent('a', utf8('1'), 300), true);
      await elapse(400);
      assert.equal(await store.setIfAbsent('a', utf8('2'), 60_000), true);
      await store.deleteMany(['a']);
      assert.equal(await store.setIfAbsent('a', utf8('3'), 60_000), true);
      assert.deepEqual(await textsOf(store, 'a'), ['3']);
    },
  },
  {
    name: 'of many setIfAbsent at once exactly one sets',
    run: async (make) => {
      const { store } = await make();
      const names = Array.from({ length: 20 }, (_, i) => `owner ${String(i)}`);
      const won = await Promise.all(names.map((name) => store.setIfAbsent('lease', utf8(name), 60_000)));
      assert.equal(won.filter(Boolean).length, 1);
      assert.deepEqual(await textsOf(store, 'lease'), [names[won.indexOf(true)]]);
    },
  },
  {
    name: 'setIfNewer applies a higher position and refuses a lower one',
    run: async (make) => {
      const { store } = await make();
      assert.equal(await store.setIfNewer('a', utf8('9'), at(9)), true);
      assert.equal(await store.setIfNewer('a', utf8('10'), at(10)), true, '10 is above 9, as numbers');
      assert.equal(await store.setIfNewer('a', utf8('2'), at(2)), false);
      assert.deepEqual(await textsOf(store, 'a'), ['10']);
    },
  },
  {
    name: 'setIfNewer applies the same version again, so that a repeated write is no lost one',
    run: async (make) => {
      const { store } = await make();
      assert.equal(await store.setIfNewer('a', utf8('1'), at(5)), true);
      assert.equal(await store.setIfNewer('a', utf8('1'), at(5)), true);
      assert.deepEqual(await textsOf(store, 'a'), ['1']);
    },
  },
  {
    name: 'setIfNewer takes another epoch for newer, whatever its position',
    run: async (make) => {
      const { store } = await make();
      await store.setIfNewer('a', utf8('old epoch'), at(1000));
      assert.equal(await store.setIfNewer('a', utf8('new epoch'), at(1, 'e2')), true);
      assert.equal(await store.setIfNewer('a', utf8('later'), at(2, 'e2')), true);
      assert.equal(await store.setIfNewer('a', utf8('earlier'), at(1, 'e2')), false);
      assert.deepEqual(await textsOf(store, 'a'), ['later']);
    },
  },
  {
    name: 'setIfNewer compares positions exactly up to the largest safe integer',
    run: async (make) => {
      const { store } = await make();
      const top = Number.MAX_SAFE_INTEGER;
      assert.equal(await store.setIfNewer('a', utf8('top - 1'), at(top - 1)), true);
      assert.equal(await store.setIfNewer('a', utf8('top - 2'), at(top - 2)), false);
      assert.equal(await store.setIfNewer('a', utf8('top'), at(top)), true);
      assert.equal(await store.setIfNewer('a', utf8('top - 1'), at(top - 1)), false);
      assert.deepEqual(await textsOf(store, 'a'), ['top']);
    },
  },
  {
    name: 'a deletion by version deletes, and an older write does not bring the key back',
    run: async (make) => {
      const { store } = await make();
      await store.setIfNewer('a', utf8('1'), at(1));
      assert.equal(await store.setIfNewer('a', null, at(3)), true);
      assert.deepEqual(await textsOf(store, 'a'), [undefined]);
      assert.equal(await store.setIfNewer('a', utf8('2'), at(2)), false);
      assert.deepEqual(await textsOf(store, 'a'), [undefined]);
      assert.equal(await store.setIfNewer('a', utf8('4'), at(4)), true);
      assert.deepEqual(await textsOf(store, 'a'), ['4']);
    },
  },
  {
    name: 'a deletion by version of a key that is absent still holds off older writes',
    run: async (make) => {
      const { store } = await make();
      assert.equal(await store.setIfNewer('a', null, at(3)), true);
      assert.equal(await store.setIfNewer('a', utf8('2'), at(2)), false);
      assert.deepEqual(await textsOf(store, 'a'), [undefined]);
    },
  },
  {
    name: 'a deletion by an older version deletes nothing',
    run: async (make) => {
      const { store } = await make();
      await store.setIfNewer('a', utf8('5'), at(5));
      assert.equal(await store.setIfNewer('a', null, at(4)), false);
      assert.deepEqual(await textsOf(store, 'a'), ['5']);
    },
  },
  {
    name: 'a value set by setIfNewer lives for its time, or until evicted',
    run: async (make) => {
      const { store, elapse } = await make();
      await store.setIfNewer('short', utf8('1'), at(1), 300);
      await store.setIfNewer('ever', utf8('2'), at(1));
      await elapse(400);
      assert.deepEqual(await textsOf(store, 'short', 'ever'), [undefined, '2']);
    },
  },
  {
    name: 'in whatever order versions arrive, the newest stays',
    run: async (make) => {
      const { store } = await make();
      const random = seededRandom(7);
      for (let round = 0; round < 20; round++) {
        const key = `k${String(round)}`;
        const writes = Array.from({ length: 8 }, (_, i) => ({
          position: i + 1,
          value: random() < 0.3 ? null : utf8(String(i + 1)),
        }));
        const order = writes.map((write) => ({ write, rank: random() })).sort((a, b) => a.rank - b.rank);
        await Promise.all(order.map(({ write }) => store.setIfNewer(key, write.value, at(write.position))));
        const newest = writes.at(-1)?.value;
        assert.deepEqual(await textsOf(store, key), [newest === null ? undefined : '8'], `round ${String(round)}`);
      }
    },
  },
  {
    name: 'binary values pass through setIfAbsent, setIfNewer, renewIf and deleteIf unchanged',
    run: async (make) => {
      const { store } = await make();
      for (const [i, value] of awkwardBytes.entries()) {
        const [lease, ordered] = [`lease${String(i)}`, `ordered${String(i)}`] as const;
        await store.setIfAbsent(lease, value, 60_000);
        await store.setIfNewer(ordered, value, at(1));
        const answers = await store.getMany([lease, ordered]);
        assert.deepEqual(
          answers.map((answer) => plain(answer?.value)),
          [plain(value), plain(value)],
        );
        assert.equal(await store.renewIf(lease, value, 60_000), true);
        assert.equal(await store.deleteIf(lease, value), true);
      }
    },
  },
  {
    name: 'renewIf extends the life of a key that holds exactly these bytes',
    run: async (make) => {
      const { store, elapse } = await make();
      await store.setIfAbsent('lease', utf8('mine'), 1000);
      await elapse(600);
      assert.equal(await store.renewIf('lease', utf8('mine'), 1000), true);
      await elapse(600);
      assert.deepEqual(await textsOf(store, 'lease'), ['mine']);
      await elapse(600);
      assert.deepEqual(await textsOf(store, 'lease'), [undefined]);
    },
  },
  {
    name: "renewIf leaves another's key and its life alone",
    run: async (make) => {
      const { store, elapse } = await make();
      await store.setIfAbsent('lease', utf8('theirs'), 400);
      assert.equal(await store.renewIf('lease', utf8('mine'), 60_000), false);
      assert.deepEqual(await textsOf(store, 'lease'), ['theirs']);
      await elapse(500);
      assert.deepEqual(await textsOf(store, 'lease'), [undefined]);
    },
  },
  {
    name: 'renewIf brings back neither an absent key nor an expired one',
    run: async (make) => {
      const { store, elapse } = await make();
      assert.equal(await store.renewIf('absent', utf8('mine'), 60_000), false);
      await store.setIfAbsent('expired', utf8('mine'), 300);
      await elapse(400);
      assert.equal(await store.renewIf('expired', utf8('mine'), 60_000), false);
      assert.deepEqual(await textsOf(store, 'absent', 'expired'), [undefined, undefined]);
    },
  },
  {
    name: 'deleteIf deletes a key that holds exactly these bytes, once',
    run: async (make) => {
      const { store } = await make();
      await store.setIfAbsent('lease', utf8('mine'), 60_000);
      assert.equal(await store.deleteIf('lease', utf8('mine')), true);
      assert.deepEqual(await textsOf(store, 'lease'), [undefined]);
      assert.equal(await store.deleteIf('lease', utf8('mine')), false);
    },
  },
  {
    name: 'deleteIf leaves a key whose bytes differ at all: a prefix, a longer one, a trailing zero',
    run: async (make) => {
      const { store } = await make();
      await store.setIfAbsent('lease', utf8('mine'), 60_000);
      for (const other of ['theirs', 'min', 'mine ', 'mine\u0000', '', 'MINE']) {
        assert.equal(await store.deleteIf('lease', utf8(other)), false, JSON.stringify(other));
      }
      assert.deepEqual(await textsOf(store, 'lease'), ['mine']);
    },
  },
];
