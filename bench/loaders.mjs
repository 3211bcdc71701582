import assert from 'node:assert/strict';
import { createTidemark } from 'tidemark';
import { lru } from './peers.mjs';
import { TTL_MS, byId, countingOrigin, model, settlements } from './world.mjs';

/** Ids that exist. Cold cases take their ids from here in turn, so that each id is new until all were used. */
const UNIVERSE = 20_000;
const COLD_SIZES = [1, 10, 100, 1000, 10_000];
const WARM = 100;
const MAX_BATCH = 1000;

const DATALOADER = 'dataloader';
const NEVER_READ = 'tide, ids never read before';
const CHANGED = 'tide, ids read before, all changed since';
const FILLING = 'dataloader that fills an lru-cache';
const SHARING = 'tide, ids never read before, freeze off';
const TIDE = 'tide';

const cold = (size) => `first ${size === 1 ? 'load of one' : `loads of ${size.toLocaleString('en')} at once`}`;
const PER_REQUEST = `${WARM} loads at once, repeated within the request`;
const ONE_BY_ONE = 'one load after another, repeated within the request';
const NEXT_REQUEST = `${WARM} loads at once in a new request`;

const rows = settlements(UNIVERSE);
const records = byId(rows);
const ids = rows.map((row) => row.id);

export default {
  title: 'Loads of one request',
  question: 'What do batched loads cost against a bare dataloader with the best batch function there is?',
  setting: `The origin answers at once from a Map. dataloader's batch function maps ids over that Map and nothing more; tidemark checks the rows, maps them by id, takes their marks, keeps them in tier 1 and hands out frozen copies. For comparison a dataloader that also puts frozen copies into an lru-cache, without marks. A new scope and a new DataLoader are made for each request and timed with it. "Never read before": this tide has read other ids only, so neither values nor marks are held. "All changed since": values and marks are held, then \`tide.change\` names the whole type, outside of the timed part.`,
  packages: ['dataloader'],
  goals: [
    goal(PER_REQUEST, TIDE, 1),
    goal(ONE_BY_ONE, TIDE, 1),
    goal(NEXT_REQUEST, TIDE, 1),
    ...COLD_SIZES.map((size) => goal(cold(size), NEVER_READ, 1.3)),
    {
      text: 'time per load at 10,000 ≤ 2 × at 100',
      limit: 2,
      actual: ({ of }) => of(cold(10_000), NEVER_READ) / 10_000 / (of(cold(100), NEVER_READ) / 100),
    },
  ],
  groups: [
    warmGroup(PER_REQUEST, WARM, (size) => (load) => together(load, ids.slice(0, size))),
    warmGroup(ONE_BY_ONE, WARM, (size) => (load) => inTurn(load, ids.slice(0, size))),
    {
      title: NEXT_REQUEST,
      operation: `request of ${WARM} loads`,
      reference: DATALOADER,
      cases: [
        { name: DATALOADER, make: () => coldDataLoader(WARM, 0) },
        {
          name: TIDE,
          make: async () => {
            const { tide, origin } = newTide();
            await tide.getMany('settlement', ids);
            return {
              run: (from, to) => each(from, to, () => together(tide.scope().loaders.settlement, ids.slice(0, WARM))),
              verify: () => assert.equal(origin.ids, UNIVERSE),
            };
          },
        },
      ],
    },
    ...COLD_SIZES.map(coldGroup),
  ],
};

function goal(group, name, limit) {
  return { text: `${group}: ≤ ${limit} × dataloader`, limit, actual: ({ ratio }) => ratio(group, name) };
}

/** One request that has loaded all of these before. */
function warmGroup(title, size, reading) {
  const read = reading(size);
  return {
    title,
    operation: `${size} loads`,
    reference: DATALOADER,
    cases: [
      {
        name: DATALOADER,
        make: async () => {
          const { loader, counted } = await newDataLoader();
          await loader.loadMany(ids.slice(0, size));
          return {
            run: (from, to) => each(from, to, () => read(loader)),
            verify: () => assert.equal(counted.ids, size),
          };
        },
      },
      {
        name: TIDE,
        make: async () => {
          const { tide, origin } = newTide();
          const { settlement } = tide.scope().loaders;
          await settlement.loadMany(ids.slice(0, size));
          return {
            run: (from, to) => each(from, to, () => read(settlement)),
            verify: () => assert.deepEqual([origin.calls, origin.ids], [1, size]),
          };
        },
      },
    ],
  };
}

function coldGroup(size) {
  return {
    title: cold(size),
    operation: `request of ${size === 1 ? 'one load' : `${size.toLocaleString('en')} loads`}`,
    reference: DATALOADER,
    cases: [
      { name: DATALOADER, make: () => coldDataLoader(size, size) },
      { name: NEVER_READ, make: () => neverRead(size, {}) },
      { name: FILLING, make: () => fillingLru(size) },
      ...(size === 100 ? variants(size) : []),
    ],
  };
}

