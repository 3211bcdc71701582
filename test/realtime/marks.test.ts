import { describe, expect, test } from 'vitest';
import type { Receipt } from '../../src/call.js';
import { typedJson } from '../../src/cache/codec.js';
import { decodeAnnouncement, encodeAnnouncement } from '../../src/realtime/wire.js';
import { A, B, MARKS, eventOf, replica, world } from './setup.js';

type Heard = Receipt['marks'] | null;

/** What the core was told, in order, and what it was not told in time. */
function listening(more: Parameters<typeof world>[0] = {}) {
  const heard: Heard[] = [];
  return { heard, ...world({ ...more, heard: (marks) => heard.push(marks) }) };
}

const at = (position: number): Receipt['marks'] => ({
  0: { epoch: 'e0', position },
  11: { epoch: 'e11', position: position + 1 },
});

describe('the marks of an event', () => {
  test('are told in the turn in which it arrives, before anybody can be told of it', async () => {
    const { hub, bus, heard, subscribe, settle, read } = listening();
    const open = subscribe([A]);
    await settle();
    bus.flowing = false;
    await hub.publish([{ topics: [A], event: eventOf('1'), id: '1' }], at(5));
    expect(heard).toEqual([]);
    bus.deliver();
    expect(heard).toEqual([at(5)]);
    expect(await read(open)).toEqual(['1']);
  });

  test('are told of one that was read from history after a gap', async () => {
    const { hub, bus, heard, subscribe, settle, read } = listening();
    const open = subscribe([A]);
    await settle();
    bus.flowing = false;
    await hub.publish([{ topics: [A], event: eventOf('1'), id: '1' }], at(5));
    bus.lose();
    bus.gap();
    expect(await read(open)).toEqual(['1']);
    expect(heard).toEqual([at(5)]);
  });

  test('are told of one that is replayed for a cursor', async () => {
    const one = world();
    const first = one.subscribe([A]);
    await one.announce([A], '1');
    const since = (await one.items(first))[0]?.cursor;
    await one.hub.publish([{ topics: [A], event: eventOf('2'), id: '2' }], at(7));
    const heard: Heard[] = [];
    const other = replica(one.server.connect(), one.clock, { heard: (marks) => heard.push(marks) });
    expect(await one.read(other.subscribe([A], { since }))).toEqual(['2']);
    expect(heard).toEqual([at(7)]);
  });

  test('of a version that said nothing of them are unknown', async () => {
    const { bus, heard, subscribe, settle, read } = listening();
    const open = subscribe([A]);
    await settle();
    const event = eventOf('1');
    const wire = typedJson.decode(
      encodeAnnouncement({ id: '1', on: [], times: [], changeId: '1', marks: at(1), event }, typedJson),
    ) as Record<string, unknown>;
    const { marks, times, ...older } = wire;
    expect([marks, times]).toEqual([[0, 'e0', 1, 11, 'e11', 2], []]);
    await bus.publish(A, typedJson.encode(older), { id: '1' });
    expect(await read(open)).toEqual(['1']);
    expect(heard).toEqual([null]);
  });
});

describe('before a resync it is told that marks are unknown', () => {
  test('if messages are lost', async () => {
    const { server, bus, heard, announce, subscribe, settle, read } = listening();
    const open = subscribe([A]);
    await settle();
    bus.flowing = false;
    await announce([A], '1', '2');
    bus.lose();
    server.trim(A);
    bus.gap();
    expect(await read(open)).toEqual(['resync: truncated']);
    expect(heard).toEqual([null]);
  });

  test('if a message cannot be read', async () => {
    const { bus, heard, subscribe, settle, read } = listening();
    const open = subscribe([A]);
    await settle();
    await bus.publish(A, new TextEncoder().encode('{'), { id: 'corrupt' });
    expect(await read(open)).toEqual(['resync: gap']);
    expect(heard).toEqual([null]);
  });

  test('if a cursor cannot be resumed', async () => {
    const one = world();
    const first = one.subscribe([A]);
    await one.announce([A], '1');
    const since = (await one.items(first))[0]?.cursor;
    one.server.wipe([A]);
    const heard: Heard[] = [];
    const other = replica(one.server.connect(), one.clock, { heard: (marks) => heard.push(marks) });
    expect(await one.read(other.subscribe([A], { since }))).toEqual(['resync: epoch']);
    expect(heard).toEqual([null]);
  });

  test('if an event never came', async () => {
    const { hub, clock, heard, subscribe, settle, read } = listening();
    const open = subscribe([A]);
    await settle();
    hub.bumped('1', [A]);
    await clock.advance(3000);
    expect(await read(open)).toEqual(['resync: gap']);
    expect(heard).toEqual([null]);
  });

  test('but not for a reader that was too slow: all that it missed was heard', async () => {
    const { heard, announce, subscribe, read, settle } = listening({ ringSize: 1 });
    const open = subscribe([A]);
    await settle();
    await announce([A], '1', '2');
    expect(await read(open)).toEqual(['resync: overflow']);
    expect(heard).toEqual([MARKS, MARKS]);
  });
});

