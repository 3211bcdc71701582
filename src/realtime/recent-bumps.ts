import type { SubjectKey } from '../contract.js';

/** Bumps remembered, and for how long: whoever comes from another replica was away that long at most. */
const MOST = 500;
const RECENT_MS = 60_000;

interface RecentBump {
  readonly changeId: string;
  readonly subjects: readonly SubjectKey[];
  readonly atMs: number;
}

/** The changes heard of lately, whether or not anybody here followed their topics then. */
export class RecentBumps {
  readonly #bumps: RecentBump[] = [];

  add(changeId: string, subjects: readonly SubjectKey[], nowMs: number): void {
    this.#bumps.push({ changeId, subjects, atMs: nowMs });
    if (this.#bumps.length > MOST) this.#bumps.shift();
  }

  /** Ids of the changes that concern a topic. */
  of(topic: SubjectKey, nowMs: number): readonly string[] {
    return this.#bumps
      .filter(({ subjects, atMs }) => atMs > nowMs - RECENT_MS && subjects.includes(topic))
      .map(({ changeId }) => changeId);
  }
}
