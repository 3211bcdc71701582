import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SubjectKey } from '../../src/contract.js';
import { A, B, C, type Iterator, MARKS, type World, eventOf, replica, said, world } from './setup.js';

const PATIENCE_MS = 3000;
const LONG = process.env.TIDEMARK_LONG !== undefined;

/** A world whose subscription to these topics has begun. */
async function following(...topics: readonly SubjectKey[]): Promise<World & { readonly open: Iterator }> {
  const one = world();
  const open = one.subscribe(topics);
  await one.settle();
  return { ...one, open };
}

describe('a bus that takes its time', () => {
  test('gets one publication of a topic at a time: what comes later does not overtake', async () => {
    const { bus, announce, clock, read, open } = await following(A);
    bus.hold('publish');
    const announcing = ['1', '2', '3'].map((id) => announce([A], id));
    await clock.advance(500);
    bus.release('publish');
    await Promise.all(announcing);
    expect(await read(open)).toEqual(['1', '2', '3']);
  });

  test('may still do what was given up, but never what waited behind it; that is told as missing before what follows', async () => {
    const { bus, announce, clock, read, open } = await following(A);
    bus.hold('publish');
    const given = ['1', '2'].map((id) => announce([A], id).catch((error: unknown) => error));
    await clock.advance(1000);
    expect(await Promise.all(given)).toMatchObject([{ code: 'STORE_TIMEOUT' }, { code: 'STORE_TIMEOUT' }]);
    const third = announce([A], '3');
    bus.release('publish');
    await third;
    expect(await read(open)).toEqual(['1', 'resync: gap', '3']);
    await clock.advance(2 * PATIENCE_MS);
    expect(await read(open)).toEqual([]);
  });
});

test('nothing is told that follows what could not be announced before that is told', async () => {
  const { bus, announce, clock, read, open } = await following(A);
  await announce([A], '1');
  bus.failing.add('publish');
  await expect(announce([A], '2')).rejects.toThrow('publish failed');
  await expect(announce([A], '3')).rejects.toThrow('what is missing before it could not be announced');
  bus.failing.delete('publish');
  await announce([A], '4');
  expect(await read(open)).toEqual(['1', 'resync: gap', '4']);
  await clock.advance(2 * PATIENCE_MS);
  expect(await read(open)).toEqual([]);
});

