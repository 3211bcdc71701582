import type { Bump, SubjectKey } from '../contract.js';
import type { MarkCell } from './mark-cell.js';

/** A change that the marks could not take. */
export interface WaitingChange {
  readonly changeId: string;
  readonly subjects: readonly SubjectKey[];
  readonly globs: readonly string[];
  /** Local time from which it waits. */
  readonly since: number;
  /** The cells of the subjects, pinned while it waits. */
  readonly cells: readonly MarkCell[];
  /** Called once the marks have it. Not called if the queue ran over: a new epoch then stands for all that waited. */
  readonly taken: (bumps: readonly Bump[]) => void;
}

const MOST_SUBJECTS = 10_000;

/** Changes that wait for the marks, in their order. Bounded: what does not fit becomes "everything has changed". */
export class ChangeQueue {
  readonly #waiting: WaitingChange[] = [];
  readonly #subjects = new Map<SubjectKey, number>();
  #size = 0;

  get length(): number {
    return this.#waiting.length;
  }

  get first(): WaitingChange | undefined {
    return this.#waiting[0];
  }

  get isFull(): boolean {
    return this.#size > MOST_SUBJECTS;
  }

  has(subject: SubjectKey): boolean {
    return this.#subjects.has(subject);
  }

  add(change: WaitingChange): void {
    this.#waiting.push(change);
    this.#size += change.subjects.length;
    for (const subject of change.subjects) this.#subjects.set(subject, (this.#subjects.get(subject) ?? 0) + 1);
  }

  remove(change: WaitingChange): void {
    this.#waiting.splice(this.#waiting.indexOf(change), 1);
    this.#size -= change.subjects.length;
    for (const subject of change.subjects) {
      const count = (this.#subjects.get(subject) ?? 1) - 1;
      if (count === 0) this.#subjects.delete(subject);
      else this.#subjects.set(subject, count);
    }
  }
}
