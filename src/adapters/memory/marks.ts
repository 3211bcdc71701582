import type { Bump, BumpRequest, Clock, Head, Marks, MarksRead, SubjectKey, Token } from '../../contract.js';
import { TidemarkError, counted } from '../../errors.js';
import { isPatterns, partitionOf } from '../../subject.js';
import { createAnnouncer } from './announcer.js';
import { randomId } from './options.js';

export interface MemoryMarksOptions {
  /** Measures the age of marks. Default `performance`. */
  readonly clock?: Pick<Clock, 'now'> | undefined;
  /** Uniform in [0, 1), for epochs. Default: the operating system's generator. */
  readonly random?: (() => number) | undefined;
  /** Default 1. */
  readonly partitions?: number | undefined;
  /** Above this many subjects ÷ partitions, a partition starts a new epoch. Default 1,000,000. */
  readonly maxMarks?: number | undefined;
}

interface Partition {
  readonly number: number;
  epoch: string;
  beganAt: number;
  from: Head['from'];
  head: number;
  nonce: string;
  /** The token of every subject that was not. */
  unbumped: Token;
  /** The subjects bumped in this epoch. */
  readonly bumped: Map<SubjectKey, Minted>;
}

interface Minted {
  readonly token: Token;
  readonly at: number;
}

type Announced = { readonly bump: Bump } | { readonly gap: number };

/**
 * {@link Marks} in this process. Watchers are told synchronously, before `bump()` resolves, and of a gap when
 * `newEpoch()` has changed an epoch. `close()` does nothing: the marks may be shared by several tides.
 */
export function memoryMarks(options: MemoryMarksOptions = {}): Marks {
  const count = counted('partitions', options.partitions, 1);
  const maxMarks = Math.max(1, Math.floor(counted('maxMarks', options.maxMarks, 1_000_000) / count));
  const clock = options.clock ?? performance;
  const announcer = createAnnouncer<Announced>();
  const partitions: readonly Partition[] = Array.from({ length: count }, (_, number) => {
    const epoch = randomId(options.random);
    const began = { epoch, beganAt: clock.now(), from: null, head: 0, nonce: '', unbumped: unbumpedIn(epoch) };
    return { number, ...began, bumped: new Map() };
  });
  /** What makes a nonce unique per execution, whatever the callers' random does. */
  let executions = 0;

  /** `known`: up to which position the bumps of the epoch before are known to be all there. */
  const startEpoch = (partition: Partition, known: number): void => {
    partition.from = { epoch: partition.epoch, head: known };
    partition.epoch = randomId(options.random);
    partition.beganAt = clock.now();
    partition.unbumped = unbumpedIn(partition.epoch);
    partition.head = 0;
    partition.nonce = '';
    partition.bumped.clear();
  };

  const bumpOne = (partition: Partition, subjects: ReadonlySet<SubjectKey>, request: BumpRequest): Bump => {
    const added = [...subjects].filter((subject) => !partition.bumped.has(subject)).length;
    if (partition.bumped.size + added > maxMarks) startEpoch(partition, partition.head);
    const prev = partition.head++;
    partition.nonce = request.nonce;
    const token: Token = { epoch: partition.epoch, position: partition.head, nonce: request.nonce };
    const minted: Minted = { token, at: clock.now() };
    for (const subject of subjects) partition.bumped.set(subject, minted);
    return {
      partition: partition.number,
      ...token,
      prev,
      subjects: [...subjects],
      changeId: request.changeId,
      globs: [...subjects].some(isPatterns) ? [...(request.globs ?? [])] : [],
    };
  };

  return {
    partitions: count,
    read: async (subjects) => {
      const now = clock.now();
      const minted = subjects.map((subject) => {
        const { bumped, unbumped, beganAt } = partitions[partitionOf(subject, count)] as Partition;
        return bumped.get(subject) ?? { token: unbumped, at: beganAt };
      });
      const touched = new Set(subjects.map((subject) => partitionOf(subject, count)));
      return {
        tokens: minted.map(({ token }) => token),
        agesMs: minted.map(({ at }) => now - at),
        heads: partitions.filter(({ number }) => touched.has(number)).map(headOf),
      } satisfies MarksRead;
    },
    bump: async (subjects, request) => {
      const nonce = `${request.nonce}.${(++executions).toString(36)}`;
      return spread(subjects, count).map(([number, group]) => {
        const bump = bumpOne(partitions[number] as Partition, group, { ...request, nonce });
        announcer.tell('', { bump });
        return bump;
      });
    },
    heads: async () => partitions.map(headOf),
    newEpoch: async (number, ifEpoch) => {
      const partition = partitions[number];
      if (partition === undefined) {
        throw new TidemarkError(
          'INVALID_OPTION',
          `partition: expected 0 to ${String(count - 1)}, got ${String(number)}.`,
        );
      }
      if (partition.epoch === ifEpoch) {
        startEpoch(partition, 0);
        announcer.tell('', { gap: number });
      }
      return headOf(partition);
    },
    watch: async (watcher) => {
      const stop = announcer.listen('', (announced) => {
        if ('bump' in announced) watcher.onBump(announced.bump);
        else watcher.onGap(announced.gap);
      });
      return async () => {
        stop();
      };
    },
    close: async () => {},
  };
}

const unbumpedIn = (epoch: string): Token => ({ epoch, position: 0, nonce: '' });
const headOf = ({ number, epoch, head, nonce, from }: Partition): Head => ({
  partition: number,
  epoch,
  head,
  nonce,
  from,
});

/** Subjects by partition, each once, in order of partition. */
function spread(subjects: readonly SubjectKey[], count: number): [partition: number, subjects: Set<SubjectKey>][] {
  const groups = new Map<number, Set<SubjectKey>>();
  for (const subject of subjects) {
    const number = partitionOf(subject, count);
    const group = groups.get(number);
    if (group === undefined) groups.set(number, new Set([subject]));
    else group.add(subject);
  }
  return [...groups].sort(([a], [b]) => a - b);
}
