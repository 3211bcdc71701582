import assert from 'node:assert/strict';
import type { Bump, Head, Marks, MarksWatcher } from '../../contract.js';
import { PATTERNS, partitionOf } from '../../subject.js';
import { awkwardNames, eventually, type Elapse } from './case.js';
import { ankh, bree, many, request, type MarksCase } from './marks-fixture.js';

/** A watcher that keeps what it is told. */
function recorder(): MarksWatcher & { readonly heard: Bump[] } {
  const heard: Bump[] = [];
  return {
    heard,
    onBump: (bump) => {
      heard.push(bump);
    },
    onGap: () => {},
  };
}

/** Bumps as one list: by partition, then as they came. Between partitions there is no order to keep. */
const perPartition = (bumps: readonly Bump[]): readonly Bump[] => bumps.toSorted((a, b) => a.partition - b.partition);

async function bumpTimes(marks: Marks, times: number, name: string): Promise<Bump[]> {
  const bumps: Bump[] = [];
  for (let i = 0; i < times; i++) bumps.push(...(await marks.bump(many(6), request(`${name} ${String(i)}`))));
  return bumps;
}

const hears = (elapse: Elapse, { heard }: { readonly heard: readonly Bump[] }, bumps: readonly Bump[]): Promise<void> =>
  eventually(elapse, () => perPartition(heard), perPartition(bumps));

