import * as six from 'ioredis';
import * as five from 'ioredis-5';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type RedisOptions, redis, redisBus, redisMarks, redisStore } from '../../../src/adapters/redis/index.js';

const lazy = { lazyConnect: true };
const nodes = [{ host: '127.0.0.1', port: 1 }];

/** What the adapter says to clients that are given in another way than the types allow, or than it can serve. */
function said(make: (options: RedisOptions) => unknown, options: object): unknown {
  try {
    make(options as RedisOptions);
    return 'accepted';
  } catch (error) {
    return error;
  }
}

describe.each([
  ['ioredis 6', six],
  ['ioredis 5', five],
] as const)('%s', (_, ioredis) => {
  const Redis = ioredis.Redis as typeof six.Redis;
  const Cluster = ioredis.Cluster as typeof six.Cluster;
  const single = (options: object = {}) => new Redis({ ...lazy, ...options });
  const cluster = (options: object = {}) => new Cluster(nodes, { ...lazy, ...options });

  const refused: readonly (readonly [what: string, options: object, sentence: string])[] = [
    ['no client', {}, 'client: expected an ioredis client, got undefined.'],
    ['what is no client', { client: {} }, 'client: expected an ioredis client, got one without evalshaBuffer().'],
    [
      'no subscriber',
      { client: single() },
      'subscriber: expected an ioredis client of its own for subscriptions, client.duplicate(), got undefined.',
    ],
    [
      "a client's own prefix",
      { client: single({ keyPrefix: 'app:' }), subscriber: single() },
      'client: expected no keyPrefix, but the option prefix, got "app:".',
    ],
    [
      "a subscriber's own prefix",
      { client: single(), subscriber: single({ keyPrefix: 'app:' }) },
      'subscriber: expected no keyPrefix, but the option prefix, got "app:".',
    ],
    [
      'reads from replicas of a cluster',
      { client: cluster({ scaleReads: 'slave' }), subscriber: single() },
      'client: expected one that reads from the primary, got scaleReads "slave".',
    ],
    [
      'reads from wherever a function says',
      { client: cluster({ scaleReads: () => null }), subscriber: single() },
      'client: expected one that reads from the primary, got scaleReads function.',
    ],
    [
      'reads from a replica of a cluster',
      { client: single({ readOnly: true }), subscriber: single() },
      'client: expected one that reads from the primary, got readOnly true.',
    ],
    [
      'reads from a replica of Sentinel',
      { client: single({ sentinels: nodes, name: 'main', role: 'slave' }), subscriber: single() },
      'client: expected one that reads from the primary, got role "slave".',
    ],
    [
      'a cluster that keeps silent about lost subscriptions',
      { client: cluster(), subscriber: cluster() },
      'subscriber: expected a Cluster with shardedSubscribers true, or a Redis connected to one of its nodes, ' +
        'got a Cluster that does not say when its subscriptions were interrupted.',
    ],
    [
      'a prefix that would decide the slot',
      { client: single(), subscriber: single(), prefix: 'app{1}:' },
      `prefix: expected text without '{' and '}', got "app{1}:".`,
    ],
    [
      'no number of partitions',
      { client: single(), subscriber: single(), partitions: 0 },
      'partitions: expected a whole number of at least 1, got 0.',
    ],
    [
      'no history',
      { client: single(), subscriber: single(), history: 1.5 },
      'history: expected a whole number of at least 1, got 1.5.',
    ],
  ];
  test.each(refused)('%s is refused', (_, options, sentence) => {
    const error = said(redis, options);
    expect(error).toMatchObject({ code: 'INVALID_OPTION', message: sentence });
  });

  test('one client for both is refused', () => {
    const client = single();
    expect(said(redis, { client, subscriber: client })).toMatchObject({ code: 'INVALID_OPTION' });
  });

  test('marks and bus on their own refuse the same, a store asks for less', () => {
    const options = { client: cluster({ scaleReads: 'all' }), subscriber: single() };
    expect(said(redisMarks, options)).toMatchObject({ code: 'INVALID_OPTION' });
    expect(said(redisBus, options)).toMatchObject({ code: 'INVALID_OPTION' });
    expect(said(redisStore, { client: options.client })).toBe('accepted');
    expect(said(redisStore, { client: single({ keyPrefix: 'app:' }) })).toMatchObject({ code: 'INVALID_OPTION' });
  });

  test('no connection is made before it is needed, and close() takes every listener back', async () => {
    const [client, subscriber] = [single(), single()];
    onTestFinished(() => {
      client.disconnect();
    });
    const listeners = () =>
      [client, subscriber].map((one) => one.eventNames().map((name) => [name, one.listenerCount(name)]));
    const before = listeners();
    const opened = Array.from({ length: 20 }, () => redis({ client, subscriber }));
    expect(client.listenerCount('error')).toBe(1);
    expect(client.status).toBe('wait');
    for (const { store, marks, bus } of opened) await Promise.all([store.close(), marks.close(), bus.close()]);
    expect(listeners()).toEqual(before);
  });
});
