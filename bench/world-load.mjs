// npm run build && node bench/world-load.mjs [--seconds 20] [--connections 32] [--world earth]
//
// Starts the world example in a process of its own and drives it from this one, over HTTP, as many people would who read
// and edit at once. Fails if a single answer is wrong. Writes results/world-load.json.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { seeded } from './random.mjs';
import { machine, versionsOf } from './versions.mjs';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    connections: { type: 'string', default: '32' },
    world: { type: 'string', default: 'earth' },
  },
});
const SECONDS = Number(values.seconds);
const CONNECTIONS = Number(values.connections);
const WARM_UP_SECONDS = 3;
const EDITS = 0.1;

const server = spawn(
  process.execPath,
  [new URL('../examples/world/main.ts', import.meta.url).pathname, '--port', '0', '--world', values.world],
  {
    stdio: ['ignore', 'pipe', 'inherit'],
  },
);
process.on('exit', () => server.kill());
const url = await listening(server);
const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });

const CITY = `query ($id: ID!) { settlement(id: $id) {
  name population level version kingdom { name } structures { name kind code } summary { population structures { kind count } } nearby { id name population }
} }`;
const COUNTRY = `query ($id: ID!) { kingdom(id: $id) {
  name summary { people settlements largest { name population } } settlements(limit: 20) { id name population structures { name kind } }
} }`;
const SEARCH = 'query ($text: String!) { search(text: $text) { type id name where } }';
const NEAR = 'query ($lon: Float!, $lat: Float!) { near(lon: $lon, lat: $lat, radius: 1) { id name population } }';
const BOX = `query ($west: Float!, $south: Float!, $east: Float!, $north: Float!) {
  inBox(west: $west, south: $south, east: $east, north: $north, limit: 100) { id name population }
}`;
const EDIT = `mutation ($id: ID!, $population: Int!) {
  edit(type: settlement, id: $id, fields: { population: $population }) { receipt settlement { population } }
}`;

const countries = (
  await ask('{ kingdoms { id name summary { settlements } settlements(limit: 20) { id name lon lat } } }')
).kingdoms
  .sort((a, b) => b.summary.settlements - a.summary.settlements)
  .slice(0, 50);
const cities = countries.flatMap(({ settlements }) => settlements);

/** What people do, and how many of a hundred of them. Each gives its answer's proof of being one. */
const READS = [
  {
    name: 'a city with its airports, summary and neighbours',
    share: 40,
    make: (pick) => [CITY, { id: pick(cities).id }, ({ settlement }) => settlement.name],
  },
  {
    name: 'a country with 20 cities and their airports',
    share: 25,
    make: (pick) => [
      COUNTRY,
      { id: pick(countries).id },
      ({ kingdom }) => kingdom.summary.people >= 0 && kingdom.settlements.length > 0,
    ],
  },
  {
    name: 'a search by three letters',
    share: 10,
    make: (pick) => [SEARCH, { text: pick(cities).name.slice(0, 3) }, ({ search }) => search.length > 0],
  },
  {
    name: 'cities near a city',
    share: 15,
    make: (pick) => {
      const { lon, lat } = pick(cities);
      return [NEAR, { lon, lat }, ({ near }) => near.length > 0];
    },
  },
  {
    name: 'cities in a box of five degrees',
    share: 10,
    make: (pick) => {
      const { lon, lat } = pick(cities);
      return [BOX, box(lon, lat), ({ inBox }) => inBox.length > 0];
    },
  },
];
const WRITE = {
  name: 'an edit of a population',
  make: (pick, random) => {
    const population = Math.floor(random() * 1_000_000);
    return [EDIT, { id: pick(cities).id, population }, ({ edit }) => edit.receipt.startsWith('1.')];
  },
};

await drive(WARM_UP_SECONDS);
const before = await stats();
const startedAt = performance.now();
const { latencies, errors } = await drive(SECONDS);
const seconds = (performance.now() - startedAt) / 1000;
const after = await stats();

