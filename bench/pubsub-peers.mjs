import { createPubSub as createYogaPubSub } from '@graphql-yoga/subscription';
import { createRedisEventTarget } from '@graphql-yoga/redis-event-target';
import { RedisPubSub as Theirs } from 'graphql-redis-subscriptions';
import { RedisPubSub, createPubSub } from 'tidemark/graphql';
import { redisBus } from 'tidemark/redis';
import { connectTo } from './redis.mjs';

export { socketIo, socketIoSharded, socketIoStreams } from './socket-io-peers.mjs';

/**
 * Ways to publish and to subscribe over Redis, each with connections of its own.
 *
 * @typedef {object} PubSubPeer
 * @property {(topic: string, payload: object) => Promise<unknown>} publish
 * @property {(topic: string, onPayload: (payload: { n: number }) => void) => Promise<void>} subscribe Reads in a loop, or is
 *   called back.
 * @property {(topic: string) => AsyncIterator<unknown>} stall An iterator that nobody reads.
 */

/** Where connections go: to subscribe perhaps by a link that is cut. */
const clients = ({ port, subscribePort = port }) => [
  connectTo(port, QUIET),
  connectTo(subscribePort, { ...QUIET, retryStrategy: () => 50 }).on('error', () => {}),
];
const QUIET = { lazyConnect: false };

async function follow(iterator, onPayload) {
  for await (const payload of iterator) onPayload(payload);
}

/** PUBLISH, and one listener that parses once and calls everybody. */
export async function raw(ports) {
  const [client, subscriber] = clients(ports);
  const listeners = new Map();
  subscriber.on('message', (channel, message) => {
    const payload = JSON.parse(message);
    for (const listener of listeners.get(channel) ?? []) listener(payload);
  });
  return {
    publish: (topic, payload) => client.publish(topic, JSON.stringify(payload)),
    subscribe: async (topic, onPayload) => {
      const held = listeners.get(topic) ?? [];
      listeners.set(topic, held);
      if (held.push(onPayload) === 1) await subscriber.subscribe(topic);
    },
  };
}

/** What holes are told to; they are counted and no payload. */
export const holes = { told: 0 };
const onResync = () => void holes.told++;
const onError = () => {};

async function ofRedisPubSub(pubsub) {
  return {
    publish: (topic, payload) => pubsub.publish(topic, payload),
    subscribe: async (topic, onPayload) => {
      void follow(pubsub.asyncIterableIterator(topic), onPayload);
      await pubsub.subscribe(topic, () => {});
    },
    stall: (topic) => pubsub.asyncIterableIterator(topic),
  };
}

export async function ours(ports, options = {}) {
  const [publisher, subscriber] = clients(ports);
  return ofRedisPubSub(new RedisPubSub({ publisher, subscriber, onResync, onError, ...options }));
}

export const oursWithoutHistory = (ports) => ours(ports, { history: false });

export async function oursOnBus(ports) {
  const [client, subscriber] = clients(ports);
  const pubsub = createPubSub({ bus: redisBus({ client, subscriber }), onResync, onError });
  return {
    publish: (topic, payload) => pubsub.publish(topic, payload),
    subscribe: async (topic, onPayload) => {
      void follow(pubsub.subscribe(topic), onPayload);
      await (
        await pubsub.listen(topic, () => {})
      )();
    },
    stall: (topic) => pubsub.subscribe(topic),
  };
}

export async function theirs(ports) {
  const [publisher, subscriber] = clients(ports);
  const pubsub = new Theirs({ publisher, subscriber });
  return {
    publish: (topic, payload) => pubsub.publish(topic, payload),
    subscribe: async (topic, onPayload) => {
      void follow(pubsub.asyncIterableIterator(topic), onPayload);
      await pubsub.subscribe(topic, () => {});
    },
    stall: (topic) => {
      const iterator = pubsub.asyncIterableIterator(topic);
      void iterator.next();
      return iterator;
    },
  };
}

export async function yoga(ports) {
  const [publishClient, subscribeClient] = clients(ports);
  const eventTarget = createRedisEventTarget({ publishClient, subscribeClient });
  const pubsub = createYogaPubSub({ eventTarget });
  return {
    publish: async (topic, payload) => {
      pubsub.publish(topic, payload);
      // It does not say when Redis has it: behind it, this is answered.
      await publishClient.ping();
    },
    subscribe: async (topic, onPayload) => {
      void follow(pubsub.subscribe(topic), onPayload);
      await subscribeClient.subscribe(topic);
    },
    stall: (topic) => {
      const iterator = pubsub.subscribe(topic);
      void iterator.next();
      return iterator;
    },
  };
}
