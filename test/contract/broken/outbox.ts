import type { Outbox, OutboxInfo, OutboxRow, Swept, SweptRow } from '../../../src/contract.js';
import { type MemoryOutbox, type OutboxFixture, fakeClock, memoryOutbox } from '../../../src/testing/index.js';
import type { Broken } from './broken.js';

type Change = (inner: MemoryOutbox) => Partial<Outbox>;

/** The double of a process with some of its methods replaced; or only as the other replica sees it. */
function broken(change: Change, only?: 'peer'): () => OutboxFixture {
  return () => {
    const clock = fakeClock();
    const inner = memoryOutbox({ clock });
    const double: Outbox = Object.defineProperties({ ...inner }, Object.getOwnPropertyDescriptors(change(inner)));
    const begin = () => {
      const via = inner.begin();
      return { via, commit: via.commit, rollback: via.rollback };
    };
    const elapse = (ms: number) => clock.advance(ms);
    return { outbox: only === 'peer' ? inner : double, peer: double, begin, trigger: inner.trigger, elapse };
  };
}

/** What is handed over, changed. */
const handing =
  (change: (rows: readonly SweptRow[]) => readonly SweptRow[]): Change =>
  (inner) => ({ sweep: (options, apply) => inner.sweep(options, (rows) => apply(change(rows))) });

/** What becomes of it, changed. */
const ending =
  (change: (swept: Swept, rows: readonly SweptRow[]) => Swept): Change =>
  (inner) => ({
    sweep: (options, apply) => inner.sweep(options, async (rows) => change(await apply(rows), rows)),
  });

const telling =
  (change: (info: OutboxInfo) => Partial<OutboxInfo>): Change =>
  (inner) => ({
    info: async () => {
      const info = await inner.info();
      return { ...info, ...change(info) };
    },
  });

/** Rows by a number, and a memory of the last one: what is committed late is passed by. */
const byCursor: Change = (inner) => {
  const numbers = new Map<string, number>();
  let last = 0;
  return {
    add: async (via, rows: readonly OutboxRow[]) => {
      for (const { id } of rows) numbers.set(id, numbers.size + 1);
      await inner.add(via, rows);
    },
    sweep: (options, apply) =>
      inner.sweep(options, async (rows) => {
        const later = rows.filter(({ id }) => (numbers.get(id) ?? 0) > last);
        last = Math.max(last, ...later.map(({ id }) => numbers.get(id) ?? 0));
        return apply(later);
      }),
  };
};

/** A sweep that does not keep the others out. */
const together: Change = (inner) => {
  let under: readonly string[] = [];
  return {
    sweep: async (options, apply) => {
      const found = (await inner.committed(inner.waiting)).filter((id) => !under.includes(id));
      under = [...under, ...found];
      const { applied } = await apply(found.map((id) => ({ id, change: '', isTrigger: false, ageMs: 0 })));
      await inner.remove(applied);
      return found.length;
    },
  };
};

export const brokenOutboxes: readonly Broken<OutboxFixture>[] = [
  [
    'rows are committed by themselves',
    'what is committed says so to every replica, and what is not does not',
    broken((inner) => ({ add: (_, rows) => inner.add({ query: async () => ({ rows: [] }) }, rows) })),
  ],
  [
    'every id is said to be committed',
    'what is committed says so to every replica, and what is not does not',
    broken(() => ({ committed: async (ids) => ids })),
  ],
  [
    'another replica sees nothing',
    'what is committed says so to every replica, and what is not does not',
    broken(() => ({ committed: async () => [] }), 'peer'),
  ],
  [
    'the newest rows come first',
    'a sweep hands over what is committed, whole and in the order in which it was written',
    broken(handing((rows) => rows.toReversed())),
  ],
  [
    'text loses what is no ASCII',
    'a sweep hands over what is committed, whole and in the order in which it was written',
    broken(handing((rows) => rows.map((row) => ({ ...row, change: row.change.replace(/[^\x20-\x7e]/g, '?') })))),
  ],
  [
    'nobody knows which rows are by triggers',
    'a sweep hands over what is committed, whole and in the order in which it was written',
    broken(handing((rows) => rows.map((row) => ({ ...row, isTrigger: false })))),
  ],
  ['a cursor on a sequence', 'what is committed late is swept although later rows were before', broken(byCursor)],
  [
    'young rows are taken from who wrote them',
    'a sweep leaves younger rows to who wrote them, but not those of triggers',
    broken((inner) => ({ sweep: (options, apply) => inner.sweep({ ...options, olderThanMs: 0 }, apply) })),
  ],
  [
    'rows of triggers wait too',
    'a sweep leaves younger rows to who wrote them, but not those of triggers',
    broken(handing((rows) => rows.filter(({ isTrigger, ageMs }) => !isTrigger || ageMs > 50))),
  ],
  [
    'all rows at once',
    'a sweep takes as many as it is told',
    broken((inner) => ({ sweep: (options, apply) => inner.sweep({ ...options, limit: 1e9 }, apply) })),
  ],
  [
    'what was applied is handed over again',
    'what was applied is not handed over again, and still says that it was committed',
    broken(ending(() => ({ applied: [], refused: [] }))),
  ],
  [
    'what was applied is gone at once',
    'what was applied is not handed over again, and still says that it was committed',
    broken((inner) => ({
      sweep: async (options, apply) => {
        let gone: readonly string[] = [];
        const count = await inner.sweep(options, async (rows) => {
          const swept = await apply(rows);
          gone = swept.applied;
          return swept;
        });
        await inner.remove(gone);
        return count;
      },
    })),
  ],
  ['nothing is removed', 'what was removed is gone', broken(() => ({ remove: async () => {} }))],
  [
    'all that was handed over counts as applied',
    'what became of some rows is no matter of the others',
    broken(ending((_, rows) => ({ applied: rows.map(({ id }) => id), refused: [] }))),
  ],
  [
    'what is refused is dropped',
    'what was refused is kept and counted, and not handed over again at once',
    broken(ending(({ applied, refused }) => ({ applied: [...applied, ...refused], refused: [] }))),
  ],
  [
    'what is refused holds up the others',
    'what was refused is kept and counted, and not handed over again at once',
    broken(ending(({ applied }) => ({ applied, refused: [] }))),
  ],
  [
    'what is refused is not counted',
    'what was refused is kept and counted, and not handed over again at once',
    broken(telling(() => ({ refused: 0 }))),
  ],
  [
    'a failure is kept from who sweeps',
    'a sweep whose rows could not be applied rejects, and forgets nothing',
    broken((inner) => ({ sweep: (options, apply) => inner.sweep(options, apply).catch(() => 0) })),
  ],
  [
    'rows are forgotten before they are applied',
    'a sweep whose rows could not be applied rejects, and forgets nothing',
    broken((inner) => ({
      sweep: (options, apply) =>
        inner.sweep(options, async (rows) => {
          await inner.remove(rows.map(({ id }) => id));
          return apply(rows);
        }),
    })),
  ],
  ['two replicas sweep at once', 'one replica sweeps at a time', broken(together)],
  [
    'what is not committed is counted',
    'it tells how many rows wait, and for how long',
    broken(telling(({ waiting }) => ({ waiting: waiting + 1 }))),
  ],
  [
    'the youngest counts as the oldest',
    'it tells how many rows wait, and for how long',
    broken(telling(({ oldestMs }) => ({ oldestMs: oldestMs && 0 }))),
  ],
  [
    'an id that is taken is taken again',
    'a row with the id of another is refused',
    broken((inner) => ({ add: (via, rows) => inner.add(via, rows).catch(() => undefined) })),
  ],
];
