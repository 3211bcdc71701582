import { describe, expect, test } from 'vitest';
import { createPubSub } from '../../../src/hosts/graphql/index.js';
import { memory } from '../../../src/index.js';
import { DONE, standIn, world } from './setup.js';

const A = 'pubsub:a';

describe('what is published', () => {
  test('reaches every subscriber of the topic, in order and once, and no other', async () => {
    const { pubsub, read } = world();
    const [one, two, other] = [pubsub.subscribe('a'), pubsub.subscribe('a'), pubsub.subscribe('b')];
    for (const payload of [1, { two: 2 }, null, 'four']) await pubsub.publish('a', payload);
    expect(await read(one)).toEqual([1, { two: 2 }, null, 'four']);
    expect(await read(two)).toEqual([1, { two: 2 }, null, 'four']);
    expect(await read(other)).toEqual([]);
  });

  test('right after the iterator was made, before its first next(), is for it', async () => {
    const { pubsub, read } = world();
    const items = pubsub.subscribe('a');
    void pubsub.publish('a', 1);
    await pubsub.publish('a', 2);
    expect(await read(items)).toEqual([1, 2]);
  });

  test('before the iterator was made is not', async () => {
    const { pubsub, read } = world();
    await pubsub.publish('a', 1);
    const items = pubsub.subscribe('a');
    await pubsub.publish('a', 2);
    expect(await read(items)).toEqual([2]);
  });

  test('before the iterator was made is not for it, though others of the process still have it', async () => {
    const { pubsub, read, settle } = world();
    const slow = pubsub.subscribe('a');
    await pubsub.publish('a', 1);
    await settle();
    const items = pubsub.subscribe('a');
    await pubsub.publish('a', 2);
    expect(await read(items)).toEqual([2]);
    expect(await read(slow)).toEqual([1, 2]);
  });

  test('after the iterator was made is for it, even if it is there before it is known where the topic stands', async () => {
    const { bus, pubsub, read } = world();
    bus.hold('read');
    const items = pubsub.subscribe('a');
    await pubsub.publish('a', 1);
    bus.release('read');
    expect(await read(items)).toEqual([1]);
  });

  test('is nothing, where undefined, as null', async () => {
    const { pubsub, read } = world();
    const items = pubsub.subscribe('a');
    await pubsub.publish('a', undefined);
    expect(await read(items)).toEqual([null]);
  });

  test('twice under one id is told once', async () => {
    const { pubsub, read } = world();
    const items = pubsub.subscribe('a');
    await pubsub.publish('a', 1, { id: 'x' });
    await pubsub.publish('a', 1, { id: 'x' });
    expect(await read(items)).toEqual([1]);
  });

  test('rejects where the bus does, and can be tried again', async () => {
    const { bus, pubsub, read } = world();
    const items = pubsub.subscribe('a');
    await read(items);
    bus.failing.add('publish');
    await expect(pubsub.publish('a', 1, { id: 'x' })).rejects.toThrow('publish failed');
    bus.failing.clear();
    await pubsub.publish('a', 1, { id: 'x' });
    expect(await read(items)).toEqual([1]);
  });

  test('without waiting keeps its order: what comes meanwhile begins once what is under way is settled', async () => {
    const { bus, pubsub, read, settle } = world();
    const items = pubsub.subscribe('a');
    await settle();
    bus.hold('publish');
    const sent = [pubsub.publish('a', 1), pubsub.publish('a', 2)];
    await settle();
    sent.push(pubsub.publish('a', 3), pubsub.publish('b', 'another topic'));
    await settle();
    expect(bus.calls.filter((call) => call.startsWith('publish'))).toEqual([
      ...['publish pubsub:a', 'publish pubsub:a', 'publish pubsub:b'],
    ]);
    bus.release('publish');
    await Promise.all(sent);
    expect(await read(items)).toEqual([1, 2, 3]);
  });

  test('on several topics comes to one subscriber in the order of arrival', async () => {
    const { pubsub, read } = world();
    const items = pubsub.subscribe(['a', 'b', 'a']);
    await read(items);
    for (const [topic, payload] of [
      ['b', 1],
      ['a', 2],
      ['b', 3],
      ['c', 4],
      ['a', 5],
    ] as const)
      await pubsub.publish(topic, payload);
    expect(await read(items)).toEqual([1, 2, 3, 5]);
  });

  test('is decoded once, shared and frozen', async () => {
    let decoded = 0;
    const codec = {
      encode: (payload: unknown) => JSON.stringify(payload),
      decode: (bytes: Uint8Array) => (decoded++, JSON.parse(Buffer.from(bytes).toString()) as unknown),
    };
    const { pubsub } = world({ codec });
    const [one, two] = [pubsub.subscribe('a'), pubsub.subscribe('a')];
    await pubsub.publish('a', { deep: { list: [1] } });
    const [first, second] = await Promise.all([one.next(), two.next()]);
    expect(decoded).toBe(1);
    expect(first.value).toBe(second.value);
    expect(Object.isFrozen((first.value as { deep: { list: object } }).deep.list)).toBe(true);
  });

  test('is not frozen where it is not to be', async () => {
    const { pubsub } = world({ freeze: false });
    const items = pubsub.subscribe('a');
    await pubsub.publish('a', {});
    expect(Object.isFrozen((await items.next()).value)).toBe(false);
  });
});

