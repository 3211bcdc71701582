/**
 * A tide in a GraphQL server: pieces of a schema, a scope for each request, errors with their codes, subscriptions to entities. And
 * messages by topic for subscriptions of one's own, over a bus with history.
 */
export {
  type CacheReportsOptions,
  type ReportArguments,
  type ReportField,
  type ReportingTide,
  cacheReports,
} from './cache-reports.js';
export { type ComputedFieldsOptions, type ComputedResolvers, computedFields } from './computed-fields.js';
export { type RequestScope, type ScopeContext, type ScopingTide, scopeContext } from './context.js';
export { type ExecutionError, type FormattedError, clientError, formatError } from './errors.js';
export type { Piece } from './piece.js';
export { type TidemarkPlugin, useTidemark } from './plugin.js';
export { type TidemarkResolvers, type TidemarkSchemaOptions, tidemarkSchema } from './schema.js';
export {
  type EntitySubscriptionOptions,
  type SubscribingScope,
  type SubscriptionField,
  type UpdatedArguments,
  subscriptionsOf,
  subscriptionsSdl,
} from './entities.js';
export { type PayloadCodec } from './payload.js';
export { type PubSub, type PubSubOptions, type PublishOptions, createPubSub } from './pub-sub.js';
export type { OnResync, ReadOptions } from './reader.js';
export {
  type DeserializerContext,
  RedisPubSub,
  type RedisPubSubOptions,
  type RedisSubscribeOptions,
} from './redis-pub-sub.js';
export type { Resync } from './stream.js';
export type { Ended, EntityUpdate } from './updates.js';
export {
  type EventTargetOptions,
  type PubSubEventTarget,
  type TopicEvent,
  type YogaOptions,
  type YogaPubSub,
  type YogaTopics,
  asEventTarget,
  asYogaPubSub,
} from './yoga.js';