describe('a bump without its event', () => {
  test('is a resync after three seconds, not before', async () => {
    const { hub, clock, read, open, errors } = await following(A);
    hub.bumped('1', [A]);
    await clock.advance(PATIENCE_MS - 1);
    expect(await read(open)).toEqual([]);
    await clock.advance(1);
    expect(await read(open)).toEqual(['resync: gap']);
    await clock.advance(60_000);
    expect(await read(open)).toEqual([]);
    expect(clock.timers).toBe(0);
    expect(errors).toEqual([]);
  });

  test('on several topics is one resync, though its partitions were heard of one after the other', async () => {
    const { hub, clock, read, open } = await following(A, B, C);
    hub.bumped('1', [A]);
    await clock.advance(200);
    hub.bumped('1', [B, C]);
    await clock.advance(60_000);
    expect(await read(open)).toEqual(['resync: gap']);
  });

  test('is told once, however many replicas notice, in its place among the events', async () => {
    const one = await following(A);
    const other = replica(one.server.connect(), one.clock);
    const there = other.subscribe([A]);
    await one.settle();
    for (const { hub } of [one, other]) hub.bumped('1', [A]);
    await one.announce([A], '2');
    await one.clock.advance(PATIENCE_MS);
    await one.announce([A], '3');
    await one.clock.advance(60_000);
    expect(await one.read(one.open)).toEqual(['2', 'resync: gap', '3']);
    expect(await one.read(there)).toEqual(['2', 'resync: gap', '3']);
  });

  test('is told to who resumes on a replica that has heard of nothing', async () => {
    const one = await following(A);
    await one.announce([A], '1');
    const since = (await one.items(one.open))[0]?.cursor;
    one.hub.bumped('2', [A]);
    await one.open.return?.();
    await one.clock.advance(PATIENCE_MS);
    const other = replica(one.server.connect(), one.clock);
    const resumed = other.subscribe([A], { since });
    expect(await one.read(resumed)).toEqual(['resync: gap']);
    await other.announce([A], '3');
    expect(await one.read(resumed)).toEqual(['3']);
  });

  test('is told to who resumes where it was heard of before anybody followed there, for a minute', async () => {
    for (const [awayMs, told] of [
      [59_000, ['resync: gap']],
      [60_000, []],
    ] as const) {
      const one = await following(A);
      await one.announce([A], '1');
      const since = (await one.items(one.open))[0]?.cursor;
      const other = replica(one.server.connect(), one.clock);
      other.hub.bumped('1', [A]);
      other.hub.bumped('2', [A]); // by a replica that died before it could announce it
      other.hub.bumped('3', [B]);
      await one.open.return?.();
      await one.clock.advance(awayMs);
      const resumed = other.subscribe([A], { since });
      await one.clock.advance(60_000);
      expect(await one.read(resumed)).toEqual(told);
      expect(one.clock.timers).toBe(0);
    }
  });

  test('of which the event is there is no gap for who resumes', async () => {
    const one = await following(A);
    await one.announce([A], '1');
    const since = (await one.items(one.open))[0]?.cursor;
    const other = replica(one.server.connect(), one.clock);
    for (const id of ['1', '2', '3']) other.hub.bumped(id, [A]);
    await one.announce([A], '2', '3');
    const resumed = other.subscribe([A], { since });
    await one.clock.advance(60_000);
    expect(await one.read(resumed)).toEqual(['2', '3']);
  });

  test('of many changes is one resync per topic', async () => {
    const { hub, clock, read, open } = await following(A);
    for (let i = 0; i < 20; i++) hub.bumped(String(i), [A, B]);
    await clock.advance(60_000);
    expect(await read(open)).toEqual(['resync: gap']);
  });

  test('costs nothing where nobody follows', async () => {
    const { hub, clock, bus } = world();
    hub.bumped('1', [A, B]);
    expect(clock.timers).toBe(0);
    await clock.advance(60_000);
    expect(bus.calls).toEqual([]);
  });

  test('counts from the end of a recovery', async () => {
    const { hub, bus, clock, announce, read, open } = await following(A);
    bus.hold('read');
    bus.gap();
    hub.bumped('1', [A]);
    await clock.advance(60_000);
    bus.release('read');
    await clock.advance(PATIENCE_MS - 1);
    await announce([A], '1');
    await clock.advance(60_000);
    expect(await read(open)).toEqual(['1']);
    bus.hold('read');
    bus.gap();
    hub.bumped('2', [A]);
    await clock.advance(PATIENCE_MS - 1);
    bus.release('read');
    await clock.advance(PATIENCE_MS - 1);
    expect(await read(open)).toEqual([]);
    await clock.advance(1);
    expect(await read(open)).toEqual(['resync: gap']);
  });

  test('is told in the end, though the bus recovers again and again', async () => {
    const { hub, bus, clock, read, open } = await following(A);
    hub.bumped('1', [A]);
    for (let i = 0; i < 30; i++) {
      bus.gap();
      await clock.advance(1000);
    }
    expect(await read(open)).toEqual(['resync: gap']);
  });

  test('is told once the bus takes messages again', async () => {
    const { hub, bus, clock, read, open, errors } = await following(A, B);
    bus.failing.add('publish');
    hub.bumped('1', [A, B]);
    await clock.advance(PATIENCE_MS);
    expect(errors).toEqual([`publish ${A}: publish failed`, `publish ${B}: publish failed`]);
    bus.failing.clear();
    await clock.advance(PATIENCE_MS);
    expect(await read(open)).toEqual(['resync: gap']);
    await clock.advance(60_000);
    expect(await read(open)).toEqual([]);
    expect(clock.timers).toBe(0);
  });

  test('waits for a bus that cannot be read, and a call that is never answered blocks nothing', async () => {
    const { hub, bus, clock, read, open } = await following(A);
    hub.bumped('1', [A]);
    bus.failing.add('read');
    await clock.advance(PATIENCE_MS);
    expect(await read(open)).toEqual([]);
    bus.failing.clear();
    bus.hold('read');
    await clock.advance(PATIENCE_MS);
    await clock.advance(PATIENCE_MS);
    bus.hold('read'); // the held ones are lost
    bus.release('read');
    await clock.advance(PATIENCE_MS);
    expect(await read(open)).toEqual(['resync: gap']);
  });

  test('beyond what is remembered is told at once', async () => {
    const { hub, read, open } = await following(A);
    for (let i = 0; i < 10_000; i++) hub.bumped(String(i), [A]);
    expect(await read(open)).toEqual([]);
    hub.bumped('more', [A]);
    expect(await read(open)).toEqual(['resync: gap']);
  });

  test('is forgotten with the hub', async () => {
    const { hub, bus, clock } = await following(A);
    hub.bumped('1', [A]);
    await hub.close();
    hub.bumped('2', [A]);
    expect(clock.timers).toBe(0);
    const calls = bus.calls.length;
    await clock.advance(60_000);
    expect(bus.calls.length).toBe(calls);
  });
});

