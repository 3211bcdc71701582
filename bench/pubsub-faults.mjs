import { fork } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startLink } from './link.mjs';
import * as peers from './pubsub-peers.mjs';
import { connectTo, throwAwayRedis } from './redis.mjs';

/** Not matters of time: what subscribers hold that do not read, and what is lost when a link fails. Run as a program: one run. */

const FILE = fileURLToPath(import.meta.url);
const RUNS = 2;
const STALLED = 100_000;
const READERS = 1000;
const READ = 300;
const MESSAGES = 4000;

async function inChild(experiment, library, given) {
  const child = fork(FILE, [experiment, library, JSON.stringify(given)], {
    execArgv: ['--expose-gc', '--unhandled-rejections=warn'],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const found = await new Promise((resolve, reject) => {
    child.on('message', resolve);
    child.on('exit', (code) => reject(new Error(`${experiment} of ${library}: its process ended with ${code}`)));
  });
  child.kill();
  return found;
}

async function onServer(experiment, library) {
  const server = await throwAwayRedis();
  try {
    return await inChild(experiment, library, { port: server.port });
  } finally {
    await server.stop();
  }
}

const MB = 1 << 20;
const megabytes = (bytes) => `${(bytes / MB).toFixed(0)} MB`;
const range = (values, say = String) => {
  const [min, max] = [Math.min(...values), Math.max(...values)];
  return say(min) === say(max) ? say(min) : `${say(min)}–${say(max)}`;
};

/** `libraries`: functions of pubsub-peers by the name that they are shown by. */
export async function memory(libraries) {
  const rows = [];
  for (const [name, library] of Object.entries(libraries)) {
    const reading = [];
    const stalled = [];
    for (let run = 0; run < RUNS; run++) {
      reading.push(await onServer('reading', library));
      stalled.push(await onServer('stalling', library));
    }
    const of = (found, what, say) =>
      range(
        found.map((one) => one[what]),
        say,
      );
    rows.push([
      name,
      of(reading, 'rss', megabytes),
      of(stalled, 'heap', (bytes) => `${(bytes / MB).toFixed(1)} MB`),
      of(stalled, 'rss', megabytes),
      of(stalled, 'uncaught'),
    ]);
  }
  return {
    title: 'what subscribers hold',
    head: ['library', 'RSS, 1,000 that read', 'heap, one that does not', 'RSS, one that does not', 'uncaught errors'],
    rows,
    notes: [
      `${RUNS} runs each, in processes of their own. The first: the resident set after ${READ} messages to 1,000 subscribers, in bursts of 100. The others: growth by ${STALLED.toLocaleString('en')} messages of 1 KB that one subscriber never reads and another does; the heap after a collection. An uncaught error ends a process of Node's by default.`,
    ],
  };
}

export async function losses(title, libraries) {
  const rows = [];
  let lost = 0;
  for (const [name, library] of Object.entries(libraries)) {
    const cells = [];
    for (const fault of ['kills', 'down']) {
      const found = [];
      for (let run = 0; run < RUNS; run++) found.push(await onServer(fault, library));
      const of = (what) => range(found.map((one) => one[what]));
      cells.push(`${of('lost')} lost, ${of('twice')} twice, ${of('inversions')} out of order, ${of('told')} told`);
      if (library === 'ours') lost += Math.max(...found.map((one) => one.lost + one.twice + one.inversions));
    }
    rows.push([name, ...cells]);
  }
  return {
    title,
    head: ['library', 'CLIENT KILL TYPE pubsub, twice', 'link down for 500 ms'],
    rows,
    notes: [
      `${RUNS} runs each. Published by a connection of its own that stays; clients connect again after 50 ms. "Told": holes that the subscriber was told of. The first fault does not concern the streams adapter of Socket.IO, which subscribes to nothing.`,
    ],
    lost,
  };
}

// ── One run, in a process of its own ────────────────────────────────────────────────────────────────────────────

const EXPERIMENTS = {
  reading: async (open, given) => {
    const peer = await open(given);
    let missing = 0;
    let arrived;
    for (let i = 0; i < READERS; i++) await peer.subscribe('t', () => --missing === 0 && arrived());
    await pause(200);
    await inBursts(READ, 100, async (burst) => {
      missing = READERS * burst.length;
      const all = new Promise((resolve) => (arrived = resolve));
      await Promise.all([all, ...burst.map((n) => peer.publish('t', { n, text: 'x'.repeat(160) }))]);
    });
    return { rss: process.memoryUsage().rss };
  },
  stalling: async (open, given) => {
    let uncaught = 0;
    process.on('uncaughtException', () => uncaught++);
    const peer = await open(given);
    let missing = 0;
    let arrived = () => {};
    await peer.subscribe('t', () => --missing === 0 && arrived());
    await pause(200);
    const stalled = peer.stall('t');
    await pause(200);
    const before = held();
    await inBursts(STALLED, 500, async (burst) => {
      missing = burst.length;
      const all = new Promise((resolve) => (arrived = resolve));
      // Where the emitter throws, later subscribers are passed over: there is nothing to wait for.
      const given = Promise.race([all, pause(1000)]);
      await Promise.all([given, ...burst.map((n) => peer.publish('t', { n, text: 'x'.repeat(1000) }))]);
    });
    const after = held();
    return { heap: after.heap - before.heap, rss: after.rss - before.rss, uncaught, stalled: typeof stalled };
  },
  kills: (open, given) =>
    numbered(open, given, (admin, n) => {
      if (n === 1000 || n === 2500) void admin.call('client', 'kill', 'type', 'pubsub');
    }),
  down: async (open, given) => {
    const link = await startLink(given.port);
    return numbered(open, { ...given, subscribePort: link.port }, (_, n) => {
      if (n === 1500) link.cut();
      if (n === 2000) link.heal();
    });
  },
};

function held() {
  globalThis.gc();
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  return { heap: heapUsed + arrayBuffers, rss };
}

async function inBursts(count, size, publish) {
  for (let from = 1; from <= count; from += size) await publish(Array.from({ length: size }, (_, i) => from + i));
}

/** Publishes numbers by the clock and counts those that arrive. */
async function numbered(open, given, onNumber) {
  const admin = connectTo(given.port);
  const peer = await open(given);
  const seen = new Map();
  let last = 0;
  let inversions = 0;
  await peer.subscribe('t', ({ n }) => {
    seen.set(n, (seen.get(n) ?? 0) + 1);
    if (n < last) inversions++;
    last = n;
  });
  await pause(300);
  const startedAt = performance.now();
  for (let n = 1; n <= MESSAGES; n++) {
    while (performance.now() - startedAt < n) await pause(1);
    void peer.publish('t', { n });
    onNumber(admin, n);
  }
  await pause(2000);
  const twice = [...seen.values()].filter((times) => times > 1).length;
  return { lost: MESSAGES - seen.size, twice, inversions, told: peers.holes.told };
}

if (process.argv[1] === FILE) {
  const [experiment, library, given] = process.argv.slice(2);
  process.send(await EXPERIMENTS[experiment](peers[library], JSON.parse(given)));
}
