import { type CoarseClock, randomId } from '../clock.js';
import type { Bump, Clock, Fetch, Marks, StoredValue, SubjectKey } from '../contract.js';
import { TidemarkError } from '../errors.js';
import type { Events } from '../events.js';
import type { Traces } from '../traces.js';
import { PATTERNS } from '../subject.js';
import { Calls, wasRefused } from './calls.js';
import { ChangeQueue, type WaitingChange } from './change-queue.js';
import { GlobLog } from './globs.js';
import { type Applied, type Held, type MarkCell, isReadAfter } from './mark-cell.js';
import { MarkCells, type Standing } from './mark-cells.js';
import { MarkReads } from './mark-reads.js';
import { type MarksListener, MarkWatch } from './mark-watch.js';
import type { Moves } from './moves.js';
import { OwnBumps } from './own-bumps.js';
import { Partition } from './partition.js';
import type { ReceiptMarks } from './receipt.js';
import { RecentChanges } from './recent.js';

export { type Applied, type Held, type MarkCell, sameToken, wasApplied } from './mark-cell.js';
export type { MarksListener } from './mark-watch.js';

export interface MarkTableOptions {
  readonly marks: Marks;
  readonly clock: Clock;
  readonly time: CoarseClock;
  readonly random: () => number;
  readonly events: Events;
  /** When a call of Marks counts as failed. */
  readonly timeoutMs: number;
  /** How long marks count that were not confirmed since. */
  readonly maxStalenessMs: number;
  readonly listener: MarksListener;
  /** Reads values of the store together with marks, where they lie together. */
  readonly fetch: Fetch | null;
  readonly subjectsOf: (value: Uint8Array) => readonly SubjectKey[];
  readonly moves: Moves;
  readonly traces: Traces;
}

export interface Fetched {
  readonly held: Held;
  readonly entries: ReadonlyMap<string, StoredValue>;
}

export interface Announced {
  readonly changeId: string;
  readonly globs?: readonly string[];
}

const RETRY_MS = 1000;
const NOTHING_WAITS = Promise.resolve();

/** The local table of marks: every mark this replica holds, and how far it may be believed. */
export class MarkTable {
  /** Rises with every bump heard or missed, whether or not a mark of it is held. */
  heard = 0;
  readonly globs = new GlobLog();
  readonly calls: Calls;
  readonly #options: MarkTableOptions;
  readonly #cells: MarkCells;
  readonly #watch: MarkWatch;
  readonly #reads: MarkReads;
  readonly #own = new OwnBumps();
  readonly #queue = new ChangeQueue();
  readonly #patterns: MarkCell;
  readonly #recent = new RecentChanges();
  #serial = 0;
  #started: Promise<void> | null = null;
  #live = false;
  #draining: Promise<void> | null = null;
  #cancelStart: () => void = () => {};

