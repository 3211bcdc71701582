import { TidemarkError } from './errors.js';
import type { RuleSource } from './options.js';
import type { FieldRule } from './rules/fields/rule.js';
import type { RuleTable, SavedRule } from './rules/rule-table.js';

/** Which rules a source is asked for. */
export interface RulesWanted {
  readonly scope: string;
  /** The branch, then those that it inherits from. */
  readonly chain: readonly string[];
  readonly type: string;
  readonly signal: AbortSignal | undefined;
}

/** The rules of a type in a scope. Throws INVALID_RULE for an answer that is no list. */
export async function rulesFrom(source: RuleSource, wanted: RulesWanted): Promise<readonly FieldRule[]> {
  const { scope, chain, type, signal } = wanted;
  const branch = chain[0] as string;
  if (isTable(source)) return [...(await inheritedRules(source, wanted)).values()].map(({ rule }) => rule);
  const rules: unknown = typeof source === 'function' ? await source({ scope, branch, type, signal }) : source;
  return listOf<FieldRule>(rules, scope).filter(({ entityType }) => entityType === type);
}

/** A rule as a branch has it. */
export interface InheritedRule {
  readonly rule: SavedRule;
  /** Where its row is: the branch, or one that it inherits from. */
  readonly branch: string;
}

/** The rows of a table that count in a branch, by id: its own, and of those above it what it does not replace. */
export async function inheritedRules(
  table: RuleTable,
  { scope, chain, type, signal }: Omit<RulesWanted, 'type'> & { readonly type?: string | undefined },
): Promise<ReadonlyMap<string, InheritedRule>> {
  const rows = await Promise.all(chain.map(async (branch) => table.list({ scope, branch, type, signal })));
  const found = new Map<string, InheritedRule>();
  for (const [i, branch] of chain.entries()) {
    for (const rule of listOf<SavedRule>(rows[i], scope)) if (!found.has(rule.id)) found.set(rule.id, { rule, branch });
  }
  return found;
}

export function isTable(source: RuleSource): source is RuleTable {
  return typeof source === 'object' && 'replace' in source;
}

function listOf<Rule>(rules: unknown, scope: string): readonly Rule[] {
  if (Array.isArray(rules)) return rules as readonly Rule[];
  throw new TidemarkError('INVALID_RULE', `rules of '${scope}': expected an array, got ${typeof rules}.`);
}
