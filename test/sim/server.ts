import type {
  Bump,
  BumpRequest,
  BusHistory,
  BusMessage,
  BusPosition,
  Fetched,
  Head,
  MarksRead,
  StoreEntry,
  StoreVersion,
  StoredValue,
  SubjectKey,
  Token,
} from '../../src/contract.js';
import { globToMatcher } from '../../src/glob.js';
import { isPatterns, partitionOf } from '../../src/subject.js';
import type { Engine } from './engine.js';
import type { ServerRules } from './server-rules.js';
import {
  type Accepted,
  type Cell,
  type PartitionState,
  type ServerState,
  type TopicState,
  copyState,
  emptyState,
  forgetPartition,
  historyOf,
} from './server-state.js';

/** One end of a subscription. */
export interface Sink {
  bump(bump: Bump, accepted: Accepted): void;
  message(topic: string, message: BusMessage): void;
}

/** What the checker learns of a server. */
export interface Observer {
  executed(bump: Bump): void;
  published(topic: string, id: string, position: BusPosition): void;
}

const HISTORY = 200;

/** Store, marks and bus in one single-threaded process, as one Redis is: every call is atomic. */
export class Server {
  readonly name: string;
  state: ServerState;
  runId: string;
  alive = true;
  /** Since when it runs with this run id. */
  beganAt: number;
  diedAt = Infinity;
  /** No room: what needs memory is refused, bumps are not. */
  full = false;
  /** Until when bumps and writes are refused, as a server that loads or was demoted does. */
  refusesUntil = 0;
  readonly marksSinks = new Set<Sink>();
  readonly topicSinks = new Map<string, Set<Sink>>();
  readonly #engine: Engine;
  readonly #newId: () => string;
  readonly #rules: ServerRules;
  readonly #observer: Observer;
  readonly #sent = new Map<string, Bump>();

  constructor(
    name: string,
    parts: {
      readonly engine: Engine;
      readonly newId: () => string;
      readonly rules: ServerRules;
      readonly observer: Observer;
      readonly state: number | ServerState;
    },
  ) {
    this.name = name;
    this.#engine = parts.engine;
    this.#newId = parts.newId;
    this.#rules = parts.rules;
    this.#observer = parts.observer;
    this.runId = parts.newId();
    this.beganAt = parts.engine.now;
    this.state = typeof parts.state === 'number' ? emptyState(parts.state) : copyState(parts.state);
  }

  get partitions(): number {
    return this.state.partitions.length;
  }

  /** Begins anew with this copy: connections are gone, and the run id is another. */
  restart(state: ServerState): void {
    this.state = copyState(state);
    this.runId = this.#newId();
    this.beganAt = this.#engine.now;
    this.disconnect();
  }

  /** Nobody listens any more. */
  disconnect(): void {
    this.marksSinks.clear();
    this.topicSinks.clear();
  }

  /** For ever. */
  die(): void {
    this.alive = false;
    this.diedAt = this.#engine.now;
  }

