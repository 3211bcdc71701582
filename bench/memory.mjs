import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import assert from 'node:assert/strict';
import { createTidemark } from 'tidemark';
import { round3, summary } from './measure.mjs';
import * as peers from './peers.mjs';
import { TTL_MS, byId, model, structures } from './world.mjs';

/** A question of bytes, not of time: each case fills itself in a process of its own, several times over. */

const ENTRIES = 50_000;
const CHUNK = 1000;
const RUNS = 5;
const PARALLEL = 2;
const GROUP = `${ENTRIES.toLocaleString('en')} structures, ten under each settlement`;
const REFERENCE = 'lru-cache with ttl';
const FILE = fileURLToPath(import.meta.url);

const question = {
  title: 'Memory per entry in tier 1',
  question: 'How many bytes does a cached row take, its marks included?',
  setting: `Difference of \`heapUsed\` after collections, ${RUNS} fillings in a process of their own for each case; rows of six fields as a driver makes them, which nothing but the cache holds. All caches use the row's id as their key (libraries that cache several types in one cache need a longer one, see the line with a prefix). A structure carries four marks: its own, and those of its settlement (shared by ten), its type and its branch. "× without values" is the ratio of what each adds to the values themselves.`,
  packages: ['lru-cache', 'node-cache', 'cacheable', 'bentocache', 'async-cache-dedupe'],
  goals: [
    goal('tidemark', 1.6),
    goal('tidemark, freeze off', 1.6),
    goal('tidemark', 1.15),
    goal('tidemark, freeze off', 1.15),
  ],
  measure: measureBytes,
  groups: [
    {
      title: GROUP,
      operation: 'entry',
      reference: REFERENCE,
      cases: [
        { name: 'the values alone, in an array', make: () => filling([], (rows, row) => rows.push(row)) },
        { name: 'Map', make: () => filling(new Map(), (map, row) => map.set(row.id, row)) },
        {
          name: REFERENCE,
          make: async () => filling(await peers.lru(ENTRIES), (cache, row) => cache.set(row.id, row)),
        },
        {
          name: 'lru-cache with ttl, keys with a prefix',
          make: async () =>
            filling(await peers.lru(ENTRIES), (cache, row) => cache.set(flat(`structure:${row.id}`), row)),
        },
        { name: 'tidemark', make: () => fillingTide({}) },
        { name: 'tidemark, freeze off', make: () => fillingTide({ freeze: false }) },
        {
          name: 'node-cache',
          make: async () => filling(await peers.nodeCache(), (cache, row) => cache.set(row.id, row)),
        },
        {
          name: 'CacheableMemory',
          make: async () => filling(await peers.cacheableMemory(), (cache, row) => cache.set(row.id, row)),
        },
        {
          name: 'bentocache',
          make: async () =>
            filling(await peers.bento(ENTRIES), (cache, row) => cache.getOrSet({ key: row.id, factory: () => row })),
        },
        {
          name: 'async-cache-dedupe',
          make: async () => {
            let next;
            const load = await peers.dedupe(ENTRIES, async () => next);
            return filling(load, (_, row) => {
              next = row;
              return load(row.id);
            });
          },
        },
      ],
    },
  ],
};

export default question;

function goal(name, limit) {
  return { text: `${name} ≤ ${limit} × lru-cache with ttl`, limit, actual: ({ ratio }) => ratio(GROUP, name) };
}

/** What holds the entries after `put` was called for each row. */
async function filling(cache, put) {
  let sum = 0;
  for (let from = 0; from < ENTRIES; from += CHUNK) {
    for (const row of structures(from + CHUNK, from)) {
      await put(cache, row);
      sum++;
    }
  }
  assert.equal(sum, ENTRIES);
  return cache;
}

async function fillingTide(options) {
  let records;
  const origin = { structure: { byIds: (ids) => Promise.resolve(ids.map((id) => records.get(id))) } };
  const tide = createTidemark({ model, origin, ttlMs: TTL_MS, maxEntries: ENTRIES, ...options });
  for (let from = 0; from < ENTRIES; from += CHUNK) {
    records = byId(structures(from + CHUNK, from));
    await tide.getMany('structure', [...records.keys()]);
  }
  records = undefined;
  assert.equal(tide.stats().tier1.entries, ENTRIES);
  assert.ok(tide.stats().tier1.marks > ENTRIES * 1.1, 'the marks are held');
  return tide;
}

/** One string in one piece, as a key read from elsewhere is, instead of a pair of pieces. */
const flat = (text) => Buffer.from(text).toString('latin1');

async function measureBytes(_, group, number) {
  const waiting = [...group.cases.keys()];
  const samples = [];
  const next = async () => {
    for (let at = waiting.shift(); at !== undefined; at = waiting.shift()) samples[at] = await bytesOf(number, at);
  };
  await Promise.all(Array.from({ length: PARALLEL }, next));
  const reference = group.cases.findIndex(({ name }) => name === group.reference);
  const values = Math.min(...samples[0]);
  const least = (at) => Math.min(...samples[at]);
  const rows = group.cases.map(({ name }, at) => ({
    name,
    ...summary(samples[at]),
    ratio: round3(least(at) / least(reference)),
    roundRatio: round3((least(at) - values) / (least(reference) - values)),
    control: false,
  }));
  const { title, operation } = group;
  return {
    title,
    operation,
    unit: 'B',
    reference: group.reference,
    rounds: RUNS,
    roundRatioMeans: '× without values',
    rows,
  };
}

function bytesOf(group, at) {
  return new Promise((resolve, reject) => {
    const child = fork(FILE, [String(group), String(at)], { execArgv: ['--expose-gc'] });
    child.on('message', ({ bytes, error }) => {
      if (error === undefined) resolve(bytes);
      else reject(new Error(error));
    });
    child.on('exit', (code) => reject(new Error(`memory ${at}: its process ended with ${String(code)}`)));
  });
}

async function serve(group, at) {
  const { make } = question.groups[group].cases[at];
  const bytes = [];
  for (let run = 0; run < RUNS; run++) bytes.push(await bytesOfOne(make));
  return bytes;
}

/** On its own, so that nothing of it is alive when the next one begins. */
async function bytesOfOne(make) {
  const before = await heapUsed();
  const held = await make();
  const used = (await heapUsed()) - before;
  assert.ok(held);
  await held.close?.();
  return used / ENTRIES;
}

async function heapUsed() {
  for (let i = 0; i < 3; i++) {
    globalThis.gc();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return process.memoryUsage().heapUsed;
}

if (process.argv[1] === FILE) {
  const [group, at] = process.argv.slice(2).map(Number);
  serve(group, at).then(
    (bytes) => process.send({ bytes }, () => process.exit()),
    (error) => process.send({ error: error.stack }, () => process.exit(1)),
  );
}
