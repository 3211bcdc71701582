import type { SubjectKey } from '../contract.js';
import type { AnyRow, Id } from '../model.js';
import type { Core } from './core.js';
import { type Applied, wasApplied } from './marks.js';

/** What an entity's computed fields came to. */
export interface WatchedComputed {
  /** Null if there is no such entity. */
  readonly values: AnyRow | null;
  readonly subjects: readonly SubjectKey[];
  /** False once something that they depend on is known to have changed. */
  readonly isCurrent: () => boolean;
  /** Whether nothing of that has changed since a moment; false if nobody can tell. */
  readonly hasStoodSince: (moment: unknown) => boolean;
}

/** The values of computed fields with what they depend on, for who is told when they change. */
export function computedSource(core: Core) {
  return {
    moment: (): unknown => core.reads.table.applied(),
    /** Undefined if nobody could tell when they change. */
    read: async (of: { readonly branch: string; readonly type: string; readonly id: Id }) => {
      const computed = core.computed(of.branch, of.type, of.id);
      const { entry } = await core.outcome(core.request(computed, core.demand, null));
      if (entry === null) return undefined;
      const { cells, stamp } = entry;
      const watched: WatchedComputed = {
        values: entry.value as AnyRow | null,
        subjects: cells.map(({ subject }) => subject),
        isCurrent: () => cells.every(({ changed }) => changed <= stamp),
        hasStoodSince: (moment) => cells.every((cell) => wasApplied(cell, moment as Applied)),
      };
      return watched;
    },
  };
}
