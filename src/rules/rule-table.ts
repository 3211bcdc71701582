import type { FieldRule } from './fields/rule.js';

/** Whose rules, and in which branch. */
export interface RulePlace {
  /** A campaign for one; `'all'` where rules have no scope. */
  readonly scope: string;
  readonly branch: string;
}

/** A rule that has been saved. */
export interface SavedRule extends FieldRule {
  /** 1 at first, and one more with every save. */
  readonly version: number;
}

/**
 * Where rules are stored: one row for each id in each place. A branch has rows of its own only; what it inherits is asked for
 * in the branches above it.
 */
export interface RuleTable {
  /** The rows of a place, of one type if it is named, in any order. */
  list(
    where: RulePlace & { readonly type?: string | undefined; readonly signal?: AbortSignal | undefined },
  ): readonly SavedRule[] | PromiseLike<readonly SavedRule[]>;
  /**
   * Puts a rule in the place of the one of its id that has the version `expected`, null where there is to be none; a rule of
   * null: the row goes. One atomic step. False, and nothing done, if what is there is another one.
   */
  replace(
    id: string,
    row: { readonly expected: number | null; readonly rule: SavedRule | null },
    where: RulePlace,
  ): boolean | PromiseLike<boolean>;
}

/**
 * A table in this process, which ends with it. It may begin with rules, those of `where`.
 *
 * @example
 * const tide = createTidemark({ model, origin, rules: { source: ruleTable() } });
 * await tide.rules.save(rule);
 */
export function ruleTable(
  rules: readonly FieldRule[] = [],
  where: RulePlace = { scope: 'all', branch: 'main' },
): RuleTable {
  const places = new Map<string, Map<string, SavedRule>>();
  const rowsOf = ({ scope, branch }: RulePlace): Map<string, SavedRule> => {
    const key = JSON.stringify([scope, branch]);
    const rows = places.get(key) ?? new Map<string, SavedRule>();
    places.set(key, rows);
    return rows;
  };
  for (const rule of rules) rowsOf(where).set(rule.id, Object.freeze({ ...rule, version: rule.version ?? 1 }));
  return {
    list: (place) =>
      [...rowsOf(place).values()].filter(({ entityType }) => place.type === undefined || entityType === place.type),
    replace: (id, { expected, rule }, place) => {
      const rows = rowsOf(place);
      if ((rows.get(id)?.version ?? null) !== expected) return false;
      if (rule === null) rows.delete(id);
      else rows.set(id, Object.freeze({ ...rule }));
      return true;
    },
  };
}
