import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { round3, summary } from './measure.mjs';
import { seeded, shuffled } from './random.mjs';
import { startReplica } from './replica.mjs';
import { throwAwayRedis } from './redis.mjs';

const CALLERS = 1000;
const PROCESSES = 2;
const ORIGIN_MS = 100;
const ROUNDS = 12;
const GROUP = `${CALLERS.toLocaleString('en')} callers in ${PROCESSES} processes, an origin of ${ORIGIN_MS} ms`;
const REFERENCE = 'one promise per process';

const question = {
  title: 'A herd on one cold key',
  question:
    'How often is the origin asked, and how long does it take, when callers of several processes want the same at once?',
  setting: `Each library has ${PROCESSES} processes on a Redis of its own; in each round all callers ask for a key that nobody asked for before. The origin is a third process that answers after ${ORIGIN_MS} ms and counts its calls; that tidemark's is called exactly once is asserted in every round. The time is that from asking both processes until the last caller has its value; the reference, which shares one promise among the callers of a process and nothing between the two, goes the same way.`,
  packages: ['async-cache-dedupe', 'bentocache', 'cacheable', 'cache-manager', 'layered-loader', 'ioredis'],
  goals: [
    { text: 'origin calls of tidemark, at most', limit: 1, actual: ({ words }) => words(GROUP).mostCalls.tidemark },
    {
      text: `tidemark ≤ 1.25 × the ${ORIGIN_MS} ms of its origin`,
      limit: 1.25,
      actual: ({ of }) => of(GROUP, 'tidemark') / (ORIGIN_MS * 1e6),
    },
  ],
  measure: measureHerds,
  groups: [
    {
      title: GROUP,
      operation: 'herd',
      reference: REFERENCE,
      cases: [
        { name: REFERENCE, library: 'shared' },
        { name: `${REFERENCE} (again: noise)`, library: 'shared', control: true },
        { name: 'tidemark', library: 'tidemark' },
        { name: 'layered-loader', library: 'layeredLoader' },
        { name: 'async-cache-dedupe', library: 'dedupe' },
        { name: 'bentocache', library: 'bento' },
        { name: 'cacheable', library: 'cacheable' },
        { name: 'cache-manager', library: 'cacheManager' },
      ],
    },
  ],
};

export default question;

async function measureHerds(_, { title, operation, reference, cases }) {
  const entrants = [];
  try {
    for (const { name, library, control = false } of cases) entrants.push(await entrantOf({ name, library, control }));
    for (const one of entrants) await herd(one, 'warm-up');
    const random = seeded(1);
    for (let round = 0; round < ROUNDS; round++) {
      for (const one of shuffled(entrants, random)) {
        const { ms, calls } = await herd(one, `key-${round}`);
        one.samples.push(ms * 1e6);
        one.calls.push(calls);
        if (one.name === 'tidemark') assert.equal(calls, 1, 'one origin call');
      }
    }
  } finally {
    for (const { stop } of entrants) await stop();
  }
  const twice = entrants.filter(({ name, control }) => control || name === reference);
  const least = Math.min(...twice.flatMap(({ samples }) => samples));
  const rows = entrants.map(({ name, control, samples, calls }) => ({
    name,
    ...summary(samples),
    ratio: round3(Math.min(...samples) / least),
    roundRatio: median(samples.map((ns, i) => (2 * ns) / (twice[0].samples[i] + twice[1].samples[i]))),
    control,
    count: [...new Set([Math.min(...calls), Math.max(...calls)])].join('–'),
  }));
  const mostCalls = Object.fromEntries(entrants.map(({ name, calls }) => [name, Math.max(...calls)]));
  return { title, operation, unit: 'ns', reference, rounds: ROUNDS, rows, counted: 'origin calls', mostCalls };
}

const median = (values) => round3(summary(values).median);

/** The processes of one library, on a Redis of their own. */
async function entrantOf({ name, library, control }) {
  const server = await throwAwayRedis();
  let calls = 0;
  const load = async (id) => {
    calls++;
    await pause(ORIGIN_MS);
    return { id, settlementId: 'settlement', name: `The one called ${id}`, level: 1 };
  };
  const place = { port: server.port, bus: library === 'cacheManager' ? undefined : server.port, tier1: true };
  const replicas = [];
  for (let i = 0; i < PROCESSES; i++) replicas.push(await startReplica(library, place, load));
  return {
    ...{ name, control, replicas, samples: [], calls: [] },
    callsSoFar: () => calls,
    stop: async () => {
      await Promise.all(replicas.map(({ stop }) => stop()));
      await server.stop();
    },
  };
}

async function herd({ name, replicas, callsSoFar }, key) {
  const before = callsSoFar();
  const each = CALLERS / replicas.length;
  const startedAt = performance.now();
  const answered = await Promise.all(replicas.map(({ ask }) => ask('readAtOnce', key, each)));
  const ms = performance.now() - startedAt;
  assert.deepEqual(
    answered,
    replicas.map(() => each),
    `${name}: every caller has its value`,
  );
  return { ms, calls: callsSoFar() - before };
}
