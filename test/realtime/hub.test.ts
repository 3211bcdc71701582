import { describe, expect, test } from 'vitest';
import type { SubjectKey } from '../../src/contract.js';
import { A, B, C, bytesOf, eventOf, replica, said, world } from './setup.js';

describe('from when on', () => {
  test('an event published right after subscribe() returned is delivered, though the bus takes its time', async () => {
    const { bus, announce, subscribe, read, settle } = world();
    bus.hold('subscribe');
    bus.hold('read');
    const items = subscribe([A]);
    const announcing = announce([A], '1');
    bus.release('read');
    await settle();
    bus.release('subscribe');
    await announcing;
    expect(await read(items)).toEqual(['1']);
  });

  test('and so is one whose publication overtakes the question where the topic stands', async () => {
    const { bus, announce, subscribe, read, settle } = world();
    await announce([A], 'before');
    bus.hold('read');
    const items = subscribe([A]);
    bus.hold('publish');
    const announcing = announce([A], '1');
    bus.release('publish');
    bus.release('read');
    await announcing;
    await settle();
    expect(await read(items)).toEqual(['1']);
  });

  test('if nobody knows whether such a publication took place, a resync says so', async () => {
    const { bus, announce, subscribe, read } = world();
    bus.hold('read');
    const items = subscribe([A]);
    bus.failing.add('publish');
    await expect(announce([A], '1')).rejects.toThrow('publish failed');
    bus.release('read');
    expect(await read(items)).toEqual(['resync: gap']);
  });

  test('or if its history was lost before it was known where the topic stands', async () => {
    const { server, bus, announce, subscribe, read } = world();
    bus.hold('read');
    const items = subscribe([A]);
    await announce([A], '1');
    server.wipe([A]);
    bus.release('read');
    expect(await read(items)).toEqual(['resync: epoch']);
  });

  test('events published before subscribe() are not delivered', async () => {
    const { announce, subscribe, read } = world();
    await announce([A], '1', '2');
    const items = subscribe([A]);
    await announce([A], '3');
    expect(await read(items)).toEqual(['3']);
  });

  test('a subscriber who joins others gets what comes from then on', async () => {
    const { announce, subscribe, read, settle } = world();
    const first = subscribe([A]);
    await settle();
    await announce([A], '1');
    const second = subscribe([A]);
    await announce([A], '2');
    expect(await read(first)).toEqual(['1', '2']);
    expect(await read(second)).toEqual(['2']);
  });
});

describe('over several topics', () => {
  test('an event announced on many is delivered once', async () => {
    const { announce, subscribe, read } = world();
    const items = subscribe([A, B, C, A]);
    await announce([A, B, C], '1');
    await announce([B], '2');
    await announce([B, C, C], '3');
    expect(await read(items)).toEqual(['1', '2', '3']);
  });

  test('one that waits for its turn on another topic keeps the order of both', async () => {
    const { bus, announce, subscribe, read, settle } = world();
    const items = subscribe([A, B]);
    await settle();
    bus.flowing = false;
    await announce([B], '1');
    await announce([A, B], '2');
    await announce([A], '3');
    bus.deliver(A);
    bus.deliver(A);
    expect(await read(items)).toEqual([]);
    bus.flow();
    expect(await read(items)).toEqual(['1', '2', '3']);
  });

  test('one whose copy is late is looked for after half a second, and the late copy is not delivered again', async () => {
    const { bus, clock, announce, subscribe, read, settle } = world();
    const items = subscribe([A, B]);
    await settle();
    bus.flowing = false;
    await announce([A, B], '1');
    await announce([A], '2');
    bus.deliver(A);
    bus.deliver(A);
    await clock.advance(499);
    expect(await read(items)).toEqual([]);
    await clock.advance(1);
    expect(await read(items)).toEqual(['1', '2']);
    bus.flow();
    await announce([B], '3');
    expect(await read(items)).toEqual(['3']);
    expect(clock.timers).toBe(0);
  });

  test('whose copies never come: what waits for one keeps its turn on the others', async () => {
    const { server, clock, subscribe, read, settle } = world();
    const items = subscribe([A, B, C]);
    await settle();
    server.append(A, bytesOf('1', [A, B]), '1');
    server.append(A, bytesOf('2', [A, B, C]), '2');
    server.append(C, bytesOf('2', [A, B, C]), '2');
    await clock.advance(1000);
    expect(await read(items)).toEqual(['1', '2']);
  });

  test('two publishers that cross hold nobody up', async () => {
    const { server, subscribe, read, settle } = world();
    const items = subscribe([A, B]);
    await settle();
    const bytes = (id: string): Uint8Array => bytesOf(id, [A, B]);
    server.append(A, bytes('1'), '1');
    server.append(B, bytes('2'), '2');
    server.append(B, bytes('1'), '1');
    server.append(A, bytes('2'), '2');
    expect((await read(items)).sort()).toEqual(['1', '2']);
  });

  test('one that has waited its time waits on, without a timer of its own, for one before it that has not', async () => {
    const { server, clock, subscribe, read, settle } = world();
    const items = subscribe([A, B]);
    await settle();
    const put = (topic: SubjectKey, id: string): void => {
      server.append(topic, bytesOf(id, [A, B]), id);
    };
    put(A, 'second');
    await clock.advance(700);
    put(B, 'first');
    put(B, 'second');
    await clock.advance(1000);
    expect(await read(items)).toEqual(['first', 'second']);
    expect(clock.timers).toBe(0);
  });

  test('an event on topics that a subscriber does not follow is delivered at once', async () => {
    const { announce, subscribe, read } = world();
    const items = subscribe([A]);
    await announce([A, B, C], '1');
    expect(await read(items)).toEqual(['1']);
  });
});

