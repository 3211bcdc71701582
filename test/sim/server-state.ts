import type { BusMessage, BusPosition, Head, StoreVersion, SubjectKey, Token } from '../../src/index.js';

/** What a server holds, as plain data: a snapshot, a standby and the other half of a split are copies of it. */
export interface ServerState {
  readonly cells: Map<string, Cell>;
  readonly partitions: PartitionState[];
  readonly topics: Map<string, TopicState>;
}

export interface Cell {
  /** Null: deleted by `version`. */
  readonly value: Uint8Array | null;
  readonly version: StoreVersion | undefined;
  readonly expiresAt: number;
}

export interface PartitionState {
  /** Null: there is no such hash, as at first and after a flush or an eviction. */
  epoch: string | null;
  /** Of the server process that wrote it last. */
  runId: string;
  beganAt: number;
  from: Head['from'];
  head: number;
  nonce: string;
  bumped: Map<SubjectKey, { readonly token: Token; readonly at: number }>;
  /** For the checker: what this copy knows of, newest first. No replica sees it. */
  accepted: Accepted | null;
}

/** One thing that happened to a partition: a bump, or a new epoch, which covers whatever was committed before it. */
export interface Accepted {
  readonly before: Accepted | null;
  readonly at: number;
  readonly moment: number;
  /** Null for a new epoch. */
  readonly changeId: string | null;
  readonly subjects: readonly SubjectKey[];
}

export interface TopicState {
  epoch: string;
  runId: string;
  top: number;
  kept: { readonly id: string; readonly message: BusMessage }[];
  positions: Map<string, BusPosition>;
}

export function emptyState(partitions: number): ServerState {
  return { cells: new Map(), topics: new Map(), partitions: Array.from({ length: partitions }, noPartition) };
}

const noPartition = (): PartitionState => ({
  epoch: null,
  runId: '',
  beganAt: 0,
  from: null,
  head: 0,
  nonce: '',
  bumped: new Map(),
  accepted: null,
});

export function copyState(state: ServerState): ServerState {
  return {
    cells: new Map(state.cells),
    partitions: state.partitions.map((one) => ({ ...one, bumped: new Map(one.bumped) })),
    topics: new Map(
      [...state.topics].map(([name, one]) => [
        name,
        { ...one, kept: [...one.kept], positions: new Map(one.positions) },
      ]),
    ),
  };
}

/** What an eviction or a flush leaves of a partition: only what the checker knows. Whatever touches it begins an epoch. */
export function forgetPartition(state: ServerState, number: number, now: { at: number; moment: number }): void {
  const old = state.partitions[number] as PartitionState;
  state.partitions[number] = {
    ...noPartition(),
    accepted: { before: old.accepted, ...now, changeId: null, subjects: [] },
  };
}

/** The messages of a topic after `since`, as `Bus.read` says. */
export function historyOf(topic: TopicState, since: BusPosition | undefined, limit: number) {
  const { epoch, top, kept } = topic;
  const end: BusPosition = { epoch, offset: top };
  if (since === undefined) return { messages: [], top: end, truncated: false };
  const known = since.epoch === epoch && since.offset <= top;
  const seen = known ? since.offset : 0;
  const messages = kept.filter(({ message }) => message.position.offset > seen).slice(0, limit);
  return { messages: messages.map(({ message }) => message), top: end, truncated: !known || seen < top - kept.length };
}
