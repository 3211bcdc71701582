import { CoarseClock, inTime, randomId } from '../clock.js';
import type { Bump, BumpRequest, Clock, Head, Marks, SubjectKey, Token } from '../contract.js';
import { TidemarkError } from '../errors.js';
import type { Events } from '../events.js';
import { PATTERNS, partitionOf } from '../subject.js';
import { GlobLog } from './globs.js';
import { MarkCell, type Partition, isNewer } from './mark-cell.js';
import { RecentChanges } from './recent.js';

export { type MarkCell, sameToken } from './mark-cell.js';

/** Positions applied per partition when a load began. */
export type Applied = readonly { readonly epoch: string | null; readonly applied: number }[];

/** Re-reads go in chunks: one command over 100,000 fields blocked a server for 56 ms. */
const CHUNK = 1000;
/** Cells that nothing relies on are kept for reuse up to this number. */
const LOOSE_KEPT = 10_000;
const RETRY_MS = 1000;

/** Told of what is heard, before any read can be answered with it. */
export interface MarksListener {
  heard(subjects: readonly SubjectKey[]): void;
  /** Bumps may have been missed. */
  lost(): void;
}

export interface MarkTableOptions {
  readonly marks: Marks;
  readonly clock: Clock;
  readonly random: () => number;
  readonly events: Events;
  /** When a call of Marks counts as failed. */
  readonly timeoutMs: number;
  readonly listener?: MarksListener | undefined;
}

/** The local table of marks: every mark this replica holds, kept current by watching, repaired after gaps. */
export class MarkTable {
  /** Rises whenever any held mark changes or trust moves: "nothing changed since I last looked" in one comparison. */
  version = 1;
  /** Rises with every bump heard, whether or not a mark of it is held. */
  heard = 0;
  readonly globs = new GlobLog();
  readonly #options: MarkTableOptions;
  readonly #time: CoarseClock;
  readonly #partitions: readonly Partition[];
  /** Held for ever: after a gap it tells whether a pattern deletion was missed. */
  readonly #patterns: MarkCell;
  readonly #cells = new Map<SubjectKey, MarkCell>();
  readonly #loose = new Set<MarkCell>();
  readonly #recent = new RecentChanges();
  #started: Promise<void> | null = null;
  #live = false;
  #stop: (() => Promise<void>) | null = null;
  #closed = false;

