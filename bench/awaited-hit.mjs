import assert from 'node:assert/strict';
import * as peers from './peers.mjs';
import { seeded, shuffled } from './random.mjs';
import { TTL_MS, byId, structures, warmStructures } from './world.mjs';

const KEYS = 10_000;
const GROUP = `${KEYS.toLocaleString('en')} keys, one read after another`;
const REFERENCE = 'async function over a Map';

const rows = structures(KEYS);
const order = shuffled(
  rows.map((row) => row.id),
  seeded(7),
);

/** Awaits one read after another, as most code does. */
const awaiting = (read) => async (from, to) => {
  let sum = 0;
  for (let i = from; i < to; i++) sum += (await read(order[i % KEYS])).level;
  return sum;
};

export default {
  title: 'An awaited hit in tier 1',
  question: 'What does `await` of a cached value cost, against the least that any asynchronous function costs?',
  setting: `${KEYS.toLocaleString('en')} keys in one shuffled order, everything is held before timing begins. The origin's calls are counted: no library asks it again.`,
  packages: ['lru-cache', 'async-cache-dedupe', 'bentocache', 'cacheable', 'cache-manager', 'keyv'],
  goals: [
    goal('tide.get', 1.5),
    goal('scope.get', 1.5),
    goal('scope.loaders.structure.load', 1.5),
    {
      text: 'tide.get at least 5 × as fast as async-cache-dedupe',
      limit: 5,
      atLeast: true,
      actual: ({ between }) => between(GROUP, 'async-cache-dedupe', 'tide.get'),
    },
    {
      text: 'tide.get at least 35 × as fast as bentocache',
      limit: 35,
      atLeast: true,
      actual: ({ between }) => between(GROUP, 'bentocache getOrSet', 'tide.get'),
    },
  ],
  groups: [
    {
      title: GROUP,
      operation: 'read',
      reference: REFERENCE,
      checked: KEYS,
      cases: [
        {
          name: REFERENCE,
          make: () => {
            const records = byId(rows);
            return { run: awaiting(async (id) => records.get(id)), verify: () => assert.equal(records.size, KEYS) };
          },
        },
        {
          name: 'lru-cache.fetch',
          make: async () => {
            const load = counted();
            const cache = await peers.lru(KEYS, { fetchMethod: load.byId });
            for (const id of order) await cache.fetch(id);
            return { run: awaiting((id) => cache.fetch(id)), verify: load.verify };
          },
        },
        { name: 'tide.get', make: async () => readingTide((tide) => (id) => tide.get('structure', id)) },
        {
          name: 'scope.get',
          make: async () =>
            readingTide((tide) => {
              const scope = tide.scope();
              return (id) => scope.get('structure', id);
            }),
        },
        {
          name: 'scope.loaders.structure.load',
          make: async () =>
            readingTide((tide) => {
              const { structure } = tide.scope().loaders;
              return (id) => structure.load(id);
            }),
        },
        {
          name: 'async-cache-dedupe',
          make: async () => {
            const load = counted();
            return reading(await peers.dedupe(2 * KEYS, load.byId), load);
          },
        },
        {
          name: 'bentocache getOrSet',
          make: async () => {
            const load = counted();
            const cache = await peers.bento(2 * KEYS);
            return reading((id) => cache.getOrSet({ key: id, factory: () => load.byId(id) }), load);
          },
        },
        {
          name: 'cacheable getOrSet',
          make: async () => {
            const load = counted();
            const cache = await peers.cacheable();
            return reading((id) => cache.getOrSet(id, () => load.byId(id)), load);
          },
        },
        {
          name: 'cache-manager wrap',
          make: async () => {
            const load = counted();
            const cache = await peers.cacheManager();
            return reading((id) => cache.wrap(id, () => load.byId(id), TTL_MS), load);
          },
        },
      ],
    },
  ],
};

function goal(name, limit) {
  return { text: `${name} ≤ ${limit} × an async function`, limit, actual: ({ ratio }) => ratio(GROUP, name) };
}

/** An origin that was to be asked once per key. */
function counted() {
  const records = byId(rows);
  let calls = 0;
  return {
    byId: async (id) => {
      calls++;
      return records.get(id);
    },
    verify: () => assert.equal(calls, KEYS),
  };
}

async function reading(read, load) {
  for (const id of order) await read(id);
  return { run: awaiting(read), verify: load.verify };
}

async function readingTide(readerOf) {
  const { tide, origin } = await warmStructures(rows);
  return { run: awaiting(readerOf(tide)), verify: () => assert.equal(origin.ids, KEYS) };
}
