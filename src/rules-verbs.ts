import type { BranchOption, CallArguments, Receipt } from './call.js';
import type { AnyModel, ComputedOf, IdOf, Model, TypeName } from './model.js';
import type { AffectedField } from './rules/fields/affected.js';
import type { FieldExplanation } from './rules/fields/evaluate.js';
import type { FieldRule } from './rules/fields/rule.js';
import type { SavedRule } from './rules/rule-table.js';
import type { Problem } from './rules/site.js';

/** `tide.rules` as types, read off a model. No code. */

/** Something that is wrong with a rule. */
export interface RuleProblem extends Problem {
  /** Its id. */
  readonly rule: string;
}

/** One computed field in the order of evaluation: after all that it reads. */
export interface FieldInOrder {
  /** `settlement.income`. */
  readonly field: string;
  readonly kind: string;
  /** Ids of the rules for it, in the order in which they are asked, inactive ones too. */
  readonly rules: readonly string[];
  /** What its active rules read, each once: as a rule has it, of which type, and as what. `field`: which computed field it is. */
  readonly reads: readonly {
    readonly text: string;
    readonly type: string;
    readonly of: 'row' | 'whole' | 'computed' | 'members' | 'input';
    readonly field: string | null;
  }[];
}

interface InScope {
  /** Whose rules, as `scopeOf` says. Default `'all'`. */
  readonly scope?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Which rules: in a branch, where the model declares branches, and in a scope. */
export type RulesArguments<M extends AnyModel, More = unknown> =
  M extends Model<M['entities'], true>
    ? [where: BranchOption<M, true> & InScope & More]
    : [where?: BranchOption<M, true> & InScope & More];

/**
 * The rules of computed fields as their authors see them: read from where they come from, past every cache. Rules are data
 * that anybody may write, so that nothing about them is known to the compiler: what is wrong is a problem or an error.
 */
export interface Rules<M extends AnyModel> {
  /** All that hold in a scope, inherited ones too. */
  list(...where: RulesArguments<M>): Promise<readonly FieldRule[]>;
  /** The fields that these rules compute, in the order of evaluation, with what each reads. Throws what refuses a rule. */
  graph(...where: RulesArguments<M>): Promise<readonly FieldInOrder[]>;
  /**
   * What would be refused if these were saved, each by itself and in circles with the others there: a code and a message
   * each, and a JSON Pointer into the expression. Throws for no rule.
   */
  check(rules: FieldRule | readonly FieldRule[], ...where: RulesArguments<M>): Promise<readonly RuleProblem[]>;
  /**
   * Saves a rule in the table that is `rules.source`, in the branch; `version` is the one that was read, none for a new rule.
   * Then announces it: once this resolves, no read here gives a value by the rule before. Throws what `check` finds,
   * RULE_CONFLICT if somebody else has saved it since, INVALID_OPTION where rules do not come from a table.
   */
  save(
    rule: FieldRule,
    ...where: RulesArguments<M, { readonly by?: string | undefined }>
  ): Promise<{ readonly rule: SavedRule; readonly receipt: Receipt }>;
  /** Likewise; with a version, only if it is that one. An inherited rule is not removed but saved with `isActive: false`. */
  remove(
    id: string,
    ...where: RulesArguments<M, { readonly version?: number | undefined; readonly by?: string | undefined }>
  ): Promise<{ readonly receipt: Receipt }>;
  /** The fields whose values may differ once the rule is saved, in the order of evaluation, its own first among them. */
  affected(rule: FieldRule, ...where: RulesArguments<M>): Promise<readonly AffectedField[]>;
  /**
   * How a field of an entity came to its value: every rule for it, taken or not and why, each evaluated with a trace of its
   * nodes. Null if there is no such entity. `draft`: as it would be if this rule were saved; throws what refuses it by itself.
   */
  explain<T extends TypeName<M>>(
    type: T,
    id: IdOf<M, T>,
    field: keyof ComputedOf<M, T> & string,
    ...call: CallArguments<M, { readonly draft?: FieldRule | undefined }>
  ): Promise<FieldExplanation | null>;
}
