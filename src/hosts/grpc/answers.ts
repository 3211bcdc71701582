import { TidemarkError } from '../../errors.js';
import type { FieldRule } from '../../rules/fields/rule.js';
import type { Condition, Evaluation, EvaluationOutcome, KeyedCondition, RulesEngine } from './engine.js';
import { jsonOf, parseJson } from './json.js';
import type { MethodName, Methods } from './messages.js';
import { sendable } from './status.js';
import type { ValueOf } from './wire.js';

type RequestOf<Name extends MethodName> = ValueOf<Methods[Name]['request']>;
type ResponseOf<Name extends MethodName> = ValueOf<Methods[Name]['response']>;

/** Each method of the service over an engine: from message to message. */
export type Answers = {
  readonly [Name in MethodName]: (request: RequestOf<Name>, signal: AbortSignal) => Promise<ResponseOf<Name>>;
};

export function answersOf(engine: RulesEngine, { maxConditions }: { readonly maxConditions: number }): Answers {
  return {
    EvaluateCondition: async ({ condition, includeTrace, ...place }) => {
      const asked = conditionOf(condition, 'condition');
      return said('', await engine.evaluateCondition(asked, { ...placeOf(place), trace: includeTrace }));
    },

    EvaluateConditions: async ({ conditions, includeTrace, useDependencyOrder, ...place }, signal) => {
      if (conditions.length > maxConditions) {
        const counts = `at most ${String(maxConditions)}, got ${String(conditions.length)}`;
        throw new TidemarkError('INVALID_REQUEST', `conditions: expected ${counts}.`);
      }
      const asked = conditions.map((condition, i): KeyedCondition => {
        const { key } = condition;
        return { ...conditionOf(condition, `conditions[${String(i)}]`), ...(key === '' ? {} : { key }) };
      });
      const order = useDependencyOrder ? 'dependencies' : 'given';
      const call = { ...placeOf(place), signal, trace: includeTrace, order } as const;
      const { results, evaluationOrder } = await engine.evaluateConditions(asked, call);
      return { results: results.map(outcomeSaid), evaluationOrder };
    },

    GetEvaluationOrder: async ({ fields: only, ...place }) =>
      engine.getEvaluationOrder({ ...placeOf(place), ...(only.length > 0 ? { only } : {}) }),

    ValidateDependencies: async ({ rulesJson, ...place }) => {
      const rules = rulesJson === '' ? [] : rulesOf(parseJson(rulesJson, 'rules_json'));
      const { valid, cycles, moreCycles, problems } = await engine.validateDependencies({ ...placeOf(place), rules });
      return {
        ...{ valid, moreCycles },
        cycles: cycles.map((path) => ({ path: path.map(sendable) })),
        problems: problems.map(({ rule, pointer, code, message }) => ({
          ...{ code, rule: sendable(String(rule)) },
          ...{ pointer: sendable(pointer), message: sendable(message) },
        })),
      };
    },

    InvalidateCache: async ({ types, ...place }) => {
      const { receipt, state, keys } = await engine.invalidateCache({ ...placeOf(place), types });
      return { receipt, queued: state === 'queued', keys };
    },

    GetCacheStats: async ({ sample, ...place }) => {
      const { vsize, sampleKeys, ...counts } = await engine.getCacheStats({ ...placeOf(place), sample });
      return { ...counts, vsize: vsize ?? undefined, sampleKeys: sampleKeys.map(sendable) };
    },
  };
}

/** What is empty was not given. */
function placeOf(place: { readonly branch: string; readonly after?: string; readonly scope?: string }) {
  return Object.fromEntries(Object.entries(place).filter(([, given]) => given !== ''));
}

function conditionOf(asked: RequestOf<'EvaluateCondition'>['condition'], where: string): Condition {
  const { field, expression } = asked ?? {};
  if ((field === undefined) === (expression === undefined)) {
    const got = field === undefined ? 'neither' : 'both';
    throw new TidemarkError('INVALID_REQUEST', `${where}: expected a field or an expression, got ${got}.`);
  }
  if (expression === undefined) return field as Condition;
  const { ruleJson, contextJson } = expression;
  return {
    expression: parseJson(ruleJson, `${where}.expression.rule_json`),
    context: contextJson === '' ? null : parseJson(contextJson, `${where}.expression.context_json`),
  };
}

function rulesOf(given: unknown): readonly FieldRule[] {
  const isList = Array.isArray(given) && given.every((rule) => typeof rule === 'object' && rule !== null);
  if (!isList) throw new TidemarkError('INVALID_REQUEST', 'rules_json: expected a list of rules, got something else.');
  return given as readonly FieldRule[];
}

function said(key: string, { value, found, trace }: Evaluation): ResponseOf<'EvaluateCondition'> {
  const traceJson = trace === undefined ? '' : JSON.stringify(trace);
  return { key, found, valueJson: jsonOf(value, 'value'), errorCode: '', errorMessage: '', traceJson };
}

function outcomeSaid(outcome: EvaluationOutcome): ResponseOf<'EvaluateCondition'> {
  if (outcome.error === undefined) return said(outcome.key, outcome);
  const { key, error } = outcome;
  const message = sendable(error.message);
  return { key, found: false, valueJson: '', errorCode: error.code, errorMessage: message, traceJson: '' };
}
