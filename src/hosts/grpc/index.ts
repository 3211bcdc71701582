/** The rules of a tide as a service over gRPC: a server, a client that survives its servers, and the same in this process. */
export type { BreakerState } from '../../metrics.js';
export { type RemoteRules, type RemoteRulesOptions, type RemoteRulesState, remoteRules } from './client.js';
export type {
  Condition,
  Evaluation,
  EvaluationOrder,
  EvaluationOutcome,
  Evaluations,
  ExpressionCondition,
  FieldCondition,
  Invalidation,
  KeyedCondition,
  RulesCacheStats,
  RulesCall,
  RulesEngine,
  ScopedCall,
  Validation,
} from './engine.js';
export { type LocalRulesOptions, localRules } from './local.js';
export { RULES_PROTO } from './proto.js';
export { type RulesServer, type RulesServerMetrics, type ServeRulesOptions, serveRules } from './server.js';
