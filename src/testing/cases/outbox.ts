import assert from 'node:assert/strict';
import { type OutboxCase, NOW, commit, idsOf, rowOf, swept } from './outbox-fixture.js';

/** What every outbox keeps. */
export const outboxCases: readonly OutboxCase[] = [
  {
    name: 'what is committed says so to every replica, and what is not does not',
    run: async (make) => {
      const fixture = await make();
      const { outbox, peer, begin } = fixture;
      const [open, gone] = [await begin(), await begin()];
      await outbox.add(open.via, [rowOf('open')]);
      await outbox.add(gone.via, [rowOf('gone.0'), rowOf('gone.1')]);
      await gone.rollback();
      await commit(fixture, 'kept.0', 'kept.1');
      const all = ['open', 'gone.0', 'gone.1', 'kept.0', 'kept.1', 'never'];
      for (const one of [outbox, peer]) assert.deepEqual([...(await one.committed(all))].sort(), ['kept.0', 'kept.1']);
      await open.commit();
      assert.deepEqual(await peer.committed(['open']), ['open']);
      assert.deepEqual(await peer.committed([]), []);
    },
  },
  {
    name: 'a sweep hands over what is committed, whole and in the order in which it was written',
    run: async (make) => {
      const fixture = await make();
      const { outbox, peer, begin, trigger } = fixture;
      const [first, lost] = [await begin(), await begin()];
      await outbox.add(first.via, [rowOf('a'), rowOf('b')]);
      await outbox.add(lost.via, [rowOf('lost')]);
      await commit(fixture, 'c');
      await trigger(rowOf('d', '{"text": "Zürich · 東京 · 🏰 \' \\\\ \\u0000"}'));
      await first.commit();
      await lost.rollback();
      await peer.sweep(NOW, async (rows) => {
        assert.deepEqual(
          rows.map(({ id, change, isTrigger }) => [id, change, isTrigger]),
          [
            ['a', 'change of a', false],
            ['b', 'change of b', false],
            ['c', 'change of c', false],
            ['d', '{"text": "Zürich · 東京 · 🏰 \' \\\\ \\u0000"}', true],
          ],
        );
        for (const { ageMs } of rows) assert.ok(ageMs >= 0 && ageMs < 60_000, `an age of ${String(ageMs)} ms`);
        return { applied: [], refused: [] };
      });
    },
  },
  {
    name: 'what is committed late is swept although later rows were before',
    run: async (make) => {
      const fixture = await make();
      const { outbox, begin } = fixture;
      const slow = await begin();
      await outbox.add(slow.via, [rowOf('slow')]);
      await commit(fixture, 'fast');
      assert.deepEqual(await swept(outbox), ['fast']);
      await slow.commit();
      assert.deepEqual(await swept(outbox), ['slow']);
    },
  },
  {
    name: 'a sweep leaves younger rows to who wrote them, but not those of triggers',
    run: async (make) => {
      const fixture = await make();
      const { outbox, trigger, elapse } = fixture;
      await commit(fixture, 'young');
      await trigger(rowOf('by a trigger'));
      assert.deepEqual(await swept(outbox, { olderThanMs: 60_000 }), ['by a trigger']);
      await elapse(60);
      assert.deepEqual(await swept(outbox, { olderThanMs: 50 }), ['young']);
    },
  },
  {
    name: 'a sweep takes as many as it is told',
    run: async (make) => {
      const fixture = await make();
      await commit(fixture, 'a', 'b', 'c');
      assert.deepEqual(await swept(fixture.outbox, { limit: 2 }), ['a', 'b']);
      assert.deepEqual(await swept(fixture.outbox, { limit: 2 }), ['c']);
      assert.deepEqual(await swept(fixture.outbox, { limit: 2 }), []);
    },
  },
  {
    name: 'what was applied is not handed over again, and still says that it was committed',
    run: async (make) => {
      const fixture = await make();
      const { outbox, peer } = fixture;
      await commit(fixture, 'a');
      assert.deepEqual(await swept(peer), ['a']);
      for (const one of [outbox, peer]) assert.deepEqual(await swept(one), []);
      assert.deepEqual(await outbox.committed(['a']), ['a']);
      assert.equal((await outbox.info()).waiting, 0);
    },
  },
  {
    name: 'what was removed is gone',
    run: async (make) => {
      const fixture = await make();
      const { outbox, peer } = fixture;
      await commit(fixture, 'a', 'b');
      await outbox.remove(['a', 'never']);
      await outbox.remove([]);
      assert.deepEqual(await peer.committed(['a', 'b']), ['b']);
      assert.deepEqual(await swept(peer), ['b']);
    },
  },
  {
    name: 'what became of some rows is no matter of the others',
    run: async (make) => {
      const fixture = await make();
      const { outbox } = fixture;
      await commit(fixture, 'a', 'b', 'c');
      await outbox.sweep(NOW, async () => ({ applied: ['b'], refused: ['c'] }));
      assert.deepEqual(await swept(outbox), ['a']);
    },
  },
  {
    name: 'what was refused is kept and counted, and not handed over again at once',
    run: async (make) => {
      const fixture = await make();
      const { outbox, peer } = fixture;
      await commit(fixture, 'a', 'b');
      assert.deepEqual(await swept(outbox, { limit: 1 }, 'refused'), ['a']);
      for (const one of [outbox, peer]) assert.deepEqual(await swept(one, {}, 'neither'), ['b']);
      const { waiting, refused } = await peer.info();
      assert.deepEqual([waiting, refused], [2, 1]);
      assert.deepEqual(await peer.committed(['a']), ['a']);
    },
  },
  {
    name: 'a sweep whose rows could not be applied rejects, and forgets nothing',
    run: async (make) => {
      const fixture = await make();
      const { outbox, peer } = fixture;
      await commit(fixture, 'a');
      const failing = outbox.sweep(NOW, () => Promise.reject(new Error('the marks are away')));
      await assert.rejects(failing, /the marks are away/);
      assert.deepEqual(await swept(peer), ['a']);
    },
  },
  {
    name: 'one replica sweeps at a time',
    run: async (make) => {
      const fixture = await make();
      const { outbox, peer } = fixture;
      await commit(fixture, 'a');
      await outbox.sweep(NOW, async (rows) => {
        await commit(fixture, 'b');
        assert.deepEqual(await swept(peer), []);
        return { applied: idsOf(rows), refused: [] };
      });
      assert.deepEqual(await swept(peer), ['b']);
    },
  },
  {
    name: 'it tells how many rows wait, and for how long',
    run: async (make) => {
      const fixture = await make();
      const { outbox, peer, begin, elapse } = fixture;
      assert.deepEqual(await outbox.info(), { waiting: 0, oldestMs: null, refused: 0 });
      const open = await begin();
      await outbox.add(open.via, [rowOf('open')]);
      await commit(fixture, 'a');
      await elapse(30);
      await commit(fixture, 'b');
      const { waiting, oldestMs } = await peer.info();
      assert.equal(waiting, 2);
      assert.ok(oldestMs !== null && oldestMs >= 25 && oldestMs < 60_000, `the oldest of ${String(oldestMs)} ms`);
      await open.rollback();
    },
  },
  {
    name: 'a row with the id of another is refused',
    run: async (make) => {
      const fixture = await make();
      const { outbox, begin } = fixture;
      await commit(fixture, 'a');
      const { via, rollback } = await begin();
      await assert.rejects(outbox.add(via, [rowOf('a', 'another change')]));
      await rollback();
    },
  },
];
