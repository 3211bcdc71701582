// Loaded by mocha before the test files that graphql-redis-subscriptions publishes. What these files require is given here, as
// they are: RedisPubSub is ours, and what is not installed, or was something else in the graphql of their day, has a stand-in.
import Module, { createRequire } from 'node:module';

const { BUNDLE, REDIS_URL, REAL_CLIENTS } = process.env;
const require = createRequire(import.meta.url);
const { Redis } = require('ioredis');
const graphql = require('graphql');
const ours = require(BUNDLE);

let made = 0;

/** Theirs makes clients by itself where it is given none. */
class RedisPubSub extends ours.RedisPubSub {
  constructor(options = {}) {
    const real = {
      ...{ publisher: undefined, subscriber: undefined, connection: () => new Redis(REDIS_URL) },
      prefix: `published:${process.pid}:${made++}:`,
    };
    super(options.publisher === undefined || REAL_CLIENTS === 'true' ? { ...options, ...real } : options);
  }

  /** Their double tells its listener before it answers, and a server before it answers to a ping that comes after. */
  async publish(trigger, payload) {
    await super.publish(trigger, payload);
    await this.getSubscriber().ping?.();
  }
}

const STAND_INS = {
  '../redis-pubsub': { RedisPubSub },
  'chai-as-promised': () => undefined,
  iterall: { isAsyncIterable: (value) => typeof value?.[Symbol.asyncIterator] === 'function' },
  'graphql/subscription': { subscribe: async (schema, document) => graphql.subscribe({ schema, document }) },
  ioredis: Redis,
};

const load = Module._load;
Module._load = function (request, parent, ...rest) {
  const isTheirs = /graphql-redis-subscriptions\/dist\/test\/[^/]+\.js$/.test(
    parent?.filename?.replaceAll('\\', '/') ?? '',
  );
  return isTheirs && request in STAND_INS ? STAND_INS[request] : load.call(this, request, parent, ...rest);
};
