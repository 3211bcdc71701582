import type { Redis } from 'ioredis';
import { MAX_STALENESS_MS, type Fleet } from './fleet.js';
import { type Clustered, adminOf, cluster, sentinel } from './ground.js';
import { fault, onFleet } from './run.js';
import { pause, until } from './time.js';

/** As docs/staleness.md has it: replicas repeat what was forgotten within one head check. */
const HEAD_CHECK_MS = 1000;

/** Resolves once so many changes that begin from now on are done. */
async function changesDone(fleet: Fleet, count: number): Promise<void> {
  const { history } = fleet;
  const from = history.changes.length;
  await until(`${String(count)} changes are done`, () => {
    const done = history.changes.slice(from).filter(({ state }) => state === 'done');
    return done.length >= count;
  });
}

export function failovers(): void {
  fault('a failover by Sentinel, which forgets the last writes', () =>
    onFleet(sentinel(), async (fleet) => {
      const [primary] = fleet.ground.sentinel.servers;
      await fleet.begin();
      // From here on the replica hears nothing: it would have to authenticate, and those who are connected do not.
      primary.cli('config', 'set', 'requirepass', 'unknown to the replica');
      primary.cli('-a', 'unknown to the replica', 'client', 'kill', 'type', 'replica');
      await changesDone(fleet, 15);
      await primary.kill();
      await changesDone(fleet, 5);
      await fleet.settle();
      return { ...(await fleet.verdict({ moreMs: HEAD_CHECK_MS })), mostOriginCalls: fleet.origin.most };
    }),
  );

  fault('a failover of a cluster whose master is killed and has a replica', () =>
    onFleet(cluster({ replicas: 1 }), async (fleet) => {
      await fleet.begin();
      const [first] = fleet.ground.cluster.servers;
      await first?.kill();
      await changesDone(fleet, 10);
      await pause(MAX_STALENESS_MS);
      await fleet.settle();
      return { ...(await fleet.verdict({ moreMs: HEAD_CHECK_MS })), mostOriginCalls: fleet.origin.most };
    }),
  );

  fault('a cluster without replicas loses a master, which comes back with nothing', () =>
    onFleet(cluster(), async (fleet) => {
      await fleet.begin();
      const [first] = fleet.ground.cluster.servers;
      await first?.kill();
      await pause(MAX_STALENESS_MS + 1500);
      await first?.restart();
      await changesDone(fleet, 10);
      await fleet.settle();
      return { ...(await fleet.verdict({ moreMs: HEAD_CHECK_MS })), mostOriginCalls: fleet.origin.most };
    }),
  );
}

export function slotMoves(): void {
  fault('slots of a cluster move while they are in use', () =>
    onFleet(cluster(), async (fleet) => {
      await fleet.begin();
      const { ground, history } = fleet;
      const admins = ground.nodes.map((node) => adminOf(node));
      try {
        // Marks of four partitions, and the history of what somebody is subscribed to.
        for (let partition = 0; partition < 4; partition++)
          await moveSlot(ground, admins, `tm1:p:{${String(partition)}}`);
        for (const id of new Set(history.heard.map((one) => one.id)))
          await moveSlot(ground, admins, `tm1:t:{:entity:settlement:${id}:main}`);
      } finally {
        for (const admin of admins) admin.disconnect();
      }
      await changesDone(fleet, 10);
      await fleet.settle();
      return { ...(await fleet.verdict({ moreMs: HEAD_CHECK_MS })), mostOriginCalls: fleet.origin.most };
    }),
  );
}

/** Moves the slot of a key to another node, as an operator does, while others use it. */
async function moveSlot({ nodes }: Clustered, admins: readonly Redis[], key: string): Promise<void> {
  const [any] = admins as [Redis];
  const slot = Number(await any.call('cluster', 'keyslot', key));
  const ids = (await Promise.all(admins.map((admin) => admin.call('cluster', 'myid')))) as string[];
  const slots = (await any.call('cluster', 'slots')) as [number, number, [string, number, string]][];
  const owner = slots.find(([first, last]) => first <= slot && slot <= last)?.[2][2];
  const from = ids.indexOf(owner as string);
  const to = (from + 1) % ids.length;
  const [source, target] = [admins[from], admins[to]] as [Redis, Redis];
  await target.call('cluster', 'setslot', slot, 'importing', ids[from] as string);
  await source.call('cluster', 'setslot', slot, 'migrating', ids[to] as string);
  for (;;) {
    const keys = (await source.call('cluster', 'getkeysinslot', slot, 100)) as string[];
    if (keys.length === 0) break;
    const { host, port } = nodes[to] as (typeof nodes)[number];
    await source.call('migrate', host, port, '', 0, 5000, 'KEYS', ...keys);
  }
  for (const admin of [target, source, ...admins])
    await admin.call('cluster', 'setslot', slot, 'node', ids[to] as string);
}
