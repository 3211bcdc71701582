import { describe, expect, test } from 'vitest';
import { A, B, C, replica, world } from './setup.js';

describe('a cursor of this replica', () => {
  test('continues right after its item, from the ring, without asking the bus', async () => {
    const { bus, announce, subscribe, read, items } = world();
    const first = subscribe([A, B]);
    await announce([A, B], '1', '2', '3');
    const seen = await items(first);
    const calls = bus.calls.length;
    for (const [i, { cursor }] of seen.entries()) {
      expect(await read(subscribe([B, A], { since: cursor }))).toEqual(['1', '2', '3'].slice(i + 1));
    }
    expect(bus.calls.length).toBe(calls);
  });

  test('continues from history once the item has left the ring', async () => {
    const { announce, subscribe, read, items } = world({ ringSize: 2 });
    const first = subscribe([A]);
    await announce([A], '1');
    const [one] = await items(first);
    await announce([A], '2', '3', '4', '5');
    expect(await read(subscribe([A], { since: one?.cursor }))).toEqual(['2', '3', '4', '5']);
  });

  test('continues while others publish: what comes meanwhile follows, once', async () => {
    const { bus, announce, subscribe, read, items } = world({ ringSize: 3 });
    const first = subscribe([A]);
    await announce([A], '1');
    const [one] = await items(first);
    await announce([A], '2', '3', '4', '5');
    bus.hold('read');
    const resumed = subscribe([A], { since: one?.cursor });
    await announce([A], '6', '7');
    bus.release('read');
    expect(await read(resumed)).toEqual(['2', '3', '4', '5', '6', '7']);
  });

  test('who is overtaken while catching up is told', async () => {
    const { announce, subscribe, read, items } = world({ ringSize: 2 });
    const first = subscribe([A]);
    await announce([A], '1');
    const [one] = await items(first);
    await announce([A], '2', '3', '4', '5');
    const resumed = subscribe([A], { since: one?.cursor });
    expect((await resumed.next()).value).toMatchObject({ changeId: '2' });
    await announce([A], '6', '7', '8');
    expect(await read(resumed)).toEqual(['3', '4', '5', 'resync: overflow']);
  });
});