describe('sharing', () => {
  test('subscribers of one topic share one bus subscription, whatever else they follow', async () => {
    const { bus, subscribe, hub, settle } = world();
    const open = [subscribe([A, B]), subscribe([B, A]), subscribe([B]), subscribe([C, B])];
    expect(bus.listening.toSorted()).toEqual([A, B, C].sort());
    expect(Object.fromEntries(hub.counts())).toEqual({ [A]: 2, [B]: 4, [C]: 1 });
    for (const items of open) await items.return?.();
    await settle();
    expect(bus.listening).toEqual([]);
    expect(hub.counts().size).toBe(0);
  });

  test('who leaves before the bus has answered is unsubscribed when it does', async () => {
    const { bus, subscribe, announce, read, settle } = world();
    bus.hold('subscribe');
    const first = subscribe([A]);
    await first.return?.();
    const second = subscribe([A]);
    bus.release('subscribe');
    await settle();
    expect(bus.listening).toEqual([A]);
    await announce([A], '1');
    expect(await read(second)).toEqual(['1']);
    await second.return?.();
    await settle();
    expect(bus.listening).toEqual([]);
  });

  test('leaving and coming back at once loses nothing', async () => {
    const { subscribe, announce, read } = world();
    const first = subscribe([A]);
    expect(await read(first)).toEqual([]);
    void first.return?.();
    const second = subscribe([A]);
    await announce([A], '1');
    expect(await read(second)).toEqual(['1']);
  });

  test('an event is decoded once and frozen to the ground: nobody can change what another sees', async () => {
    const { publish, subscribe, items } = world();
    const [first, second] = [subscribe([A]), subscribe([A])];
    const values = { tags: [{ name: 'port' }] };
    await publish([A], eventOf('1', { changes: { fields: ['tags'], values } }));
    values.tags.length = 0;
    const [[one], [two]] = [await items(first), await items(second)];
    expect(one).toBe(two);
    expect(one).toMatchObject({ changes: { values: { tags: [{ name: 'port' }] } } });
    expect(() => {
      (one as unknown as { changes: { values: { tags: { name: string }[] } } }).changes.values.tags[0]!.name = 'x';
    }).toThrow(TypeError);
  });
});

describe('an event', () => {
  test('comes out as it went in: dates, bigints and ids of any kind', async () => {
    const { publish, subscribe, items } = world();
    const open = subscribe([A]);
    const values = { at: new Date(5), size: 5n, none: null };
    const events = ['1', 7, 7n, null].map((entityId, i) =>
      eventOf(String(i), { entityId, changes: { fields: null, values }, op: 'bulk', version: null, modifiedBy: 'me' }),
    );
    for (const event of events) await publish([A], event);
    const got = (await items(open)).map(({ kind, cursor, ...event }) => {
      expect([kind, typeof cursor]).toEqual(['change', 'string']);
      return event;
    });
    expect(got).toEqual(events);
  });

  test('has its id as the model of the receiving replica reads it', async () => {
    const parseId = (type: string, text: string): number | undefined =>
      type === 'settlement' ? Number(text) : undefined;
    const { publish, subscribe, items } = world({ parseId });
    const open = subscribe([A]);
    await publish([A], eventOf('1', { entityId: '5' }));
    await publish([A], eventOf('2', { entityId: '5', entityType: 'moon' }));
    expect(await items(open)).toMatchObject([{ entityId: 5 }, { entityId: '5' }]);
  });
});

