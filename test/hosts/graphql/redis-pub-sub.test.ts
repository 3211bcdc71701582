import { once } from 'node:events';
import { setImmediate } from 'node:timers/promises';
import { Redis } from 'ioredis';
import * as five from 'ioredis-5';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  RedisPubSub,
  type RedisPubSubOptions,
  type RedisSubscribeOptions,
  type Resync,
} from '../../../src/hosts/graphql/index.js';
import { openProxy } from '../../faults/proxy.js';
import { clientOf, describeOwn, ownServer } from '../../services/own.js';
import { DONE, standIn } from './setup.js';

const QUICK = { retryStrategy: () => 20 };

/** A pub/sub of one process, closed at the end of the test. */
function pubSubOf(port: number, options: RedisPubSubOptions = {}): RedisPubSub {
  const connection = () => new Redis({ port, ...QUICK });
  const pubsub = new RedisPubSub({ connection, onResync: standIn, onError: () => undefined, ...options });
  onTestFinished(async () => {
    await pubsub.close();
  });
  return pubsub;
}

async function take(items: AsyncIterator<unknown, undefined>, count: number): Promise<unknown[]> {
  const taken: unknown[] = [];
  while (taken.length < count) taken.push((await items.next()).value);
  return taken;
}

/** Once what is published on it arrives: before, a publication of another process is not for it. */
async function live(pubsub: RedisPubSub, trigger: string, options: RedisSubscribeOptions = {}): Promise<void> {
  await pubsub.subscribe(trigger, () => undefined, options);
}

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

