import fc from 'fast-check';
import type * as ClientModule from '../../src/client/index.js';
import type { Client, ClientItem } from '../../src/client/index.js';
import { memory } from '../../src/index.js';
import { fakeClock } from '../../src/testing/index.js';
import { tideOn } from '../realtime/clients.js';
import { FakeServer } from '../realtime/fake-bus.js';
import { type Heard, faultsOf } from '../realtime/heard.js';
import { type FakeTab, fakeBrowser } from './browser.js';
import { fakeLinks } from './links.js';

// What happens to the clients in some tabs, their links and two replicas. The oracle is the list of what was published, in order.

const TARGETS = {
  one: { type: 'settlement', id: 's1' },
  all: { type: 'settlement' },
  room: { room: 'settlement:s1' },
} as const;
type Name = keyof typeof TARGETS;
const NAMES = Object.keys(TARGETS) as Name[];
const TABS = 3;

const one = <const T extends string>(what: T) => fc.record({ do: fc.constant(what) });
const inTab = <const T extends string>(what: T) => fc.record({ do: fc.constant(what), tab: fc.nat(TABS - 1) });

export const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({ do: fc.constant('change' as const), id: fc.constantFrom('s1', 's2'), on: fc.nat(1) }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.constantFrom(1, 20, 500, 5000) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('follow' as const),
      tab: fc.nat(TABS - 1),
      name: fc.constantFrom(...NAMES),
    }),
  },
  { weight: 2, arbitrary: inTab('stop') },
  { weight: 2, arbitrary: inTab('open') },
  { weight: 1, arbitrary: inTab('close') },
  { weight: 2, arbitrary: inTab('crash') },
  { weight: 1, arbitrary: inTab('wake') },
  { weight: 3, arbitrary: one('cut') },
  { weight: 1, arbitrary: one('stall') },
  { weight: 2, arbitrary: one('swap') },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const), on: fc.nat(1) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('lose' as const), on: fc.nat(1) }) },
  { weight: 1, arbitrary: one('wipe') },
  { weight: 1, arbitrary: one('outage') },
);
export type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

export interface Setting {
  readonly transport: 'ws' | 'sse';
  readonly shared: boolean;
  /** Milliseconds of a way at most. */
  readonly slowness: number;
}

interface Told {
  readonly who: string;
  readonly name: Name;
  readonly seen: Heard[];
  /** The last published when it was told that it has begun. */
  from: number | undefined;
  readonly stop: () => void;
}

