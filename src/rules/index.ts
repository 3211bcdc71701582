/** Rules on their own: JSONLogic, compiled without eval, within limits, with its read set and its explanation. */
export { type CompiledRule, type RuleOptions, compile, explainRule, tableOf, validate } from './compile.js';
export type { Table } from './columns.js';
export { type CustomOperator, type OperatorSet, defineOperators } from './custom.js';
export { LIMITS, type LimitOptions, type Limits } from './limits.js';
export type { Type } from './node.js';
export type { Problem } from './site.js';
export type { Trace, TraceNode } from './trace.js';
/** Computed fields: their rules in order, evaluated for an entity or kept current as rows change. */
export { type FieldSet, type FieldsCheck, type EvaluateOptions, checkFields, compileFields } from './fields/set.js';
export type { FieldCycles } from './fields/graph.js';
export type { FieldExplanation, ExplainedCandidate, FieldFailure, FieldValues, Inputs } from './fields/evaluate.js';
export { type FieldChange, type FieldEngine, type FieldEngineOptions, createFieldEngine } from './fields/engine.js';
export type { EntityFacts } from './fields/facts.js';
export type { FieldNeeds, HopNeeds } from './fields/needs.js';
export type { FieldReader, StepBack } from './fields/readers.js';
export type { FieldOptions, FieldRule } from './fields/rule.js';
export type { ChildHop, EntityShape, FieldKind, FieldSchema, ParentHop } from './fields/schema.js';
export type { RowChange } from './fields/world.js';
/** Where rules are saved. */
export { type RulePlace, type RuleTable, type SavedRule, ruleTable } from './rule-table.js';
