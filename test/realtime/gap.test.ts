import { describe, expect, test } from 'vitest';
import { memoryBus } from '../../src/adapters/memory/index.js';
import { A, B, C, replica, world } from './setup.js';

describe('messages that were lost on the way', () => {
  test('are read from history as soon as the next one shows it, in order and once', async () => {
    const { bus, announce, subscribe, read, settle } = world();
    const items = subscribe([A]);
    await settle();
    bus.flowing = false;
    await announce([A], '1', '2', '3');
    bus.lose();
    bus.flow();
    await announce([A], '4');
    expect(await read(items)).toEqual(['1', '2', '3', '4']);
  });

  test('are read when the bus says that there may be some', async () => {
    const { bus, announce, subscribe, read, settle } = world();
    const items = subscribe([A]);
    await settle();
    bus.flowing = false;
    await announce([A], '1', '2');
    bus.lose();
    bus.gap();
    expect(await read(items)).toEqual(['1', '2']);
  });

  test('a gap in which nothing was lost is not noticed', async () => {
    const { bus, announce, subscribe, read, settle } = world();
    const items = subscribe([A, B]);
    await settle();
    bus.gap();
    bus.gap(A);
    await announce([A, B], '1');
    bus.gap();
    expect(await read(items)).toEqual(['1']);
  });

  test('a gap while history is read is looked into as well', async () => {
    const { bus, announce, subscribe, read, settle } = world();
    const items = subscribe([A]);
    await settle();
    bus.flowing = false;
    bus.hold('read');
    bus.gap();
    bus.release('read');
    await announce([A], '1');
    bus.lose();
    bus.gap();
    expect(await read(items)).toEqual(['1']);
  });

  test('live messages that come while history is read follow it, however many', async () => {
    const { bus, announce, subscribe, read, settle } = world({ ringSize: 2000 });
    const items = subscribe([A]);
    await settle();
    bus.flowing = false;
    await announce([A], 'lost');
    bus.lose();
    bus.flow();
    bus.hold('read');
    const ids = Array.from({ length: 1100 }, (_, i) => String(i));
    await announce([A], ...ids);
    bus.release('read');
    expect(await read(items)).toEqual(['lost', ...ids]);
  });

  test('duplicates from the bus are dropped', async () => {
    const { server, bus, announce, subscribe, read, settle } = world();
    const items = subscribe([A]);
    await settle();
    await announce([A], '1', '2');
    for (const message of server.log(A).kept) bus.push(A, message);
    await announce([A], '3');
    expect(await read(items)).toEqual(['1', '2', '3']);
  });
});

