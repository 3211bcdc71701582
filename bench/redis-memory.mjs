import assert from 'node:assert/strict';
import { createTidemark } from 'tidemark';
import { redis } from 'tidemark/redis';
import { clientsOf, connectTo, throwAwayRedis, versionOf } from './redis.mjs';
import { TTL_MS, byId, model, structures } from './world.mjs';

/** A question of bytes, of the server's own account; no spread, since it gives the same each time. */

const ENTRIES = 50_000;
const CHUNK = 1000;
const TITLE = `${ENTRIES.toLocaleString('en')} structures, ten under each settlement`;
const BY_HAND = 'JSON by hand: SET … EX';
const OURS = 'tidemark: a value with its marks beside it';
const CHANGED = 'tidemark: a structure that changed, its marks and events';

export default {
  title: 'Memory per entry in Redis',
  question: 'How many bytes does a cached row take in Redis, and a change?',
  setting: `Difference of \`used_memory\` of a Redis of its own before and after, divided by ${ENTRIES.toLocaleString('en')}; ids of some 16 characters, rows of six fields, about 100 characters of JSON. A value names four subjects with their marks. Marks are kept of what changed, whether it is cached or not; events for historyMs (ten minutes) after the last one of their topic, and where a topic stands for a day. Each change here is of another structure, which has a topic of its own; a second change of it adds its events alone.`,
  packages: ['ioredis'],
  goals: [],
  measure: (_, group) => group.run(),
  groups: [{ run: compare }],
};

async function compare() {
  const rows = [];
  for (const [name, fill] of [
    [BY_HAND, byHand],
    [OURS, values],
    [CHANGED, changes],
  ]) {
    const server = await throwAwayRedis();
    const used = () => Number(/^used_memory:(\d+)/m.exec(server.cli('info', 'memory'))[1]);
    const before = used();
    await fill(server.port);
    rows.push([name, ((used() - before) / ENTRIES).toFixed(0), versionOf(server)]);
    await server.stop();
  }
  return { title: TITLE, head: ['what', 'bytes each', 'server'], rows };
}

async function* chunks() {
  for (let from = 0; from < ENTRIES; from += CHUNK) yield structures(from + CHUNK, from);
}

async function byHand(port) {
  const client = connectTo(port);
  for await (const rows of chunks()) {
    const filling = client.pipeline();
    for (const row of rows) filling.set(`structure:${row.id}:main`, JSON.stringify(row), 'PX', TTL_MS);
    await filling.exec();
  }
  client.disconnect();
}

/** Gives a tide, and what the origin has of it now. */
function tideOn(port) {
  let records = new Map();
  const origin = { structure: { byIds: (ids) => Promise.resolve(ids.map((id) => records.get(id))) } };
  const clients = clientsOf(port);
  const tide = createTidemark({ model, origin, ttlMs: TTL_MS, ...redis(clients) });
  return {
    tide,
    client: clients.client,
    serve: (rows) => {
      records = byId(rows);
    },
    close: async () => {
      await tide.close();
      for (const one of [clients.client, clients.subscriber]) one.disconnect();
    },
  };
}

async function values(port) {
  const { tide, client, serve, close } = tideOn(port);
  for await (const rows of chunks()) {
    serve(rows);
    await tide.getMany(
      'structure',
      rows.map(({ id }) => id),
    );
  }
  while ((await client.dbsize()) < ENTRIES) await new Promise((resume) => setTimeout(resume, 10)); // stored after they are answered
  await close();
}

async function changes(port) {
  const { tide, client, close } = tideOn(port);
  for await (const rows of chunks()) {
    await Promise.all(
      rows.map((row) => tide.change({ type: 'structure', id: row.id, op: 'update', before: row, after: row })),
    );
  }
  assert.ok((await client.dbsize()) > 0);
  await close();
}
