import type { Explanation } from '../api.js';
import type { SubjectKey } from '../contract.js';
import type { PlannedChange } from './change.js';
import type { Tier } from './tier.js';

/** What a planned change would touch on this replica. Walks tier 1: for people and tests, not for a request's path. */
export function explainChange(
  { bumps, advice }: PlannedChange,
  tier: Tier,
  now: number,
  subscribers: ReadonlyMap<SubjectKey, number>,
): Explanation {
  const entries = [];
  const views = new Set<string>();
  for (const entry of tier) {
    if (!tier.isFresh(entry)) continue;
    const because = entry.cells.map(({ subject }) => subject).filter((subject) => bumps.has(subject));
    if (because.length === 0) continue;
    const { kind, name } = entry.shelf.space;
    entries.push({ key: entry.key, kind, ageMs: now - entry.loadedAt, because });
    if (kind === 'view') views.add(name);
  }
  return {
    subjects: [...bumps].map(([subject, why]) => ({ subject, why })),
    entries,
    views: [...views].sort(),
    subscribers: [...bumps.keys()].flatMap((subject) => {
      const count = subscribers.get(subject) ?? 0;
      return count === 0 ? [] : [{ subject, count }];
    }),
    advice,
  };
}
