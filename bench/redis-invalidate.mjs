import assert from 'node:assert/strict';
import { createTidemark } from 'tidemark';
import { redis } from 'tidemark/redis';
import * as peers from './redis-peers.mjs';
import { clientsOf, connectTo, throwAwayRedis } from './redis.mjs';
import { TTL_MS, countingOrigin, model } from './world.mjs';

const SIZES = [10_000, 100_000, 1_000_000];
const DEPENDENTS = 50;
const SCAN_COUNT = 100;
const GROUP = `a settlement with ${DEPENDENTS} dependents changes`;
const among = (name, size) => `${name}, ${size.toLocaleString('en')} keys`;
const [SMALL, , LARGE] = SIZES;

export default {
  title: 'Announcing a change, on Redis',
  question: 'What does it cost to make a settlement and its dependents stale, as the keyspace grows?',
  setting: `One Redis per size of keyspace, filled with keys of others. A settlement has ${DEPENDENTS} structures, all cached. \`tide.change\` announces its deletion; the cascade of the system that tidemark replaces is written again as its source does it: delete the settlement's own keys, then SCAN the whole keyspace with COUNT ${SCAN_COUNT} for its pattern of structures and again for that of regions, each page's matches by DEL, one command after another. bentocache deletes a tag. One INCR is the least that any of them can cost. After every change it is checked that all dependents are gone, and they are loaded again, untimed. Times are those of the wall clock.`,
  packages: ['ioredis', 'bentocache'],
  goals: [
    {
      text: `tide.change with ${LARGE.toLocaleString('en')} keys ≤ 1.5 × with ${SMALL.toLocaleString('en')}`,
      limit: 1.5,
      actual: ({ between }) => between(GROUP, among('tide.change', LARGE), among('tide.change', SMALL)),
    },
    {
      text: `tide.change at least 10,000 × as fast as the SCAN cascade with ${LARGE.toLocaleString('en')} keys`,
      limit: 10_000,
      atLeast: true,
      actual: ({ between }) => between(GROUP, among('SCAN cascade', LARGE), among('tide.change', LARGE)),
    },
  ],
  start: async () => {
    const servers = await Promise.all(SIZES.map(() => throwAwayRedis()));
    for (const [i, { cli }] of servers.entries()) cli('debug', 'populate', String(SIZES[i]), 'entry');
    return {
      given: Object.fromEntries(servers.map(({ port }, i) => [SIZES[i], port])),
      stop: () => Promise.all(servers.map((server) => server.stop())),
    };
  },
  groups: [
    {
      title: GROUP,
      operation: 'change',
      reference: among('tide.change', SMALL),
      cases: SIZES.flatMap((size) => [
        { name: among('tide.change', size), make: (ports) => changingTide(ports[size]) },
        { name: among('SCAN cascade', size), make: (ports) => cascading(ports[size]) },
        { name: among('deleteByTag of bentocache', size), make: (ports) => changingBento(ports[size]) },
        { name: among('one INCR', size), make: (ports) => counting(ports[size]) },
      ]),
    },
  ],
};

const structureIds = Array.from({ length: DEPENDENTS }, (_, i) => `structure-${i}`);

/** Times `change()`, then checks by `gone()`, which also loads again, how many dependents it made stale. */
function changing({ change, gone }) {
  let wrong = 0;
  return {
    timed: async (n, watch) => {
      for (let i = 0; i < n; i++) {
        watch.start();
        await change();
        watch.stop();
        if ((await gone()) !== DEPENDENTS) wrong++;
      }
      return n;
    },
    verify: () => assert.equal(wrong, 0),
  };
}

async function changingTide(port) {
  const rows = new Map(
    structureIds.map((id) => [id, { id, settlementId: 's', name: `The one called ${id}`, level: 1 }]),
  );
  const origin = countingOrigin({ byId: rows });
  const clients = clientsOf(port);
  const tide = createTidemark({
    model,
    origin: { structure: { byIds: origin.byIds } },
    ttlMs: TTL_MS,
    ...redis(clients),
  });
  const settlement = { id: 's', kingdomId: 'k' };
  await tide.getMany('structure', structureIds);
  return changing({
    change: () => tide.change({ type: 'settlement', id: 's', op: 'delete', before: settlement }),
    gone: async () => {
      const before = origin.ids;
      await tide.getMany('structure', structureIds);
      await idle(clients.client);
      return origin.ids - before;
    },
  });
}

/** Resolves once the client waits for nothing: what is stored after a load does not delay the change that is timed. */
async function idle(client) {
  for (let quiet = 0; quiet < 3; quiet++) {
    await new Promise((resume) => setTimeout(resume, 1));
    if (client.commandQueue.length > 0) quiet = 0;
  }
}

async function cascading(port) {
  const client = connectTo(port);
  const pipeline = () => {
    const filling = client.pipeline();
    for (const id of structureIds) filling.set(`computed-fields:structure:${id}:main`, '{}', 'EX', 300);
    filling.set('computed-fields:settlement:s:main', '{}', 'EX', 300);
    filling.set('structures:settlement:s:main', '[]', 'EX', 600);
    filling.set('spatial:settlements-in-region:r:main', '[]', 'EX', 300);
    return filling.exec();
  };
  const delPattern = async (pattern) => {
    let cursor = '0';
    do {
      const [next, keys] = await client.scan(cursor, 'MATCH', pattern, 'COUNT', SCAN_COUNT);
      if (keys.length > 0) await client.del(...keys);
      cursor = next;
    } while (cursor !== '0');
  };
  await pipeline();
  return changing({
    change: async () => {
      await client.del('computed-fields:settlement:s:main');
      await client.del('structures:settlement:s:main');
      await delPattern('computed-fields:structure:*:main');
      await delPattern('spatial:settlements-in-region:*:main');
    },
    gone: async () => {
      const left = await client.exists(structureIds.map((id) => `computed-fields:structure:${id}:main`));
      await pipeline();
      return DEPENDENTS - left;
    },
  });
}

async function changingBento(port) {
  let calls = 0;
  const load = async (id) => {
    calls++;
    return { id };
  };
  const { readTagged, invalidateTag } = await peers.bento({ port, bus: port, tier1: true, load });
  const readAll = () => Promise.all(structureIds.map((id) => readTagged(id, 's')));
  await readAll();
  return changing({
    change: () => invalidateTag('s'),
    gone: async () => {
      const before = calls;
      // It compares whole milliseconds: what is loaded within the one of the deletion is deleted again.
      await new Promise((resume) => setTimeout(resume, 2));
      await readAll();
      return calls - before;
    },
  });
}

async function counting(port) {
  const client = connectTo(port);
  let counted = await client.incr('counted');
  return changing({
    change: async () => assert.equal(await client.incr('counted'), ++counted),
    gone: async () => DEPENDENTS,
  });
}
