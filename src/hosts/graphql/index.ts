/** Messages by topic for GraphQL subscriptions, over a bus with history; and subscriptions to the entities of a tide. */
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