describe('an event that came', () => {
  test.each([0, 1, PATIENCE_MS - 1, 3_600_000])('%s ms before its bump was heard owes nothing', async (ms) => {
    const { hub, clock, announce, read, open } = await following(A, B);
    await announce([A, B], '1');
    await clock.advance(ms);
    hub.bumped('1', [A]);
    hub.bumped('1', [B]);
    hub.bumped('1', [A]);
    expect(clock.timers).toBe(0);
    await clock.advance(60_000);
    expect(await read(open)).toEqual(['1']);
  });

  test('before its topic was followed owes nothing', async () => {
    const one = world();
    await one.announce([A], '1');
    const open = one.subscribe([A]);
    await one.settle();
    one.hub.bumped('1', [A]);
    await one.clock.advance(60_000);
    expect(await one.read(open)).toEqual([]);
    await one.announce([A], '2');
    expect(await one.read(open)).toEqual(['2']);
  });

  test('but was lost on its way is read from history: no resync', async () => {
    const { hub, bus, clock, announce, read, open } = await following(A);
    hub.bumped('1', [A]);
    bus.flowing = false;
    await announce([A], '1');
    bus.lose();
    bus.flow();
    expect(await read(open)).toEqual([]);
    await clock.advance(PATIENCE_MS);
    expect(await read(open)).toEqual(['1']);
    await clock.advance(60_000);
    expect(await read(open)).toEqual([]);
  });

  test('after the resync comes as well', async () => {
    const { hub, clock, announce, read, open } = await following(A);
    hub.bumped('1', [A]);
    await clock.advance(PATIENCE_MS);
    await announce([A], '1');
    expect(await read(open)).toEqual(['resync: gap', '1']);
  });
});

describe('several changes of one batch', () => {
  const batch = (...topics: readonly (readonly SubjectKey[])[]) =>
    topics.map((on, i) => ({ topics: on, event: eventOf('1', { entityId: String(i) }), id: `1.${String(i)}` }));

  test('share its id and are awaited each', async () => {
    const { hub, clock, items, open } = await following(A, B);
    await hub.publish(batch([A, B], [B], [B, C]), MARKS);
    hub.bumped('1', [A, B, C]);
    await clock.advance(60_000);
    expect((await items(open)).map((item) => (item.kind === 'change' ? item.entityId : said(item)))).toEqual([
      '0',
      '1',
      '2',
    ]);
    expect(clock.timers).toBe(0);
  });

  test.each([true, false])(
    'of which one never comes: a resync, whether its marks are heard or not (%s)',
    async (hear) => {
      const { hub, bus, clock, read, open } = await following(A);
      if (hear) hub.bumped('1', [A]);
      const { publish } = bus;
      bus.publish = (topic, bytes, message) =>
        message.id === '1.1' ? Promise.reject(new Error('too large')) : publish.call(bus, topic, bytes, message);
      await expect(hub.publish(batch([A], [A], [A]), MARKS)).rejects.toThrow('too large');
      expect(await read(open)).toEqual(['1', '1']);
      await clock.advance(PATIENCE_MS);
      expect(await read(open)).toEqual(['resync: gap']);
    },
  );

  test('are tried each, though one cannot be written down', async () => {
    const { hub, read, open } = await following(A);
    const [first, second] = batch([A], [A]);
    const broken = { ...first!, event: eventOf('1', { changes: { fields: null, values: { run: () => {} } } }) };
    await expect(hub.publish([broken, second!], MARKS)).rejects.toMatchObject({ code: 'UNENCODABLE' });
    expect(await read(open)).toEqual(['1']);
  });
});

test('what is owed stays owed after a hole of this replica: others, and who resumes there, know nothing of that', async () => {
  const { hub, server, bus, clock, announce, read, open } = await following(A);
  hub.bumped('2', [A]);
  bus.flowing = false;
  await announce([A], '1');
  bus.lose();
  server.trim(A);
  bus.gap();
  bus.flow();
  expect(await read(open)).toEqual(['resync: truncated']);
  await clock.advance(60_000);
  expect(await read(open)).toEqual(['resync: gap']);
});

test('a message that cannot be read is a resync to all who read it, and covers what was owed', async () => {
  const { hub, bus, clock, read, open } = await following(A);
  hub.bumped('1', [A]);
  await bus.publish(A, new TextEncoder().encode('{"v":2}'), { id: '1.0' });
  expect(await read(open)).toEqual(['resync: gap']);
  await clock.advance(60_000);
  expect(await read(open)).toEqual([]);
});

