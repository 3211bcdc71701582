import type { After } from '../../call.js';
import type { TidemarkError, TidemarkErrorCode } from '../../errors.js';
import type { FieldRule } from '../../rules/fields/rule.js';

/** What a rules service can be asked, wherever it is: types, no code. */

export interface RulesCall {
  /** Required if the model declares branches. */
  readonly branch?: string | undefined;
  /** The answer is at least as new as this change, of a row or of a rule. */
  readonly after?: After | undefined;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
}

export interface ScopedCall extends RulesCall {
  /** Whose rules. Default `'all'`, as in a tide without `scopeOf`. */
  readonly scope?: string | undefined;
}

/** A computed field of an entity, as the rules in force have it. */
export interface FieldCondition {
  readonly type: string;
  readonly id: string | number | bigint;
  readonly field: string;
}

/** A rule that need not be saved anywhere, over a context of plain JSON. Default context: null. */
export interface ExpressionCondition {
  readonly expression: unknown;
  readonly context?: unknown;
}

export type Condition = FieldCondition | ExpressionCondition;
/** One among several: its key names it in the answer. Default: its place, `'0'` for the first. */
export type KeyedCondition = Condition & { readonly key?: string | undefined };

export interface Evaluation {
  /** As JSON has it. */
  readonly value: unknown;
  /** False if there is no such entity: the value is null then. */
  readonly found: boolean;
  /**
   * If asked for, how it came to its value, errors as code and message: of an expression as `compile().trace()` says it, of a
   * field as `tide.rules.explain()` does.
   */
  readonly trace?: unknown;
}

export type EvaluationOutcome =
  | (Evaluation & { readonly key: string; readonly error?: undefined })
  | { readonly key: string; readonly error: TidemarkError };

export interface Evaluations {
  /** In the order of the conditions. */
  readonly results: readonly EvaluationOutcome[];
  /** Keys in the order in which they were evaluated. */
  readonly evaluationOrder: readonly string[];
}

export interface EvaluationOrder {
  /** Fields as `'settlement.income'`, each after all that it reads. */
  readonly fields: readonly string[];
  /** How many computed fields there are, asked for or not. */
  readonly total: number;
}

export interface Validation {
  readonly valid: boolean;
  /** Circles as paths, of which the last is the first again. */
  readonly cycles: readonly (readonly string[])[];
  /** There are more circles than those. */
  readonly moreCycles: boolean;
  readonly problems: readonly {
    readonly rule: string;
    /** JSON Pointer into the rule. */
    readonly pointer: string;
    readonly code: TidemarkErrorCode;
    readonly message: string;
  }[];
}

export interface Invalidation {
  /** The receipt's text: pass it as `after`. */
  readonly receipt: string;
  readonly state: 'done' | 'queued';
  /** Entries of the replica that answered which became stale. */
  readonly keys: number;
}

export interface RulesCacheStats {
  /** Reads of computed fields on the replica that answered. */
  readonly hits: number;
  readonly misses: number;
  readonly hitRate: number;
  /** Fresh entries of computed fields that it holds in this scope and branch. */
  readonly keys: number;
  /** Bytes of their keys. */
  readonly ksize: number;
  /** Bytes of all values that it holds; null unless the tide counts them (`maxBytes`). */
  readonly vsize: number | null;
  readonly sampleKeys: readonly string[];
}

/** The six methods of a rules service. They reject with a coded error. */
export interface RulesEngine {
  evaluateCondition(
    condition: Condition,
    call?: RulesCall & { readonly trace?: boolean | undefined },
  ): Promise<Evaluation>;
  /** One that fails for a reason of its own has its error as result; where the service itself fails, all do. */
  evaluateConditions(
    conditions: readonly KeyedCondition[],
    call?: ScopedCall & {
      readonly trace?: boolean | undefined;
      /** `'dependencies'`: each field after those that it reads, expressions last. Default `'given'`. */
      readonly order?: 'given' | 'dependencies' | undefined;
    },
  ): Promise<Evaluations>;
  /** Rejects with RULE_CYCLE if there is none. */
  getEvaluationOrder(call?: ScopedCall & { readonly only?: readonly string[] | undefined }): Promise<EvaluationOrder>;
  /** What is wrong with the rules of a scope, and with others as if they were saved. */
  validateDependencies(call?: ScopedCall & { readonly rules?: readonly FieldRule[] | undefined }): Promise<Validation>;
  /** Announces that rules have changed: no replica answers from older ones. `types`: of these only. */
  invalidateCache(
    call?: Omit<ScopedCall, 'after'> & { readonly types?: readonly string[] | undefined },
  ): Promise<Invalidation>;
  /** `sample`: how many keys to show, 100 at most. Default 0. */
  getCacheStats(call?: Omit<ScopedCall, 'after'> & { readonly sample?: number | undefined }): Promise<RulesCacheStats>;
}

export type RulesMethod = keyof RulesEngine;
