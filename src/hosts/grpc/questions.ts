import { ERROR_CODES, TidemarkError, type TidemarkErrorCode } from '../../errors.js';
import type {
  Condition,
  Evaluation,
  EvaluationOutcome,
  RulesCall,
  RulesEngine,
  RulesMethod,
  ScopedCall,
  Validation,
} from './engine.js';
import { jsonOf, parseJson } from './json.js';
import type { MethodName, Methods } from './messages.js';
import type { ValueOf } from './wire.js';

/** Asks the servers. Null: none answered, and the fallback is to. */
export type Ask = <Name extends MethodName>(
  name: Name,
  request: ValueOf<Methods[Name]['request']>,
  asked: { readonly call: RulesCall; readonly method: RulesMethod },
) => Promise<ValueOf<Methods[Name]['response']> | null>;

type Answer = ValueOf<Methods['EvaluateCondition']['response']>;

/** The methods of an engine over messages, and over a fallback where those do not arrive. */
export function questions(ask: Ask, fallback: Partial<RulesEngine>): RulesEngine {
  // Asked for only once it is known that there is one.
  const own = fallback as RulesEngine;
  return {
    evaluateCondition: async (condition, call = {}) => {
      const method = 'evaluateCondition';
      const { branch, after } = placeOf(call);
      const request = { branch, after, condition: said('', condition), includeTrace: call.trace ?? false };
      const answer = await ask('EvaluateCondition', request, { call, method });
      return answer === null ? own.evaluateCondition(condition, call) : heard(answer);
    },

    evaluateConditions: async (conditions, call = {}) => {
      const method = 'evaluateConditions';
      const request = {
        ...placeOf(call),
        conditions: conditions.map((condition) => said(condition.key ?? '', condition)),
        includeTrace: call.trace ?? false,
        useDependencyOrder: call.order === 'dependencies',
      };
      const answer = await ask('EvaluateConditions', request, { call, method });
      if (answer === null) return own.evaluateConditions(conditions, call);
      return { results: answer.results.map(outcomeOf), evaluationOrder: answer.evaluationOrder };
    },

    getEvaluationOrder: async (call = {}) => {
      const method = 'getEvaluationOrder';
      const answer = await ask('GetEvaluationOrder', { ...placeOf(call), fields: call.only ?? [] }, { call, method });
      return answer ?? own.getEvaluationOrder(call);
    },

    validateDependencies: async (call = {}) => {
      const method = 'validateDependencies';
      const { rules = [] } = call;
      const rulesJson = rules.length === 0 ? '' : jsonOf(rules, 'rules');
      const answer = await ask('ValidateDependencies', { ...placeOf(call), rulesJson }, { call, method });
      if (answer === null) return own.validateDependencies(call);
      return {
        ...{ valid: answer.valid, moreCycles: answer.moreCycles, cycles: answer.cycles.map(({ path }) => path) },
        problems: answer.problems as Validation['problems'],
      };
    },

    invalidateCache: async (call = {}) => {
      const method = 'invalidateCache';
      const { branch, scope } = placeOf(call);
      const answer = await ask('InvalidateCache', { branch, scope, types: call.types ?? [] }, { call, method });
      if (answer === null) return own.invalidateCache(call);
      const { receipt, queued, keys } = answer;
      return { receipt, keys, state: queued ? 'queued' : 'done' };
    },

    getCacheStats: async (call = {}) => {
      const method = 'getCacheStats';
      const { branch, scope } = placeOf(call);
      const answer = await ask('GetCacheStats', { branch, scope, sample: call.sample ?? 0 }, { call, method });
      return answer === null ? own.getCacheStats(call) : { ...answer, vsize: answer.vsize ?? null };
    },
  };
}

function placeOf({ branch = '', after, scope = '' }: ScopedCall) {
  return { branch, scope, after: after === undefined ? '' : after.toString() };
}

function said(key: string, condition: Condition): ValueOf<Methods['EvaluateCondition']['request']>['condition'] & {} {
  if (!('expression' in condition)) {
    const { type, id, field } = condition;
    return { key, field: { type, id: String(id), field }, expression: undefined };
  }
  const { expression, context = null } = condition;
  const ruleJson = jsonOf(expression, 'expression');
  const contextJson = context === null ? '' : jsonOf(context, 'context');
  return { key, field: undefined, expression: { ruleJson, contextJson } };
}

function heard({ valueJson, found, traceJson }: Answer): Evaluation {
  const value = parseJson(valueJson, 'value_json');
  return { value, found, ...(traceJson === '' ? {} : { trace: parseJson(traceJson, 'trace_json') }) };
}

function outcomeOf(answer: Answer): EvaluationOutcome {
  const { key, errorCode, errorMessage } = answer;
  if (errorCode === '') return { key, ...heard(answer) };
  const known = Object.hasOwn(ERROR_CODES, errorCode);
  const error = known
    ? new TidemarkError(errorCode as TidemarkErrorCode, errorMessage)
    : new TidemarkError('RULES_REFUSED', `rules service: ${errorCode}: ${errorMessage}`);
  return { key, error };
}
