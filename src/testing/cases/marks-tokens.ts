import assert from 'node:assert/strict';
import type { Head, Marks, SubjectKey } from '../../contract.js';
import { entitySubject, keySubject, partitionOf } from '../../subject.js';
import { seededRandom } from '../random.js';
import { awkwardNames, plain } from './case.js';
import { ankh, bree, many, request, tokenIn, tokenOf, tokenText, type MarksCase } from './marks-fixture.js';

/** Tokens, positions and epochs: what `read`, `bump`, `heads` and `newEpoch` answer. */
export const marksTokenCases: readonly MarksCase[] = [
  {
    name: 'a subject that was never bumped has the epoch of its partition as its token, position 0 and no nonce',
    run: async (make) => {
      const { marks } = await make();
      const { tokens, heads } = await marks.read([ankh]);
      const [head] = heads;
      assert.equal(head?.partition, partitionOf(ankh, marks.partitions));
      assert.equal(head.head, 0);
      assert.notEqual(head.epoch, '');
      assert.deepEqual(tokens, [{ epoch: head.epoch, position: 0, nonce: '' }]);
    },
  },
  {
    name: 'reading does not change what is read',
    run: async (make) => {
      const { marks, peer } = await make();
      const subjects = many(30);
      const ageless = async (replica: Marks): Promise<object> => ({ ...(await replica.read(subjects)), agesMs: [] });
      const first = await ageless(marks);
      assert.deepEqual(await ageless(marks), first);
      assert.deepEqual(await ageless(peer), first);
    },
  },
  {
    name: 'tokens are in the order of the subjects, and a subject read twice is answered twice',
    run: async (make) => {
      const { marks } = await make();
      await marks.bump([ankh], request('a'));
      await marks.bump([bree], request('b'));
      const [a, b] = [await tokenIn(marks, ankh), await tokenIn(marks, bree)];
      const { tokens } = await marks.read([bree, ankh, bree]);
      assert.deepEqual(tokens, [b, a, b]);
    },
  },
  {
    name: 'empty reads and bumps are answered and touch no partition',
    run: async (make) => {
      const { marks } = await make();
      const before = await marks.heads();
      assert.deepEqual(await marks.read([]), { tokens: [], agesMs: [], heads: [] });
      assert.deepEqual(await marks.bump([], request()), []);
      assert.deepEqual(await marks.heads(), before);
    },
  },
  {
    name: 'a bump gives each of its subjects its token, and leaves all others',
    run: async (make) => {
      const { marks, peer } = await make();
      const subjects = many(60);
      const bumped = subjects.filter((_, i) => i % 2 === 0);
      const before = await marks.read(subjects);
      const bumps = await marks.bump(bumped, request());
      const after = await peer.read(subjects);
      for (const [i, subject] of subjects.entries()) {
        const bump = bumps.find(({ subjects: held }) => held.includes(subject));
        assert.equal(bump !== undefined, i % 2 === 0, subject);
        assert.deepEqual(after.tokens[i], bump === undefined ? before.tokens[i] : tokenOf(bump), subject);
      }
    },
  },
  {
    name: 'a bump is one bump per partition concerned, in order of partition, with the subjects that partitionOf gives it',
    run: async (make) => {
      const { marks } = await make();
      const subjects = many(60);
      const bumps = await marks.bump(subjects, request());
      const concerned = [...new Set(subjects.map((subject) => partitionOf(subject, marks.partitions)))];
      assert.deepEqual(
        bumps.map(({ partition }) => partition),
        concerned.sort((a, b) => a - b),
      );
      for (const { partition, subjects: held } of bumps) {
        const expected = subjects.filter((subject) => partitionOf(subject, marks.partitions) === partition);
        assert.deepEqual([...held].sort(), expected.sort());
      }
    },
  },
  {
    name: 'a subject named twice in a bump is bumped once',
    run: async (make) => {
      const { marks } = await make();
      const bumps = await marks.bump([ankh, ankh, ankh], request());
      assert.deepEqual(
        bumps.map(({ prev, position, subjects }) => ({ prev, position, subjects })),
        [{ prev: 0, position: 1, subjects: [ankh] }],
      );
    },
  },
  {
    name: 'the same request executed twice gives two tokens',
    run: async (make) => {
      const { marks, peer } = await make();
      const seen = new Set<string>();
      for (const replica of [marks, peer, marks]) {
        const [bump] = await replica.bump([ankh], request('same', 'same'));
        assert.notEqual(bump?.nonce, '');
        seen.add(tokenText(await tokenIn(marks, ankh)));
      }
      assert.equal(seen.size, 3);
    },
  },
  {
    name: 'a partition starts at 0 and moves by one with each of its bumps, whoever makes them, without a hole',
    run: async (make) => {
      const { marks, peer } = await make();
      const subjects = many(40);
      const random = seededRandom(3);
      const rounds = Array.from({ length: 60 }, (_, i) => {
        const chosen = subjects.filter(() => random() < 0.1);
        return (i % 2 === 0 ? marks : peer).bump(chosen, request(`change ${String(i)}`));
      });
      const bumps = (await Promise.all(rounds)).flat();
      for (const { partition, epoch, head } of await marks.heads()) {
        const own = bumps.filter((bump) => bump.partition === partition).sort((a, b) => a.position - b.position);
        assert.deepEqual(
          own.map(({ prev, position, epoch: of }) => [prev, position, of]),
          own.map((_, i) => [i, i + 1, epoch]),
        );
        assert.equal(head, own.length);
      }
    },
  },
  {
    name: 'heads names every partition in order, and read gives the same heads for those it touched',
    run: async (make) => {
      const { marks } = await make();
      await marks.bump(many(30), request());
      await marks.bump([ankh], request());
      const heads = await marks.heads();
      assert.deepEqual(
        heads.map(({ partition }) => partition),
        Array.from({ length: marks.partitions }, (_, i) => i),
      );
      const { heads: all } = await marks.read(many(300));
      assert.deepEqual(byPartition(all), heads);
      const { heads: touched } = await marks.read([ankh, ankh]);
      assert.deepEqual(touched, [heads[partitionOf(ankh, marks.partitions)]]);
    },
  },
  {
    name: 'a head names the nonce of the bump at its position, none at 0, and an epoch that began by itself comes from none',
    run: async (make) => {
      const { marks, peer } = await make();
      const partition = partitionOf(ankh, marks.partitions);
      const before = (await peer.heads())[partition];
      assert.deepEqual([before?.nonce, before?.from], ['', null]);
      await marks.bump([ankh], request('a', 'first'));
      const [bump] = await peer.bump([ankh], request('b', 'second'));
      assert.equal((await marks.heads())[partition]?.nonce, bump?.nonce);
    },
  },
  {
    name: "a mark's age is counted from its bump, and that of a subject never bumped from the epoch's beginning",
    run: async (make) => {
      const { marks, peer, elapse } = await make();
      await marks.read([ankh, bree]);
      await elapse(60);
      await marks.bump([ankh], request());
      await elapse(60);
      const [bumped = 0, never = 0] = (await peer.read([ankh, bree])).agesMs;
      assert.ok(bumped >= 50 && bumped < 30_000, `60 ms after the bump: ${String(bumped)}`);
      assert.ok(never >= 110 && never < 30_000, `120 ms after the beginning: ${String(never)}`);
    },
  },
  {
    name: 'a replica configured with another number of partitions is refused',
    run: async (make) => {
      const { marks, miscounted } = await make();
      assert.ok(miscounted, 'the fixture makes such a replica, or skips this case');
      await marks.bump([ankh], request());
      const other = miscounted();
      const refused = { code: 'INVALID_OPTION' };
      await assert.rejects(other.heads(), refused);
      await assert.rejects(other.read([ankh]), refused);
      await assert.rejects(other.bump([ankh], request()), refused);
      await assert.rejects(other.watch({ onBump: () => {}, onGap: () => {} }), refused);
    },
  },
  {
    name: 'values and marks come in one fetch, those that the values name as far as they are said to be there',
    run: async (make) => {
      const { marks, beside } = await make();
      assert.ok(beside, 'the fixture has the store that lies beside, or skips this case');
      const fetch = marks.fetchFrom?.(beside.store) ?? assert.fail('a way to fetch from that store');
      const subjects = many(20);
      await marks.bump(subjects.slice(0, 10), request());
      await beside.store.setMany([{ key: 'a', value: beside.entry(subjects.slice(5, 15)), ttlMs: 60_000 }]);
      const { entries, subjects: answered, read } = await fetch(['a', 'none'], subjects.slice(0, 7), beside.subjectsOf);
      assert.deepEqual(plain(entries[0]?.value), plain(beside.entry(subjects.slice(5, 15))));
      assert.ok((entries[0]?.ttlMs ?? 0) > 50_000);
      assert.equal(entries[1], undefined);
      assert.deepEqual(answered.slice(0, 7), subjects.slice(0, 7));
      assert.ok(answered.every((subject) => subjects.slice(0, 15).includes(subject)));
      const { tokens, agesMs, heads } = await marks.read(answered);
      assert.deepEqual(read.tokens, tokens);
      assert.equal(read.agesMs.length, agesMs.length);
      assert.deepEqual(byPartition(read.heads), byPartition(heads));
      assert.equal(marks.fetchFrom?.({ ...beside.store }), null);
    },
  },
  {
    name: "a read's tokens are never above the heads that come with them",
    run: async (make) => {
      const { marks, peer } = await make();
      const subjects = many(30);
      const bumping = Array.from({ length: 40 }, (_, i) => peer.bump(subjects, request(String(i))));
      const reads = await Promise.all(Array.from({ length: 40 }, () => marks.read(subjects)));
      await Promise.all(bumping);
      for (const { tokens, heads } of [...reads, await marks.read(subjects)]) {
        const of = new Map(heads.map((head) => [head.partition, head]));
        for (const [i, { epoch, position }] of tokens.entries()) {
          const head = of.get(partitionOf(subjects[i] as SubjectKey, marks.partitions)) as Head;
          assert.equal(epoch, head.epoch);
          assert.equal(position, head.head, 'each bump here takes all subjects along');
        }
      }
    },
  },
  {
    name: 'subjects of any characters are kept apart',
    run: async (make) => {
      const { marks } = await make();
      const subjects = [...awkwardNames, 'a\ud800', 'a\ufffd'].map((name) => keySubject(name));
      for (const subject of subjects) await marks.bump([subject], request());
      const { tokens } = await marks.read(subjects);
      const perPartition = new Map<number, number>();
      for (const [i, subject] of subjects.entries()) {
        const partition = partitionOf(subject, marks.partitions);
        const position = (perPartition.get(partition) ?? 0) + 1;
        perPartition.set(partition, position);
        assert.equal(tokens[i]?.position, position, JSON.stringify(subject));
      }
    },
  },
  {
    name: 'a thousand subjects are bumped and read at once',
    run: async (make) => {
      const { marks, peer } = await make();
      const subjects = Array.from({ length: 1000 }, (_, i) => entitySubject('settlement', String(i), 'main'));
      const bumps = await marks.bump(subjects, request());
      const { tokens } = await peer.read(subjects);
      for (const [i, subject] of subjects.entries()) {
        const bump = bumps.find(({ partition }) => partition === partitionOf(subject, marks.partitions));
        assert.deepEqual(tokens[i], bump && tokenOf(bump));
      }
    },
  },
  {
    name: 'newEpoch gives a partition an epoch that it never had: all its subjects are as if never bumped',
    run: async (make) => {
      const { marks, peer } = await make();
      const [old] = await marks.bump([ankh], request());
      assert.ok(old);
      const head = await marks.newEpoch(old.partition, old.epoch);
      assert.notEqual(head.epoch, old.epoch);
      const from = { epoch: old.epoch, head: 0 };
      assert.deepEqual(head, { partition: old.partition, epoch: head.epoch, head: 0, nonce: '', from });
      assert.deepEqual(await tokenIn(peer, ankh), { epoch: head.epoch, position: 0, nonce: '' });
      const [next] = await peer.bump([ankh], request());
      assert.deepEqual([next?.epoch, next?.prev, next?.position], [head.epoch, 0, 1]);
    },
  },
  {
    name: 'newEpoch leaves other partitions alone',
    run: async (make) => {
      const { marks } = await make();
      await marks.bump(many(60), request());
      const before = await marks.heads();
      const partition = partitionOf(ankh, marks.partitions);
      await marks.newEpoch(partition, before[partition]?.epoch ?? '');
      const others = ({ partition: number }: Head): boolean => number !== partition;
      assert.deepEqual((await marks.heads()).filter(others), before.filter(others));
    },
  },
  {
    name: 'newEpoch loses if the epoch has moved on, and says where the partition is now',
    run: async (make) => {
      const { marks, peer } = await make();
      const { epoch: old, partition } = (await marks.heads())[0] as Head;
      const won = await marks.newEpoch(partition, old);
      await marks.bump(many(30), request());
      const now = (await marks.heads())[0];
      assert.deepEqual(await peer.newEpoch(partition, old), now);
      assert.deepEqual(await peer.newEpoch(partition, 'no epoch of ours'), now);
      assert.equal(now?.epoch, won.epoch);
    },
  },
  {
    name: 'of many newEpoch at once exactly one moves the epoch, and all hear the same',
    run: async (make) => {
      const { marks, peer } = await make();
      const { epoch: old, partition } = (await marks.heads())[0] as Head;
      const heads = await Promise.all([marks, peer, marks, peer].map((replica) => replica.newEpoch(partition, old)));
      assert.equal(new Set(heads.map(({ epoch }) => epoch)).size, 1);
      assert.notEqual(heads[0]?.epoch, old);
      assert.deepEqual((await marks.heads())[0], heads[0]);
    },
  },
  {
    name: 'no token ever comes back, over random bumps and new epochs',
    run: async (make) => {
      const { marks, peer } = await make();
      const subjects = many(12);
      const random = seededRandom(11);
      const last = new Map<SubjectKey, string>();
      const left = new Set<string>();
      for (let step = 0; step < 300; step++) {
        const replica = random() < 0.5 ? marks : peer;
        if (random() < 0.1) {
          const heads = await replica.heads();
          const { partition, epoch } = heads[Math.floor(random() * heads.length)] as Head;
          await replica.newEpoch(partition, epoch);
        } else {
          // Callers' nonces repeat on purpose: what makes a token unique is the store's part.
          const chosen = subjects.filter(() => random() < 0.3);
          await replica.bump(chosen, request('same change', 'same nonce'));
        }
        const { tokens } = await replica.read(subjects);
        for (const [i, subject] of subjects.entries()) {
          const now = `${subject} ${tokenText(tokens[i] ?? assert.fail('a token per subject'))}`;
          const before = last.get(subject);
          if (before !== undefined && before !== now) left.add(before);
          assert.ok(!left.has(now), `step ${String(step)}: ${now} is back`);
          last.set(subject, now);
        }
      }
    },
  },
  {
    name: 'a store that lost everything has other epochs, and no token of before',
    run: async (make) => {
      const { marks, wipe } = await make();
      assert.ok(wipe, 'the fixture says how to wipe the store, or skips this case');
      const subjects = many(30);
      await marks.bump(subjects, request());
      const before = new Set((await marks.read([...subjects, bree])).tokens.map(tokenText));
      const epochs = new Set((await marks.heads()).map(({ epoch }) => epoch));
      await wipe();
      for (const { epoch } of await marks.heads()) assert.ok(!epochs.has(epoch));
      for (const token of (await marks.read([...subjects, bree])).tokens) assert.ok(!before.has(tokenText(token)));
      await marks.bump(subjects, request());
      for (const token of (await marks.read(subjects)).tokens) assert.ok(!before.has(tokenText(token)));
    },
  },
];

const byPartition = (heads: readonly Head[]): Head[] => heads.toSorted((a, b) => a.partition - b.partition);
