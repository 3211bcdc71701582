import assert from 'node:assert/strict';
import { createTidemark } from 'tidemark';
import { redis } from 'tidemark/redis';
import * as peers from './redis-peers.mjs';
import { seeded, shuffled } from './random.mjs';
import { clientsOf, connectTo, throwAwayRedis } from './redis.mjs';
import { TTL_MS, byId, countingOrigin, model, structures } from './world.mjs';

const KEYS = 10_000;
const IN_FLIGHT = 256;
const BATCH = 100;
const CHUNK = 1000;
const REFERENCE = 'MGET by hand, JSON.parse';
const JUDGED = 'MGET and HMGET by hand, four marks compared';
const AUTO = 'ioredis get, autopipelining';
const TIDE = { get: 'tide.get', many: 'tide.getMany' };
const PLACEMENTS = { 'on one core': { client: '0', server: '0' }, 'across two cores': { client: '0', server: '1' } };

const rows = structures(KEYS);
const order = shuffled(
  rows.map((row) => row.id),
  seeded(7),
);
const inFlight = (where) => `${IN_FLIGHT} reads in flight, ${where}`;
const batches = (where) => `batches of ${BATCH}, ${where}`;
const places = Object.keys(PLACEMENTS);

export default {
  title: 'A hit in tier 2',
  question: 'What does a value cost that is in Redis and not in this process, its marks included?',
  setting: `${KEYS.toLocaleString('en')} rows of six fields, 140 bytes as JSON, read in one shuffled order from a Redis on this machine; nothing is kept in memory (tidemark: \`maxEntries: 1\`). A row carries four marks, and every read is judged by them. Client and server are held on one processor by taskset, or on one each: it decides which way is faster, so that only what holds both times is a result. The hand-written reference gathers the reads of a turn into one MGET and knows nothing of changes. The least that judging could cost is written by hand as well: an MGET of values, beside it an HMGET of their four marks, as if the reader knew a row's parent beforehand, then to compare four texts; it holds no lives, keeps nothing, freezes nothing and knows of no outage. Times are those of the wall clock, the server's included. The origin's calls are counted: all reads were hits.`,
  packages: [
    'ioredis',
    'async-cache-dedupe',
    'bentocache',
    'cacheable',
    'cache-manager',
    '@keyv/redis',
    'layered-loader',
  ],
  goals: places.flatMap((where) => [
    {
      text: `${inFlight(where)}: tide.get at least 0.8 × as fast as MGET by hand`,
      limit: 0.8,
      atLeast: true,
      actual: ({ ratio }) => 1 / ratio(inFlight(where), TIDE.get),
    },
    {
      text: `${inFlight(where)}: tide.get at least 1.4 × as fast as autopipelining`,
      limit: 1.4,
      atLeast: true,
      actual: ({ between }) => between(inFlight(where), AUTO, TIDE.get),
    },
    {
      text: `${batches(where)}: tide.getMany ≤ 1.25 × MGET by hand`,
      limit: 1.25,
      actual: ({ ratio }) => ratio(batches(where), TIDE.many),
    },
  ]),
  start: async ({ placement }) => {
    const server = await throwAwayRedis({ cpus: placement.server });
    return { given: { port: server.port }, stop: () => server.stop() };
  },
  groups: Object.entries(PLACEMENTS).flatMap(([where, placement]) => [
    {
      ...{ title: inFlight(where), operation: 'read', reference: REFERENCE, checked: KEYS },
      ...{ placement, cpus: placement.client },
      cases: cases(({ get }) => ({ timed: flying(get) }), TIDE.get),
    },
    {
      ...{ title: batches(where), operation: 'batch', reference: REFERENCE, checked: KEYS / BATCH },
      ...{ placement, cpus: placement.client },
      cases: cases(({ many, get }) => ({ timed: inBatches(many ?? together(get)) }), TIDE.many),
    },
  ]),
};

/** `asked`: from how a row is read, how it is timed. */
function cases(asked, tide) {
  const one = (name, make) => ({
    name,
    make: async ({ port }) => {
      const { verify = () => {}, ...reads } = await make(port);
      return { ...asked(reads), verify };
    },
  });
  return [
    one(REFERENCE, async (port) => coalescing(await filled(port, 'mget'))),
    one(AUTO, async (port) => getting(await filled(port, 'auto', { enableAutoPipelining: true }), 'auto')),
    one('ioredis get', async (port) => getting(await filled(port, 'get'), 'get')),
    one(JUDGED, async (port) => judging(await filledJudged(port))),
    one(tide, readingTide),
    one('async-cache-dedupe', (port) => reading(peers.dedupe, port)),
    one('layered-loader', (port) => reading(peers.layeredLoader, port)),
    one('cacheable', (port) => reading(peers.cacheable, port)),
    one('cache-manager', (port) => reading(peers.cacheManager, port)),
    one('bentocache', (port) => reading(peers.bento, port)),
  ];
}

