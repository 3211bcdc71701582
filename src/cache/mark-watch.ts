import type { Bump, Clock, Head, Marks, SubjectKey, Token } from '../contract.js';
import { TidemarkError } from '../errors.js';
import type { Events } from '../events.js';
import { PATTERNS } from '../subject.js';
import { type Calls, wasRefused } from './calls.js';
import type { GlobLog } from './globs.js';
import type { MarkCell } from './mark-cell.js';
import type { MarkCells } from './mark-cells.js';
import type { OwnBump, OwnBumps } from './own-bumps.js';
import type { Finding, Partition, Sent } from './partition.js';

/** Told of what is heard, before any read can be answered with it. */
export interface MarksListener {
  changed(subjects: readonly SubjectKey[], changeId: string): void;
  /** Bumps may have been missed; with an epoch: it replaced another, and nobody knows what of that was lost. */
  missed(partition: number, epoch: string | null): void;
  /** Marks are about to be watched: this replica is in use. Told at every attempt. */
  beginning?(): void;
}

/** What a watch works with and on. */
export interface Watched {
  readonly marks: Marks;
  readonly clock: Clock;
  readonly events: Events;
  readonly calls: Calls;
  readonly cells: MarkCells;
  readonly globs: GlobLog;
  readonly own: OwnBumps;
  readonly listener: MarksListener;
  /** Held for ever: after a gap it tells whether a pattern deletion was missed. */
  readonly patterns: MarkCell;
  /** Reads cells from the store. */
  readonly read: (cells: readonly MarkCell[]) => Promise<unknown>;
  /** Bumps again what this replica bumped before. */
  readonly repeat: (bump: OwnBump) => Promise<unknown>;
  /** Sends the changes that wait; rejects if some still do. */
  readonly drain: () => Promise<void>;
  /** Orders what this replica sends and notices. */
  readonly serial: () => number;
}

/** Re-reads go in chunks: one command over 100,000 fields blocked a server for 56 ms. */
const CHUNK = 1000;
const RETRY_MS = 1000;
const CHECK_MS = 1000;
const CHECK_LIMIT_MS = 500;

/**
 * Keeps the table of marks current: hears bumps, checks regularly that none was missed, and repairs what was. No value
 * is thrown away: after a gap the marks held are read again.
 */
export class MarkWatch {
  readonly #on: Watched;
  #stop: (() => Promise<void>) | null = null;
  #cancelCheck: () => void = () => {};
  #failing = false;
  #closed = false;

  constructor(on: Watched) {
    this.#on = on;
  }

