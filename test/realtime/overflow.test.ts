import { describe, expect, test } from 'vitest';
import { A, B, type World, eventOf, replica, said, world } from './setup.js';

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => String(from + i));
const entity = ({ publish }: Pick<World, 'publish'>, changeId: string, entityId: string, fields: string[] = ['name']) =>
  publish([A], eventOf(changeId, { entityId, changes: { fields, values: { [fields[0] ?? '']: changeId } } }));

describe('replay', () => {
  test('a slow subscriber misses nothing that history has', async () => {
    const { announce, subscribe, read } = world({ ringSize: 4 });
    const items = subscribe([A, B], { overflow: 'replay' });
    await announce([A, B], ...numbers(1, 3));
    await announce([B], ...numbers(4, 30));
    expect((await items.next()).value).toMatchObject({ changeId: '1' });
    await announce([A], ...numbers(31, 60));
    expect((await items.next()).value).toMatchObject({ changeId: '2' });
    const rest = await read(items);
    // Two topics: each in its order.
    expect(rest.toSorted((a, b) => Number(a) - Number(b))).toEqual(numbers(3, 60));
    expect(rest.filter((id) => Number(id) <= 30)).toEqual(numbers(3, 30));
  });

  test('what history does not have any more is told', async () => {
    const { server, announce, subscribe, read } = world({ ringSize: 2 });
    const items = subscribe([A], { overflow: 'replay' });
    await announce([A], ...numbers(1, 9));
    server.trim(A, 3);
    expect(await read(items)).toEqual(['resync: truncated']);
    await announce([A], '10');
    expect(await read(items)).toEqual(['10']);
  });

  test('asks for a page when it is needed, and not before', async () => {
    const { bus, announce, subscribe, read } = world({ ringSize: 2 });
    const items = subscribe([A], { overflow: 'replay' });
    await announce([A], ...numbers(1, 9));
    const reads = (): number => bus.calls.filter((call) => call.startsWith('read')).length;
    const before = reads();
    await announce([A], ...numbers(10, 19));
    expect(reads()).toBe(before);
    expect(await read(items)).toEqual(numbers(1, 19));
    expect(reads()).toBe(before + 1);
  });
});

describe('drop-oldest', () => {
  test('says how many it dropped, and goes on with the oldest that is there', async () => {
    const { announce, subscribe, items } = world({ ringSize: 3 });
    const subscription = subscribe([A], { overflow: 'drop-oldest' });
    await announce([A], ...numbers(1, 8));
    const seen = await items(subscription);
    expect(seen.map(said)).toEqual(['resync: overflow', '6', '7', '8']);
    expect(seen[0]).toMatchObject({ dropped: 5 });
    await announce([A], '9');
    expect((await items(subscription)).map(said)).toEqual(['9']);
  });

  test('the item that says so has the cursor after which what is left comes', async () => {
    const { announce, subscribe, items, server, clock, read } = world({ ringSize: 3 });
    const subscription = subscribe([A], { overflow: 'drop-oldest' });
    await announce([A], ...numbers(1, 8));
    const [dropped] = await items(subscription);
    const other = replica(server.connect(), clock);
    expect(await read(other.subscribe([A], { since: dropped?.cursor }))).toEqual(['6', '7', '8']);
  });
});

describe('coalesce', () => {
  test('who keeps up gets everything', async () => {
    const one = world({ ringSize: 3 });
    const items = one.subscribe([A], { overflow: 'coalesce' });
    for (const id of numbers(1, 9)) {
      await entity(one, id, 'x');
      expect(await one.read(items)).toEqual([id]);
    }
  });

  test('of each entity the newest, in the order of these, and all fields that differ', async () => {
    const one = world({ ringSize: 3 });
    const subscription = one.subscribe([A], { overflow: 'coalesce' });
    await entity(one, '1', 'x', ['name']);
    await entity(one, '2', 'y');
    await entity(one, '3', 'x', ['level']);
    for (const id of numbers(4, 9)) await entity(one, id, id === '6' ? 'z' : 'y');
    const items = await one.items(subscription);
    expect(items.map(said)).toEqual(['3', '6', '9']);
    expect(items[0]).toMatchObject({ changes: { fields: ['name', 'level'], values: { name: '1', level: '3' } } });
    await entity(one, '10', 'x');
    expect(await one.read(subscription)).toEqual(['10']);
  });

  test('an entity that came and was changed has come; one that went has gone', async () => {
    const one = world({ ringSize: 1 });
    const subscription = one.subscribe([A], { overflow: 'coalesce' });
    const op = (changeId: string, entityId: string, what: 'create' | 'update' | 'delete') =>
      one.publish([A], eventOf(changeId, { entityId, op: what }));
    await op('1', 'x', 'create');
    await op('2', 'x', 'update');
    await op('3', 'y', 'update');
    await op('4', 'y', 'delete');
    await op('5', 'z', 'update');
    const seen = await one.items(subscription);
    expect(seen.map((item) => item.kind === 'change' && [item.entityId, item.op])).toEqual([
      ['x', 'create'],
      ['y', 'delete'],
      ['z', 'update'],
    ]);
  });

  test('its cursors leave nothing out, wherever it goes on', async () => {
    const one = world({ ringSize: 2 });
    const subscription = one.subscribe([A], { overflow: 'coalesce' });
    for (const id of numbers(1, 9)) await entity(one, id, `e${String(Number(id) % 3)}`);
    const [first] = await one.items(subscription);
    const other = replica(one.server.connect(), one.clock);
    expect(first && said(first)).toBe('7');
    expect(await one.read(other.subscribe([A], { since: first?.cursor }))).toEqual(['8', '9']);
  });

  test('a resync covers what is before it', async () => {
    const one = world({ ringSize: 2 });
    const subscription = one.subscribe([A], { overflow: 'coalesce' });
    for (const id of numbers(1, 5)) await entity(one, id, id);
    one.server.wipe([A]);
    one.bus.gap();
    await one.settle();
    for (const id of numbers(6, 9)) await entity(one, id, 'x');
    expect(await one.read(subscription)).toEqual(['resync: epoch', '9']);
  });

  test('beyond ten thousand entities it is told to look at everything', async () => {
    const one = world({ ringSize: 1 });
    const subscription = one.subscribe([A], { overflow: 'coalesce' });
    for (const id of numbers(1, 10_003)) await entity(one, id, id);
    expect(await one.read(subscription)).toEqual(['resync: overflow', '10002', '10003']);
  });

  test('while it is caught up from history, what leaves the ring is caught', async () => {
    const one = world({ ringSize: 2 });
    const first = one.subscribe([A]);
    await entity(one, '1', 'x');
    const [item] = await one.items(first);
    for (const id of numbers(2, 6)) await entity(one, id, id);
    const resumed = one.subscribe([A], { since: item?.cursor, overflow: 'coalesce' });
    expect((await resumed.next()).value).toMatchObject({ changeId: '2' });
    for (const id of numbers(7, 12)) await entity(one, id, 'x');
    expect(await one.read(resumed)).toEqual(['3', '4', '5', '6', '12']);
  });
});

test('a policy that does not exist is refused', () => {
  const { subscribe } = world();
  expect(() => subscribe([A], { overflow: 'block' as never })).toThrow(/overflow: expected one of .*got 'block'/);
});
