import type { SubjectKey } from '../contract.js';
import type { LoadReason } from '../inspection.js';
import type { Demand } from './demand.js';
import type { Flight, Outcome } from './flight.js';
import type { NamedChange } from './change.js';
import type { MarkCell, MarkTable } from './marks.js';
import { type Entry, type Shelf, type Tier, isExpired } from './tier.js';

/** Loads and changes that are remembered, and marks of one change. */
export const KEPT = { loads: 2000, changes: 500, subjects: 200 } as const;

/** A load, by reference: what it is called is made out when somebody asks. */
export interface KeptLoad {
  readonly number: number;
  readonly at: number;
  readonly tookMs: number;
  readonly shelf: Shelf;
  readonly id: unknown;
  readonly from: Flight['source'];
  readonly miss: Miss;
  readonly outcome: 'kept' | 'overtaken' | 'failed';
  readonly cells: readonly MarkCell[];
}

/** A read that was not answered, and what was there. */
export interface Miss {
  readonly why: LoadReason;
  /** The version at which the value that was held before was last known to be right; null without one. */
  readonly stamp: number | null;
}

export interface KeptChange {
  readonly number: number;
  readonly at: number;
  readonly changeId: string;
  /** By subject: the version of the table when its mark was heard. */
  readonly subjects: Map<SubjectKey, number>;
  /** Beyond those that are kept. */
  dropped: number;
  /** What was changed, if it was made here. */
  planned: readonly NamedChange[] | null;
}

/**
 * What a tide remembers for those who look into it: the last loads and changes. While nobody does it keeps nothing, and costs a
 * load one comparison and a hit none.
 */
export class Chronicle {
  readonly #loads: KeptLoad[] = [];
  readonly #changes = new Map<string, KeptChange>();
  #readers = 0;
  #number = 0;

  get isKept(): boolean {
    return this.#readers > 0;
  }

  /** Keeps it until the function returned is called. */
  keep(): () => void {
    this.#readers++;
    let open = true;
    return () => {
      if (!open) return;
      open = false;
      if (--this.#readers > 0) return;
      this.#loads.length = 0;
      this.#changes.clear();
    };
  }

  /** Oldest first. */
  get loads(): readonly KeptLoad[] {
    return this.#loads.slice(-KEPT.loads);
  }

  get changes(): readonly KeptChange[] {
    return [...this.#changes.values()];
  }

  change(changeId: string): KeptChange | undefined {
    return this.#changes.get(changeId);
  }

  /** A load has ended; null: it failed. */
  landed(flight: Flight, miss: Miss, now: number, outcome: Outcome | null): void {
    if (!this.isKept) return;
    const { begunAt, id, shelf, source: from } = flight;
    const entry = outcome?.entry ?? null;
    const ended = outcome === null ? 'failed' : entry === null ? 'overtaken' : 'kept';
    const one = { number: ++this.#number, at: now, tookMs: now - begunAt, cells: entry?.cells ?? [] };
    this.#loads.push({ ...one, shelf, id, from, miss, outcome: ended });
    // Dropped many at a time: moving the rest down for each would cost more than all else here.
    if (this.#loads.length >= 2 * KEPT.loads) this.#loads.splice(0, KEPT.loads);
  }

  /** Marks were raised: told once per partition, and of an own change twice. */
  heard(
    changeId: string,
    subjects: readonly SubjectKey[],
    moment: { readonly now: number; readonly version: number },
  ): void {
    if (!this.isKept || changeId === '') return;
    const change = this.#changeOf(changeId, moment.now);
    for (const subject of subjects) {
      if (change.subjects.has(subject)) continue;
      if (change.subjects.size < KEPT.subjects) change.subjects.set(subject, moment.version);
      else change.dropped++;
    }
  }

  /** It was made here. */
  made(
    changeId: string,
    planned: readonly NamedChange[],
    moment: { readonly now: number; readonly version: number },
  ): void {
    if (!this.isKept) return;
    this.#changeOf(changeId, moment.now).planned = planned;
    // One that waits to be sent has been heard of by nobody, and what it concerns is stale here all the same.
    const subjects = planned.flatMap(({ bumps }) => [...bumps.keys()]);
    this.heard(changeId, subjects, moment);
  }

  #changeOf(changeId: string, now: number): KeptChange {
    let change = this.#changes.get(changeId);
    if (change !== undefined) return change;
    change = { number: ++this.#number, at: now, changeId, subjects: new Map(), dropped: 0, planned: null };
    this.#changes.set(changeId, change);
    if (this.#changes.size > KEPT.changes) {
      for (const [oldest] of this.#changes) {
        this.#changes.delete(oldest);
        break;
      }
    }
    return change;
  }

  /** The first change since a version that moved one of these marks. */
  killerOf(marks: readonly string[], since: number | null): KeptChange | null {
    if (since === null || marks.length === 0) return null;
    for (const change of this.#changes.values()) {
      if (marks.some((mark) => (change.subjects.get(mark as SubjectKey) ?? -1) > since)) return change;
    }
    return null;
  }
}

const ABSENT: Miss = { why: { kind: 'absent' }, stamp: null };
const DEMANDED: LoadReason = { kind: 'demanded' };

/** Why an entry is no answer; null if it is one. */
export function whyNot(
  entry: Entry,
  { table, tier, now }: { readonly table: MarkTable; readonly tier: Tier; readonly now: number },
): LoadReason | null {
  if (!tier.isFresh(entry)) {
    const moved = entry.cells.filter((cell) => cell.changed > entry.stamp && cell.valid);
    if (moved.length > 0) return { kind: 'changed', marks: moved.map(({ subject }) => subject) };
    const lost = entry.cells.filter((cell) => !cell.valid);
    if (lost.length > 0) return { kind: 'forgotten', marks: lost.map(({ subject }) => subject) };
    return { kind: 'deleted' };
  }
  if (isExpired(entry, now)) return { kind: 'expired', ageMs: now - entry.loadedAt };
  return table.trusts(entry.cells, now) ? null : { kind: 'unconfirmed' };
}

/** Why a read begins a load. */
export function missOf(
  entry: Entry | undefined,
  demand: Demand,
  given: { readonly table: MarkTable; readonly tier: Tier; readonly now: number },
): Miss {
  if (entry === undefined) return ABSENT;
  const why = whyNot(entry, given);
  return {
    why: why ?? (demand.strong || demand.after !== null ? DEMANDED : { kind: 'unconfirmed' }),
    stamp: entry.stamp,
  };
}
