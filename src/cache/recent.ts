import type { SubjectKey } from '../contract.js';
import type { MarkCell } from './mark-cell.js';

const WITHIN_MS = 5000;
const KEPT = 10_000;

/** Which subjects changed within the last few seconds: a read replica of the origin may be behind for them. */
export class RecentChanges {
  /** When each changed, oldest first. */
  readonly #at = new Map<SubjectKey, number>();
  /** How often something changed of which it is not known what, and when it last did. */
  unknown = 0;
  #unknownAt = -Infinity;

  add(subjects: readonly SubjectKey[], now: number): void {
    for (const subject of subjects) {
      this.#at.delete(subject);
      this.#at.set(subject, now);
    }
    for (const [subject, at] of this.#at) {
      if (at >= now - WITHIN_MS && this.#at.size <= KEPT) break;
      this.#at.delete(subject);
    }
  }

  addUnknown(now: number): void {
    this.unknown++;
    this.#unknownAt = now;
  }

  hasAny(cells: readonly MarkCell[], now: number): boolean {
    if (this.#unknownAt >= now - WITHIN_MS) return true;
    if (this.#at.size === 0) return false;
    return cells.some(({ subject }) => (this.#at.get(subject) ?? -Infinity) >= now - WITHIN_MS);
  }
}
