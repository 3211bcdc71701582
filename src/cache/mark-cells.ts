import type { Bump, MarksRead, SubjectKey, Token } from '../contract.js';
import type { Metrics } from '../metrics.js';
import { partitionOf } from '../subject.js';
import { MarkCell, type Reading, isNewer } from './mark-cell.js';
import { type Moves, isOfCell } from './moves.js';
import type { Partition } from './partition.js';

/** How far what is held may be believed. */
export type Standing = Pick<Metrics['marks'], 'unconfirmedMs' | 'partitions' | 'distrusted'>;

/** Cells that nothing relies on are kept for reuse up to this number. */
const LOOSE_KEPT = 10_000;

/** Every mark that this replica holds: found by subject, kept while something relies on it, raised by what is heard. */
export class MarkCells {
  /** Rises whenever any held mark changes or may have: "nothing changed since I last looked" in one comparison. */
  version = 1;
  readonly partitions: readonly Partition[];
  readonly #cells = new Map<SubjectKey, MarkCell>();
  /** Cells that were let go, in that order; some may have been taken since. */
  readonly #loose: MarkCell[] = [];
  #oldestLoose = 0;
  readonly #isHeldBack: (subject: SubjectKey) => boolean;
  readonly #moves: Moves;

  /** `isHeldBack`: subjects whose latest change the store does not have yet; what it says of them is not the truth. */
  constructor(partitions: readonly Partition[], isHeldBack: (subject: SubjectKey) => boolean, moves: Moves) {
    this.partitions = partitions;
    this.#isHeldBack = isHeldBack;
    this.#moves = moves;
  }

  get size(): number {
    return this.#cells.size;
  }

  standing(now: number, maxStalenessMs: number): Standing {
    const { partitions } = this;
    const confirmed = Math.min(...partitions.map(({ wasConfirmedAt }) => wasConfirmedAt));
    const isWatched = confirmed !== -Infinity;
    return {
      unconfirmedMs: isWatched ? now - confirmed : null,
      partitions: partitions.length,
      distrusted: isWatched ? partitions.filter((one) => !one.isConfirmed(now - maxStalenessMs)).length : 0,
    };
  }

  /** True if everything held was current at this time. */
  isConfirmed(since: number): boolean {
    for (const partition of this.partitions) if (!partition.isConfirmed(since)) return false;
    return true;
  }

  /** The pinned cell of a subject. */
  take(subject: SubjectKey): MarkCell {
    let cell = this.#cells.get(subject);
    if (cell === undefined) {
      cell = new MarkCell(subject, this.partitions[partitionOf(subject, this.partitions.length)] as Partition);
      this.#cells.set(subject, cell);
    }
    this.pin(cell);
    return cell;
  }

  of(partition: Partition): MarkCell[] {
    return [...this.#cells.values()].filter((cell) => cell.partition === partition);
  }

  pin(cell: MarkCell): void {
    cell.pins++;
  }

  /** Cells come and go with every read: nothing is moved while one waits for its eviction. */
  unpin(cell: MarkCell): void {
    if (--cell.pins > 0) return;
    if (cell.loose !== null) cell.loose = 'again';
    else this.#letGo(cell);
    while (this.#loose.length - this.#oldestLoose > LOOSE_KEPT) this.#evict();
  }

  #letGo(cell: MarkCell): void {
    cell.loose = 'once';
    this.#loose.push(cell);
  }

  /** The one that was let go first, unless something has come to rely on it or did so meanwhile: then it has another turn. */
  #evict(): void {
    const cell = this.#loose[this.#oldestLoose++] as MarkCell;
    if (this.#oldestLoose > LOOSE_KEPT) {
      this.#loose.splice(0, this.#oldestLoose);
      this.#oldestLoose = 0;
    }
    const { pins, loose } = cell;
    cell.loose = null;
    if (pins > 0) return;
    if (loose === 'again') this.#letGo(cell);
    else this.#kill(cell);
  }

