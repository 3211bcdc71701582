import { double, flag, maybeDouble, nested, several, text, texts, uint } from './wire.js';

/** The messages of {@link RULES_PROTO}, which a test compares with these. */

export const SERVICE = 'tidemark.rules.v1.RulesEngine';

const condition = {
  key: text(1),
  field: nested(2, { type: text(1), id: text(2), field: text(3) }),
  expression: nested(3, { ruleJson: text(1), contextJson: text(2) }),
};

const evaluation = {
  key: text(1),
  valueJson: text(2),
  found: flag(3),
  errorCode: text(4),
  errorMessage: text(5),
  traceJson: text(6),
};

const place = { branch: text(1), after: text(2), scope: text(3) };

export const METHODS = {
  EvaluateCondition: {
    request: { branch: text(1), after: text(2), condition: nested(4, condition), includeTrace: flag(5) },
    response: evaluation,
  },
  EvaluateConditions: {
    request: { ...place, conditions: several(4, condition), includeTrace: flag(5), useDependencyOrder: flag(6) },
    response: { results: several(1, evaluation), evaluationOrder: texts(2) },
  },
  GetEvaluationOrder: {
    request: { ...place, fields: texts(4) },
    response: { fields: texts(1), total: uint(2) },
  },
  ValidateDependencies: {
    request: { ...place, rulesJson: text(4) },
    response: {
      valid: flag(1),
      cycles: several(2, { path: texts(1) }),
      moreCycles: flag(3),
      problems: several(4, { rule: text(1), pointer: text(2), code: text(3), message: text(4) }),
    },
  },
  InvalidateCache: {
    request: { branch: text(1), scope: text(3), types: texts(4) },
    response: { receipt: text(1), queued: flag(2), keys: uint(3) },
  },
  GetCacheStats: {
    request: { branch: text(1), scope: text(3), sample: uint(4) },
    response: {
      hits: double(1),
      misses: double(2),
      keys: double(3),
      ksize: double(4),
      vsize: maybeDouble(5),
      hitRate: double(6),
      sampleKeys: texts(7),
    },
  },
} as const;

export type Methods = typeof METHODS;
export type MethodName = keyof Methods;
export const METHOD_NAMES = Object.keys(METHODS) as readonly MethodName[];

/** grpc.health.v1 */
export const HEALTH_SERVICE = 'grpc.health.v1.Health';
export const HEALTH_REQUEST = { service: text(1) };
export const HEALTH_RESPONSE = { status: uint(1) };
export const HEALTH = { serving: 1, notServing: 2, serviceUnknown: 3 } as const;