/** What watchers are told. */
export const marksWatchCases: readonly MarksCase[] = [
  {
    name: 'a watcher hears every bump that begins after it was acknowledged, as its bumper was told of it, in order',
    run: async (make) => {
      const { marks, peer, elapse } = await make();
      const [here, there] = [recorder(), recorder()];
      await marks.watch(here);
      await peer.watch(there);
      const bumps = [
        ...(await bumpTimes(marks, 10, 'mine')),
        ...(await bumpTimes(peer, 10, 'theirs')),
        ...(await bumpTimes(marks, 5, 'mine again')),
      ];
      await hears(elapse, here, bumps);
      await hears(elapse, there, bumps);
    },
  },
  {
    name: 'a watcher does not hear of bumps that were acknowledged before it began',
    run: async (make) => {
      const { marks, elapse } = await make();
      await bumpTimes(marks, 3, 'before');
      const late = recorder();
      await marks.watch(late);
      await hears(elapse, late, await bumpTimes(marks, 2, 'after'));
    },
  },
  {
    name: 'bumps made at once are announced in the order of their positions, each following the one before',
    run: async (make) => {
      const { marks, peer, elapse } = await make();
      const watcher = recorder();
      await marks.watch(watcher);
      const made = await Promise.all(
        Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? marks : peer).bump(many(6), request(String(i)))),
      );
      await hears(
        elapse,
        watcher,
        made.flat().toSorted((a, b) => a.position - b.position),
      );
      const applied = new Map<number, number>();
      for (const { partition, prev, position } of watcher.heard) {
        assert.equal(prev, applied.get(partition) ?? 0);
        applied.set(partition, position);
      }
    },
  },
  {
    name: 'an announcement carries the change id as it was given, and only the subjects bumped',
    run: async (make) => {
      const { marks, elapse } = await make();
      const watcher = recorder();
      await marks.watch(watcher);
      for (const name of awkwardNames) await marks.bump([ankh], request(name));
      await eventually(elapse, () => watcher.heard.map(({ changeId }) => changeId), awkwardNames);
      for (const { subjects } of watcher.heard) assert.deepEqual(subjects, [ankh]);
    },
  },
  {
    name: 'globs travel in the bump that holds the subject of all pattern deletions, and in no other',
    run: async (make) => {
      const { marks, elapse } = await make();
      const watcher = recorder();
      await marks.watch(watcher);
      const globs = ['settlement:*', 'a\\*b[c]?', 'Zürich:*'];
      const bumps = [
        ...(await marks.bump([...many(20), PATTERNS], { ...request('patterns'), globs })),
        ...(await marks.bump(many(20), { ...request('no patterns'), globs })),
        ...(await marks.bump([PATTERNS], request('no globs'))),
      ];
      for (const { changeId, partition, globs: sent } of bumps) {
        const carries = changeId === 'patterns' && partition === partitionOf(PATTERNS, marks.partitions);
        assert.deepEqual(sent, carries ? globs : [], `${changeId}, partition ${String(partition)}`);
      }
      await hears(elapse, watcher, bumps);
    },
  },
  {
    name: 'after a new epoch a watcher hears bumps from position 1 on, with that epoch',
    run: async (make) => {
      const { marks, peer, elapse } = await make();
      const watcher = recorder();
      await marks.watch(watcher);
      const before = await marks.bump([ankh], request('before'));
      const { partition, epoch: old } = before[0] as Bump;
      const { epoch } = await peer.newEpoch(partition, old);
      const after = await peer.bump([ankh], request('after'));
      await hears(elapse, watcher, [...before, ...after]);
      assert.deepEqual(
        watcher.heard.map((bump) => [bump.epoch, bump.prev, bump.position]),
        [
          [old, 0, 1],
          [epoch, 0, 1],
        ],
      );
    },
  },
  {
    name: 'what a watcher heard and what heads says agree',
    run: async (make) => {
      const { marks, peer, elapse } = await make();
      const watcher = recorder();
      await marks.watch(watcher);
      await hears(elapse, watcher, await bumpTimes(peer, 7, 'change'));
      const last = new Map(watcher.heard.map(({ partition, epoch, position }) => [partition, { epoch, position }]));
      for (const { partition, epoch, head } of (await marks.heads()) satisfies readonly Head[]) {
        assert.deepEqual(last.get(partition) ?? { epoch, position: 0 }, { epoch, position: head });
      }
    },
  },
  {
    name: 'a watcher that throws fails no bump and silences no other watcher, itself included',
    run: async (make) => {
      const { marks, elapse } = await make();
      const [first, last] = [recorder(), recorder()];
      let thrown = 0;
      await marks.watch(first);
      await marks.watch({
        onBump: () => {
          thrown++;
          throw new Error('a watcher that throws');
        },
        onGap: () => {
          throw new Error('a watcher that throws');
        },
      });
      await marks.watch(last);
      const bumps = await bumpTimes(marks, 3, 'change');
      await hears(elapse, first, bumps);
      await hears(elapse, last, bumps);
      assert.equal(thrown, bumps.length);
    },
  },
  {
    name: 'a watcher that stopped hears nothing more; stopping twice is stopping once; others go on',
    run: async (make) => {
      const { marks, elapse } = await make();
      const [stopping, staying] = [recorder(), recorder()];
      const stop = await marks.watch(stopping);
      await marks.watch(staying);
      const before = await bumpTimes(marks, 2, 'before');
      await hears(elapse, stopping, before);
      await stop();
      await stop();
      const after = await bumpTimes(marks, 2, 'after');
      await hears(elapse, staying, [...before, ...after]);
      assert.deepEqual(perPartition(stopping.heard), perPartition(before));
    },
  },
  {
    name: 'a watcher that bumps while it is told does not change the order for the others',
    run: async (make) => {
      const { marks, elapse } = await make();
      const [first, last] = [recorder(), recorder()];
      const answers: Promise<readonly Bump[]>[] = [];
      await marks.watch(first);
      await marks.watch({
        onBump: ({ changeId }) => {
          if (changeId === 'change') answers.push(marks.bump([ankh], request('its echo')));
        },
        onGap: () => {},
      });
      await marks.watch(last);
      const made = [await marks.bump([ankh], request('change')), await marks.bump([ankh], request('change'))].flat();
      for (let waitedMs = 0; answers.length < 2 && waitedMs < 5000; waitedMs += 10) await elapse(10);
      made.push(...(await Promise.all(answers)).flat());
      const inOrder = made.toSorted((a, b) => a.position - b.position);
      await hears(elapse, first, inOrder);
      await hears(elapse, last, inOrder);
      assert.equal(inOrder.length, 4);
    },
  },
  {
    name: 'one replica that stops watching does not stop another',
    run: async (make) => {
      const { marks, peer, elapse } = await make();
      const [here, there] = [recorder(), recorder()];
      const stop = await marks.watch(here);
      await peer.watch(there);
      await stop();
      await hears(elapse, there, await marks.bump([bree], request()));
      assert.deepEqual(here.heard, []);
    },
  },
  {
    name: 'closing twice is closing once',
    run: async (make) => {
      const { marks } = await make();
      await marks.watch(recorder());
      await marks.close();
      await marks.close();
    },
  },
];