  constructor(options: MarkTableOptions) {
    this.#options = options;
    this.#time = new CoarseClock(options.clock);
    this.#partitions = Array.from({ length: options.marks.partitions }, (_, number) => ({
      number,
      epoch: null,
      applied: 0,
      appliedNonce: '',
      trusted: false,
      gaps: 0,
    }));
    this.#patterns = this.#cell(PATTERNS);
    this.pin(this.#patterns);
  }

  get size(): number {
    return this.#cells.size;
  }

  /** Watches every partition, before any mark is held. A failure is tried again by the next call. */
  start(): Promise<void> {
    this.#started ??= this.#start().catch((cause: unknown) => {
      this.#started = null;
      throw new TidemarkError('MARKS_UNAVAILABLE', 'marks: could not begin to watch.', { cause });
    });
    return this.#started;
  }

  async #start(): Promise<void> {
    const { marks } = this.#options;
    this.#stop ??= await this.#inTime('watch', () =>
      marks.watch({
        onBump: (bump) => {
          this.#onBump(bump);
        },
        onGap: (partition) => {
          for (const one of this.#partitions) if (partition === undefined || partition === one.number) this.#gap(one);
        },
      }),
    );
    for (const head of await this.#inTime('heads', () => marks.heads())) {
      const partition = this.#partition(head.partition);
      if (partition.epoch === head.epoch) partition.applied = Math.max(partition.applied, head.head);
      else this.#adopt(partition, head);
      partition.trusted = true;
    }
    await this.#read([this.#patterns]);
    const { token, partition } = this.#patterns;
    // Nothing was deleted by pattern between that one and now: entries stored since then are good.
    if (token !== null && token.epoch === partition.epoch) this.globs.begin(token.epoch, token.position);
    this.version++;
    this.#live = true;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#stop?.();
  }

  // ── Holding ───────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * The cells of these subjects, valid and pinned: the caller unpins them. Synchronous if they are held already; else
   * one read of those that are not. Rejects with MARKS_UNAVAILABLE.
   */
  hold(subjects: readonly SubjectKey[]): readonly MarkCell[] | Promise<readonly MarkCell[]> {
    if (!this.#live) return this.start().then(() => this.hold(subjects));
    const cells: MarkCell[] = [];
    const missing: MarkCell[] = [];
    for (const subject of subjects) {
      const cell = this.#cell(subject);
      this.pin(cell);
      cells.push(cell);
      if (!cell.valid) missing.push(cell);
    }
    if (missing.length === 0) return cells;
    return this.#readAll(missing).then(
      () => cells,
      (cause: unknown) => {
        for (const cell of cells) this.unpin(cell);
        throw new TidemarkError('MARKS_UNAVAILABLE', `marks: could not read ${String(missing.length)} subjects.`, {
          cause,
        });
      },
    );
  }

  pin(cell: MarkCell): void {
    if (cell.pins++ === 0) this.#loose.delete(cell);
  }

  unpin(cell: MarkCell): void {
    if (--cell.pins > 0 || this.#cells.get(cell.subject) !== cell) return;
    this.#loose.add(cell);
    if (this.#loose.size > LOOSE_KEPT) this.#kill(this.#loose.values().next().value as MarkCell);
  }

  /** Evicting a mark kills its cell: what points at it never validates again. */
  #kill(cell: MarkCell): void {
    this.#loose.delete(cell);
    this.#cells.delete(cell.subject);
    cell.valid = false;
  }

  applied(): Applied {
    return this.#partitions.map(({ epoch, applied }) => ({ epoch, applied }));
  }

  /** Whether this replica has applied everything that a receipt names. */
  reached(
    marks: Readonly<Record<number, { readonly epoch: string; readonly position: number }>>,
    applied?: Applied,
  ): boolean {
    return Object.entries(marks).every(([number, { epoch, position }]) => {
      const known = applied?.[Number(number)] ?? this.#partitions[Number(number)];
      const trusted = this.#partitions[Number(number)]?.trusted === true;
      return known !== undefined && trusted && known.epoch === epoch && known.applied >= position;
    });
  }

  changedRecently(cells: readonly MarkCell[]): boolean {
    return this.#recent.hasAny(cells, this.#time.now());
  }

  // ── Bumping ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** Bumps, and raises the local marks before it resolves. Rejects with MARKS_UNAVAILABLE. */
  async bump(subjects: readonly SubjectKey[], request: Omit<BumpRequest, 'nonce'>): Promise<readonly Bump[]> {
    try {
      if (!this.#live) await this.start();
      const nonce = randomId(this.#options.random);
      const bumps = await this.#inTime('bump', () => this.#options.marks.bump(subjects, { ...request, nonce }));
      for (const bump of bumps) this.#applyOwn(bump);
      return bumps;
    } catch (cause) {
      // Whether it was executed is unknown: at least nothing held here outlives it.
      for (const subject of subjects) {
        const cell = this.#cells.get(subject);
        if (cell !== undefined) this.#kill(cell);
      }
      this.version++;
      throw new TidemarkError('MARKS_UNAVAILABLE', `change ${request.changeId}: its marks could not be written.`, {
        cause,
      });
    }
  }

  #applyOwn(bump: Bump): void {
    const partition = this.#partition(bump.partition);
    if (partition.epoch !== bump.epoch) {
      this.#adopt(partition, { epoch: bump.epoch, head: bump.position });
      this.#gap(partition);
      return;
    }
    this.#raise(bump);
    // A foreign bump between may still be on its way: then `applied` waits for the messages.
    if (bump.prev === partition.applied) this.#advance(partition, bump);
  }

  // ── Hearing ───────────────────────────────────────────────────────────────────────────────────────────────────

  #onBump(bump: Bump): void {
    if (this.#closed) return;
    const partition = this.#partition(bump.partition);
    if (partition.epoch !== bump.epoch) {
      const known = partition.epoch !== null;
      this.#adopt(partition, { epoch: bump.epoch, head: bump.position });
      if (known) this.#gap(partition);
      this.#raise(bump);
      return;
    }
    const { applied } = partition;
    this.#raise(bump);
    if (bump.position === partition.applied && bump.nonce !== partition.appliedNonce && partition.appliedNonce !== '') {
      void this.#lost(partition);
    }
    if (bump.position <= partition.applied) return;
    this.#advance(partition, bump);
    if (bump.prev !== applied) this.#gap(partition, applied);
  }

  #advance(partition: Partition, bump: Bump): void {
    partition.applied = bump.position;
    partition.appliedNonce = bump.nonce;
  }

  #raise(bump: Bump): void {
    const token: Token = { epoch: bump.epoch, position: bump.position, nonce: bump.nonce };
    let moved = false;
    this.heard++;
    this.#recent.add(bump.subjects, this.#time.now());
    for (const subject of bump.subjects) {
      const cell = this.#cells.get(subject);
      if (cell === undefined || !isNewer(token, cell.token)) continue;
      if (!moved) this.version++;
      moved = true;
      cell.token = token;
      cell.changed = this.version;
    }
    this.#options.listener?.heard(bump.subjects);
    if (bump.globs.length > 0 && bump.subjects.includes(PATTERNS)) {
      this.version++;
      this.globs.add(bump.position, bump.globs);
    }
  }

  // ── Gaps ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Another epoch: every mark of the partition is unknown until read again. */
  #adopt(partition: Partition, head: Pick<Head, 'epoch' | 'head'>): void {
    const first = partition.epoch === null;
    partition.epoch = head.epoch;
    partition.applied = head.head;
    partition.appliedNonce = '';
    if (partition === this.#patterns.partition) {
      if (first) this.globs.begin(head.epoch, head.head);
      else this.globs.restart(head.epoch, head.head);
    }
    for (const cell of this.#cellsOf(partition)) {
      cell.valid = false;
      cell.token = null;
    }
    this.version++;
  }

  /** Nothing above `applied` is sure. */
  #gap(partition: Partition, applied = partition.applied): void {
    partition.gaps++;
    this.heard++;
    this.version++;
    this.#options.listener?.lost();
    this.#options.events.emit('gap', { partition: partition.number });
    if (partition === this.#patterns.partition) this.globs.doubt(applied);
    if (!partition.trusted) return; // a re-read is under way and will start over
    partition.trusted = false;
    void this.#repair(partition);
  }

  /** Reads the partition's marks again until no gap came between. No value is thrown away. */
  async #repair(partition: Partition): Promise<void> {
    for (;;) {
      const { gaps } = partition;
      try {
        await this.#readAll(this.#cellsOf(partition), () => partition.gaps === gaps);
        if (partition.gaps === gaps) break;
      } catch (error) {
        this.#options.events.emit('error', { error: error as Error, where: 'marks: re-read after a gap' });
        await new Promise<void>((resume) => this.#options.clock.after(RETRY_MS, resume));
      }
      if (this.#closed) return;
    }
    const { token } = this.#patterns;
    if (partition === this.#patterns.partition && token !== null) this.globs.confirm(token.epoch, token.position);
    partition.trusted = true;
    this.version++;
    this.#options.events.emit('trusted', { partition: partition.number });
  }

  /** The store went back in time under one epoch: nobody may trust its positions, so it gets another. */
  async #lost(partition: Partition): Promise<void> {
    this.#gap(partition);
    try {
      const head = await this.#options.marks.newEpoch(partition.number, partition.epoch as string);
      if (partition.epoch !== head.epoch) this.#adopt(partition, head);
      partition.gaps++;
    } catch (error) {
      this.#options.events.emit('error', {
        error: error as Error,
        where: 'marks: a new epoch for a store that lost marks',
      });
    }
  }

  // ── Cells ─────────────────────────────────────────────────────────────────────────────────────────────────────

  async #readAll(cells: readonly MarkCell[], goOn: () => boolean = () => true): Promise<void> {
    for (let at = 0; at < cells.length && goOn(); at += CHUNK) await this.#read(cells.slice(at, at + CHUNK));
  }

  async #read(cells: readonly MarkCell[]): Promise<void> {
    const sent = this.applied();
    const read = await this.#inTime('read', () => this.#options.marks.read(cells.map((cell) => cell.subject)));
    for (const head of read.heads) {
      const partition = this.#partition(head.partition);
      if (partition.epoch !== head.epoch) {
        this.#adopt(partition, head);
        this.#gap(partition);
      } else if (sent[head.partition]?.epoch === head.epoch && head.head < (sent[head.partition]?.applied ?? 0)) {
        void this.#lost(partition);
      }
    }
    let moved = false;
    cells.forEach((cell, i) => {
      const token = read.tokens[i] as Token;
      // A newer message overtook this reply on the other connection: the higher position of the two stands.
      if (this.#cells.get(cell.subject) !== cell || token.epoch !== cell.partition.epoch) return;
      cell.valid = true;
      if (!isNewer(token, cell.token)) return;
      if (!moved) this.version++;
      moved = true;
      cell.token = token;
      cell.changed = this.version;
    });
  }

  #inTime<T>(name: string, call: () => Promise<T>): Promise<T> {
    const { clock, timeoutMs } = this.#options;
    return inTime(
      clock,
      timeoutMs,
      call,
      () =>
        new TidemarkError(
          'STORE_TIMEOUT',
          `marks.${name}: expected an answer within ${String(timeoutMs)} ms, got none.`,
        ),
    );
  }

  #cell(subject: SubjectKey): MarkCell {
    let cell = this.#cells.get(subject);
    if (cell === undefined) {
      cell = new MarkCell(subject, this.#partition(partitionOf(subject, this.#partitions.length)));
      this.#cells.set(subject, cell);
    }
    return cell;
  }

  #cellsOf(partition: Partition): MarkCell[] {
    return [...this.#cells.values()].filter((cell) => cell.partition === partition);
  }

  #partition(number: number): Partition {
    return this.#partitions[number] as Partition;
  }
}