const hits = after.hits - before.hits;
const misses = after.misses - before.misses;
const all = [...latencies.values()].flat();
const rows = [['all', all], ...latencies].map(([name, times]) => rowOf(name, times, seconds));
const goals = [{ text: 'wrong answers and failed requests: 0', limit: 0, actual: errors.length }];
const result = {
  name: 'world-load',
  title: 'The world example under load',
  question: 'How much does the whole server do, over HTTP, while many read and edit the real world at once?',
  setting: `${CONNECTIONS} connections kept open by one other process on the same machine, each asking again as soon as it is answered; ${(EDITS * 100).toFixed(0)} % edits, the rest reads of 50 countries and their 20 largest cities, ${SECONDS} s after ${WARM_UP_SECONDS} s of warm-up. Every answer is checked. GraphQL by graphql-yoga on Express.`,
  command: `node bench/world-load.mjs${process.argv
    .slice(2)
    .map((arg) => ` ${arg}`)
    .join('')}`,
  date: new Date().toISOString().slice(0, 10),
  machine: machine(),
  packages: versionsOf(['express', 'graphql', 'graphql-yoga']).join(', '),
  goals,
  tier1: {
    hitRate: hits / (hits + misses),
    hits,
    misses,
    originCalls: after.originCalls - before.originCalls,
    entries: after.tier1.entries,
  },
  rows,
};
writeFileSync(new URL('results/world-load.json', import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
for (const { name, count, perSecond, p50, p99, max } of rows) {
  console.log(
    `${name.padEnd(52)}${String(count).padStart(8)}${perSecond.toFixed(0).padStart(8)} /s   p50 ${p50.toFixed(1)} ms   p99 ${p99.toFixed(1)} ms   max ${max.toFixed(0)} ms`,
  );
}
console.log(
  `tier 1: ${(result.tier1.hitRate * 100).toFixed(1)} % hits of ${hits + misses} reads, ${result.tier1.originCalls} origin calls`,
);
console.log(`${errors.length} errors${errors.length > 0 ? `, such as: ${errors[0]}` : ''}`);
agent.destroy();
server.kill('SIGTERM');
await once(server, 'exit');
process.exitCode = errors.length > 0 ? 1 : 0;

// ── Driving ─────────────────────────────────────────────────────────────────────────────────────────────────────

async function drive(duration) {
  const latencies = new Map([...READS, WRITE].map(({ name }) => [name, []]));
  const errors = [];
  const until = performance.now() + duration * 1000;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async (_, seed) => {
      const random = seeded(seed + 1);
      while (performance.now() < until) await act(random, latencies, errors);
    }),
  );
  return { latencies, errors };
}

async function act(random, latencies, errors) {
  const pick = (from) => from[Math.floor(random() ** 2 * from.length)];
  const { name, make } = random() < EDITS ? WRITE : chosen(random() * 100);
  const [query, variables, proves] = make(pick, random);
  const startedAt = performance.now();
  try {
    const data = await ask(query, variables);
    latencies.get(name).push(performance.now() - startedAt);
    if (!proves(data)) errors.push(`${name}: ${JSON.stringify(data)}`);
  } catch (error) {
    errors.push(`${name}: ${error.message}`);
  }
}

function chosen(point) {
  let upTo = 0;
  return READS.find(({ share }) => point < (upTo += share)) ?? READS[0];
}

function box(lon, lat) {
  const [west, south] = [Math.floor(lon / 5) * 5, Math.floor(lat / 5) * 5];
  return { west, south, east: west + 5, north: south + 5 };
}

function rowOf(name, times, seconds) {
  const sorted = Float64Array.from(times).sort();
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
  return { name, count: sorted.length, perSecond: sorted.length / seconds, p50: at(0.5), p99: at(0.99), max: at(1) };
}

// ── Over HTTP ───────────────────────────────────────────────────────────────────────────────────────────────────

async function ask(query, variables = {}) {
  const { status, body } = await send('POST', '/graphql', JSON.stringify({ query, variables }));
  const { data, errors } = JSON.parse(body);
  if (status !== 200 || errors !== undefined) throw new Error(`${status} ${JSON.stringify(errors)}`);
  return data;
}

async function stats() {
  return JSON.parse((await send('GET', '/stats')).body);
}

function send(method, path, sent) {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json', authorization: 'Bearer cartographer' };
    const sending = request(url + path, { method, agent, headers }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode, body }));
      response.on('error', reject);
    });
    sending.on('error', reject);
    sending.end(sent);
  });
}

async function listening(child) {
  for await (const line of createInterface({ input: child.stdout })) {
    console.log(line);
    const found = /http:\/\/\S+/.exec(line);
    if (found !== null) {
      child.stdout.resume();
      return found[0];
    }
  }
  throw new Error('The server ended before it listened. Is there a build? npm run build.');
}