describe('a topic', () => {
  test('is subscribed once however many subscribers it has, and left with the last', async () => {
    const { bus, pubsub, settle } = world();
    const subscribers = Array.from({ length: 5 }, () => pubsub.subscribe('a'));
    await settle();
    expect(bus.listening).toEqual([A]);
    expect([...pubsub.counts()]).toEqual([['a', 5]]);
    for (const one of subscribers.slice(1)) await one.return?.();
    expect(bus.listening).toEqual([A]);
    await subscribers[0]?.return?.();
    await settle();
    expect(bus.listening).toEqual([]);
    expect([...pubsub.counts()]).toEqual([]);
  });

  test('of two names never is one: nor is it a subject of a tide', async () => {
    const { bus, pubsub, settle } = world();
    pubsub.subscribe(['entity:settlement:7:main', 'a b', 'a%20b']);
    await settle();
    expect(bus.listening.toSorted()).toEqual(['pubsub:a b', 'pubsub:a%20b', 'pubsub:entity:settlement:7:main']);
  });
});

describe('what is missing', () => {
  test('is read from history after a gap, and nobody is told', async () => {
    const { bus, pubsub, read } = world();
    const items = pubsub.subscribe('a');
    await read(items);
    bus.flowing = false;
    for (const payload of [1, 2, 3]) await pubsub.publish('a', payload);
    bus.lose();
    bus.gap();
    expect(await read(items)).toEqual([1, 2, 3]);
  });

  test('between two messages is noticed by the second', async () => {
    const { bus, pubsub, read } = world();
    const items = pubsub.subscribe('a');
    await read(items);
    bus.flowing = false;
    await pubsub.publish('a', 1);
    bus.lose();
    bus.flow();
    await pubsub.publish('a', 2);
    expect(await read(items)).toEqual([1, 2]);
  });

  test('and is in history no more, is a resync in its place', async () => {
    const { bus, pubsub, read, server } = world();
    const items = pubsub.subscribe('a');
    await read(items);
    bus.flowing = false;
    for (const payload of [1, 2, 3]) await pubsub.publish('a', payload);
    bus.lose();
    server.trim(A, 1);
    bus.gap();
    expect(await read(items)).toEqual(['resync a truncated', 3]);
  });

  test('after the store lost all is a resync, and it goes on', async () => {
    const { bus, pubsub, read, server } = world();
    const items = pubsub.subscribe('a');
    await pubsub.publish('a', 1);
    expect(await read(items)).toEqual([1]);
    server.wipe([A]);
    bus.gap();
    await pubsub.publish('a', 2);
    expect(await read(items)).toEqual(['resync a epoch', 2]);
  });

  test('is a payload of the subscriber’s own, or none', async () => {
    const { bus, pubsub, read, server } = world();
    const seen: string[] = [];
    const silent = pubsub.subscribe('a', { onResync: ({ reason }) => void seen.push(reason) });
    const own = pubsub.subscribe<unknown>('a', { onResync: ({ reason }) => ({ reason }) });
    await pubsub.publish('a', 1);
    await Promise.all([read(silent), read(own)]);
    server.wipe([A]);
    bus.gap();
    await pubsub.publish('a', 2);
    expect(await read(silent)).toEqual([2]);
    expect(await read(own)).toEqual([{ reason: 'epoch' }, 2]);
    expect(seen).toEqual(['epoch']);
  });

  test('ends an iterator with MISSED where nothing says what then', async () => {
    const { bus, pubsub, read, server, settle } = world({ onResync: undefined });
    const items = pubsub.subscribe('a');
    await pubsub.publish('a', 1);
    await read(items);
    server.wipe([A]);
    bus.gap();
    await settle();
    await expect(read(items)).rejects.toMatchObject({ code: 'MISSED' });
    expect(await items.next()).toEqual(DONE);
    expect(bus.listening).toEqual([]);
  });

  test('ends it with what onResync throws', async () => {
    const { bus, pubsub, read, server } = world();
    const items = pubsub.subscribe('a', {
      onResync: () => {
        throw new Error('no more');
      },
    });
    await pubsub.publish('a', 1);
    await read(items);
    server.wipe([A]);
    bus.gap();
    await expect(read(items)).rejects.toThrow('no more');
  });

  test('what cannot be read is a resync, told with its error', async () => {
    const { errors, pubsub, read, server } = world();
    const items = pubsub.subscribe('a');
    await read(items);
    server.append(A, Buffer.from('{'), 'broken');
    await pubsub.publish('a', 2);
    expect(await read(items)).toEqual(['resync a gap', 2]);
    expect(errors).toEqual([expect.stringMatching(/^decode a message of a: /)]);
  });

  test('and a topic that could not be followed at first is a resync', async () => {
    const { bus, clock, errors, pubsub, read, server } = world();
    bus.failing.add('read');
    const items = pubsub.subscribe('a');
    expect(await read(items)).toEqual([]);
    server.append(A, Buffer.from('1'), 'of another process');
    bus.failing.clear();
    await clock.advance(100);
    await pubsub.publish('a', 2);
    expect(await read(items)).toEqual(['resync a gap', 2]);
    expect(errors).toEqual(['read pubsub:a: read failed']);
  });
});

