import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** One case in a process of its own. Run as a program this file is that process; imported, it starts one. */

const SAMPLE_MS = 20;
const WARM_UP_MS = 200;
const SAMPLES_PER_TURN = 3;
const TURN_MS = 70;
/**
 * Operations per call of `run`. One long loop would be compiled while it runs (on-stack replacement), and V8 throws that
 * code away at each collection: every sample would begin slowly. What is called often is compiled once and stays.
 */
const CHUNK = 1000;
/** This part of a sample is run before the first of a turn, untimed: a collection leaves none of the data in the processor's caches. */
const SETTLED = 1 / 8;

/** Whoever is kept waiting waits for a slice of the scheduler's, which is longer than this. */
const STANDS_OUT_MS = 0.5;

const FILE = fileURLToPath(import.meta.url);
// A collection before each turn ages code that did not run since: it would be dropped and compiled anew.
// Collections happen on the main thread, which is the one that is timed.
const EXEC_ARGV = ['--expose-gc', '--no-flush-bytecode', '--single-threaded-gc'];

/** Times the parts of a sample between `start` and `stop`: a case that prepares each operation leaves that out. */
export class Watch {
  #intervals = [];
  #startedAt = 0;

  start() {
    this.#startedAt = performance.now();
  }

  stop() {
    this.#intervals.push(performance.now() - this.#startedAt);
  }

  /**
   * The sum in milliseconds. Of the time that the thread was kept waiting, as much is taken off as intervals stand out
   * from the rest: it may have fallen between them.
   */
  totalMs(waited) {
    const sorted = this.#intervals.sort((a, b) => b - a);
    assert.ok(sorted.length > 0, 'the watch was never started');
    const usual = sorted[sorted.length >> 1];
    let left = waited;
    let total = 0;
    for (const ms of sorted) {
      const excess = ms - usual;
      const cut = excess >= STANDS_OUT_MS ? Math.min(excess, left) : 0;
      left -= cut;
      total += ms - cut;
    }
    return total;
  }
}

/** Starts the process of a case: `[question, group, case]`, the latter two by number. */
export function startWorker(address, { given = null, cpus } = {}) {
  const child = fork(FILE, [...address.map(String), JSON.stringify(given)], onCpus(cpus, EXEC_ARGV));
  let settle = null;
  child.on('message', (answer) => {
    if (answer.error === undefined) settle.resolve(answer.value);
    else settle.reject(new Error(`${address.join(' ')}: ${answer.error}`));
  });
  child.on('exit', (code) => settle?.reject(new Error(`${address.join(' ')}: its process ended with ${String(code)}`)));
  return {
    ask: (verb, value) =>
      new Promise((resolve, reject) => {
        settle = { resolve, reject };
        child.send({ verb, value });
      }),
    end: () => {
      child.removeAllListeners('exit');
      child.kill();
    },
  };
}

/** How to fork a process that stays on these processors. */
export function onCpus(cpus, execArgv = []) {
  if (cpus === undefined) return { execArgv };
  return { execPath: 'taskset', execArgv: ['-c', cpus, process.execPath, ...execArgv] };
}

if (process.argv[1] === FILE) serve(process.argv.slice(2));

function serve([question, group, at, given]) {
  const making = import(`./${question}.mjs`).then(({ default: asked }) =>
    asked.groups[group].cases[at].make(JSON.parse(given)),
  );
  making.catch(() => {}); // told to whoever asks
  const verbs = {
    ready: () => true,
    check: async (one, n) => {
      const sum = await (one.run ? one.run(0, n) : one.timed(n, new Watch()));
      await one.verify();
      return sum;
    },
    warmUp,
    turn,
    verify: (one) => one.verify(),
  };
  process.on('message', async ({ verb, value }) => {
    try {
      process.send({ value: await verbs[verb](await making, value) });
    } catch (error) {
      process.send({ error: error.stack });
    }
  });
}

/** Runs a case until it is compiled; returns how many operations take at least a sample's time. */
async function warmUp(one) {
  const startedAt = performance.now();
  let n = 1;
  while (performance.now() - startedAt < WARM_UP_MS) {
    const ms = (await elapsed(one, n)) / 1e6;
    n = ms < 1 ? n * 4 : enough(n, ms);
  }
  let fastest = Infinity;
  for (let i = 0; i < 3; i++) fastest = Math.min(fastest, (await elapsed(one, n)) / 1e6);
  return enough(n, fastest);
}

const enough = (n, ms) => Math.max(1, Math.ceil((n * SAMPLE_MS * 1.1) / ms));

/** A few samples in nanoseconds per operation, after a collection; fewer if they take long. */
async function turn(one, n) {
  globalThis.gc();
  if (n * SETTLED > 1) await elapsed(one, Math.ceil(n * SETTLED));
  const samples = [];
  const startedAt = performance.now();
  do samples.push((await elapsed(one, n)) / n);
  while (samples.length < SAMPLES_PER_TURN && performance.now() - startedAt < TURN_MS);
  return samples;
}

/**
 * Nanoseconds in which the case was not kept waiting for a processor: what other processes take meanwhile is not its
 * doing.
 */
async function elapsed(one, n) {
  const watch = new Watch();
  const startedAt = performance.now();
  const waitedBefore = waitedMs();
  if (one.timed) await one.timed(n, watch);
  else {
    const { run } = one;
    for (let from = 0; from < n; from += CHUNK) {
      const sum = run(from, Math.min(n, from + CHUNK));
      if (typeof sum !== 'number') await sum;
    }
  }
  const waited = waitedMs() - waitedBefore;
  const wallMs = performance.now() - startedAt;
  return (one.timed ? watch.totalMs(waited) : wallMs - waited) * 1e6;
}

/**
 * How long this thread has been ready but not running. Exact where Linux tells; else 0. (Processor time, which Node
 * tells too, comes in steps of 4 ms on some kernels.)
 */
function waitedMs() {
  try {
    return Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[1]) / 1e6;
  } catch {
    return 0;
  }
}
