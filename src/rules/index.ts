/** Rules on their own: JSONLogic, compiled without eval, within limits, with its read set and its explanation. */
export { type CompiledRule, type RuleOptions, compile, explainRule, tableOf, validate } from './compile.js';
export type { Table } from './columns.js';
export { type CustomOperator, type OperatorSet, defineOperators } from './custom.js';
export { LIMITS, type LimitOptions, type Limits } from './limits.js';
export type { Type } from './node.js';
export type { Problem } from './site.js';
export type { Trace, TraceNode } from './trace.js';