describe('lost marks', () => {
  test('are one resync for those whose topics have them', async () => {
    const { hub, subscribe, read, settle, announce } = world();
    const [both, other] = [subscribe([A, B]), subscribe([B])];
    await settle();
    hub.lost('e1', () => true);
    expect([await read(both), await read(other)]).toEqual([['resync: epoch'], ['resync: epoch']]);
    hub.lost('e2', (topic) => topic === A);
    expect([await read(both), await read(other)]).toEqual([['resync: epoch'], []]);
    await announce([A, B], '1');
    expect([await read(both), await read(other)]).toEqual([['1'], ['1']]);
  });

  test('while the bus fails are told when it is back', async () => {
    const { hub, bus, clock, subscribe, read, settle } = world();
    const open = subscribe([A]);
    await settle();
    bus.failing.add('publish');
    hub.lost('e1', () => true);
    await clock.advance(1000);
    bus.failing.clear();
    await clock.advance(10_000);
    expect(await read(open)).toEqual(['resync: epoch']);
  });

  test('are told once, however many replicas find it, and to whoever resumes on another', async () => {
    const one = world();
    const here = one.subscribe([A]);
    await one.announce([A], '1');
    const since = (await one.items(here))[0]?.cursor;
    const other = replica(one.server.connect(), one.clock);
    const there = other.subscribe([A]);
    await one.settle();
    for (const { hub } of [one, other]) hub.lost('e1', () => true);
    await one.settle();
    await one.announce([A], '2');
    expect(await one.read(here)).toEqual(['resync: epoch', '2']);
    expect(await one.read(there)).toEqual(['resync: epoch', '2']);
    other.hub.lost('e1', () => true);
    await one.clock.advance(60_000);
    expect([await one.read(here), await one.read(there)]).toEqual([[], []]);
    const third = replica(one.server.connect(), one.clock);
    for (const { subscribe } of [one, other, third]) {
      expect(await one.read(subscribe([A], { since }))).toEqual(['resync: epoch', '2']);
    }
  });

  test('whose announcement was lost without a word are told all the same', async () => {
    const { hub, bus, clock, subscribe, read, settle } = world();
    const open = subscribe([A]);
    await settle();
    bus.flowing = false;
    hub.lost('e1', () => true);
    await settle();
    bus.lose();
    bus.flow();
    await clock.advance(3000);
    expect(await read(open)).toEqual(['resync: epoch']);
  });

  test('found by who is told of marks are not forgotten', async () => {
    const one = world({
      heard: () => {
        one.hub.lost('e1', () => true);
      },
    });
    const open = one.subscribe([A]);
    await one.settle();
    await one.announce([A], '1');
    expect(await one.read(open)).toEqual(['1', 'resync: epoch']);
  });
});

describe('what is announced', () => {
  test('comes out as it went in, with its marks', () => {
    const announcement = { id: '1', on: [1, 2], times: [1, 2], changeId: '1', marks: at(3), event: eventOf('1') };
    expect(decodeAnnouncement(encodeAnnouncement(announcement, typedJson), typedJson)).toEqual({
      kind: 'event',
      ...announcement,
    });
    const gap = { id: '1.gap', on: [1], times: [], changeId: '1', marks: null, event: 'gap' as const };
    expect(decodeAnnouncement(encodeAnnouncement(gap, typedJson), typedJson)).toEqual({ kind: 'event', ...gap });
  });

  test.each([
    ['text', 'e'],
    ['half a mark', [0, 'e']],
    ['no partition', ['0', 'e', 1]],
    ['a negative position', [0, 'e', -1]],
    ['no epoch', [0, 1, 1]],
  ])('with marks that are none (%s) is refused', (_, marks) => {
    const announcement = { id: '1', on: [], times: [], changeId: '1', marks: null, event: eventOf('1') };
    const wire = typedJson.decode(encodeAnnouncement(announcement, typedJson)) as object;
    expect(() => decodeAnnouncement(typedJson.encode({ ...wire, marks }), typedJson)).toThrow('announcement.marks');
  });
});
