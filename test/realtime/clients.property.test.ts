import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ServerFrame } from '../../src/realtime/frames.js';
import { memory } from '../../src/index.js';
import { fakeClock } from '../../src/testing/index.js';
import type { Overflow } from '../../src/watching.js';
import { client, tideOn } from './clients.js';
import { FakeServer } from './fake-bus.js';
import { type Heard, faultsOf } from './heard.js';

// Clients on two replicas, with every overflow policy, that read when they like, come back elsewhere, and are banned. The
// oracle is the list of what was published, in order, and when who was banned.

const KEYS = { one: { type: 'settlement', id: 's1' }, all: { type: 'settlement' } } as const;
type Key = keyof typeof KEYS;
const POLICIES: readonly Overflow[] = ['resync', 'replay', 'drop-oldest', 'coalesce'];

const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('change' as const), id: fc.constantFrom('s1', 's2'), on: fc.nat(1) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('drain' as const), who: fc.nat(1) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('fill' as const), who: fc.nat(1) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('back' as const), who: fc.nat(1), on: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('ban' as const), who: fc.nat(1), on: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('pardon' as const), who: fc.nat(1) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('lose' as const), on: fc.nat(1) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(0, 100, 1000, 3000) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

interface Told {
  /** Changes by number, or that some are missing, up to the last one published by then. */
  readonly seen: Heard[];
  since: string | undefined;
  /** The last that was published when it began. */
  readonly from: number;
}

async function live(steps: readonly Step[], overflow: Overflow): Promise<string[]> {
  const clock = fakeClock();
  const server = new FakeServer();
  const { marks } = memory({ clock });
  const banned = new Set<string>();
  const buses = [server.connect(), server.connect()] as const;
  const tides = buses.map((bus) =>
    tideOn(bus, clock, { marks, ringSize: 3, authorize: ({ name }) => !banned.has(name) }),
  );
  const log: { readonly number: number; readonly id: string }[] = [];
  const faults: string[] = [];

  const people = ['ada', 'bob'].map((name) => {
    let bytes = 0;
    /** From then on nothing may come, until pardoned. */
    let deafAt = Infinity;
    let deafOn = -1;
    const told: Record<Key, Told> = {
      one: { seen: [], since: undefined, from: 0 },
      all: { seen: [], since: undefined, from: 0 },
    };
    const life = { name, told, on: 0, connection: undefined as ReturnType<typeof client>['connection'] | undefined };
    let numbers = new Map<number, number>();
    const see = (frame: ServerFrame): void => {
      if (frame.kind === 'change' || frame.kind === 'again' || frame.kind === 'resync') {
        if (clock.now() >= deafAt + (life.on === deafOn ? 0 : 3000))
          faults.push(`${name} was told ${frame.kind} after the ban`);
        if (frame.kind === 'change') {
          const number = Number(frame.change.changes.values['name']);
          // Several as one are another change.
          if (overflow !== 'coalesce' && [...numbers.values()].includes(number))
            faults.push(`${name} was sent ${String(number)} twice`);
          numbers.set(frame.number, number);
        }
        for (const [key, cursor] of Object.entries(frame.on)) {
          const of = told[key as Key];
          of.since = cursor;
          if (frame.kind === 'resync') of.seen.push({ resync: log.length });
          else {
            const change = numbers.get(frame.number);
            if (change === undefined) faults.push(`${name}: no number ${String(frame.number)}`);
            else of.seen.push({ change });
          }
        }
      } else if (frame.kind === 'subscribed') {
        for (const [key, cursor] of Object.entries(frame.on)) told[key as Key].since = cursor;
      }
    };
    return Object.assign(life, {
      fill: () => (bytes = 300_000),
      drain: () => (bytes = 0),
      deafen: (on: number) => {
        deafAt = clock.now();
        deafOn = on;
      },
      hear: () => (deafAt = Infinity),
      connect: (on: number) => {
        life.connection?.end();
        numbers = new Map();
        bytes = 0;
        life.on = on;
        const { connection } = client((tides[on] as (typeof tides)[0]).tide, {
          principal: { name },
          pressure: () => bytes,
          send: see,
        });
        for (const key of ['one', 'all'] as const)
          connection.subscribe(key, KEYS[key], { since: told[key].since, overflow });
        life.connection = connection;
      },
    });
  });
  for (const person of people) person.connect(0);
  await clock.advance(0);

  const run = async (now: Step): Promise<void> => {
    if (now.do === 'change') {
      const number = log.length + 1;
      log.push({ number, id: now.id });
      await (tides[now.on] as (typeof tides)[0]).rename('settlement', now.id, String(number));
    } else if (now.do === 'wait') await clock.advance(now.ms);
    else if (now.do === 'lose') {
      const bus = buses[now.on] as (typeof buses)[0];
      bus.flowing = !bus.flowing;
      if (!bus.flowing) return;
      bus.lose();
      bus.flow();
      bus.gap();
    } else {
      const person = people[now.who] as (typeof people)[0];
      if (now.do === 'back') person.connect(now.on);
      else if (now.do === 'fill') person.fill();
      else if (now.do === 'drain') {
        person.drain();
        person.connection?.drained();
      } else if (now.do === 'ban') {
        banned.add(person.name);
        await (tides[now.on] as (typeof tides)[0]).tide.realtime.revoke({ principal: person.name });
        person.deafen(now.on);
      } else {
        banned.delete(person.name);
        person.hear();
      }
    }
  };
  for (const now of steps) {
    await run(now);
    await clock.advance(0);
  }
  // In the end everybody may, and reads all.
  for (const bus of buses) {
    bus.lose();
    bus.flow();
    bus.gap();
  }
  banned.clear();
  for (const person of people) {
    person.hear();
    person.connect(person.on);
  }
  await clock.advance(10_000);
  for (const person of people) {
    for (const key of ['one', 'all'] as const) {
      const due = log.filter(({ id }) => key === 'all' || id === 's1');
      const { seen, from } = person.told[key];
      const found = faultsOf(seen, {
        numbers: due.map(({ number }) => number),
        from,
        whole: true,
        // A newer one of the same entity stands for it.
        hasSubstitute: (number) => {
          const { id } = log[number - 1] as (typeof log)[0];
          return overflow === 'coalesce' && due.some((other) => other.id === id && other.number > number);
        },
      });
      faults.push(...found.map((fault) => `${person.name} ${key}: ${fault}`));
    }
  }
  for (const { tide } of tides) await tide.close();
  if (clock.timers > 0) faults.push('a timer is left');
  return faults;
}

test.each(POLICIES)('%s: in order, nothing twice, no silent hole, nothing after a ban', async (overflow) => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40, size: 'max' }), async (steps) => {
      expect(await live(steps, overflow)).toEqual([]);
    }),
    { numRuns: process.env['TIDEMARK_LONG'] === undefined ? 60 : 5000 },
  );
});