describe('what cannot be had again', () => {
  test('is one resync before what is still there', async () => {
    const { server, bus, announce, subscribe, read, settle } = world();
    const items = subscribe([A]);
    await settle();
    await announce([A], '1');
    bus.flowing = false;
    await announce([A], '2', '3', '4');
    bus.lose();
    server.trim(A, 1);
    bus.flow();
    await announce([A], '5');
    expect(await read(items)).toEqual(['1', 'resync: truncated', '4', '5']);
  });

  test('a wiped store is one resync, and its new messages follow', async () => {
    const { server, announce, subscribe, read } = world();
    const items = subscribe([A]);
    await announce([A], '1', '2');
    expect(await read(items)).toEqual(['1', '2']);
    server.wipe([A]);
    await announce([A], '3', '4');
    expect(await read(items)).toEqual(['resync: epoch', '3', '4']);
  });

  test('a store wiped while the link was down too', async () => {
    const { server, bus, announce, subscribe, read } = world();
    const items = subscribe([A]);
    await announce([A], '1');
    bus.flowing = false;
    await announce([A], '2');
    server.wipe([A]);
    await announce([A], '3');
    bus.lose();
    bus.flow();
    await announce([A], '4');
    expect(await read(items)).toEqual(['1', 'resync: epoch', '3', '4']);
  });

  test('all topics wiped at once are one resync', async () => {
    const { server, bus, announce, subscribe, read } = world();
    const items = subscribe([A, B, C]);
    await announce([A, B, C], '1');
    expect(await read(items)).toEqual(['1']);
    server.wipe([A, B, C]);
    bus.gap();
    expect(await read(items)).toEqual(['resync: epoch']);
    await announce([A, C], '2');
    expect(await read(items)).toEqual(['2']);
  });

  test('a store that lost its newest messages is one resync', async () => {
    const { server, bus, announce, subscribe, read } = world();
    const items = subscribe([A]);
    await announce([A], '1', '2', '3');
    expect(await read(items)).toEqual(['1', '2', '3']);
    const log = server.log(A);
    log.top = 1;
    log.kept.length = 1;
    bus.gap();
    expect(await read(items)).toEqual(['resync: epoch']);
    await announce([A], '4');
    expect(await read(items)).toEqual(['4']);
  });

  test('a store that went back and counts again is one, though nobody says so and it has caught up since', async () => {
    const { server, announce, subscribe, read } = world();
    const items = subscribe([A]);
    await announce([A], '1', '2', '3');
    expect(await read(items)).toEqual(['1', '2', '3']);
    const log = server.log(A);
    log.top = 1;
    log.kept.length = 1;
    await announce([A], '4');
    expect(await read(items)).toEqual(['resync: epoch']);
    await announce([A], '5', '6', '7');
    expect(await read(items)).toEqual(['5', '6', '7']);
  });

  test.each([
    ['as far', ['4'], ['resync: epoch', '4']],
    ['further', ['4', '5', '6'], ['resync: epoch', '4', '5', '6']],
  ])('so is one that has counted %s again while the link was down', async (_, after, told) => {
    const { server, bus, announce, subscribe, read } = world();
    const items = subscribe([A]);
    await announce([A], '1', '2', '3');
    expect(await read(items)).toEqual(['1', '2', '3']);
    bus.flowing = false;
    const log = server.log(A);
    log.top = 2;
    log.kept.length = 2;
    await announce([A], ...after);
    bus.lose();
    bus.flow();
    bus.gap();
    expect(await read(items)).toEqual(told);
    await announce([A], '7');
    expect(await read(items)).toEqual(['7']);
  });

  test('a store that has the last message no more, and nothing behind it, lost nothing', async () => {
    const { server, bus, announce, subscribe, read } = world();
    const items = subscribe([A]);
    await announce([A], '1', '2');
    server.trim(A);
    bus.gap();
    await announce([A], '3');
    expect(await read(items)).toEqual(['1', '2', '3']);
  });

  test.each([
    ['no JSON at all', new TextEncoder().encode('{')],
    ['another version', new TextEncoder().encode('{"v":2}')],
    ['a bare string', new TextEncoder().encode('"payload"')],
  ])('a message that cannot be read (%s) is an error and a resync in its place', async (_, bytes) => {
    const { bus, announce, subscribe, read, errors, settle } = world();
    const items = subscribe([A]);
    await settle();
    await announce([A], '1');
    await bus.publish(A, bytes, { id: 'corrupt' });
    await announce([A], '2');
    expect(await read(items)).toEqual(['1', 'resync: gap', '2']);
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatch(`decode a message of ${A}: `);
  });

  test('a bus without history: every gap with something in it is a resync', async () => {
    const { server, bus, announce, subscribe, read, settle } = world();
    const items = subscribe([A]);
    await settle();
    await announce([A], '1');
    server.trim(A);
    bus.gap();
    await announce([A], '2');
    bus.flowing = false;
    await announce([A], '3');
    bus.lose();
    server.trim(A);
    bus.gap();
    bus.flow();
    expect(await read(items)).toEqual(['1', '2', 'resync: truncated']);
    await announce([A], '4');
    expect(await read(items)).toEqual(['4']);
  });
});