  /** True if the next script that touches the partition begins an epoch. */
  willRotate(number: number): boolean {
    const { epoch, runId } = this.state.partitions[number] as PartitionState;
    return epoch === null || (this.#rules.comparesRunId && runId !== this.runId);
  }

  flush(): void {
    if (!this.#rules.noticesTruncation) {
      for (const { bumped } of this.state.partitions) bumped.clear();
      return;
    }
    this.state.cells.clear();
    this.state.topics.clear();
    for (let number = 0; number < this.partitions; number++) this.forget(number);
  }

  forget(partition: number): void {
    forgetPartition(this.state, partition, { at: this.#engine.now, moment: this.#engine.moment });
  }

  // ── Marks ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** `partitions`: as the caller counts them. */
  readMarks(subjects: readonly SubjectKey[], partitions: number): MarksRead {
    const { now } = this.#engine;
    const touched = new Set(subjects.map((subject) => partitionOf(subject, partitions)));
    const heads = [...touched].sort((a, b) => a - b).map((number) => this.#headOf(number));
    const minted = subjects.map((subject) => {
      const { bumped, epoch, beganAt } = this.#partition(partitionOf(subject, partitions));
      return bumped.get(subject) ?? { token: { epoch: epoch as string, position: 0, nonce: '' }, at: beganAt };
    });
    return { tokens: minted.map(({ token }) => token), agesMs: minted.map(({ at }) => now - at), heads };
  }

  /** One script: the subjects of one partition. */
  bump(number: number, subjects: readonly SubjectKey[], request: BumpRequest): Bump {
    const key = `${String(number)} ${request.changeId} ${request.nonce}`;
    const before = this.#rules.tokenSentAgain ? this.#sent.get(key) : undefined;
    const bump = this.place(number, subjects, request);
    if (before !== undefined) {
      const { bumped } = this.#partition(number);
      for (const subject of subjects) bumped.set(subject, { token: before, at: this.#engine.now });
      return before;
    }
    this.#sent.set(key, bump);
    this.mark(bump, this.#engine.now);
    this.announce(bump);
    return bump;
  }

  /** A bump that has its place, and of which nobody sees anything yet. */
  place(number: number, subjects: readonly SubjectKey[], request: BumpRequest): Bump {
    this.#assertWritable();
    const partition = this.#partition(number);
    const epoch = partition.epoch as string;
    const prev = partition.head;
    return {
      ...{
        partition: number,
        epoch,
        position: prev + 1,
        nonce: `${request.nonce}.${String(this.#engine.moment)}`,
        prev,
      },
      subjects: [...subjects],
      changeId: request.changeId,
      globs: subjects.some(isPatterns) ? [...(request.globs ?? [])] : [],
    };
  }

  /** From here on its marks are read. */
  mark({ partition, epoch, position, nonce, subjects }: Bump, ranAt: number): void {
    const token: Token = { epoch, position, nonce };
    const { bumped } = this.state.partitions[partition] as PartitionState;
    for (const subject of subjects) bumped.set(subject, { token, at: ranAt });
  }

  /** From here on its position is read, and whoever listens is told. */
  announce(bump: Bump): void {
    const partition = this.state.partitions[bump.partition] as PartitionState;
    partition.head = bump.position;
    partition.nonce = bump.nonce;
    const accepted = this.#accept(partition, bump.changeId, bump.subjects);
    this.#observer.executed(bump);
    for (const sink of this.marksSinks) sink.bump(bump, accepted);
  }

  heads(): readonly Head[] {
    return this.state.partitions.map((_, number) => this.#headOf(number));
  }

  newEpoch(number: number, ifEpoch: string): Head {
    this.#assertWritable();
    const partition = this.#partition(number);
    if (partition.epoch === ifEpoch) this.#begin(partition, { epoch: ifEpoch, head: 0 });
    return this.#headOf(number);
  }

  fetch(
    keys: readonly string[],
    predicted: readonly SubjectKey[],
    { subjectsOf, partitions }: { subjectsOf: (value: Uint8Array) => readonly SubjectKey[]; partitions: number },
  ): Fetched {
    const entries = this.getMany(keys);
    const subjects = new Set(predicted);
    for (const entry of entries) if (entry !== undefined) for (const one of subjectsOf(entry.value)) subjects.add(one);
    return { entries, subjects: [...subjects], read: this.readMarks([...subjects], partitions) };
  }

  /** What every mark script does first: compares the run id, and begins an epoch where there is none. */
  #partition(number: number): PartitionState {
    const partition = this.state.partitions[number] as PartitionState;
    if (partition.epoch === null) this.#begin(partition, null);
    else if (this.#rules.comparesRunId && partition.runId !== this.runId) {
      this.#begin(partition, { epoch: partition.epoch, head: partition.head });
    }
    return partition;
  }

  #begin(partition: PartitionState, from: Head['from']): void {
    partition.from = from;
    partition.epoch = this.#rules.countedEpochs ? 'first' : this.#newId();
    partition.runId = this.runId;
    partition.beganAt = this.#engine.now;
    partition.head = 0;
    partition.nonce = '';
    partition.bumped = new Map();
    this.#accept(partition, null, []);
  }

  #accept(partition: PartitionState, changeId: string | null, subjects: readonly SubjectKey[]): Accepted {
    const { now: at, moment } = this.#engine;
    partition.accepted = { before: partition.accepted, at, moment, changeId, subjects };
    return partition.accepted;
  }

  #headOf(number: number): Head {
    const { epoch, head, nonce, from } = this.#partition(number);
    return { partition: number, epoch: epoch as string, head, nonce, from };
  }

  #assertWritable(): void {
    if (this.#engine.now < this.refusesUntil) throw new Error('LOADING the server is loading the dataset in memory');
  }

  // ── Store ─────────────────────────────────────────────────────────────────────────────────────────────────────

  getMany(keys: readonly string[]): (StoredValue | undefined)[] {
    const { now } = this.#engine;
    return keys.map((key) => {
      const cell = this.#cell(key);
      if (cell?.value == null) return undefined;
      return { value: cell.value, ttlMs: cell.expiresAt === Infinity ? undefined : cell.expiresAt - now };
    });
  }

  setMany(entries: readonly StoreEntry[]): void {
    this.#assertRoom();
    for (const { key, value, ttlMs } of entries) this.#put(key, value, ttlMs);
  }

  setIfAbsent(key: string, value: Uint8Array, ttlMs: number): boolean {
    this.#assertRoom();
    if (this.#valueOf(key) !== null) return false;
    this.#put(key, value, ttlMs);
    return true;
  }

  setIfNewer(key: string, value: Uint8Array | null, version: StoreVersion, ttlMs?: number): boolean {
    this.#assertRoom();
    const last = this.#cell(key)?.version;
    if (last !== undefined && last.epoch === version.epoch && last.position > version.position) return false;
    this.#put(key, value, ttlMs, version);
    return true;
  }

  renewIf(key: string, value: Uint8Array, ttlMs: number): boolean {
    const cell = this.#cell(key);
    if (!isSame(cell?.value, value)) return false;
    this.#put(key, value, ttlMs, cell?.version);
    return true;
  }

  deleteIf(key: string, value: Uint8Array): boolean {
    return isSame(this.#valueOf(key), value) && this.state.cells.delete(key);
  }

  deleteMany(keys: readonly string[]): number {
    return keys.filter((key) => this.#valueOf(key) !== null && this.state.cells.delete(key)).length;
  }

  keysLike(glob: string): string[] {
    const matches = globToMatcher(glob);
    return [...this.state.cells.keys()].filter((key) => this.#valueOf(key) !== null && matches(key));
  }

  #cell(key: string): Cell | undefined {
    const cell = this.state.cells.get(key);
    return cell === undefined || this.#engine.now < cell.expiresAt ? cell : undefined;
  }

  #valueOf(key: string): Uint8Array | null {
    return this.#cell(key)?.value ?? null;
  }

  #put(key: string, value: Uint8Array | null, ttlMs: number | undefined, version?: StoreVersion): void {
    const expiresAt = ttlMs === undefined ? Infinity : this.#engine.now + ttlMs;
    this.state.cells.set(key, { value, version, expiresAt });
  }

  #assertRoom(): void {
    if (this.full) throw new Error("OOM command not allowed when used memory > 'maxmemory'");
    this.#assertWritable();
  }

  // ── Bus ───────────────────────────────────────────────────────────────────────────────────────────────────────

  publish(name: string, bytes: Uint8Array, id: string): BusPosition {
    this.#assertRoom();
    const topic = this.#topic(name);
    const known = topic.positions.get(id);
    if (known !== undefined) return known;
    const position = { epoch: topic.epoch, offset: ++topic.top };
    const message = { position, bytes };
    topic.kept.push({ id, message });
    topic.positions.set(id, position);
    for (const gone of topic.kept.splice(0, topic.kept.length - HISTORY)) topic.positions.delete(gone.id);
    this.#observer.published(name, id, position);
    for (const sink of this.topicSinks.get(name) ?? []) sink.message(name, message);
    return position;
  }

  history(name: string, since: BusPosition | undefined, limit: number): BusHistory {
    return historyOf(this.#topic(name), since, limit);
  }

  #topic(name: string): TopicState {
    let topic = this.state.topics.get(name);
    const stale = topic !== undefined && this.#rules.comparesRunId && topic.runId !== this.runId;
    if (topic === undefined || stale) {
      topic = { epoch: this.#newId(), runId: this.runId, top: 0, kept: [], positions: new Map() };
      this.state.topics.set(name, topic);
    }
    return topic;
  }
}

function isSame(a: Uint8Array | null | undefined, b: Uint8Array): boolean {
  return a != null && a.length === b.length && a.every((byte, i) => byte === b[i]);
}
