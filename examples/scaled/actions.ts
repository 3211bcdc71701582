import type { Balancer } from './balancer.ts';
import type { FaultKind, Faults } from './faults.ts';
import type { Link } from './link.ts';
import type { Replica } from './replicas.ts';
import type { Stage } from './stage.ts';
import type { Traffic } from './traffic.ts';
import { type Watch, query } from './watch.ts';
import { duration, messageOf } from './words.ts';

/** What the buttons do. */

export interface Stagehand {
  readonly stage: Stage;
  readonly balancer: Balancer;
  readonly watch: Watch;
  readonly faults: Faults;
  readonly traffic: Traffic;
  readonly tell: (text: string) => void;
}

export interface Action {
  readonly do: keyof typeof ACTIONS;
  /** 1, 2 or 3. */
  readonly replica?: number;
  /** Of the Redis servers, the first being 0. */
  readonly node?: number;
}

/** Does it, or throws an Error in words. */
export async function act(hand: Stagehand, { do: name, replica: id, node = 0 }: Action): Promise<void> {
  if (!Object.hasOwn(ACTIONS, name)) throw new Error(`do: expected ${Object.keys(ACTIONS).join(', ')}.`);
  await ACTIONS[name](hand, { id, node });
}

interface Target {
  readonly id: number | undefined;
  readonly node: number;
}
type Run = (hand: Stagehand, target: Target) => void | Promise<void>;

const ACTIONS = {
  'cut-bus': linked('bus', (link) => link.cut()),
  'mend-bus': linked('bus', (link) => link.mend()),
  'cut-client': linked('client', (link) => link.cut()),
  'mend-client': linked('client', (link) => link.mend()),
  pause: done('paused', 'begin', (replica) => replica.pause()),
  resume: done('paused', 'end', (replica) => replica.resume()),
  kill: done('down', 'begin', (replica) => replica.kill()),
  start: done('down', 'end', (replica) => replica.start()),
  'stop-redis': async ({ stage: { servers, replicas }, faults }, { node }) => {
    if (servers.nodes[node]?.up !== true) return;
    await servers.stop(node);
    if (!servers.isOurs) for (const { links } of replicas) for (const link of everyOf(links)) link.refuse();
    if (servers.nodes.filter(({ up }) => !up).length === 1) faults.begin('redis');
  },
  'start-redis': async ({ stage: { servers, replicas }, faults }, { node }) => {
    if (servers.nodes[node]?.up !== false) return;
    await servers.start(node);
    if (!servers.isOurs) for (const { links } of replicas) for (const link of everyOf(links)) link.mend();
    if (servers.nodes.every(({ up }) => up)) faults.end('redis');
  },
  edit: async (hand, { id }) => {
    const { stage, watch, tell } = hand;
    const replica = replicaOf(hand, id);
    if (replica.port === null) throw new Error(`Replica ${String(replica.id)} is not there.`);
    const { version, receipt } = await edit(replica.port, watch);
    const others = stage.replicas.filter((other) => other !== replica && other.state === 'up');
    const seen = await watch.seen(version, [replica, ...others]);
    const words = seen.map(({ id, afterMs }) =>
      afterMs === undefined ? `not yet on ${String(id)}` : `on ${String(id)} after ${duration(afterMs)}`,
    );
    const waits = receipt.includes('queued') ? ' The change waits for Redis.' : '';
    tell(`Edited on replica ${String(replica.id)}: version ${String(version)}, seen ${words.join(', ')}.${waits}`);
  },
  visitors: ({ traffic }) => {
    traffic.visitors = !traffic.visitors;
  },
  editor: ({ traffic }) => {
    traffic.editor = !traffic.editor;
  },
} satisfies Record<string, Run>;

const EDIT = `mutation Edit($id: ID!, $fields: Fields!) {
  edit(type: settlement, id: $id, fields: $fields) { settlement { version } receipt }
}`;

/** An edit that cannot reach Redis takes its time to find out. */
const EDIT_LIMIT_MS = 8_000;

/** One more or less in the watched city. */
export async function edit(
  port: number,
  { city }: Watch,
): Promise<{ readonly version: number; readonly receipt: string }> {
  const population = city.population + (city.version % 2 === 0 ? -1 : 1);
  type Edited = { edit: { settlement: { version: number }; receipt: string } };
  const { edit: edited } = await query<Edited>(port, EDIT, {
    id: city.id,
    fields: { population },
    limitMs: EDIT_LIMIT_MS,
  });
  return { version: edited.settlement.version, receipt: edited.receipt };
}

const everyOf = ({ client, bus }: Replica['links']): readonly Link[] => [...client, ...bus];

function replicaOf({ stage }: Stagehand, id: number | undefined): Replica {
  const replica = stage.replicas.find((one) => one.id === id);
  if (replica === undefined) throw new Error(`replica: expected 1, 2 or 3, got ${String(id)}.`);
  return replica;
}

/** Something done to all links of one kind of a replica. */
function linked(kind: 'bus' | 'client', run: (link: Link) => void): Run {
  return (hand, { id }) => {
    const replica = replicaOf(hand, id);
    const links = replica.links[kind];
    const was = links.some(({ isCut }) => isCut);
    links.forEach(run);
    const is = links.some(({ isCut }) => isCut);
    if (was !== is) hand.faults[is ? 'begin' : 'end'](kind, replica.id);
  };
}

/** Something done to a replica's process that changes its state. */
function done(kind: FaultKind, what: 'begin' | 'end', run: (replica: Replica) => unknown): Run {
  return async (hand, { id }) => {
    const replica = replicaOf(hand, id);
    const before = replica.state;
    if (before === 'starting') throw new Error(`Replica ${String(replica.id)} is still starting.`);
    const running = Promise.resolve(run(replica)).catch((error: unknown) => {
      hand.tell(messageOf(error));
    });
    if (what === 'begin') await running;
    if (replica.state === before) return;
    if (before === 'paused' && kind === 'down') hand.faults.end('paused', replica.id);
    await running;
    hand.faults[what](kind, replica.id);
    void hand.balancer.check();
  };
}