describe('a subscriber that does not read', () => {
  test('costs no more than the ring, and is told what it fell behind', async () => {
    const { pubsub, read } = world({ ringSize: 4 });
    const [slow, fast] = [pubsub.subscribe('a'), pubsub.subscribe('a')];
    await read(fast);
    for (let payload = 1; payload <= 6; payload++) {
      await pubsub.publish('a', payload);
      expect(await read(fast)).toEqual([payload]);
    }
    expect(await read(slow)).toEqual(['resync a overflow']);
    await pubsub.publish('a', 7);
    expect(await read(slow)).toEqual([7]);
  });

  test('loses nothing within the ring', async () => {
    const { pubsub, read } = world({ ringSize: 4 });
    const slow = pubsub.subscribe('a');
    for (let payload = 1; payload <= 4; payload++) await pubsub.publish('a', payload);
    expect(await read(slow)).toEqual([1, 2, 3, 4]);
  });

  test('is ended with OVERFLOW if it is to be', async () => {
    const { pubsub, read } = world({ ringSize: 2 });
    const slow = pubsub.subscribe('a', { overflow: 'disconnect' });
    await read(slow).then(() => undefined);
    const stalled = pubsub.subscribe('a', { overflow: 'disconnect' });
    for (let payload = 1; payload <= 3; payload++) await pubsub.publish('a', payload);
    await expect(read(stalled)).rejects.toMatchObject({ code: 'OVERFLOW' });
  });
});

describe('an iterator', () => {
  test('gives several next() at once what comes in the order of the calls', async () => {
    const { pubsub } = world();
    const items = pubsub.subscribe<number>('a');
    const early = [items.next(), items.next()];
    for (const payload of [1, 2, 3, 4]) await pubsub.publish('a', payload);
    const results = await Promise.all([...early, items.next(), items.next()]);
    expect(results.map(({ value }) => value)).toEqual([1, 2, 3, 4]);
  });

  test('is done by return(), which may be called again, and so is every next() that waits or comes', async () => {
    const { bus, pubsub, settle } = world();
    const items = pubsub.subscribe('a');
    await settle();
    const waiting = [items.next(), items.next()];
    expect(await items.return?.()).toEqual(DONE);
    expect(await items.return?.()).toEqual(DONE);
    expect(await Promise.all(waiting)).toEqual([DONE, DONE]);
    expect(await items.next()).toEqual(DONE);
    expect(bus.listening).toEqual([]);
  });

  test('is done after return() even with messages left', async () => {
    const { pubsub } = world();
    const items = pubsub.subscribe('a');
    await pubsub.publish('a', 1);
    await items.return?.();
    expect(await items.next()).toEqual(DONE);
  });

  test('ends by throw() and by leaving a loop', async () => {
    const { bus, pubsub, settle } = world();
    const thrown = pubsub.subscribe('a');
    await expect(thrown.throw?.(new Error('enough'))).rejects.toThrow('enough');
    const looped = pubsub.subscribe('a');
    await pubsub.publish('a', 1);
    for await (const payload of looped) if (payload === 1) break;
    await settle();
    expect(bus.listening).toEqual([]);
  });

  test('ends by its signal, fired before or after', async () => {
    const { bus, pubsub, settle } = world();
    const controller = new AbortController();
    const items = pubsub.subscribe('a', { signal: controller.signal });
    const waiting = items.next();
    controller.abort();
    expect(await waiting).toEqual(DONE);
    expect(await pubsub.subscribe('a', { signal: controller.signal }).next()).toEqual(DONE);
    await settle();
    expect(bus.listening).toEqual([]);
    expect([...pubsub.counts()]).toEqual([]);
  });

  test('ends with the pub/sub, which takes nothing after that', async () => {
    const { bus, pubsub } = world();
    const items = pubsub.subscribe('a');
    const waiting = items.next();
    await pubsub.close();
    await pubsub.close();
    expect(await waiting).toEqual(DONE);
    expect(bus.listening).toEqual([]);
    expect(() => pubsub.subscribe('a')).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    await expect(pubsub.publish('a', 1)).rejects.toMatchObject({ code: 'CLOSED' });
  });

  test.each([
    [[], {}, /topics: expected at least one, got none/],
    ['a', { overflow: 'never' as 'resync' }, /overflow: expected 'resync' or 'disconnect', got never/],
  ])('of %j with %j is refused', (topics, options, message) => {
    const { pubsub } = world();
    expect(() => pubsub.subscribe(topics, options)).toThrow(message);
    expect([...pubsub.counts()]).toEqual([]);
  });
});