describeOwn('RedisPubSub on Redis', () => {
  test.each([
    ['ioredis 6', (port: number) => new Redis({ port })],
    ['ioredis 5', (port: number) => new five.Redis({ port })],
  ])('goes from one process to another with %s', async (_, connect) => {
    const { port } = await ownServer();
    const connection = () => connect(port);
    const [here, there] = [pubSubOf(port, { connection }), pubSubOf(port, { connection })];
    const items = there.asyncIterableIterator(['a', 'b']);
    await Promise.all([live(there, 'a'), live(there, 'b')]);
    await here.publish('a', { one: 1 });
    await here.publish('b', 'two');
    expect(await take(items, 2)).toEqual([{ one: 1 }, 'two']);
    expect(await items.return?.()).toEqual(DONE);
    expect(await items.next()).toEqual(DONE);
  });

  test('loses nothing, and tells nothing twice, when its link is cut, refused and cut again', async () => {
    const server = await ownServer();
    const proxy = await openProxy({ host: '127.0.0.1', port: server.port });
    onTestFinished(() => proxy.close());
    const [far, near] = [pubSubOf(proxy.port), pubSubOf(server.port)];
    const items = far.asyncIterableIterator('a');
    await live(far, 'a');
    const got = take(items, 600);
    const back = () => new Promise<void>((resolve) => (far.getSubscriber() as unknown as Redis).once('ready', resolve));
    for (const n of numbers(1, 600)) {
      await near.publish('a', n);
      if (n === 100 || n === 500) proxy.cut();
      if (n === 200) await proxy.refuse();
      if (n === 400) await Promise.all([back(), proxy.heal()]);
    }
    expect(await got).toEqual(numbers(1, 600));
  });

  test('keeps the order of what nobody waits for, also where Redis has forgotten its scripts', async () => {
    const server = await ownServer();
    const pubsub = pubSubOf(server.port);
    const items = pubsub.asyncIterableIterator('a');
    const client = clientOf(server);
    const got = take(items, 300);
    for (const n of numbers(1, 300)) {
      void pubsub.publish('a', n);
      if (n % 50 === 0) void client.script('FLUSH');
      await setImmediate();
    }
    expect(await got).toEqual(numbers(1, 300));
  });

  test('says so where history does not reach back', async () => {
    const server = await ownServer();
    const proxy = await openProxy({ host: '127.0.0.1', port: server.port });
    onTestFinished(() => proxy.close());
    const [far, near] = [pubSubOf(proxy.port), pubSubOf(server.port, { history: 100 })];
    const items = far.asyncIterableIterator<number | string>('a');
    await near.publish('a', 0);
    await live(far, 'a');
    await proxy.refuse();
    await Promise.all(numbers(1, 1000).map((n) => near.publish('a', n)));
    await proxy.heal();
    const [first, ...rest] = await take(items, 2);
    expect(first).toBe('resync a truncated');
    // Redis trims whole nodes of a stream.
    const next = rest[0] as number;
    expect(next).toBeGreaterThan(1);
    expect(await take(items, 1000 - next)).toEqual(numbers(next + 1, 1000));
  });

  test('says so after FLUSHALL, and goes on', async () => {
    const server = await ownServer();
    const pubsub = pubSubOf(server.port);
    const items = pubsub.asyncIterableIterator('a');
    await pubsub.publish('a', 1);
    expect(await take(items, 1)).toEqual([1]);
    await clientOf(server).flushall();
    await pubsub.publish('a', 2);
    expect(await take(items, 2)).toEqual(['resync a epoch', 2]);
  });

  test('ends an iterator with MISSED, and tells onError of it for a callback, without onResync', async () => {
    const server = await ownServer();
    const errors: string[] = [];
    const onError = (error: Error): void => void errors.push(error.message);
    const pubsub = pubSubOf(server.port, { onResync: undefined, onError });
    const items = pubsub.asyncIterableIterator('a');
    await pubsub.publish('a', 1);
    expect(await take(items, 1)).toEqual([1]);
    const got: unknown[] = [];
    await pubsub.subscribe('a', (payload) => got.push(payload));
    await clientOf(server).flushall();
    const failing = items.next();
    await pubsub.publish('a', 2);
    await expect(failing).rejects.toMatchObject({ code: 'MISSED' });
    await expect.poll(() => got).toEqual([2]);
    expect(errors).toEqual(['a: messages are missing (epoch), and no onResync says what then.']);
  });

  describe('a pattern', () => {
    test('finds topics as they come, each whole and in order, and no others', async () => {
      const { port } = await ownServer();
      const [here, there] = [pubSubOf(port), pubSubOf(port)];
      const items = there.asyncIterableIterator<string>('room.*.said', { pattern: true });
      await live(there, 'room.*.said', { pattern: true });
      const topics = ['room.1.said', 'room.{2}~.said', 'room..said'];
      for (const n of numbers(1, 20)) {
        await here.publish('room.1.left', 'not this');
        await Promise.all(topics.map((topic) => here.publish(topic, `${topic} ${String(n)}`)));
      }
      const got = (await take(items, 60)) as string[];
      for (const topic of topics) {
        const of = got.filter((text) => text.startsWith(`${topic} `));
        expect(of).toEqual(numbers(1, 20).map((n) => `${topic} ${String(n)}`));
      }
    });

    test('reads what it missed of the topics that it knows, and says that there may be others', async () => {
      const server = await ownServer();
      const proxy = await openProxy({ host: '127.0.0.1', port: server.port });
      onTestFinished(() => proxy.close());
      const [far, near] = [pubSubOf(proxy.port), pubSubOf(server.port)];
      const items = far.asyncIterableIterator('room.*', { pattern: true });
      await live(far, 'room.*', { pattern: true });
      await near.publish('room.1', 1);
      expect(await take(items, 1)).toEqual([1]);
      await proxy.refuse();
      for (const n of numbers(2, 5)) await near.publish('room.1', n);
      await near.publish('room.new', 'lost');
      await proxy.heal();
      expect(await take(items, 5)).toEqual(['resync room.* gap', 2, 3, 4, 5]);
    });

    test('is followed once, and no more once nobody does', async () => {
      const server = await ownServer();
      const pubsub = pubSubOf(server.port);
      const client = clientOf(server);
      const ids = [
        await pubsub.subscribe('a*', () => undefined, { pattern: true }),
        await pubsub.subscribe('a*', () => undefined, { pattern: true }),
      ];
      expect(await client.pubsub('NUMPAT')).toBe(1);
      for (const id of ids) pubsub.unsubscribe(id);
      await expect.poll(() => client.pubsub('NUMPAT')).toBe(0);
    });
  });

  describe('payloads', () => {
    test('are Buffers as they were sent with messageBuffer', async () => {
      const { port } = await ownServer();
      const pubsub = pubSubOf(port, { messageEventName: 'messageBuffer', pmessageEventName: 'pmessageBuffer' });
      const [one, many] = [pubsub.asyncIterableIterator('a'), pubsub.asyncIterableIterator('a*', { pattern: true })];
      await Promise.all([live(pubsub, 'a'), live(pubsub, 'a*', { pattern: true })]);
      const bytes = Buffer.from([0, 1, 0xff, 10, 13]);
      await pubsub.publish('a', bytes);
      expect(await take(one, 1)).toEqual([bytes]);
      expect(await take(many, 1)).toEqual([bytes]);
    });

    test('go through serializer and deserializer, which is told of channel and pattern', async () => {
      const { port } = await ownServer();
      const contexts: unknown[] = [];
      const pubsub = pubSubOf(port, {
        serializer: (payload) => `<${String(payload)}>`,
        deserializer: (message, context) => {
          contexts.push(context);
          return message.toString().slice(1, -1);
        },
      });
      const [one, many] = [pubsub.asyncIterableIterator('a'), pubsub.asyncIterableIterator('a*', { pattern: true })];
      await Promise.all([live(pubsub, 'a'), live(pubsub, 'a*', { pattern: true })]);
      await pubsub.publish('a', 'x');
      expect(await take(one, 1)).toEqual(['x']);
      expect(await take(many, 1)).toEqual(['x']);
      expect(contexts).toEqual([{ channel: 'a' }, { channel: 'a', pattern: 'a*' }]);
    });

    test('that are no JSON come as text, and onError is told', async () => {
      const server = await ownServer();
      const errors: string[] = [];
      const onError = (_: Error, where: string): void => void errors.push(where);
      const pubsub = pubSubOf(server.port, { onError, serializer: String });
      const items = pubsub.asyncIterableIterator('a');
      await live(pubsub, 'a');
      await pubsub.publish('a', '{');
      expect(await take(items, 1)).toEqual(['{']);
      expect(errors).toEqual(['decode a message of a']);
    });
  });

  test('a listener that throws stops no other, and the process goes on', async () => {
    const { port } = await ownServer();
    const errors: string[] = [];
    const pubsub = pubSubOf(port, { onError: (error) => void errors.push(error.message) });
    const got: unknown[] = [];
    await pubsub.subscribe('a', () => {
      throw new Error('broken');
    });
    await pubsub.subscribe('a', (payload) => got.push(payload));
    await pubsub.publish('a', 1);
    await expect.poll(() => got).toEqual([1]);
    expect(errors).toEqual(['broken']);
  });

  test('where SUBSCRIBE is denied, subscribe() rejects and nothing goes unhandled', async () => {
    const server = await ownServer();
    const admin = clientOf(server);
    await admin.call('acl', 'setuser', 'mute', 'on', '>secret', '~*', '&*', '+@all', '-subscribe', '-psubscribe');
    const connection = () => new Redis({ port: server.port, username: 'mute', password: 'secret' });
    const pubsub = pubSubOf(server.port, { connection });
    await expect(pubsub.subscribe('a', () => undefined)).rejects.toThrow(/NOPERM/);
    await expect(pubsub.subscribe('a*', () => undefined, { pattern: true })).rejects.toThrow(/NOPERM/);
    await expect(pubSubOf(server.port, { connection, history: false }).subscribe('a', () => undefined)).rejects.toThrow(
      /NOPERM/,
    );
  });

  describe('without history', () => {
    test('speaks with whoever publishes and subscribes, patterns too', async () => {
      const server = await ownServer();
      const [client, subscriber] = [clientOf(server), clientOf(server)];
      const pubsub = pubSubOf(server.port, { history: false });
      const [one, many] = [pubsub.asyncIterableIterator('a'), pubsub.asyncIterableIterator('a*', { pattern: true })];
      await Promise.all([live(pubsub, 'a'), live(pubsub, 'a*', { pattern: true })]);
      await client.publish('a', '{"by":"hand"}');
      expect(await take(one, 1)).toEqual([{ by: 'hand' }]);
      expect(await take(many, 1)).toEqual([{ by: 'hand' }]);
      await subscriber.subscribe('b');
      const message = once(subscriber, 'message');
      await pubsub.publish('b', { n: 1 });
      expect(await message).toEqual(['b', '{"n":1}']);
      expect(await client.dbsize()).toBe(0);
    });

    test('a channel and a pattern of one name are two, and end by themselves', async () => {
      const { port } = await ownServer();
      const pubsub = pubSubOf(port, { history: false });
      const [exact, pattern] = [
        pubsub.asyncIterableIterator('a'),
        pubsub.asyncIterableIterator('a', { pattern: true }),
      ];
      await live(pubsub, 'a');
      const id = await pubsub.subscribe('a', () => undefined, { pattern: true });
      await pubsub.publish('a', 1);
      expect([await take(exact, 1), await take(pattern, 1)]).toEqual([[1], [1]]);
      pubsub.unsubscribe(id);
      await pattern.return?.();
      await pubsub.publish('a', 2);
      await pubsub.publish('a', 3);
      expect(await take(exact, 2)).toEqual([2, 3]);
    });

    test('says that messages may be missing once its link is back', async () => {
      const server = await ownServer();
      const proxy = await openProxy({ host: '127.0.0.1', port: server.port });
      onTestFinished(() => proxy.close());
      const told: Resync[] = [];
      const pubsub = pubSubOf(proxy.port, { history: false, onResync: (resync) => void told.push(resync) });
      const items = pubsub.asyncIterableIterator('a');
      await live(pubsub, 'a');
      proxy.cut();
      await expect.poll(() => told.length).toBe(1);
      // The listener's; the iterator's comes when it is asked.
      expect(told).toEqual([{ kind: 'resync', topic: 'a', reason: 'gap' }]);
      await pubsub.publish('a', 1);
      expect(await take(items, 1)).toEqual([1]);
      expect(told).toHaveLength(2);
    });
  });
});

describe('what it refuses', () => {
  test('no clients and nothing that makes any', () => {
    expect(() => new RedisPubSub()).toThrow(/expected publisher and subscriber, or connection: \(\) => new Redis/);
  });

  test('history with clients that run no scripts', () => {
    const mute = {
      publish: () => 0,
      subscribe: () => 0,
      unsubscribe: () => 0,
      psubscribe: () => 0,
      punsubscribe: () => 0,
    };
    const client = { ...mute, on: () => 0, quit: () => 0, options: {} };
    expect(() => new RedisPubSub({ publisher: client, subscriber: { ...client }, history: 100 })).toThrow(
      /client: expected an ioredis client, got one without evalshaBuffer\(\)/,
    );
  });
});