  /** Evicting a mark kills its cell: what points at it never validates again. */
  #kill(cell: MarkCell): void {
    this.#cells.delete(cell.subject);
    cell.valid = false;
  }

  // ── What is heard ─────────────────────────────────────────────────────────────────────────────────────────────

  raise(bump: Bump, now: number): void {
    const token: Token = { epoch: bump.epoch, position: bump.position, nonce: bump.nonce };
    let moved = false;
    let onMap = false;
    for (const subject of bump.subjects) {
      const cell = this.#cells.get(subject);
      if (cell === undefined || !isNewer(token, cell.token)) continue;
      if (!moved) this.version++;
      moved = true;
      onMap ||= isOfCell(subject);
      this.#move(cell, token, now);
    }
    if (onMap) this.#moves.raised(bump.subjects, bump.changeId, this.version);
  }

  #move(cell: MarkCell, token: Token, now: number): void {
    cell.token = token;
    cell.changed = this.version;
    cell.bornBefore = Math.ceil(now);
  }

  /** The tokens held when a question is sent, to be compared with its answer. */
  tokensOf(subjects: readonly SubjectKey[]): readonly (Token | null)[] {
    return subjects.map((subject) => this.#cells.get(subject)?.token ?? null);
  }

  /**
   * Takes an answer. Returns the partitions that it shows to have gone back under one epoch. Subjects beyond those asked
   * for, whose tokens of then are in `sent`, had no cells that messages could raise meanwhile: such a mark counts only
   * if nothing has been heard since that the answer does not have.
   */
  accept(
    subjects: readonly SubjectKey[],
    read: MarksRead,
    sent: { readonly reading: Reading; readonly tokens: readonly (Token | null)[]; readonly answeredAt: number },
  ): ReadonlySet<Partition> {
    const lost = new Set<Partition>();
    const heads: number[] = [];
    for (const { partition, head } of read.heads) heads[partition] = head;
    let moved = false;
    for (let i = 0; i < subjects.length; i++) {
      const subject = subjects[i] as SubjectKey;
      const cell = this.take(subject);
      const token = read.tokens[i] as Token;
      const { epoch, number, highest } = cell.partition;
      const isOvertaken = i >= sent.tokens.length && highest > (heads[number] ?? -1);
      if (token.epoch === epoch && !isOvertaken && sent.reading.serial > cell.partition.readableFrom) {
        // A newer message may have overtaken this answer on the other connection: the higher position of the two stands.
        const newer = isNewer(token, cell.token);
        const before = sent.tokens[i];
        if (!newer && hasGoneBack(token, cell.token, before)) lost.add(cell.partition);
        if (newer) {
          if (!moved) this.version++;
          moved = true;
          if (cell.token !== null && isOfCell(subject)) this.#moves.lost(this.version);
          // The age is of when the store was asked, which may be as late as now.
          this.#move(cell, token, sent.answeredAt - (read.agesMs[i] ?? 0));
        }
        if (!this.#isHeldBack(subject) && cell.partition.isBelievable) {
          cell.valid = true;
          if (sent.reading.serial > cell.reading.serial) cell.reading = sent.reading;
        }
      }
      this.unpin(cell);
    }
    return lost;
  }

  // ── What is not known any more ────────────────────────────────────────────────────────────────────────────────

  /** The subjects have changed, and the store does not know of it. Takes their cells, pinned. */
  holdBack(subjects: readonly SubjectKey[]): readonly MarkCell[] {
    this.version++;
    if (subjects.some(isOfCell)) this.#moves.lost(this.version);
    return subjects.map((subject) => {
      const cell = this.take(subject);
      cell.valid = false;
      cell.changed = this.version;
      return cell;
    });
  }

  /** Another epoch: every mark of the partition is unknown until it is read again. */
  forget(partition: Partition): void {
    this.version++;
    this.#moves.lost(this.version);
    for (const cell of this.of(partition)) {
      cell.valid = false;
      cell.token = null;
      cell.changed = this.version;
    }
  }
}

/** Whether an answer says less than was known when it was asked for, or something else of the same position. */
function hasGoneBack(token: Token, held: Token | null, before: Token | null | undefined): boolean {
  if (held !== null && token.epoch === held.epoch && token.position === held.position && token.nonce !== held.nonce) {
    return true;
  }
  return before != null && before.epoch === token.epoch && token.position < before.position;
}