describe('a listener', () => {
  test('is called in order, and stopped', async () => {
    const { pubsub } = world();
    const got: unknown[] = [];
    const stop = await pubsub.listen('a', (payload) => got.push(payload));
    await pubsub.publish('a', 1);
    stop();
    stop();
    await pubsub.publish('a', 2);
    expect(got).toEqual([1]);
  });

  test('that throws is told, and the others hear all the same', async () => {
    const { errors, pubsub, read } = world();
    const got: unknown[] = [];
    await pubsub.listen('a', () => {
      throw new Error('broken');
    });
    await pubsub.listen('a', (payload) => got.push(payload));
    const items = pubsub.subscribe('a');
    await pubsub.publish('a', 1);
    expect(got).toEqual([1]);
    expect(await read(items)).toEqual([1]);
    expect(errors).toEqual(['a listener of a: broken']);
  });

  test('that stops another meanwhile has stopped it', async () => {
    const { pubsub } = world();
    const got: unknown[] = [];
    const stops: (() => void)[] = [];
    await pubsub.listen('a', () => stops[0]?.());
    stops.push(await pubsub.listen('a', (payload) => got.push(payload)));
    await pubsub.publish('a', 1);
    expect(got).toEqual([]);
  });

  test('gets the stand-in of a hole, or its error is told', async () => {
    const { bus, errors, pubsub, server, settle } = world({ onResync: undefined });
    const got: unknown[] = [];
    await pubsub.listen('a', (payload) => got.push(payload), { onResync: standIn });
    await pubsub.listen('a', () => undefined);
    await pubsub.publish('a', 1);
    server.wipe([A]);
    bus.gap();
    await settle();
    expect(got).toEqual([1, 'resync a epoch']);
    expect(errors).toEqual([expect.stringMatching(/^a listener of a: a: messages are missing \(epoch\)/)]);
  });

  test('is refused where its topic cannot be followed, and leaves nothing', async () => {
    const { bus, errors, pubsub, settle } = world();
    bus.failing.add('subscribe');
    await expect(pubsub.listen('a', () => undefined)).rejects.toThrow('subscribe failed');
    await settle();
    expect([...pubsub.counts()]).toEqual([]);
    expect(errors).toEqual(['subscribe pubsub:a: subscribe failed']);
  });
});

test('a listener that comes after a topic could be followed at last is not refused for what failed before', async () => {
  const { bus, clock, pubsub } = world();
  bus.failing.add('subscribe');
  pubsub.subscribe('a');
  await expect(pubsub.listen('a', () => undefined)).rejects.toThrow('subscribe failed');
  const waiting = pubsub.listen('a', () => undefined);
  bus.failing.clear();
  await clock.advance(100);
  await expect(waiting).resolves.toBeTypeOf('function');
  await expect(pubsub.listen('a', () => undefined)).resolves.toBeTypeOf('function');
});

test('two processes over one bus hear each other', async () => {
  const { bus } = memory();
  const onError = (error: Error): void => {
    throw error;
  };
  const [here, there] = [createPubSub({ bus, onError }), createPubSub({ bus, onError })];
  const items = there.subscribe('a');
  await here.publish('a', { from: 'here' });
  expect((await items.next()).value).toEqual({ from: 'here' });
  await Promise.all([here.close(), there.close()]);
});
