import { globToMatcher } from '../glob.js';

interface DeletedGlob {
  /** Order in which this replica heard of it. */
  readonly heard: number;
  /** Position of the bump that announced it. */
  readonly position: number;
  readonly matches: (key: string) => boolean;
}

const KEPT = 1000;

/**
 * The last pattern deletions that this replica heard of. An entry keeps the moment at which its load began; it is
 * deleted if a glob heard since matches its key, or if the log does not reach back that far.
 */
export class GlobLog {
  /** The present moment of the log: what a load keeps when it begins. */
  moment = 0;
  #globs: DeletedGlob[] = [];
  /** While announcements may have been missed: up to which position none was, and the moment when that was last noticed. */
  #sureUpTo: number | null = null;
  #doubtedAt = 0;
  #epoch = '';
  /** Nothing before these is known: a moment here, a position in the epoch. */
  #since = { moment: 0, position: 0 };

  /** The log begins: loads that wait for it have asked nobody anything yet. */
  begin(epoch: string, position: number): void {
    this.#epoch = epoch;
    this.#since = { moment: this.moment, position };
  }

  /** Announcements above `position` may have been lost: until `confirm`, whatever was loaded before may be deleted. */
  doubt(position: number): void {
    this.#sureUpTo ??= position;
    this.#doubtedAt = ++this.moment;
  }

  /** Ends the doubt: the last pattern deletion of all had this position. */
  confirm(epoch: string, last: number): void {
    const sure = this.#sureUpTo;
    if (sure === null) return;
    this.#sureUpTo = null;
    if (last > sure) this.restart(epoch, last);
  }

  /** What was deleted before `position` is not known. */
  restart(epoch: string, position: number): void {
    this.#sureUpTo = null;
    this.#globs = [];
    this.#epoch = epoch;
    this.#since = { moment: ++this.moment, position };
  }

  add(position: number, globs: readonly string[]): void {
    if (this.#globs.some((known) => known.position === position)) return; // the reply and the message of one bump
    this.moment++;
    for (const glob of globs) this.#globs.push({ heard: this.moment, position, matches: globToMatcher(glob) });
    for (const lost of this.#globs.splice(0, Math.max(0, this.#globs.length - KEPT))) {
      this.#since = { moment: lost.heard, position: Math.max(this.#since.position, lost.position) };
    }
  }

  /** Whether a value whose load began here at `moment` may have been deleted from `key` meanwhile. */
  deletedSince(moment: number, key: () => string): boolean {
    if (this.#sureUpTo !== null && moment < this.#doubtedAt) return true;
    if (moment === this.moment) return false;
    if (moment < this.#since.moment) return true;
    const text = key();
    return this.#globs.some((glob) => glob.heard > moment && glob.matches(text));
  }

  /** The same for a value stored elsewhere, whose load began when everything up to `position` was applied there. */
  deletedAfter(epoch: string, position: number, key: string): boolean {
    if (this.#sureUpTo !== null || epoch !== this.#epoch || position < this.#since.position) return true;
    return this.#globs.some((glob) => glob.position > position && glob.matches(key));
  }
}