describe('a cursor of another replica', () => {
  test('continues right after its item, wherever it was taken', async () => {
    const one = world();
    const seen = one.subscribe([A, B, C]);
    await one.announce([A], '1');
    await one.announce([A, B], '2', '3');
    await one.announce([B], '4');
    await one.announce([A, B, C], '5');
    await one.announce([C], '6');
    const items = await one.items(seen);
    expect(items).toHaveLength(6);
    for (const [i, { cursor }] of items.entries()) {
      const other = replica(one.server.connect(), one.clock);
      const resumed = other.subscribe([A, B, C], { since: cursor });
      expect((await one.read(resumed)).toSorted()).toEqual(['1', '2', '3', '4', '5', '6'].slice(i + 1));
      await other.announce([B], `after ${String(i)}`);
      expect(await one.read(resumed)).toEqual([`after ${String(i)}`]);
      await other.hub.close();
      one.server.log(B).kept.pop();
      one.server.log(B).top--;
    }
  });

  test('keeps the order of every topic', async () => {
    const one = world();
    const start = one.subscribe([A, B]);
    await one.announce([A], '0');
    const [zero] = await one.items(start);
    await one.announce([B], '1');
    await one.announce([A, B], '2');
    await one.announce([A], '3');
    await one.announce([A, B], '4');
    await one.announce([B], '5');
    const other = replica(one.server.connect(), one.clock);
    expect(await one.read(other.subscribe([A, B], { since: zero?.cursor }))).toEqual(['1', '2', '3', '4', '5']);
  });

  test('reads long histories page by page, as the subscriber asks for them', async () => {
    const one = world({ ringSize: 4000 });
    const start = one.subscribe([A, B]);
    await one.announce([A], '0');
    const [zero] = await one.items(start);
    const ids = Array.from({ length: 1200 }, (_, i) => String(i + 1));
    for (const id of ids) await one.announce(Number(id) % 2 === 0 ? [A, B] : [B], id);
    const bus = one.server.connect();
    const other = replica(bus, one.clock);
    const resumed = other.subscribe([A, B], { since: zero?.cursor });
    await resumed.next();
    const pages = () => bus.calls.filter((call) => call === `read ${B}`).length;
    const before = pages();
    expect(await one.read(resumed)).toEqual(ids.slice(1));
    expect(pages() - before).toBe(2);
  });

  test('of one that was quicker waits until this one has caught up', async () => {
    const one = world();
    const bus = one.server.connect();
    const other = replica(bus, one.clock);
    const here = other.subscribe([A]);
    await one.settle();
    bus.flowing = false;
    const there = one.subscribe([A]);
    await one.announce([A], '1', '2');
    const [, two] = await one.items(there);
    const resumed = other.subscribe([A], { since: two?.cursor });
    expect(await one.read(resumed)).toEqual([]);
    await one.announce([A], '3');
    bus.flow();
    expect(await one.read(resumed)).toEqual(['3']);
    expect(await one.read(here)).toEqual(['1', '2', '3']);
  });

  test('of one that has heard what this one lost without a word has this one look for it', async () => {
    const one = world();
    const bus = one.server.connect();
    const other = replica(bus, one.clock);
    const here = other.subscribe([A]);
    await one.settle();
    bus.flowing = false;
    const there = one.subscribe([A]);
    await one.announce([A], '1');
    const [seen] = await one.items(there);
    bus.lose();
    expect(await one.read(here)).toEqual([]);
    const resumed = other.subscribe([A], { since: seen?.cursor });
    expect(await one.read(resumed)).toEqual([]);
    expect(await one.read(here)).toEqual(['1']);
  });

  test('from before a wipe that this one has not heard of: a resync, and nothing twice', async () => {
    const one = world();
    const bus = one.server.connect();
    const other = replica(bus, one.clock);
    other.subscribe([A]);
    const there = one.subscribe([A]);
    await one.settle();
    bus.flowing = false;
    await one.announce([A], '1');
    const [seen] = await one.items(there);
    one.server.wipe([A]);
    const resumed = other.subscribe([A], { since: seen?.cursor });
    const told = await one.read(resumed);
    bus.flow();
    expect([...told, ...(await one.read(resumed))].filter((text) => text !== 'resync: epoch')).toEqual([]);
    expect(told[0]).toBe('resync: epoch');
  });

  test('from after a wipe that this one has not heard of continues right after its item', async () => {
    const one = world();
    const bus = one.server.connect();
    const other = replica(bus, one.clock);
    other.subscribe([A]);
    await other.announce([A], '0');
    await one.settle();
    bus.flowing = false;
    one.server.wipe([A]);
    const there = one.subscribe([A]);
    await one.announce([A], '1', '2');
    const [first] = await one.items(there);
    const resumed = other.subscribe([A], { since: first?.cursor });
    expect((await one.read(resumed)).at(-1)).toBe('2');
    bus.flow();
    expect(await one.read(resumed)).toEqual([]);
  });

  test('of one that was quicker is a resync if what is between is gone, and nothing twice', async () => {
    const one = world();
    const bus = one.server.connect();
    const other = replica(bus, one.clock);
    const here = other.subscribe([A]);
    const there = one.subscribe([A]);
    await one.settle();
    bus.flowing = false;
    await one.announce([A], '1', '2');
    const [, two] = await one.items(there);
    const resumed = other.subscribe([A], { since: two?.cursor });
    bus.flow();
    await one.announce([A], '3');
    expect(await one.read(here)).toEqual(['1', '2', '3']);
    one.server.trim(A);
    expect(await one.read(resumed)).toEqual(['resync: truncated', '3']);
  });

  test('from before a wipe is not given again what came here before the wipe was heard of', async () => {
    const one = world();
    const bus = one.server.connect();
    const other = replica(bus, one.clock);
    other.subscribe([A]);
    const there = one.subscribe([A]);
    await one.settle();
    bus.flowing = false;
    await one.announce([A], '1');
    const [seen] = await one.items(there);
    one.server.wipe([A]);
    const resumed = other.subscribe([A], { since: seen?.cursor });
    bus.flow();
    bus.gap();
    await one.settle();
    expect((await one.read(resumed)).filter((text) => text !== 'resync: epoch')).toEqual([]);
  });

  test('taken while a copy was late does not repeat the event when it comes', async () => {
    const one = world();
    const there = one.subscribe([A, B]);
    await one.settle();
    one.bus.hold('publish');
    const publishing = one.announce([A, B], '1');
    one.bus.flowing = false;
    one.bus.release('publish');
    await publishing;
    one.bus.deliver(A);
    await one.clock.advance(1000);
    const [late] = await one.items(there);
    expect(late).toMatchObject({ changeId: '1' });
    const other = replica(one.server.connect(), one.clock);
    const resumed = other.subscribe([A, B], { since: late?.cursor });
    expect(await one.read(resumed)).toEqual([]);
    await one.announce([A, B], '2');
    expect(await one.read(resumed)).toEqual(['2']);
  });
});

