import { memory, memoryMarks } from '../../../src/adapters/memory/index.js';
import type { Bump, Marks, MarksWatcher, SubjectKey } from '../../../src/contract.js';
import { fakeClock, seededRandom, type MarksFixture } from '../../../src/testing/index.js';
import { besideText } from '../beside.js';
import type { Broken } from './broken.js';

type Change = (inner: Marks) => Partial<Marks>;

function broken(change: Change): () => MarksFixture {
  return () => {
    const inner = memoryMarks({ partitions: 4 });
    const marks = { ...inner, ...change(inner) };
    return { marks, peer: marks, elapse: fakeClock().advance, wipe: async () => {} };
  };
}

/** Watchers told by the double itself: of what `bump` gives, as `tell` says. */
const announcing = (tell: (bump: Bump, watchers: Set<MarksWatcher>) => void): Change => {
  return (inner) => {
    const watchers = new Set<MarksWatcher>();
    return {
      bump: async (subjects, request) => {
        const bumps = await inner.bump(subjects, request);
        for (const bump of bumps) tell(bump, watchers);
        return bumps;
      },
      watch: async (watcher) => {
        watchers.add(watcher);
        return async () => {
          watchers.delete(watcher);
        };
      },
    };
  };
};

const watching = (change: (watcher: MarksWatcher) => MarksWatcher): Change => {
  return (inner) => ({ watch: (watcher) => inner.watch(change(watcher)) });
};

const onBump = (heard: (bump: Bump, watcher: MarksWatcher) => void): Change =>
  watching((watcher) => ({
    onBump: (bump) => {
      heard(bump, watcher);
    },
    onGap: () => {},
  }));

const bumping = (change: (bumps: readonly Bump[]) => readonly Bump[]): Change => {
  return (inner) => ({ bump: async (subjects, request) => change(await inner.bump(subjects, request)) });
};

/** Tokens whose nonce is the caller's alone, and epochs that come round again. */
function repeating(): MarksFixture {
  const inner = memoryMarks({ partitions: 4, random: seededRandom(1) });
  const epochs = new Map<string, string>();
  const short = (epoch: string): string => {
    if (!epochs.has(epoch)) epochs.set(epoch, `epoch ${String(epochs.size % 7)}`);
    return epochs.get(epoch) as string;
  };
  const long = async (partition: number): Promise<string> => (await inner.heads())[partition]?.epoch ?? '';
  const marks: Marks = {
    ...inner,
    read: async (subjects) => {
      const { tokens, heads, agesMs } = await inner.read(subjects);
      return {
        agesMs,
        tokens: tokens.map((token) => ({ ...token, epoch: short(token.epoch), nonce: '' })),
        heads: heads.map((head) => ({ ...head, epoch: short(head.epoch) })),
      };
    },
    heads: async () => (await inner.heads()).map((head) => ({ ...head, epoch: short(head.epoch) })),
    newEpoch: async (partition) => inner.newEpoch(partition, await long(partition)),
  };
  return { marks, peer: marks, elapse: fakeClock().advance };
}

const one = <Item>(items: readonly Item[]): readonly Item[] => items.slice(0, 1);