  /** Watches every partition, before any mark is held. What was kept without marks before may lack any change. */
  async start(): Promise<void> {
    const { marks, calls, cells, globs, patterns, listener } = this.#on;
    listener.beginning?.();
    this.#stop ??= await calls.run('watch', () =>
      marks.watch({
        onBump: (bump) => {
          this.#hear(bump);
        },
        onGap: (partition) => {
          for (const one of cells.partitions) if (partition === undefined || partition === one.number) this.gap(one);
        },
      }),
    );
    const sent = this.sent();
    for (const head of await calls.run('heads', () => marks.heads())) {
      const partition = cells.partitions[head.partition] as Partition;
      if (partition.epoch !== null) this.#disown(partition);
      if (partition.epoch !== head.epoch) this.#adopt(partition, head);
      else partition.skipTo(head);
      if (!partition.repairing) partition.settle(sent.at);
      listener.missed(partition.number, null);
    }
    await this.#on.read([patterns]);
    const { token, partition } = patterns;
    // Nothing was deleted by pattern between that one and now: entries stored since then are good.
    if (token !== null && token.epoch === partition.epoch) globs.begin(token.epoch, token.position);
    cells.version++;
    this.#checkLater();
  }

  /** Of an attempt to watch that failed: marks may have been read since, and nobody heard how they went on. */
  #disown(partition: Partition): void {
    const serial = this.#on.serial();
    partition.doubt(serial);
    partition.readableFrom = serial;
    this.#on.cells.forget(partition);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#cancelCheck();
    await this.#stop?.();
  }

  /** What is known at this moment, to be compared with the answer to a question that is sent now. */
  sent(): Sent {
    const { cells, clock, serial } = this.#on;
    return {
      at: clock.now(),
      serial: serial(),
      known: cells.partitions.map(({ epoch, applied }) => ({ epoch, applied })),
    };
  }

  // ── Hearing ───────────────────────────────────────────────────────────────────────────────────────────────────

  #hear(bump: Bump): void {
    if (this.#closed) return;
    const partition = this.#on.cells.partitions[bump.partition] as Partition;
    const { applied } = partition;
    const found = partition.hear(bump);
    if (found === 'epoch') this.#adopt(partition, { ...bump, head: bump.position });
    this.#raise(bump);
    if (found === 'hole' || found === 'unclear') this.gap(partition, applied);
    if (found === 'lost') this.lost(partition);
  }

  /** The reply to a bump of this replica. */
  hearOwn(bump: Bump, sent: Sent): void {
    const partition = this.#on.cells.partitions[bump.partition] as Partition;
    const found = partition.hearOwn(bump, sent);
    if (found === 'epoch') this.#adopt(partition, { ...bump, head: bump.position });
    this.#raise(bump);
    if (found === 'unclear') this.gap(partition);
    if (found === 'lost') this.lost(partition);
  }

  #raise(bump: Bump): void {
    const { cells, clock, globs, listener, own } = this.#on;
    cells.raise(bump, clock.now());
    own.heard(bump);
    if (bump.globs.length > 0 && bump.subjects.includes(PATTERNS)) {
      cells.version++;
      globs.add(bump.position, bump.globs);
    }
    listener.changed(bump.subjects, bump.changeId);
  }

  /** What the head that came with an answer shows. */
  compare(head: Head, sent: Sent): void {
    const partition = this.#on.cells.partitions[head.partition] as Partition;
    this.#follow(partition, partition.compare(head, sent), head);
  }

  /** `applied`: up to where nothing was missed. */
  #follow(partition: Partition, found: Finding, head: Head, applied = partition.applied): void {
    if (found === 'epoch') this.#adopt(partition, head);
    if (found === 'hole') this.gap(partition, applied);
    if (found === 'lost') this.lost(partition);
  }

  // ── Checking ──────────────────────────────────────────────────────────────────────────────────────────────────

  #checkLater(): void {
    if (this.#closed) return;
    this.#cancelCheck();
    this.#cancelCheck = this.#on.clock.after(CHECK_MS, () => {
      void this.#check().finally(() => {
        this.#checkLater();
      });
    });
  }

  /** Asks every partition for its head: trust runs on from the moment of asking. */
  async #check(): Promise<void> {
    const { marks, calls, cells, events, drain } = this.#on;
    const sent = this.sent();
    try {
      const heads = await calls.check('heads', () => marks.heads(), CHECK_LIMIT_MS);
      if (this.#closed) return;
      for (const partition of cells.partitions) {
        const head = heads.find((one) => one.partition === partition.number);
        const { applied } = partition;
        if (head === undefined) this.gap(partition);
        else this.#follow(partition, partition.check(head, sent), head, applied);
      }
      this.#failing = false;
      await drain().catch(() => undefined);
    } catch (error) {
      if (!this.#failing && !this.#closed) events.emit('error', { error: error as Error, where: 'marks: head check' });
      this.#failing = true;
    }
  }

  // ── Repairing ─────────────────────────────────────────────────────────────────────────────────────────────────

  #adopt(partition: Partition, head: Pick<Head, 'epoch' | 'head' | 'nonce'>): void {
    const { cells, globs, patterns } = this.#on;
    const first = partition.epoch === null;
    partition.adopt(head);
    if (partition === patterns.partition) {
      if (first) globs.begin(head.epoch, head.head);
      else globs.restart(head.epoch, head.head);
    }
    cells.forget(partition);
    if (!first) this.gap(partition);
  }

  /** Nothing above `applied` is sure. */
  gap(partition: Partition, applied = partition.applied): void {
    const { cells, globs, listener, events, patterns, serial } = this.#on;
    partition.doubt(serial());
    cells.version++;
    listener.missed(partition.number, null);
    events.emit('gap', { partition: partition.number });
    if (partition === patterns.partition) globs.doubt(applied);
    if (partition.repairing || this.#closed) return; // a re-read is under way and will start over
    partition.repairing = true;
    void this.#repair(partition);
  }

  /** The store went back under one epoch, or lost a change: nobody may trust its positions, so it gets another epoch. */
  lost(partition: Partition): void {
    partition.epochsWanted++;
    this.gap(partition);
  }

  /** Reads the partition's marks again until no gap came between. */
  async #repair(partition: Partition): Promise<void> {
    const { cells, clock, events, globs, patterns } = this.#on;
    for (;;) {
      const { gaps } = partition;
      const sent = this.sent();
      try {
        await this.#settleOwn(partition);
        const held = partition.gaps === gaps ? cells.of(partition) : [];
        for (let at = 0; at < held.length && partition.gaps === gaps; at += CHUNK) {
          await this.#on.read(held.slice(at, at + CHUNK));
        }
        if (partition.gaps === gaps) {
          partition.settle(sent.at);
          break;
        }
      } catch (error) {
        if (!wasRefused(error) && !this.#closed)
          events.emit('error', { error: error as Error, where: 'marks: re-read after a gap' });
        await new Promise<void>((resume) => clock.after(RETRY_MS, resume));
      }
      if (this.#closed) return;
    }
    const { token } = patterns;
    if (partition === patterns.partition && token !== null)
      globs.confirm(token.epoch, (token satisfies Token).position);
    cells.version++;
    events.emit('trusted', { partition: partition.number });
  }

  /** Whatever this replica changed is in the store again before a mark of the partition is read. */
  async #settleOwn(partition: Partition): Promise<void> {
    const { own, drain, repeat, listener } = this.#on;
    const { number } = partition;
    await drain();
    if (partition.mustRenew && !(await this.#renew(partition))) return;
    const sent = this.sent();
    const head = await this.#headOf(number);
    const found = partition.compare(head, sent);
    if (found !== 'next' && found !== 'nothing new') {
      this.#follow(partition, found, head);
      return;
    }
    if (partition.hasGoneBack) {
      this.lost(partition);
      return;
    }
    partition.skipTo(head);
    const { replaced } = partition;
    if (replaced === null) return;
    const known = head.from?.epoch === replaced ? head.from.head : null;
    const forgotten = own.above(number, known ?? 0, { replaced, current: head.epoch });
    const clear = forgotten !== null && (known !== null || forgotten.length === 0);
    if (clear) for (const bump of forgotten) if (bump.subjects.length > 0) await repeat(bump);
    if (partition.epoch !== head.epoch) return; // once more
    own.forgetAllBut(number, head.epoch);
    partition.replaced = null;
    if (known === null || known === 0) listener.missed(number, head.epoch);
    if (!clear) this.lost(partition);
  }

  /** False if the epoch that the store has now may have begun before another was called for. */
  async #renew(partition: Partition): Promise<boolean> {
    const { marks, calls } = this.#on;
    const { number, epochsWanted } = partition;
    // The one that is known here may have been replaced long ago.
    const { epoch } = await this.#headOf(number);
    const head = await calls.run('newEpoch', () => marks.newEpoch(number, epoch));
    const isNew = head.from?.epoch === epoch;
    if (isNew) partition.epochsBegun = epochsWanted;
    if (head.epoch !== partition.epoch) this.#adopt(partition, head);
    else if (!isNew) this.gap(partition);
    return isNew;
  }

  async #headOf(number: number): Promise<Head> {
    const { marks, calls } = this.#on;
    const head = (await calls.run('heads', () => marks.heads())).find((one) => one.partition === number);
    if (head !== undefined) return head;
    throw new TidemarkError('MARKS_UNAVAILABLE', `marks: no head of partition ${String(number)}.`);
  }
}
