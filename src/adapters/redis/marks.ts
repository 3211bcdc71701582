import type { Bump, BumpRequest, Head, Marks, MarksRead, SubjectKey } from '../../contract.js';
import { TidemarkError, counted } from '../../errors.js';
import { bytesOf } from '../../names.js';
import { isPatterns } from '../../subject.js';
import type { Reply, SubscriberOptions } from './client.js';
import { type Connection, connect } from './connection.js';
import { BUMP, NEW_EPOCH, READ } from './marks-scripts.js';
import { type Minted, bodyOf, bumpOf, headOf, messageOf, minting, readOf, wordOf } from './marks-wire.js';
import { type Group, type Partitions, partitionsOf } from './partitions.js';

export interface RedisMarksOptions extends SubscriberOptions {
  /** The same for all replicas. Default 1, in a cluster 16. */
  readonly partitions?: number | undefined;
  /** Above this many subjects ÷ partitions, a partition starts a new epoch. Default 1,000,000. */
  readonly maxMarks?: number | undefined;
}

/**
 * {@link Marks} in Redis: a hash per partition, one script per verb and node, each bump atomic with its announcement.
 * A subscriber's lost connection is a gap, and so is its return. Throws INVALID_OPTION for clients that cannot serve.
 */
export function redisMarks(options: RedisMarksOptions): Marks {
  const connection = connect(options);
  return marksOn(connection, partitionsOf(connection, options.partitions), options.maxMarks);
}

export function marksOn(connection: Connection, partitions: Partitions, mostMarks: number | undefined): Marks {
  const { count, keyOf, run, confirm, spread } = partitions;
  const maxMarks = Math.max(1, Math.floor(counted('maxMarks', mostMarks, 1_000_000) / count));
  const watching = new Set<() => void>();

  /** One trip: a single server answers for all partitions in one script, the nodes of a cluster each for theirs. */
  const readGroups = async (groups: readonly Group[]): Promise<{ heads: Head[]; minted: Map<SubjectKey, Minted> }> => {
    if (count > 1) await confirm();
    const heads: Head[] = [];
    const minted = new Map<SubjectKey, Minted>();
    const read = async (batch: readonly Group[]): Promise<void> => {
      const keys = batch.map(([partition]) => keyOf(partition));
      const args = batch.flatMap(([, subjects]) => [subjects.length, ...subjects.map(bytesOf)]);
      const [now, ...answers] = await run(READ, keys, args);
      for (const [i, [partition, subjects]] of batch.entries()) {
        const [head, marks] = [answers[2 * i], answers[2 * i + 1] as readonly Reply[]];
        heads.push(headOf(partition, head));
        const mint = minting(head, now);
        subjects.forEach((subject, at) => minted.set(subject, mint(marks[at])));
      }
    };
    await Promise.all(
      connection.apart ? groups.map((group) => read([group])) : groups.length > 0 ? [read(groups)] : [],
    );
    return { heads: heads.sort((a, b) => a.partition - b.partition), minted };
  };

  const bumpOne = async ([partition, subjects]: Group, request: BumpRequest): Promise<Bump> => {
    const body = bodyOf(subjects, request, subjects.some(isPatterns));
    const args = [maxMarks, wordOf(request.nonce), body, ...subjects.map(bytesOf)];
    return bumpOf(partition, (await run(BUMP, [keyOf(partition)], args)).map(String), body);
  };

  const heads = async (): Promise<readonly Head[]> =>
    (await readGroups(partitions.numbers.map((partition) => [partition, []]))).heads;

  return {
    partitions: count,
    read: async (subjects): Promise<MarksRead> => {
      const { heads, minted } = await readGroups(spread(subjects));
      return readOf(
        subjects.map((subject) => minted.get(subject) as Minted),
        heads,
      );
    },
    bump: async (subjects, request) => {
      if (count > 1) await confirm();
      const done = await Promise.allSettled(spread(subjects).map((group) => bumpOne(group, request)));
      return done.map((one) => {
        if (one.status === 'rejected') throw one.reason;
        return one.value;
      });
    },
    heads,
    newEpoch: async (partition, ifEpoch) => {
      if (!partitions.numbers.includes(partition)) {
        const message = `partition: expected 0 to ${String(count - 1)}, got ${String(partition)}.`;
        throw new TidemarkError('INVALID_OPTION', message);
      }
      return headOf(partition, await run(NEW_EPOCH, [keyOf(partition)], [ifEpoch]));
    },
    watch: async (watcher) => {
      // Between the nodes of a cluster a message may still be on its way after its bump was acknowledged.
      const began = await heads();
      const gap = (): void => {
        watcher.onGap(undefined);
      };
      const end = await connection.channels.listen([...partitions.channels.keys()], {
        onMessage: (channel, bytes) => {
          const partition = partitions.channels.get(channel) as number;
          const bump = messageOf(partition, bytes);
          if (bump === null) watcher.onGap(partition);
          else if (!isBehind(bump, began[partition])) watcher.onBump(bump);
        },
        onLost: gap,
        onBack: gap,
      });
      watching.add(end);
      return async () => {
        watching.delete(end);
        end();
      };
    },
    close: async () => {
      for (const end of watching) end();
      watching.clear();
      connection.close();
    },
  };
}

const isBehind = ({ epoch, position }: Bump, head: Head | undefined): boolean =>
  epoch === head?.epoch && position <= head.head;
