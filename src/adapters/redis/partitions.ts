import type { SubjectKey } from '../../contract.js';
import { counted } from '../../errors.js';
import { byPartition } from '../../subject.js';
import type { Argument, Reply } from './client.js';
import type { Connection } from './connection.js';
import { READ } from './marks-scripts.js';
import type { Script } from './script.js';

/** A partition and, of the subjects of a call, those that are its own, each once. */
export type Group = readonly [partition: number, subjects: SubjectKey[]];

/** Where the partitions are, and how a script reaches them. */
export interface Partitions {
  readonly count: number;
  readonly numbers: readonly number[];
  /** Each channel with its partition. */
  readonly channels: ReadonlyMap<string, number>;
  readonly keyOf: (partition: number) => string;
  /** Subjects by partition, in order of partition. */
  readonly spread: (subjects: readonly SubjectKey[]) => readonly Group[];
  /** Rejects with INVALID_OPTION for a replica that is configured differently from the store. */
  readonly run: (
    script: Script,
    keys: readonly (string | Buffer)[],
    args: readonly Argument[],
  ) => Promise<readonly Reply[]>;
  /** Resolves once it is known that this replica is not. */
  readonly confirm: () => Promise<void>;
}

export function partitionsOf(connection: Connection, partitions: number | undefined): Partitions {
  const { prefix, apart, announce, channelEnd } = connection;
  const count = counted('partitions', partitions, apart ? 16 : 1);
  const keyOf = (partition: number): string => `${prefix}tm1:p:{${String(partition)}}`;
  const numbers = Array.from({ length: count }, (_, partition) => partition);

  const run: Partitions['run'] = async (script, keys, args) => {
    const opening = [count, announce, connection.seed(), channelEnd];
    return (await connection.run(script, keys, [...opening, ...args])) as readonly Reply[];
  };
  /** Partition 0 is there whatever the number of partitions: it knows whether ours is right, even if others are not there yet. */
  const ask = async (): Promise<void> => {
    try {
      await run(READ, [keyOf(0)], [0]);
    } catch (error) {
      confirmed = undefined;
      throw error;
    }
  };
  let confirmed: Promise<void> | undefined;

  return {
    ...{ count, numbers, keyOf, run },
    channels: new Map(numbers.map((partition) => [keyOf(partition) + channelEnd, partition])),
    spread: (subjects) => byPartition(subjects, count),
    confirm: () => (confirmed ??= ask()),
  };
}
