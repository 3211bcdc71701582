import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { tracingChannel } from 'node:diagnostics_channel';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { createTidemark } from 'tidemark';
import { inspector } from 'tidemark/inspector';
import { metricsHost, openTelemetry } from 'tidemark/metrics';
import { rowsOf } from './measure.mjs';
import { seeded, shuffled } from './random.mjs';
import { TTL_MS, model, structures } from './world.mjs';

/** Run as a program: all rounds, in one process. A scrape comes once a second, so that a turn has to be longer than the samples elsewhere. */

const FILE = fileURLToPath(import.meta.url);
const KEYS = 10_000;
const COLD_EACH = 100;
const RUN_MS = 1000;
/** Once in each turn, as in production once in fifteen seconds or more. */
const SCRAPE_MS = 900;
const ROUNDS = 60;
const REFERENCE = 'nobody looks';
const AGAIN = ' (again: noise)';
const SCRAPED = 'scraped each second';
const INSPECTED = 'the inspector, with a page open';
const TITLE = 'reads of 10,000 keys, one in a hundred a miss';
/** Of the throughput. */
const COST = 1.03;

export default {
  title: 'Being watched',
  question: 'What does a read cost more when metrics are read and the inspector looks?',
  setting: `${String(ROUNDS)} rounds of ${String(RUN_MS / 1000)} s for each case, in turn in one process, each with a tide of its own; one read in ${String(COLD_EACH)} misses, and its origin answers at once. The time is the process', so that what is done aside counts as well. A miss is the dearest that there is to watch: OpenTelemetry's own SDK takes some 2 µs to record a duration and 9 µs for a span.`,
  packages: ['@opentelemetry/api', '@opentelemetry/sdk-metrics', '@opentelemetry/sdk-trace-base'],
  goals: [SCRAPED, INSPECTED].map((name) => ({
    text: `${name}: at most ${COST} × the time of a read without`,
    limit: COST,
    actual: ({ ratio }) => ratio(TITLE, name),
  })),
  measure: (_, group) => group.run(),
  groups: [{ run: inChild }],
};