  constructor(options: MarkTableOptions) {
    this.#options = options;
    const { marks, clock, events, timeoutMs, listener, traces } = options;
    this.calls = new Calls({ part: 'marks', clock, events, timeoutMs, traces });
    const partitions = Array.from({ length: marks.partitions }, (_, number) => new Partition(number));
    this.#cells = new MarkCells(partitions, (subject) => this.#queue.has(subject), options.moves);
    this.#patterns = this.#cells.take(PATTERNS);
    this.#watch = new MarkWatch({
      marks,
      clock,
      events,
      calls: this.calls,
      cells: this.#cells,
      globs: this.globs,
      own: this.#own,
      patterns: this.#patterns,
      listener: {
        changed: (subjects, changeId) => {
          this.#changed(subjects, changeId);
        },
        missed: (partition, epoch) => {
          this.heard++;
          listener.missed(partition, epoch);
        },
        beginning: () => listener.beginning?.(),
      },
      read: (cells) => this.#reads.read(cells.map(({ subject }) => subject)),
      repeat: async ({ subjects, globs, changeId }) => {
        await this.#send(subjects, { changeId, globs });
      },
      drain: () => this.#drain(),
      serial: () => ++this.#serial,
    });
    const { fetch, subjectsOf } = options;
    this.#reads = new MarkReads({
      marks,
      clock,
      calls: this.calls,
      cells: this.#cells,
      watch: this.#watch,
      fetch,
      subjectsOf,
    });
  }

  get moves(): Moves {
    return this.#options.moves;
  }

  /** Rises whenever any held mark changes. */
  get version(): number {
    return this.#cells.version;
  }

  /** The moment of this replica's own doings: a strong read counts only what was read after it. */
  get serial(): number {
    return this.#serial;
  }

  get maxStalenessMs(): number {
    return this.#options.maxStalenessMs;
  }

  get size(): number {
    return this.#cells.size;
  }

  /** Changes that wait for the marks. */
  get queue(): Pick<ChangeQueue, 'length' | 'first'> {
    return this.#queue;
  }

  /** How it stands with what is held. */
  get standing(): Standing {
    return this.#cells.standing(this.#options.clock.now(), this.#options.maxStalenessMs);
  }

  get fetches(): boolean {
    return this.#options.fetch !== null;
  }

  /** Begins to watch. A failure is tried again by the next call. Rejects with MARKS_UNAVAILABLE. */
  start(): Promise<void> {
    this.#started ??= this.#watch.start().then(
      () => {
        this.#live = true;
        void this.#drain().catch(() => undefined);
      },
      (cause: unknown) => {
        this.#started = null;
        throw new TidemarkError('MARKS_UNAVAILABLE', 'marks: could not begin to watch.', { cause });
      },
    );
    return this.#started;
  }

  /** Begins to watch, sooner or later, though nobody waits for it. */
  keepWatch(): void {
    if (this.#live) return;
    void this.start().catch(() => {
      this.#startLater();
    });
  }

  async close(): Promise<void> {
    this.#cancelStart();
    await this.#watch.close();
  }

  // ── Holding ───────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * The cells of these subjects, pinned: the caller unpins them. Synchronous if all are held and confirmed already; else
   * one read of those that are not. `after`: for a strong read, only what was read after this moment counts. Never rejects.
   */
  hold(subjects: readonly SubjectKey[], after: number | null = null): Held | Promise<Held> {
    const cells = this.#take(subjects);
    if (this.#live) {
      const unknown = this.#unknown(cells, after);
      if (unknown.length === 0) return { cells, stamp: this.version, known: true, error: null };
    }
    return this.#ask(cells, [], after).then(({ held }) => held);
  }

  /** The same, and values of the store in the same round trip; those that are not there are left out. */
  fetch(keys: readonly string[], subjects: readonly SubjectKey[], after: number | null): Promise<Fetched> {
    return this.#ask(this.#take(subjects), keys, after);
  }

  #take(subjects: readonly SubjectKey[]): MarkCell[] {
    return subjects.map((subject) => this.#cells.take(subject));
  }

  async #ask(cells: readonly MarkCell[], keys: readonly string[], after: number | null): Promise<Fetched> {
    let entries: Fetched['entries'] = new Map();
    let error: TidemarkError | null = null;
    try {
      if (!this.#live) await this.start();
      entries = await this.#reads.join(this.#unknown(cells, after), keys);
    } catch (cause) {
      const message = `marks: could not read ${String(cells.length)} subjects.`;
      if (!wasRefused(cause)) error = new TidemarkError('MARKS_UNAVAILABLE', message, { cause });
    }
    // A subject whose latest change still waits here is not known whatever the store says.
    const known = this.#live && this.#unknown(cells, after).length === 0;
    return { held: { cells, stamp: this.version, known, error }, entries };
  }

  /** Those of the cells that have to be read before they say anything. */
  #unknown(cells: readonly MarkCell[], after: number | null): MarkCell[] {
    if (after !== null) return [...cells, this.#patterns].filter((cell) => !isReadAfter(cell, after));
    const since = this.#options.time.now() - this.#options.maxStalenessMs;
    if (this.#cells.isConfirmed(since)) return cells.filter((cell) => !cell.valid);
    return [...cells, this.#patterns].filter((cell) => !(cell.confirmedAt > since));
  }

  /**
   * Whether values whose marks these are, unmoved as far as is known, may be served at this time: that they have not moved
   * was confirmed lately; `after`: for a strong read, it was asked after this moment.
   */
  trusts(cells: readonly MarkCell[], now: number, after: number | null = null): boolean {
    if (after !== null) {
      return (
        isReadAfter(this.#patterns, after) && this.#hasAllPatterns() && cells.every((cell) => isReadAfter(cell, after))
      );
    }
    const since = now - this.#options.maxStalenessMs;
    if (this.#cells.isConfirmed(since)) return true;
    return (
      this.#patterns.confirmedAt > since && this.#hasAllPatterns() && cells.every((cell) => cell.confirmedAt > since)
    );
  }

  /** False while a pattern deletion is known of whose pattern has not been heard. */
  #hasAllPatterns(): boolean {
    const { token, partition } = this.#patterns;
    return token !== null && token.epoch === partition.epoch && token.position <= partition.applied;
  }

  pin(cell: MarkCell): void {
    this.#cells.pin(cell);
  }

  unpin(cell: MarkCell): void {
    this.#cells.unpin(cell);
  }

  applied(): Applied {
    return this.#cells.partitions.map(({ epoch, applied, repairing }) => ({ epoch, applied, sure: !repairing }));
  }

  /** Whether this replica has applied everything that a receipt names. */
  reached(marks: ReceiptMarks, applied: Applied = this.applied()): boolean {
    return Object.entries(marks).every(([number, { epoch, position }]) => {
      const known = applied[Number(number)];
      return known !== undefined && known.sure && known.epoch === epoch && known.applied >= position;
    });
  }

  /** Whether the store has said of some of these that they changed, and the message has not come. */
  isAhead(cells: readonly MarkCell[]): boolean {
    return cells.some(({ token, partition }) => partition.repairing || (token?.position ?? 0) > partition.applied);
  }

  changedRecently(cells: readonly MarkCell[]): boolean {
    return this.#recent.hasAny(cells, this.#options.time.now());
  }

  /** An event is about to be handed out: nothing older than its marks may be served from now on. Null: they are not known. */
  expect(marks: ReceiptMarks | null): void {
    let isAhead = marks === null;
    if (marks === null) for (const partition of this.#cells.partitions) partition.suspect(++this.#serial);
    else
      for (const [number, { epoch, position }] of Object.entries(marks)) {
        if (this.#cells.partitions[Number(number)]?.expect(epoch, position, ++this.#serial) !== false) isAhead = true;
      }
    if (isAhead) this.#recent.addUnknown(this.#options.time.now());
  }

  /** Rises with every event that tells of changes which the marks have not told of. */
  get told(): number {
    return this.#recent.unknown;
  }

  /** Nothing counts that was confirmed so far: this process was suspended. */
  distrust(): void {
    for (const partition of this.#cells.partitions) this.#watch.gap(partition);
  }

  // ── Bumping ───────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Bumps, and raises the local marks before it resolves. Where the marks cannot be reached the change waits in a queue,
   * and nothing that it concerns is served from here meanwhile; `later` hears of its bumps once the marks have it.
   */
  async bump(
    subjects: readonly SubjectKey[],
    { changeId, globs = [] }: Announced,
    later: (bumps: readonly Bump[]) => void = () => {},
  ): Promise<readonly Bump[] | 'queued'> {
    try {
      return await this.bumpNow(subjects, { changeId, globs });
    } catch {
      // Whether it was executed is not known. Executed twice, it is two changes, of which the first did nothing.
      const since = this.#options.clock.now();
      this.#enqueue({ changeId, subjects, globs, since, cells: this.#cells.holdBack(subjects), taken: later });
      this.#options.events.emit('queued', { changeId, waiting: this.#queue.length });
      return 'queued';
    }
  }

  /** The same, but rejects where the marks cannot be reached. */
  async bumpNow(subjects: readonly SubjectKey[], { changeId, globs = [] }: Announced): Promise<readonly Bump[]> {
    if (!this.#live) await this.start();
    await this.#drain(); // one replica's changes reach the marks in their order
    return this.#send(subjects, { changeId, globs });
  }

  async #send(subjects: readonly SubjectKey[], { changeId, globs }: Required<Announced>): Promise<readonly Bump[]> {
    const { marks, random } = this.#options;
    const nonce = randomId(random);
    const sent = this.#watch.sent();
    const bumps = await this.calls.run('bump', () => marks.bump(subjects, { changeId, globs, nonce }));
    for (const bump of bumps) this.#own.add(bump);
    for (const bump of bumps) this.#watch.hearOwn(bump, sent);
    return bumps;
  }

  #changed(subjects: readonly SubjectKey[], changeId: string): void {
    this.#recent.add(subjects, this.#options.time.now());
    this.heard++;
    this.#options.listener.changed(subjects, changeId);
  }

  #enqueue(change: WaitingChange): void {
    this.#changed(change.subjects, '');
    this.#queue.add(change);
    if (!this.#live) this.#startLater();
    if (!this.#queue.isFull) return;
    // Nothing is dropped: a new epoch says that everything may have changed.
    const partitions = new Set<Partition>();
    for (let one = this.#queue.first; one !== undefined; one = this.#queue.first) {
      this.#queue.remove(one);
      for (const cell of one.cells) {
        partitions.add(cell.partition);
        this.unpin(cell);
      }
    }
    for (const partition of partitions) this.#watch.lost(partition);
  }

  /** Nobody else may come by to try again. */
  #startLater(): void {
    this.#cancelStart();
    this.#cancelStart = this.#options.clock.after(RETRY_MS, () => {
      this.keepWatch();
    });
  }

  /** Sends the changes that wait, in their order. Rejects at the first that the marks do not take. */
  #drain(): Promise<void> {
    if (this.#queue.first === undefined) return NOTHING_WAITS;
    this.#draining ??= this.#drainAll().finally(() => {
      this.#draining = null;
    });
    return this.#draining;
  }

  async #drainAll(): Promise<void> {
    for (let change = this.#queue.first; change !== undefined; change = this.#queue.first) {
      const bumps = await this.#send(change.subjects, change);
      if (this.#queue.first !== change) continue; // it ran over meanwhile
      this.#queue.remove(change);
      for (const cell of change.cells) this.unpin(cell);
      change.taken(bumps);
      this.#options.events.emit('sent', { changeId: change.changeId, waiting: this.#queue.length });
    }
  }
}
