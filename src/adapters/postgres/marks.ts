import { createRandom, randomId } from '../../clock.js';
import type { Bump, Clock, Head, Marks, MarksRead } from '../../contract.js';
import { TidemarkError, counted } from '../../errors.js';
import { byPartition, isPatterns, partitionOf } from '../../subject.js';
import { type PgPool, listenForErrors } from './client.js';
import { type Listener, channelOf, listenerOn } from './listener.js';
import { marksStatements } from './marks-sql.js';
import { bodyOf, bumpOf, headOf, messageReader, minting, readOf, wordOf } from './marks-wire.js';
import { type Partitions, runOpened, subjectBytes } from './partitions.js';
import { type Row, runOn } from './run.js';
import { DEFAULT_SCHEMA, quotedSchema } from './schema/name.js';

export interface PgMarksOptions {
  /** A Pool of `pg`; whoever made it ends it. One connection of it is kept for LISTEN. */
  readonly pool: PgPool;
  /** Where the migrations made the tables. Default 'tidemark'. */
  readonly schema?: string | undefined;
  /** The same for all replicas. Default 1. */
  readonly partitions?: number | undefined;
  /** Above this many subjects ÷ partitions, a partition starts a new epoch. Default 1,000,000. */
  readonly maxMarks?: number | undefined;
  /** Waits between attempts. */
  readonly clock?: Pick<Clock, 'after' | 'now'> | undefined;
  /** Uniform in [0, 1), for epochs. Default: the operating system's generator. */
  readonly random?: (() => number) | undefined;
}

/**
 * {@link Marks} in Postgres: a row per partition, whose lock gives the positions, and one per subject, in unlogged tables. One
 * statement per verb, each bump in one transaction with its announcement. A lost connection of the listener is a gap, and so is
 * its return. Throws INVALID_OPTION for options that cannot serve; rejects with NOT_MIGRATED where the tables are missing.
 */
export function pgMarks(options: PgMarksOptions): Marks {
  const listener = listenerOn(options.pool, options);
  const marks = marksOn(options, partitionsOf(options), listener);
  return {
    ...marks,
    close: async () => {
      await marks.close();
      await listener.close();
    },
  };
}

export function partitionsOf(options: PgMarksOptions): Partitions {
  const { pool, schema = DEFAULT_SCHEMA, clock, random = createRandom() } = options;
  const count = counted('partitions', options.partitions, 1);
  return {
    count,
    numbers: Array.from({ length: count }, (_, partition) => partition),
    channel: channelOf(schema, 'marks', ''),
    statements: marksStatements(quotedSchema(schema)),
    run: runOn({ pool, schema, failure: 'MARKS_UNAVAILABLE', clock }),
    seed: () => randomId(random),
  };
}

export function marksOn(
  { pool, maxMarks: most }: PgMarksOptions,
  partitions: Partitions,
  listener: Pick<Listener, 'listen'>,
): Marks {
  const { count, numbers, channel, statements, run, seed } = partitions;
  const maxMarks = Math.max(1, Math.floor(counted('maxMarks', most, 1_000_000) / count));
  const watching = new Set<() => void>();
  const unlisten = listenForErrors(pool);

  const heads = async (): Promise<readonly Head[]> => {
    const opened = await runOpened(partitions, numbers, [statements.read, [numbers, [], []]]);
    return opened.heads.map(headOf);
  };

  return {
    partitions: count,
    read: async (subjects): Promise<MarksRead> => {
      if (subjects.length === 0) return readOf([], []);
      const places = subjects.map((subject) => partitionOf(subject, count));
      const touched = [...new Set(places)];
      const values = [touched, subjectBytes(subjects), places];
      const opened = await runOpened(partitions, touched, [statements.read, values]);
      const marks: Row[] = [];
      for (const row of opened.rows) if (row['kind'] === 'mark') marks[Number(row['at']) - 1] = row;
      const mints = new Map(opened.heads.map((head) => [Number(head['number']), minting(head)]));
      const minted = places.map((place, i) => (mints.get(place) as ReturnType<typeof minting>)(marks[i]));
      return readOf(minted, opened.heads.map(headOf));
    },
    bump: async (subjects, request) => {
      if (subjects.length === 0) return [];
      const groups = byPartition(subjects, count);
      const bodies = groups.map(([, group]) => bodyOf(group, request, group.some(isPatterns)));
      const rows = await run(statements.bump, [
        ...[count, seed(), channel, maxMarks, wordOf(request.nonce)],
        groups.map(([partition]) => partition),
        groups.map(([, group]) => group.length),
        groups.flatMap(([, group]) => subjectBytes(group)),
        bodies,
      ]);
      return rows.map((row, i) => bumpOf(row, bodies[i] as string));
    },
    heads,
    newEpoch: async (partition, ifEpoch) => {
      if (!numbers.includes(partition)) {
        const message = `partition: expected 0 to ${String(count - 1)}, got ${String(partition)}.`;
        throw new TidemarkError('INVALID_OPTION', message);
      }
      const [row] = await run(statements.newEpoch, [count, seed(), channel, partition, ifEpoch]);
      return headOf(row as Row);
    },
    watch: async (watcher) => {
      const began = await heads();
      const messages = messageReader();
      const gap = (): void => {
        messages.forget();
        watcher.onGap(undefined);
      };
      const end = await listener.listen([channel], {
        onMessage: (_, payload) => {
          const told = messages.read(payload);
          if (told === null) return;
          if ('gap' in told) watcher.onGap(told.gap);
          else if (!isBehind(told.bump, began[told.bump.partition])) watcher.onBump(told.bump);
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
      unlisten();
    },
  };
}

const isBehind = ({ epoch, position }: Bump, head: Head | undefined): boolean =>
  epoch === head?.epoch && position <= head.head;