describe('what cannot be replayed is one resync first', () => {
  const past = async () => {
    const one = world();
    const items = one.subscribe([A, B]);
    await one.announce([A, B], '1');
    const [first] = await one.items(items);
    await one.hub.close();
    const other = replica(one.server.connect(), one.clock);
    return { ...one, ...other, since: first?.cursor };
  };

  test('another epoch', async () => {
    const { server, subscribe, announce, read, since } = await past();
    server.wipe([B]);
    const items = subscribe([A, B], { since });
    await announce([A], '2');
    expect(await read(items)).toEqual(['resync: epoch', '2']);
  });

  test('a history that is too short', async () => {
    const { server, subscribe, announce, read, since } = await past();
    await announce([A], '2', '3');
    server.trim(A, 1);
    const items = subscribe([A, B], { since });
    await announce([A], '4');
    expect(await read(items)).toEqual(['resync: truncated', '4']);
  });

  test('a store that went back behind the cursor', async () => {
    const one = world();
    const seen = one.subscribe([A]);
    await one.announce([A], '1', '2', '3');
    const since = (await one.items(seen)).at(-1)?.cursor;
    const log = one.server.log(A);
    log.top = 1;
    log.kept.length = 1;
    const { subscribe, announce } = replica(one.server.connect(), one.clock);
    const items = subscribe([A], { since });
    expect(await one.read(items)).toEqual(['resync: epoch']);
    await announce([A], '4');
    expect(await one.read(items)).toEqual(['4']);
  });

  test('other topics, since the branch has another chain by now', async () => {
    const { subscribe, announce, read, since } = await past();
    const items = subscribe([A, C], { since });
    await announce([A], '2');
    expect(await read(items)).toEqual(['resync: branch', '2']);
  });

  test('and its own cursor continues after it', async () => {
    const { server, subscribe, announce, items, read, since } = await past();
    server.wipe([A, B]);
    const [resync] = await items(subscribe([A, B], { since }));
    await announce([A, B], '2');
    expect(await read(subscribe([A, B], { since: resync?.cursor }))).toEqual(['2']);
  });

  test('a bus that fails meanwhile is asked again', async () => {
    const { server, clock, read, since } = await past();
    await replica(server.connect(), clock).announce([A], '2');
    const bus = server.connect();
    const { subscribe, errors } = replica(bus, clock);
    const live = subscribe([A, B]);
    expect(await read(live)).toEqual([]);
    bus.failing.add('read');
    const items = subscribe([A, B], { since });
    expect(await read(items)).toEqual([]);
    bus.failing.clear();
    await clock.advance(100);
    expect(await read(items)).toEqual(['2']);
    expect(errors).toEqual([`read ${A}: read failed`]);
  });
});

test('leaving while history is read ends at once', async () => {
  const { server, bus, announce, subscribe, items, settle } = world({ ringSize: 1 });
  const first = subscribe([A]);
  await announce([A], '1');
  const [one] = await items(first);
  await announce([A], '2', '3');
  bus.hold('read');
  const resumed = subscribe([A], { since: one?.cursor });
  const waiting = resumed.next();
  await settle();
  await resumed.return?.();
  expect(await waiting).toEqual({ done: true });
  bus.release('read');
  await settle();
  expect(server.log(A).top).toBe(3);
});

const cursorOf = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

test.each([
  ['nothing', ''],
  ['no base64url', '%%%'],
  ['no JSON', Buffer.from('[1,').toString('base64url')],
  ['no list', cursorOf({ v: 1 })],
  ['another version', cursorOf([2, 0, ['e'], [0, 1], []])],
  ['an offset below 0', cursorOf([1, 0, ['e'], [0, -1], []])],
  ['an offset that is no number', cursorOf([1, 0, ['e'], [0, '1'], []])],
  ['an offset beyond what can be counted', cursorOf([1, 0, ['e'], [0, 1e300], []])],
  ['an epoch that is not there', cursorOf([1, 0, ['e'], [1, 1], []])],
  ['an epoch of another prototype', cursorOf([1, 0, ['e'], ['length', 1], []])],
  ['an epoch that is no text', cursorOf([1, 0, [7], [0, 1], []])],
  ['half a position', cursorOf([1, 0, ['e'], [0], []])],
  ['a late copy on no topic', cursorOf([1, 0, ['e'], [0, 1], [['id', 1]]])],
  ['a late copy of nothing', cursorOf([1, 0, ['e'], [0, 1], [[7, 0]]])],
  ['very much', 'A'.repeat(100_000)],
  ['an object', {} as string],
])('%s is no cursor: INVALID_CURSOR at once, and nothing stays behind', (_, since) => {
  const { bus, hub, subscribe } = world();
  expect(() => subscribe([A], { since })).toThrow(expect.objectContaining({ code: 'INVALID_CURSOR' }));
  expect(bus.calls).toEqual([]);
  expect(hub.counts().size).toBe(0);
});