/** What went wrong, in words; and how often what. */
export async function tell(
  { createClient }: Pick<typeof ClientModule, 'createClient'>,
  steps: readonly Step[],
  { transport, shared, slowness }: Setting,
): Promise<{ readonly faults: string[]; readonly told: number; readonly resyncs: number }> {
  const clock = fakeClock();
  const server = new FakeServer();
  const { marks } = memory({ clock });
  const buses = [server.connect(), server.connect()] as const;
  const begin = (on: number) => tideOn(buses[on] as (typeof buses)[0], clock, { marks, ringSize: 4 });
  const replicas = [begin(0), begin(1)];
  const replica = (on: number) => replicas[on] as (typeof replicas)[0];
  let serving: number | undefined = 0;
  let seed = 1;
  const random = (): number => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const latency = (): number => Math.floor(random() * slowness);
  const links = fakeLinks(clock, () => (serving === undefined ? undefined : replica(serving).tide), latency);
  const browser = fakeBrowser(clock, latency);

  const log: { readonly number: number; readonly id: string }[] = [];
  const faults: string[] = [];
  const followed: Told[] = [];
  const tabs: ({ readonly tab: FakeTab; readonly client: Client; readonly told: Told[]; left: boolean } | undefined)[] =
    [];
  let opened = 0;

  const open = (at: number): void => {
    const tab = browser.open();
    const who = `tab ${String(++opened)}`;
    const client = createClient({
      url: 'wss://realm.example/live',
      ...{ transport, shared },
      platform: tab.platform(links.platform, random),
      onError: (error) => {
        if (!(error instanceof Planned)) faults.push(`${who}: ${String(error)}`);
      },
    });
    tabs[at] = { tab, client, told: [], left: false };
    follow(at, 'all', who);
  };

  const follow = (at: number, name: Name, who: string): void => {
    const here = tabs[at];
    if (here === undefined) return;
    const told: Told = {
      ...{ who, name, seen: [], from: undefined },
      stop: here.client.subscribe(TARGETS[name], (item) => {
        if (!here.tab.isAlive) return;
        if (here.left) faults.push(`${who} was told after it was closed`);
        hear(told, item);
        throw new Planned();
      }),
    };
    here.told.push(told);
    followed.push(told);
  };

  const hear = (told: Told, item: ClientItem): void => {
    if (item.kind === 'ended') faults.push(`${told.who} ${told.name} ended: ${item.code} ${item.message}`);
    else if (item.kind === 'subscribed') {
      if (told.from !== undefined) faults.push(`${told.who} ${told.name} began twice`);
      told.from = log.length;
    } else if (told.from === undefined) faults.push(`${told.who} ${told.name} was told before it had begun`);
    else if (item.kind === 'resync') told.seen.push({ resync: log.length });
    else if (item.kind === 'change') told.seen.push({ change: Number(item.changes.values['name']) });
  };

  const judge = (told: Told, whole: boolean): void => {
    const { who, name, seen, from } = told;
    if (from === undefined) {
      if (whole) faults.push(`${who} ${name}: it has not begun`);
      return;
    }
    const numbers = log.filter(({ id }) => name === 'all' || id === 's1').map(({ number }) => number);
    faults.push(...faultsOf(seen, { numbers, from, whole }).map((fault) => `${who} ${name}: ${fault}`));
  };

  const leave = (at: number, how: 'close' | 'crash'): void => {
    const here = tabs[at];
    if (here === undefined) return;
    tabs[at] = undefined;
    for (const told of here.told) judge(told, false);
    if (how === 'crash') here.tab.crash();
    else {
      here.client.close();
      here.left = true;
    }
  };

  const run = async (now: Step): Promise<void> => {
    switch (now.do) {
      case 'change': {
        const number = log.push({ number: log.length + 1, id: now.id });
        await replica(now.on).rename('settlement', now.id, String(number));
        break;
      }
      case 'wait':
        await clock.advance(now.ms);
        break;
      case 'follow':
        follow(now.tab, now.name, `tab at ${String(now.tab)}`);
        break;
      case 'stop': {
        const told = tabs[now.tab]?.told.pop();
        if (told === undefined) break;
        judge(told, false);
        told.stop();
        break;
      }
      case 'open':
        if (tabs[now.tab] === undefined) open(now.tab);
        break;
      case 'close':
      case 'crash':
        leave(now.tab, now.do);
        break;
      case 'wake':
        tabs[now.tab]?.tab.wake();
        break;
      case 'cut':
        links.cutAll();
        break;
      case 'stall':
        links.stallAll();
        break;
      case 'swap':
        serving = serving === 0 ? 1 : 0;
        links.cutAll();
        break;
      case 'outage':
        serving = undefined;
        links.cutAll();
        break;
      case 'restart':
        await replica(now.on).tide.close();
        replicas[now.on] = begin(now.on);
        break;
      case 'lose': {
        const bus = buses[now.on] as (typeof buses)[0];
        bus.flowing = !bus.flowing;
        if (bus.flowing) heal(bus);
        break;
      }
      case 'wipe':
        server.wipe(buses.flatMap(({ listening }) => listening));
        break;
    }
  };
  const heal = (bus: (typeof buses)[0]): void => {
    bus.lose();
    bus.flow();
    bus.gap();
  };

  open(0);
  for (const now of steps) {
    await run(now);
    await clock.advance(0);
  }
  // In the end all is well, and everybody who is still there has heard all.
  serving ??= 1;
  for (const bus of buses) heal(bus);
  await clock.advance(120_000);
  for (const here of tabs) for (const told of here?.told ?? []) judge(told, true);
  for (const at of tabs.keys()) leave(at, 'close');
  for (const { tide } of replicas) await tide.close();
  await clock.advance(60_000);
  if (browser.locked.length > 0) faults.push(`locked: ${browser.locked.join()}`);
  if (links.open > 0) faults.push('a link is left');
  if (clock.timers > 0) faults.push('a timer is left');
  const entries = followed.flatMap(({ seen }) => seen);
  return { faults, told: entries.length, resyncs: entries.filter((entry) => 'resync' in entry).length };
}

/** What a listener throws, which must trouble nobody. */
class Planned extends Error {}
