export { memory } from './adapters/memory/index.js';
export type {
  BranchedChange,
  Change,
  Changes,
  DeletedByPattern,
  DependsOn,
  EntityChange,
  EntityLoader,
  Explanation,
  KeyedCache,
  KeyedLoadOptions,
  Loaders,
  Origin,
  Reader,
  Scope,
  ScopeOptions,
  Subjects,
  SubjectsChange,
  Tidemark,
  TransactionOptions,
  View,
  ViewParams,
} from './api.js';
export type {
  Containing,
  InBox,
  Near,
  Nearest,
  Placed,
  PlacedEntity,
  PlacedType,
  Point,
  Region,
  SpatialReader,
  TideSpatial,
  Where,
  Within,
} from './spatial-verbs.js';
export type { After, CallOptions, Receipt } from './call.js';
export type {
  ChangeItem,
  ChangeOp,
  ComputedItem,
  Overflow,
  ResyncItem,
  SubscribeOptions,
  SubscribeTarget,
  SubscriptionItem,
} from './watching.js';
export type { Subject } from './subject.js';
export { type Codec, typedJson } from './cache/codec.js';
export { systemClock } from './clock.js';
export { type Config, configFromEnv } from './config.js';
export type {
  Awaitable,
  Box,
  Bump,
  BumpRequest,
  Bus,
  BusHistory,
  BusListener,
  BusMessage,
  BusPosition,
  ChildrenOf,
  Clock,
  EntityOrigin,
  Geometry,
  Head,
  LocalStore,
  Marks,
  MarksRead,
  MarksWatcher,
  OriginAnswer,
  OriginContext,
  Outbox,
  OutboxInfo,
  OutboxRow,
  Position,
  Spatial,
  SpatialAsk,
  SpatialFault,
  SpatialFilter,
  SpatialMatch,
  SpatialQuestion,
  SpatialSystem,
  Sql,
  Store,
  StoreCapabilities,
  StoreEntry,
  StoreInfo,
  StoreVersion,
  StoredValue,
  SubjectKey,
  SweepOptions,
  Swept,
  SweptRow,
  Token,
} from './contract.js';
export { ERROR_CODES, TidemarkError, type TidemarkErrorCode, isTidemarkError } from './errors.js';
export type { TideEventName, TideEvents, TideListener } from './events.js';
export type {
  Cascade,
  CascadeEntry,
  ChangedEntity,
  Inspection,
  InspectionBounds,
  LoadReason,
  SeenChange,
  SeenLoad,
  SeenMap,
  SeenSubscription,
  SeenValue,
  Story,
} from './inspection.js';
export {
  type AnyEntity,
  type AnyModel,
  type BranchOptions,
  type ComputedKind,
  type ComputedOf,
  type Entity,
  type EntityOptions,
  type Id,
  type IdOf,
  type Model,
  type ModelDefinition,
  type ParentLink,
  type ParentOf,
  type ParentRef,
  type RecordOf,
  type SpatialOptions,
  type Topology,
  type TypeName,
  defineModel,
  entity,
} from './model.js';
export type { RulesOptions, RuleSource, TideOptions, TtlByKind } from './options.js';
export type { AffectedField } from './rules/fields/affected.js';
export type { ExplainedCandidate, FieldExplanation } from './rules/fields/evaluate.js';
export type { FieldRule } from './rules/fields/rule.js';
export type { StepBack } from './rules/fields/readers.js';
export { type RulePlace, type RuleTable, type SavedRule, ruleTable } from './rules/rule-table.js';
export type { Problem } from './rules/site.js';
export type { Trace, TraceNode } from './rules/trace.js';
export type { FieldInOrder, RuleProblem, Rules, RulesArguments } from './rules-verbs.js';
export type { Authorize, Permission, RequestedSubject } from './realtime/authorize.js';
export type { Realtime } from './realtime-verbs.js';
export type {
  Counter,
  Health,
  HealthThresholds,
  KindStats,
  Merged,
  MergedHealth,
  MergedOptions,
  MergedStats,
  ReplicaHealth,
  ReplicaStats,
  Stats,
} from './report.js';
export type { BreakerState, Counted, Durations, Metrics, RemoteRulesMetrics, Timed } from './metrics.js';
export { createTidemark } from './tidemark.js';
export { defineView } from './view.js';
