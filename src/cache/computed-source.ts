import type { SubjectKey } from '../contract.js';
import type { AnyRow, Id } from '../model.js';
import type { Core } from './core.js';
import { type Applied, wasApplied } from './marks.js';
import type { Entry } from './tier.js';

/** What an entity's computed fields came to. */
export interface WatchedComputed {
  /** Null if there is no such entity. */
  readonly values: AnyRow | null;
  readonly subjects: readonly SubjectKey[];
  /** False once something that they depend on is known to have changed. */
  readonly isCurrent: () => boolean;
  /** Whether nothing of that is known to have changed since a moment; false if nobody can tell. */
  readonly hasStoodSince: (moment: unknown) => boolean;
  /** Whether tier 1 held just this at a moment. */
  readonly wasHeldAt: (moment: unknown) => boolean;
}

interface Watched {
  readonly branch: string;
  readonly type: string;
  readonly id: Id;
}

interface Moment {
  readonly applied: Applied;
  readonly held: Entry | undefined;
}

/** The values of computed fields with what they depend on, for who is told when they change. */
export function computedSource(core: Core) {
  return {
    moment: ({ branch, type, id }: Watched): Moment => {
      const { shelf } = core.computed(branch, type, id);
      return { applied: core.reads.table.applied(), held: core.reads.servable(shelf, id) };
    },
    /** Undefined if nobody could tell when they change. */
    read: async (of: Watched) => {
      const computed = core.computed(of.branch, of.type, of.id);
      const { entry } = await core.outcome(core.request(computed, core.demand, null));
      if (entry === null) return undefined;
      const { cells, stamp } = entry;
      const watched: WatchedComputed = {
        values: entry.value as AnyRow | null,
        subjects: cells.map(({ subject }) => subject),
        isCurrent: () => cells.every(({ changed }) => changed <= stamp),
        hasStoodSince: (moment) => cells.every((cell) => wasApplied(cell, (moment as Moment).applied)),
        wasHeldAt: (moment) => (moment as Moment).held === entry,
      };
      return watched;
    },
  };
}