describe('a bus that fails', () => {
  test('is asked again, with growing pauses and without end; what it still has is not missed', async () => {
    const { bus, clock, announce, subscribe, read, errors, settle } = world();
    const items = subscribe([A]);
    await settle();
    bus.flowing = false;
    await announce([A], '1');
    bus.lose();
    bus.failing.add('read');
    bus.gap();
    await clock.advance(100 + 200 + 400);
    expect(errors).toEqual(Array.from({ length: 4 }, () => `read ${A}: read failed`));
    await clock.advance(3_600_000);
    bus.failing.clear();
    await clock.advance(10_000);
    expect(await read(items)).toEqual(['1']);
  });

  test('at subscribe() is tried again; since nobody knows what was published meanwhile, a resync comes first', async () => {
    const { server, bus, clock, announce, subscribe, read, errors } = world();
    bus.failing.add('read').add('subscribe');
    const items = subscribe([A]);
    await replica(server.connect(), clock).announce([A], 'unheard');
    expect(await read(items)).toEqual([]);
    expect(errors).toEqual([`read ${A}: read failed`, `subscribe ${A}: subscribe failed`]);
    bus.failing.clear();
    await clock.advance(100);
    await announce([A], '1');
    expect(await read(items)).toEqual(['resync: gap', '1']);
  });

  test('only with subscribe() loses nothing', async () => {
    const { bus, clock, announce, subscribe, read, errors } = world();
    bus.failing.add('subscribe');
    const items = subscribe([A]);
    await announce([A], '1');
    await clock.advance(0);
    bus.failing.clear();
    await clock.advance(100);
    await announce([A], '2');
    expect(await read(items)).toEqual(['1', '2']);
    expect(errors).toEqual([`subscribe ${A}: subscribe failed`]);
  });

  test('on one topic holds up the others for a second at most', async () => {
    const { bus, clock, announce, subscribe, read } = world();
    const items = subscribe([A, B]);
    expect(await read(items)).toEqual([]);
    bus.failing.add('read');
    bus.gap(B);
    await announce([A], '1');
    await announce([A, B], '2');
    await announce([A], '3');
    expect(await read(items)).toEqual(['1']);
    await clock.advance(1000);
    expect(await read(items)).toEqual(['2', '3']);
    bus.failing.clear();
    await clock.advance(10_000);
    await announce([B], '4');
    expect(await read(items)).toEqual(['4']);
  });

  test('is no longer asked once nobody listens', async () => {
    const { bus, clock, subscribe, settle } = world();
    bus.failing.add('read').add('subscribe');
    const items = subscribe([A]);
    await settle();
    await items.return?.();
    const calls = bus.calls.length;
    await clock.advance(60_000);
    expect(bus.calls.length).toBe(calls);
    expect(clock.timers).toBe(0);
  });

  test('by throwing instead of rejecting is the same', async () => {
    const { bus, clock, announce, subscribe, read, errors } = world();
    const { read: readHistory, subscribe: listen } = bus;
    const fail = (): never => {
      throw new Error('thrown');
    };
    Object.assign(bus, { read: fail, subscribe: fail });
    const items = subscribe([A]);
    await clock.advance(0);
    Object.assign(bus, { read: readHistory, subscribe: listen });
    await clock.advance(100);
    await announce([A], '1');
    expect(await read(items)).toEqual(['resync: gap', '1']);
    expect(errors).toEqual([`read ${A}: thrown`, `subscribe ${A}: thrown`]);
  });
});

test('a memory bus that forgot a topic is one resync', async () => {
  const { clock, read } = world();
  const bus = memoryBus({ maxTopics: 2 });
  const { announce, subscribe } = replica(bus, clock);
  const items = subscribe([A]);
  await announce([A], '1');
  expect(await read(items)).toEqual(['1']);
  for (const topic of ['x', 'y', 'z']) await bus.read(topic, undefined, 1);
  await announce([A], '2');
  expect(await read(items)).toEqual(['resync: epoch', '2']);
});