export const brokenMarks: readonly Broken<MarksFixture>[] = [
  [
    'seeds subjects with a token of their own',
    'a subject that was never bumped has the epoch of its partition as its token, position 0 and no nonce',
    broken((inner) => ({
      read: async (subjects) => {
        const read = await inner.read(subjects);
        return { ...read, tokens: read.tokens.map((token) => ({ ...token, nonce: token.nonce || 'seed' })) };
      },
    })),
  ],
  [
    'seeds from a counter',
    'reading does not change what is read',
    broken((inner) => {
      let seeds = 0;
      return {
        read: async (subjects) => {
          const read = await inner.read(subjects);
          const tokens = read.tokens.map((token) => ({ ...token, nonce: token.nonce || String(++seeds) }));
          return { ...read, tokens };
        },
      };
    }),
  ],
  [
    'heads without the nonce of their bump',
    'a head names the nonce of the bump at its position, none at 0, and an epoch that began by itself comes from none',
    broken((inner) => ({ heads: async () => (await inner.heads()).map((head) => ({ ...head, nonce: '' })) })),
  ],
  [
    'knows no ages',
    "a mark's age is counted from its bump, and that of a subject never bumped from the epoch's beginning",
    broken((inner) => ({
      read: async (subjects) => ({ ...(await inner.read(subjects)), agesMs: subjects.map(() => 0) }),
    })),
  ],
  [
    'takes whoever comes',
    'a replica configured with another number of partitions is refused',
    () => ({ ...broken(() => ({}))(), miscounted: () => memoryMarks({ partitions: 8 }) }),
  ],
  [
    'fetches marks of another moment',
    'values and marks come in one fetch, those that the values name as far as they are said to be there',
    () => {
      const { store, marks } = memory({ partitions: 4 });
      const late: Marks['fetchFrom'] = (other) => {
        const fetch = marks.fetchFrom?.(other) ?? null;
        return (
          fetch &&
          (async (...asked) => {
            const fetched = await fetch(...asked);
            await marks.bump(fetched.subjects, { changeId: 'c', nonce: 'n' });
            return fetched;
          })
        );
      };
      const mine = { ...marks, fetchFrom: late };
      return { marks: mine, peer: mine, elapse: fakeClock().advance, beside: { ...besideText, store } };
    },
  ],
  [
    'answers in an order of its own',
    'tokens are in the order of the subjects, and a subject read twice is answered twice',
    broken((inner) => ({ read: (subjects) => inner.read([...subjects].sort()) })),
  ],
  [
    'an empty bump bumps a partition',
    'empty reads and bumps are answered and touch no partition',
    broken((inner) => ({
      bump: (subjects, request) =>
        inner.bump(subjects.length === 0 ? ['branch:main' as SubjectKey] : subjects, request),
    })),
  ],
  [
    'bumps the first subject only',
    'a bump gives each of its subjects its token, and leaves all others',
    broken((inner) => ({
      bump: async (subjects, request) =>
        (await inner.bump(one(subjects), request)).map((bump) => ({ ...bump, subjects })),
    })),
  ],
  [
    'bumps a partition once per subject',
    'a bump is one bump per partition concerned, in order of partition, with the subjects that partitionOf gives it',
    broken((inner) => ({
      bump: async (subjects, request) =>
        (await Promise.all(subjects.map((subject) => inner.bump([subject], request)))).flat(),
    })),
  ],
  [
    'bumps a subject as often as it is named',
    'a subject named twice in a bump is bumped once',
    broken((inner) => ({
      bump: async (subjects, request) => {
        let bumps: readonly Bump[] = [];
        for (const subject of subjects) bumps = await inner.bump([subject], request);
        return bumps;
      },
    })),
  ],
  [
    'a request seen before is not executed',
    'the same request executed twice gives two tokens',
    broken((inner) => {
      const known = new Map<string, Promise<readonly Bump[]>>();
      return {
        bump: (subjects, request) => {
          const done = known.get(request.changeId) ?? inner.bump(subjects, request);
          known.set(request.changeId, done);
          return done;
        },
      };
    }),
  ],
  [
    'positions come in twos',
    'a partition starts at 0 and moves by one with each of its bumps, whoever makes them, without a hole',
    broken(bumping((bumps) => bumps.map((bump) => ({ ...bump, prev: bump.prev * 2, position: bump.position * 2 })))),
  ],
  [
    'a read gives all heads, touched or not',
    'heads names every partition in order, and read gives the same heads for those it touched',
    broken((inner) => ({
      read: async (subjects) => ({ ...(await inner.read(subjects)), heads: await inner.heads() }),
    })),
  ],
  [
    'reads heads first and tokens later',
    "a read's tokens are never above the heads that come with them",
    broken((inner) => ({
      read: async (subjects) => {
        const { heads } = await inner.read(subjects);
        await inner.bump(subjects, { changeId: 'between', nonce: '' });
        return { ...(await inner.read(subjects)), heads };
      },
    })),
  ],
  [
    'subjects are compared without case and accents',
    'subjects of any characters are kept apart',
    broken((inner) => ({
      read: (subjects) => inner.read(subjects.map((subject) => subject.normalize('NFC') as SubjectKey)),
      bump: (subjects, request) =>
        inner.bump(
          subjects.map((subject) => subject.normalize('NFC') as SubjectKey),
          request,
        ),
    })),
  ],
  [
    'bumps five hundred at most',
    'a thousand subjects are bumped and read at once',
    broken((inner) => ({ bump: (subjects, request) => inner.bump(subjects.slice(0, 500), request) })),
  ],
  [
    'newEpoch keeps the head',
    'newEpoch gives a partition an epoch that it never had: all its subjects are as if never bumped',
    broken((inner) => ({
      newEpoch: async (partition, ifEpoch) => ({ ...(await inner.newEpoch(partition, ifEpoch)), head: 1 }),
    })),
  ],
  [
    'newEpoch changes all partitions',
    'newEpoch leaves other partitions alone',
    broken((inner) => ({
      newEpoch: async (partition, ifEpoch) => {
        for (const head of await inner.heads()) await inner.newEpoch(head.partition, head.epoch);
        return inner.newEpoch(partition, ifEpoch);
      },
    })),
  ],
  ...['newEpoch loses if the epoch has moved on, and says where the partition is now'].map(
    (caughtBy): Broken<MarksFixture> => [
      'newEpoch does not compare',
      caughtBy,
      broken((inner) => ({
        newEpoch: async (partition) => inner.newEpoch(partition, (await inner.heads())[partition]?.epoch ?? ''),
      })),
    ],
  ),
  ['a token comes back', 'no token ever comes back, over random bumps and new epochs', repeating],
  [
    'a wipe leaves the epochs',
    'a store that lost everything has other epochs, and no token of before',
    broken(() => ({})),
  ],
  [
    'one message is lost',
    'a watcher hears every bump that begins after it was acknowledged, as its bumper was told of it, in order',
    broken(
      onBump((bump, watcher) => {
        if (bump.position !== 7) watcher.onBump(bump);
      }),
    ),
  ],
  [
    'a message names another nonce than the reply',
    'a watcher hears every bump that begins after it was acknowledged, as its bumper was told of it, in order',
    broken(
      onBump((bump, watcher) => {
        watcher.onBump({ ...bump, nonce: `${bump.nonce}!` });
      }),
    ),
  ],
  [
    'a watcher is told the past',
    'a watcher does not hear of bumps that were acknowledged before it began',
    broken((inner) => {
      const past: Bump[] = [];
      return {
        bump: async (subjects, request) => {
          const bumps = await inner.bump(subjects, request);
          past.push(...bumps);
          return bumps;
        },
        watch: (watcher) => {
          for (const bump of past) watcher.onBump(bump);
          return inner.watch(watcher);
        },
      };
    }),
  ],
  [
    'prev is the position itself',
    'bumps made at once are announced in the order of their positions, each following the one before',
    broken(
      onBump((bump, watcher) => {
        watcher.onBump({ ...bump, prev: bump.position });
      }),
    ),
  ],
  [
    'change ids pass through latin1',
    'an announcement carries the change id as it was given, and only the subjects bumped',
    broken(
      onBump((bump, watcher) => {
        watcher.onBump({ ...bump, changeId: Buffer.from(bump.changeId, 'latin1').toString('latin1') });
      }),
    ),
  ],
  [
    'globs travel everywhere',
    'globs travel in the bump that holds the subject of all pattern deletions, and in no other',
    broken((inner) => ({
      bump: async (subjects, request) =>
        (await inner.bump(subjects, request)).map((bump) => ({ ...bump, globs: request.globs ?? [] })),
    })),
  ],
  [
    'a watcher sees one epoch for ever',
    'after a new epoch a watcher hears bumps from position 1 on, with that epoch',
    broken(
      watching((watcher) => {
        let epoch: string | undefined;
        return {
          onBump: (bump) => {
            epoch ??= bump.epoch;
            if (bump.epoch === epoch) watcher.onBump(bump);
          },
          onGap: () => {},
        };
      }),
    ),
  ],
  [
    'heads lag one behind',
    'what a watcher heard and what heads says agree',
    broken((inner) => ({
      heads: async () => (await inner.heads()).map((head) => ({ ...head, head: Math.max(0, head.head - 1) })),
    })),
  ],
  [
    'a throwing watcher fails the bump',
    'a watcher that throws fails no bump and silences no other watcher, itself included',
    broken(
      announcing((bump, watchers) => {
        for (const watcher of watchers) watcher.onBump(bump);
      }),
    ),
  ],
  [
    'a throwing watcher is removed',
    'a watcher that throws fails no bump and silences no other watcher, itself included',
    broken(
      announcing((bump, watchers) => {
        for (const watcher of watchers) {
          try {
            watcher.onBump(bump);
          } catch {
            watchers.delete(watcher);
          }
        }
      }),
    ),
  ],
  [
    'nobody can stop watching',
    'a watcher that stopped hears nothing more; stopping twice is stopping once; others go on',
    broken((inner) => ({
      watch: async (watcher) => {
        await inner.watch(watcher);
        return async () => {};
      },
    })),
  ],
  [
    'tells each bump at once, even while telling another',
    'a watcher that bumps while it is told does not change the order for the others',
    broken((inner) => {
      const watchers: MarksWatcher[] = [];
      let head = 0;
      return {
        bump: async (subjects, { changeId, nonce }) => {
          const prev = head++;
          const bump = { partition: 0, epoch: 'e', prev, position: prev + 1, nonce, subjects, changeId, globs: [] };
          for (const watcher of watchers) watcher.onBump(bump);
          return [bump];
        },
        watch: async (watcher) => {
          watchers.push(watcher);
          return inner.watch(watcher);
        },
      };
    }),
  ],
  [
    'stopping stops every replica',
    'one replica that stops watching does not stop another',
    broken((inner) => {
      const stops: (() => Promise<void>)[] = [];
      return {
        watch: async (watcher) => {
          stops.push(await inner.watch(watcher));
          return async () => {
            for (const stop of stops) await stop();
          };
        },
      };
    }),
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