/** What the cost depends on, at one size. */
function variants(size) {
  return [
    { name: SHARING, make: () => neverRead(size, { freeze: false }) },
    {
      name: CHANGED,
      make: async () => {
        const { tide, origin } = newTide();
        await tide.getMany('settlement', ids);
        const type = tide.subject.type('settlement');
        let asked = UNIVERSE;
        return {
          timed: async (n, watch) => {
            let sum = 0;
            for (let i = 0; i < n; i++) {
              const wanted = wantedAt(i * size, size);
              await tide.change({ subjects: [type] });
              watch.start();
              sum += await together(tide.scope().loaders.settlement, wanted);
              watch.stop();
              asked += size;
            }
            return sum;
          },
          verify: () => assert.equal(origin.ids, asked),
        };
      },
    },
  ];
}

/** What a dataloader costs that keeps frozen copies of its rows beyond the request, without marks. */
async function fillingLru(size) {
  const { default: DataLoader } = await import('dataloader');
  let cache;
  const counted = { calls: 0, ids: 0 };
  let at = UNIVERSE;
  let requested = 0;
  const load = batchFrom(counted);
  const batch = async (keys) => {
    const found = await load(keys);
    return found.map((row, i) => {
      const copy = Object.freeze({ ...row });
      cache.set(keys[i], copy);
      return copy;
    });
  };
  return {
    timed: async (n, watch) => {
      let sum = 0;
      for (let i = 0; i < n; i++) {
        if (at + size > UNIVERSE) {
          cache = await lru(UNIVERSE);
          at = 0;
        }
        const wanted = wantedAt(at, size);
        watch.start();
        sum += await together(new DataLoader(batch), wanted);
        watch.stop();
        at += size;
        requested++;
      }
      return sum;
    },
    verify: () => assert.deepEqual(counted, { calls: requested, ids: requested * size }),
  };
}

/** A tide is given up once it has read every id there is. */
function neverRead(size, options) {
  let { tide, origin } = newTide(options);
  let at = 0;
  let calls = 0;
  let requested = 0;
  const check = () => {
    calls += origin.calls;
    assert.equal(origin.ids, at);
  };
  return {
    timed: async (n, watch) => {
      let sum = 0;
      for (let i = 0; i < n; i++) {
        if (at + size > UNIVERSE) {
          check();
          await tide.close();
          ({ tide, origin } = newTide(options));
          await tide.ready();
          at = 0;
        }
        const wanted = wantedAt(at, size);
        watch.start();
        sum += await together(tide.scope().loaders.settlement, wanted);
        watch.stop();
        at += size;
        requested++;
      }
      return sum;
    },
    verify: () => {
      check();
      assert.equal(calls, requested * Math.ceil(size / MAX_BATCH));
      calls -= origin.calls;
    },
  };
}

/** A new loader per request; `step` ids further each time. */
async function coldDataLoader(size, step) {
  const { default: DataLoader } = await import('dataloader');
  const counted = { calls: 0, ids: 0 };
  let requested = 0;
  return {
    timed: async (n, watch) => {
      let sum = 0;
      for (let i = 0; i < n; i++) {
        const wanted = wantedAt(i * step, size);
        watch.start();
        sum += await together(new DataLoader(batchFrom(counted)), wanted);
        watch.stop();
        requested++;
      }
      return sum;
    },
    verify: () => assert.deepEqual(counted, { calls: requested, ids: requested * size }),
  };
}

async function newDataLoader() {
  const { default: DataLoader } = await import('dataloader');
  const counted = { calls: 0, ids: 0 };
  return { loader: new DataLoader(batchFrom(counted)), counted };
}

function batchFrom(counted) {
  return (keys) => {
    counted.calls++;
    counted.ids += keys.length;
    return Promise.resolve(keys.map((key) => records.get(key) ?? null));
  };
}

function newTide(options = {}) {
  const origin = countingOrigin({ byId: records });
  const tide = createTidemark({
    model,
    origin: { settlement: { byIds: origin.byIds } },
    ttlMs: TTL_MS,
    maxEntries: UNIVERSE + 1000,
    maxBatchSize: MAX_BATCH,
    ...options,
  });
  return { tide, origin };
}

const wantedAt = (at, size) => {
  const from = at % UNIVERSE;
  return from + size <= UNIVERSE ? ids.slice(from, from + size) : ids.slice(0, size);
};

async function together(loader, wanted) {
  const loaded = await Promise.all(wanted.map((id) => loader.load(id)));
  return levels(loaded);
}

async function inTurn(loader, wanted) {
  let sum = 0;
  for (const id of wanted) sum += (await loader.load(id)).level;
  return sum;
}

function levels(loaded) {
  let sum = 0;
  for (const { level } of loaded) sum += level;
  return sum;
}

async function each(from, to, operation) {
  let sum = 0;
  for (let i = from; i < to; i++) sum += await operation();
  return sum;
}