// ── Random orders ───────────────────────────────────────────────────────────────────────────────────────────────

const TOPICS = [A, B, C];
const some = fc.subarray(TOPICS, { minLength: 1 });
const publish = fc.record({
  do: fc.constant('publish' as const),
  on: fc.nat(1),
  events: fc.array(some, { minLength: 1, maxLength: 3 }),
});
/** A partition's message reaches a replica: now, later or twice. */
const bump = fc.record({ do: fc.constant('bump' as const), on: fc.nat(1), topics: some, which: fc.nat(5) });
const ahead = fc.record({ do: fc.constant('ahead' as const), on: fc.nat(1), topics: some });
const join = fc.record({ do: fc.constant('join' as const), on: fc.nat(1), topics: some });
const hold = fc.record({ do: fc.constant('hold' as const), on: fc.nat(1) });
const deliver = fc.record({ do: fc.constant('deliver' as const), on: fc.nat(1), topic: fc.constantFrom(...TOPICS) });
const flow = fc.record({ do: fc.constant('flow' as const), on: fc.nat(1) });
const wait = fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 100, 400) });
const lose = fc.record({ do: fc.constant('lose' as const), on: fc.nat(1) });

test('nothing fails, bumps and events come in any order: everything once, and not one resync', async () => {
  const steps = fc.array(fc.oneof(publish, publish, bump, bump, ahead, join, hold, deliver, flow, wait, lose), {
    maxLength: 30,
    size: 'max',
  });
  await fc.assert(
    fc.asyncProperty(steps, async (path) => {
      const one = world();
      const bus = one.server.connect();
      const buses = [one.bus, bus];
      const replicas = [one, replica(bus, one.clock)];
      const changes: (readonly (readonly SubjectKey[])[])[] = [];
      const lives: { readonly topics: readonly SubjectKey[]; readonly since: number; readonly items: Iterator }[] = [];
      const heard = (on: number, change: number, topics: readonly SubjectKey[]): void =>
        replicas[on]?.hub.bumped(
          String(change),
          topics.filter((topic) => changes[change]?.flat().includes(topic)),
        );
      const send = (on: number, change: number): Promise<void> | undefined =>
        replicas[on]?.hub.publish(
          changes[change]!.map((topics, i) => ({
            topics,
            event: eventOf(String(change), { entityId: String(i) }),
            id: `${String(change)}.${String(i)}`,
          })),
          MARKS,
        );
      // Of those, the events come within the patience after the first bump.
      let left = PATIENCE_MS - 1;
      for (const step of path) {
        switch (step.do) {
          case 'publish':
            await send(step.on, changes.push(step.events) - 1);
            break;
          case 'ahead': {
            const change = changes.push([step.topics]) - 1;
            heard(0, change, TOPICS);
            heard(1, change, TOPICS);
            await send(step.on, change);
            break;
          }
          case 'bump':
            heard(step.on, changes.length - 1 - step.which, step.topics);
            break;
          case 'join':
            lives.push({
              topics: step.topics,
              since: changes.length,
              items: replicas[step.on]!.subscribe(step.topics),
            });
            break;
          case 'hold':
            buses[step.on]!.flowing = false;
            break;
          case 'deliver':
            buses[step.on]!.deliver(step.topic);
            break;
          case 'flow':
            buses[step.on]!.flow();
            break;
          case 'lose':
            buses[step.on]!.lose();
            break;
          case 'wait':
            if ((left -= step.ms) > 0) await one.clock.advance(step.ms);
        }
      }
      for (const each of buses) each.flow();
      for (const [change] of changes.entries()) for (const on of [0, 1]) heard(on, change, TOPICS);
      await one.clock.advance(60_000);
      for (const { topics, since, items } of lives) {
        const seen = (await one.items(items)).map((item) =>
          item.kind === 'change' ? `${item.changeId}.${String(item.entityId)}` : said(item),
        );
        const all = (from: number): string[] =>
          changes.flatMap((events, change) =>
            events.flatMap((on, i) =>
              change >= from && on.some((topic) => topics.includes(topic)) ? [`${String(change)}.${String(i)}`] : [],
            ),
          );
        // Who joins others may get what is still on its way.
        expect(all(0)).toEqual(expect.arrayContaining(seen));
        expect(seen).toEqual(expect.arrayContaining(all(since)));
        expect(new Set(seen).size).toBe(seen.length);
      }
      for (const { hub } of replicas) await hub.close();
      expect(one.clock.timers).toBe(0);
    }),
    { numRuns: LONG ? 30_000 : 400 },
  );
});