describe('publishing', () => {
  test('tries every topic, rejects with the failure, and can be repeated without a duplicate', async () => {
    const { bus, announce, subscribe, read, settle } = world();
    const items = subscribe([A, B]);
    await settle();
    bus.failing.add('publish');
    await expect(announce([A, B], '1')).rejects.toThrow('publish failed');
    expect(bus.calls.filter((call) => call.startsWith('publish'))).toEqual([`publish ${A}`, `publish ${B}`]);
    bus.failing.clear();
    await announce([A, B], '1');
    await announce([A, B], '1');
    await announce([A], '2');
    // What failed may have been more than what was repeated.
    expect(await read(items)).toEqual(['1', 'resync: gap', '2']);
  });

  test('refuses what the codec refuses', async () => {
    const { publish } = world();
    const event = eventOf('1', { changes: { fields: null, values: { run: () => {} } } });
    await expect(publish([A], event)).rejects.toMatchObject({ code: 'UNENCODABLE' });
  });
});

describe('closing', () => {
  test('ends every subscription, leaves the bus and refuses what comes after; twice is once', async () => {
    const { bus, clock, hub, announce, subscribe } = world();
    const open = [subscribe([A]), subscribe([B])];
    const pending = open.map((items) => items.next());
    await hub.close();
    await hub.close();
    expect(await Promise.all(pending)).toEqual([{ done: true }, { done: true }]);
    expect(bus.listening).toEqual([]);
    expect(clock.timers).toBe(0);
    await expect(announce([A], '1')).rejects.toMatchObject({ code: 'CLOSED' });
    expect(() => subscribe([A])).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  });

  test('waits until the bus has been left, and survives a bus that refuses that', async () => {
    const { bus, hub, subscribe, errors, settle } = world();
    const [first] = [subscribe([A]), subscribe([B])];
    await settle();
    bus.hold('unsubscribe');
    void first?.return?.();
    let closed = false;
    const closing = hub.close().then(() => (closed = true));
    await settle();
    expect(closed).toBe(false);
    bus.failing.add('unsubscribe');
    bus.release('unsubscribe');
    await closing;
    expect(errors).toEqual([`unsubscribe from ${A}: unsubscribe failed`, `unsubscribe from ${B}: unsubscribe failed`]);
  });
});

describe('misuse', () => {
  test.each([0, -1, 1.5, Number.NaN])('a ring of %s items is refused', (ringSize) => {
    expect(() => world({ ringSize })).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
  });

  test('no topics and unknown policies are refused, and nothing stays behind', () => {
    const { bus, subscribe } = world();
    expect(() => subscribe([])).toThrow(expect.objectContaining({ code: 'INVALID_OPTION' }));
    expect(() => subscribe([A], { overflow: 'drop' as 'resync' })).toThrow('overflow');
    expect(bus.calls).toEqual([]);
  });
});

describe('when the chain of branches changes', () => {
  const chained = (world_: ReturnType<typeof world>) => {
    let topics: readonly SubjectKey[] = [A, C];
    const items = world_.hub.subscribe({ name: 'settlement 1', topics, topicsNow: () => topics });
    return {
      items,
      become: (now: readonly SubjectKey[]) => {
        topics = now;
      },
    };
  };

  test('a live subscription follows it, and says that something may be missing', async () => {
    const one = world();
    const { items, become } = chained(one);
    await one.settle();
    become([B, C]);
    await one.publish([C], eventOf('forked', { op: 'bulk' }));
    expect(await one.read(items)).toEqual(['forked', 'resync: branch']);
    await one.announce([A], 'unheard');
    await one.announce([B], '1');
    await one.announce([C], '2');
    expect(await one.read(items)).toEqual(['1', '2']);
    expect(one.bus.listening.toSorted()).toEqual([B, C].sort());
  });

  test('a chain that cannot be told ends the subscription with its error', async () => {
    const one = world();
    const fail = (): never => {
      throw new Error('parentOf() failed');
    };
    const items = one.hub.subscribe({ name: 'settlement 1', topics: [C], topicsNow: fail });
    await one.publish([C], eventOf('forked', { op: 'bulk' }));
    expect(said((await items.next()).value as never)).toBe('forked');
    await expect(items.next()).rejects.toThrow('parentOf() failed');
    expect(await items.next()).toEqual({ done: true });
    expect(one.bus.listening).toEqual([]);
  });
});

test('replicas that share a bus hear each other', async () => {
  const one = world();
  const other = replica(one.server.connect(), one.clock);
  const items = other.subscribe([A]);
  await one.settle();
  await one.announce([A], '1', '2');
  expect(await one.read(items)).toEqual(['1', '2']);
});