function inChild() {
  const child = fork(FILE, ['rounds'], { execArgv: ['--expose-gc'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  return new Promise((resolve, reject) => {
    child.on('message', resolve);
    child.on('exit', (code) => reject(new Error(`its process ended with ${code}`)));
  });
}

// ── The rounds ──────────────────────────────────────────────────────────────────────────────────────────────────

const rows = new Map(structures(KEYS).map((row) => [row.id, row]));
const order = shuffled([...rows.keys()], seeded(7));
let cold = 0;

const origin = {
  structure: {
    byIds: (ids) =>
      Promise.resolve(
        ids.map(
          (id) => rows.get(id) ?? { id, settlementId: 'settlement-0', name: id, kind: 'mill', level: 1, built: 1 },
        ),
      ),
  },
};

async function warm() {
  const tide = createTidemark({ model, origin, ttlMs: TTL_MS, maxEntries: 2 * KEYS });
  await tide.getMany('structure', order);
  return tide;
}

/** One read in a hundred is of something that was never read. Gives nanoseconds of this process' time for a read. */
async function reads(tide) {
  const startedAt = performance.now();
  const cpu = process.cpuUsage();
  const before = tide.stats();
  let count = 0;
  while (performance.now() - startedAt < RUN_MS) {
    for (let i = 0; i < 1000; i++, count++) {
      const id = count % COLD_EACH === 0 ? `cold-${cold++}` : order[count % KEYS];
      assert.ok(await tide.get('structure', id));
    }
    await setImmediate();
  }
  const { user, system } = process.cpuUsage(cpu);
  const after = tide.stats();
  const hits = after.hits - before.hits;
  assert.ok(Math.abs(hits / count - 0.99) < 0.001, `expected a hit rate of 99 %, got ${String(hits / count)}`);
  return ((user + system) * 1000) / count;
}

function scraping(tide) {
  const host = metricsHost(tide);
  let scrapes = 0;
  const timer = setInterval(() => {
    void host.scrape().then(({ body }) => {
      scrapes += Number(body.length > 5000);
    });
  }, SCRAPE_MS);
  return () => {
    clearInterval(timer);
    assert.ok(scrapes > 0, 'it was never scraped');
  };
}

/** Attached, and a page that is open: a stream that somebody reads. */
function inspecting(tide) {
  const page = inspector(tide, { enabled: true, authorize: () => true });
  let written = 0;
  const response = {
    writableLength: 0,
    writeHead: () => {},
    write: (text) => {
      written += text.length;
    },
    end: () => {},
    on: () => {},
  };
  void page.handle({ method: 'GET', url: '/inspector/api/live' }, response);
  return () => {
    page.close();
    assert.ok(written > 1000, 'nothing was told');
  };
}

/** A listener of every channel that does nothing. */
function listening() {
  let heard = 0;
  const listener = () => {
    heard++;
  };
  const channels = ['load', 'origin', 'store', 'change', 'publish'].map((name) => tracingChannel(`tidemark:${name}`));
  for (const { start, asyncEnd } of channels) {
    start.subscribe(listener);
    asyncEnd.subscribe(listener);
  }
  return () => {
    for (const { start, asyncEnd } of channels) {
      start.unsubscribe(listener);
      asyncEnd.unsubscribe(listener);
    }
    assert.ok(heard > 0, 'nothing was told');
  };
}

/** OpenTelemetry with its own SDK and a sink that keeps nothing. */
function metering(tide) {
  const reader = new PeriodicExportingMetricReader({
    exporter: { export: (_, done) => done({ code: 0 }), forceFlush: async () => {}, shutdown: async () => {} },
    exportIntervalMillis: SCRAPE_MS,
    exportTimeoutMillis: SCRAPE_MS,
  });
  const meters = new MeterProvider({ readers: [reader] });
  const telemetry = openTelemetry(tide, { meter: meters.getMeter('bench') });
  return async () => {
    telemetry.close();
    await meters.shutdown();
  };
}

function tracing(tide) {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  let spans = 0;
  const sink = {
    export: (batch, done) => {
      spans += batch.length;
      done({ code: 0 });
    },
    forceFlush: async () => {},
    shutdown: async () => {},
  };
  const tracers = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(sink)] });
  const telemetry = openTelemetry(tide, { tracer: tracers.getTracer('bench') });
  return async () => {
    telemetry.close();
    await tracers.shutdown();
    context.disable();
    assert.ok(spans > 0, 'there was no span');
  };
}

const CASES = {
  [REFERENCE]: () => () => {},
  [`${REFERENCE}${AGAIN}`]: () => () => {},
  [SCRAPED]: scraping,
  [INSPECTED]: inspecting,
  'a listener on every channel': listening,
  'OpenTelemetry: metrics, read each second': metering,
  'OpenTelemetry: a span of every miss': (tide) => tracing(tide),
};

async function rounds() {
  const tides = new Map();
  for (const name of Object.keys(CASES)) tides.set(name, await warm());
  for (const tide of tides.values()) await reads(tide); // compiles
  const random = seeded(1);
  const entrants = Object.keys(CASES).map((name) => ({ name, control: name.endsWith(AGAIN), turns: [] }));
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, turns } of shuffled(entrants, random)) {
      globalThis.gc?.();
      const tide = tides.get(name);
      const stop = CASES[name](tide);
      turns.push([await reads(tide)]);
      await stop();
    }
  }
  return {
    title: TITLE,
    operation: 'read',
    unit: 'ns',
    reference: REFERENCE,
    rounds: ROUNDS,
    rows: rowsOf(entrants, 0),
  };
}

if (process.argv[2] === 'rounds') process.send(await rounds(), () => process.exit());