/** As many readers as are in flight, each of which reads one row after another. */
const flying = (get) => async (n, watch) => {
  let next = 0;
  let sum = 0;
  const reader = async () => {
    while (next < n) sum += (await get(order[next++ % KEYS])).level;
  };
  watch.start();
  await Promise.all(Array.from({ length: Math.min(n, IN_FLIGHT) }, reader));
  watch.stop();
  return sum;
};

const inBatches = (many) => async (n, watch) => {
  let sum = 0;
  watch.start();
  for (let i = 0; i < n; i++) {
    const from = (i * BATCH) % KEYS;
    for (const { level } of await many(order.slice(from, from + BATCH))) sum += level;
  }
  watch.stop();
  return sum;
};

const together = (get) => (ids) => Promise.all(ids.map(get));

/** A client whose server has all rows under these names. */
async function filled(port, prefix, options) {
  const client = connectTo(port, options);
  await client.mset(rows.flatMap((row) => [`${prefix}:${row.id}`, JSON.stringify(row)]));
  return client;
}

/** The same with the marks that each was stored with. */
async function filledJudged(port) {
  const client = connectTo(port);
  await client.mset(rows.flatMap((row) => [`judged:${row.id}`, JSON.stringify([marksOf(row).map(() => MARK), row])]));
  await client.hset(
    'judged',
    Object.fromEntries(rows.flatMap((row) => marksOf(row).map((subject) => [subject, MARK]))),
  );
  return client;
}

const MARK = '12 0123456789abcdef.1764170000000000';
const marksOf = ({ id, settlementId }) => ['all', 'branch', `entity:${id}`, `below:${settlementId}`];

/** Values and marks of a turn go out as one MGET and one HMGET. */
function judging(client) {
  const known = new Map(rows.map((row) => [row.id, row]));
  return coalesced(async (ids) => {
    const subjects = [...new Set(ids.flatMap((id) => marksOf(known.get(id))))];
    const [texts, held] = await Promise.all([
      client.mget(ids.map((id) => `judged:${id}`)),
      client.hmget('judged', subjects),
    ]);
    const marks = new Map(subjects.map((subject, i) => [subject, held[i]]));
    return texts.map((text) => {
      const [stored, row] = JSON.parse(text);
      assert.ok(marksOf(row).every((subject, i) => marks.get(subject) === stored[i]));
      return row;
    });
  });
}

const getting = (client, prefix) => ({ get: async (id) => JSON.parse(await client.get(`${prefix}:${id}`)) });

/** What is asked for in one turn goes out as one MGET. */
const coalescing = (client) =>
  coalesced(async (ids) => (await client.mget(ids.map((id) => `mget:${id}`))).map((text) => JSON.parse(text)));

function coalesced(many) {
  let waiting = [];
  const send = () => {
    const asked = waiting;
    waiting = [];
    many(asked.map(({ id }) => id)).then(
      (found) => asked.forEach(({ resolve }, i) => resolve(found[i])),
      (error) => asked.forEach(({ reject }) => reject(error)),
    );
  };
  const get = (id) =>
    new Promise((resolve, reject) => {
      if (waiting.push({ id, resolve, reject }) === 1) process.nextTick(send);
    });
  return { get, many };
}

async function readingTide(port) {
  const origin = countingOrigin({ byId: byId(rows) });
  const tideOf = (options) =>
    createTidemark({
      model,
      origin: { structure: { byIds: origin.byIds } },
      ttlMs: TTL_MS,
      storeTimeoutMs: 30_000, // a busy machine is no outage
      ...redis(clientsOf(port)),
      ...options,
    });
  const filling = tideOf({});
  for (let at = 0; at < KEYS; at += CHUNK) await filling.getMany('structure', order.slice(at, at + CHUNK));
  await filling.close();
  const tide = tideOf({ maxEntries: 1 });
  return {
    get: (id) => tide.get('structure', id),
    many: (ids) => tide.getMany('structure', ids),
    verify: () => assert.equal(origin.ids, KEYS),
  };
}

/** A library with all rows in Redis and an origin that was to be asked once for each. */
async function reading(library, port) {
  const records = byId(rows);
  let calls = 0;
  const load = async (id) => {
    calls++;
    return records.get(id);
  };
  const { read, readMany } = await library({ port, load, tier1: false });
  for (let at = 0; at < KEYS; at += CHUNK) await Promise.all(order.slice(at, at + CHUNK).map(read));
  return { get: read, many: readMany, verify: () => assert.equal(calls, KEYS) };
}
