import assert from 'node:assert/strict';
import { tracingChannel } from 'node:diagnostics_channel';
import { setImmediate } from 'node:timers/promises';
import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, BatchSpanProcessor, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace-base';
import { createTidemark } from 'tidemark';
import { inspector } from 'tidemark/inspector';
import { metricsHost, openTelemetry } from 'tidemark/metrics';
import { seeded, shuffled } from './random.mjs';
import { TTL_MS, model, structures } from './world.mjs';

// node --expose-gc bench/overhead.mjs [rounds]: what it costs to be watched. Not one of the questions of run.mjs: a scrape comes once a
// second, so that a run has to be longer than the samples there.

const KEYS = 10_000;
const COLD_EACH = 100;
const RUN_MS = 2000;
const SCRAPE_MS = 1000;
const ROUNDS = Number(process.argv[2] ?? 12);
const REFERENCE = 'nobody looks';

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

/** One read in a hundred is of something that was never read. Gives nanoseconds of this process' time for each read. */
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
  return { cpu: ((user + system) * 1000) / count, wall: ((performance.now() - startedAt) * 1e6) / count };
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

function tracing(tide, ratio) {
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
  const sampler = new TraceIdRatioBasedSampler(ratio);
  const tracers = new BasicTracerProvider({ sampler, spanProcessors: [new BatchSpanProcessor(sink)] });
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
  [`${REFERENCE} (again: noise)`]: () => () => {},
  'scraped each second': scraping,
  'the inspector, with a page open': inspecting,
  'a listener on every channel': listening,
  'OpenTelemetry: metrics, read each second': metering,
  'OpenTelemetry: one trace in a hundred kept': (tide) => tracing(tide, 0.01),
  'OpenTelemetry: a span of every miss': (tide) => tracing(tide, 1),
};

const tides = new Map();
for (const name of Object.keys(CASES)) tides.set(name, await warm());
for (const tide of tides.values()) await reads(tide); // compiles
const random = seeded(1);
const rounds = [];
for (let round = 0; round < ROUNDS; round++) {
  const figures = {};
  for (const name of shuffled(Object.keys(CASES), random)) {
    globalThis.gc?.();
    const tide = tides.get(name);
    const stop = CASES[name](tide);
    figures[name] = await reads(tide);
    await stop();
  }
  rounds.push(figures);
}
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];
const percent = (ratio) => `${((ratio - 1) * 100).toFixed(1)} %`;
for (const time of ['cpu', 'wall']) {
  console.log(
    `\n${time} time, ns per read: minimum, median; cost beside '${REFERENCE}' by minima, by pairs: median (least to most)`,
  );
  for (const name of Object.keys(CASES)) {
    const own = rounds.map((figures) => figures[name][time]);
    const least = Math.min(...own) / Math.min(...rounds.map((figures) => figures[REFERENCE][time]));
    const pairs = rounds.map((figures) => figures[name][time] / figures[REFERENCE][time]);
    const spread = `${percent(Math.min(...pairs))} to ${percent(Math.max(...pairs))}`;
    console.log(
      `  ${name.padEnd(48)} ${Math.min(...own).toFixed(0)}  ${median(own).toFixed(0)}  ${percent(least)}  ${percent(median(pairs))} (${spread})`,
    );
  }
}
for (const tide of tides.values()) await tide.close();
process.exit();
