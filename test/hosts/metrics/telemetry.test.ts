import { type Attributes, SpanKind, type Tracer as ApiTracer, context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  type DataPoint,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { FAMILIES } from '../../../src/hosts/metrics/families.js';
import { openTelemetry } from '../../../src/hosts/metrics/index.js';
import { instrumentOf } from '../../../src/hosts/metrics/meter.js';
import { defineView, memory } from '../../../src/index.js';
import { chaosMarks, fakeClock, seededRandom } from '../../../src/testing/index.js';
import { database, model, replicas, world } from '../../behaviour/setup.js';
import { busy } from './busy.js';

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterAll(() => {
  context.disable();
});

function traced() {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const tracer: ApiTracer = provider.getTracer('test');
  return {
    tracer,
    spans: (): ReadableSpan[] => exporter.getFinishedSpans(),
    /** Each span with those above it, the topmost first. */
    paths: (): string[] => {
      const all = exporter.getFinishedSpans();
      const pathOf = (span: ReadableSpan): string[] => {
        const parent = all.find((one) => one.spanContext().spanId === span.parentSpanContext?.spanId);
        return [...(parent === undefined ? [] : pathOf(parent)), span.name];
      };
      return all.map((span) => pathOf(span).join(' > ')).sort();
    },
    named: (name: string): ReadableSpan[] => exporter.getFinishedSpans().filter((span) => span.name === name),
    reset: () => {
      exporter.reset();
    },
    /** As a host handles a request. */
    request: <Result>(name: string, work: () => Promise<Result>): Promise<Result> =>
      tracer.startActiveSpan(name, (span) =>
        work().finally(() => {
          span.end();
        }),
      ),
  };
}

function watched(tide: Parameters<typeof openTelemetry>[0]) {
  const given = traced();
  const telemetry = openTelemetry(tide, { tracer: given.tracer });
  onTestFinished(() => {
    telemetry.close();
  });
  return { ...given, telemetry };
}

describe('spans', () => {
  test('what a request loads is beneath its span, and what the origin does beneath the span of its call', async () => {
    const { tide, db, clock } = world();
    const { tracer, request, paths } = watched(tide);
    const { byIds } = db.origin.settlement;
    const within = world(
      {
        origin: {
          settlement: {
            byIds: (ids: readonly string[], about: Parameters<typeof byIds>[1]) =>
              tracer.startActiveSpan('select', async (span) => {
                const rows = await byIds(ids, about);
                span.end();
                return rows as never;
              }),
          },
        },
      },
      { clock },
    );
    await within.tide.ready();
    const other = openTelemetry(within.tide, { tracer });
    onTestFinished(() => {
      other.close();
    });
    await request('GET /settlements/s0', () => within.tide.scope().get('settlement', 's0'));
    const first = 'GET /settlements/s0 > tidemark load record settlement';
    expect(paths()).toEqual(
      [
        'GET /settlements/s0',
        first,
        `${first} > tidemark marks read`,
        `${first} > tidemark origin settlement.byIds`,
        `${first} > tidemark origin settlement.byIds > select`,
        // The marks of its parents are known once the row is.
        `${first} > tidemark marks read`,
      ].sort(),
    );
    await request('again', () => within.tide.scope().get('settlement', 's0'));
    expect(paths().filter((path) => path.startsWith('again'))).toEqual(['again']);
  });

  test('of two requests in one batch each has its load, and the call is linked to the second', async () => {
    const { tide } = world();
    const { request, named } = watched(tide);
    await tide.ready();
    await Promise.all([
      request('one', () => tide.get('settlement', 's0')),
      request('two', () => tide.get('settlement', 's1')),
    ]);
    const [one, two] = [named('one')[0], named('two')[0]] as [ReadableSpan, ReadableSpan];
    const loads = named('tidemark load record settlement');
    const loadOf = (of: ReadableSpan) =>
      loads.find((load) => load.parentSpanContext?.spanId === of.spanContext().spanId);
    const [origin] = named('tidemark origin settlement.byIds') as [ReadableSpan];
    expect(origin.parentSpanContext?.spanId).toBe(loadOf(one)?.spanContext().spanId);
    expect(origin.links.map((link) => link.context.spanId)).toEqual([loadOf(two)?.spanContext().spanId]);
    expect(origin.attributes['tidemark.count']).toBe(2);
  });

  test('what a view reads is beneath the view', async () => {
    const { tide } = world();
    const { request, paths } = watched(tide);
    await tide.ready();
    const view = defineView(model)({
      name: 'names',
      load: async (read, { ids }: { ids: string[] }) => {
        await Promise.resolve();
        return (await read.getMany('settlement', ids)).map((row) => row?.name);
      },
    });
    await request('page', () => tide.view(view, { ids: ['s0', 's1'] }));
    const load = 'page > tidemark load view names > tidemark load record settlement';
    const origins = paths().filter((path) => path.endsWith('origin settlement.byIds'));
    expect(origins).toEqual([`${load} > tidemark origin settlement.byIds`]);
    expect(paths().filter((path) => path === load)).toHaveLength(2);
  });

  test('a value found in tier 2 says so, and its call is one of another process', async () => {
    const { a, b, clock } = replicas();
    await a.tide.get('settlement', 's0');
    await clock.advance(0);
    await b.tide.ready();
    const { request, named } = watched(b.tide);
    await request('page', () => b.tide.get('settlement', 's0'));
    expect(named('tidemark load record settlement')[0]?.attributes['tidemark.found']).toBe('tier2');
    expect(named('tidemark marks fetch')[0]?.kind).toBe(SpanKind.CLIENT);
    expect(named('tidemark origin settlement.byIds')).toEqual([]);
  });

  test('a change has its bump and its publication beneath it, and says what its receipt does', async () => {
    const { a } = replicas();
    await a.tide.ready();
    const { request, paths, named } = watched(a.tide);
    await request('PATCH', () => a.rename('s0'));
    expect(paths()).toEqual([
      'PATCH',
      'PATCH > tidemark change settlement',
      'PATCH > tidemark change settlement > tidemark marks bump',
      'PATCH > tidemark change settlement > tidemark publish',
    ]);
    expect(named('tidemark change settlement')[0]?.attributes).toEqual({
      'tidemark.type': 'settlement',
      'tidemark.count': 1,
      'tidemark.receipt': 'done',
    });
  });

  test('a change that had to wait says so', async () => {
    const [db, clock] = [database(), fakeClock()];
    const shared = memory({ clock });
    const marks = chaosMarks(shared.marks, { random: seededRandom(1), clock });
    const { tide, rename } = world({ ...shared, marks }, { db, clock });
    await tide.ready();
    const { named } = watched(tide);
    marks.failAlways();
    await rename('s0');
    expect(named('tidemark change settlement')[0]?.attributes['tidemark.receipt']).toBe('queued');
    expect(named('tidemark marks bump')[0]?.status.code).toBe(2);
  });

  test('a failure has a code and no text: that may name entities', async () => {
    const { tide, db } = world();
    const { spans, named } = watched(tide);
    db.failNext('settlement', new Error('no such row: s0'));
    await expect(tide.get('settlement', 's0')).rejects.toThrow();
    for (const name of ['tidemark load record settlement', 'tidemark origin settlement.byIds']) {
      const [span] = named(name) as [ReadableSpan];
      expect(span.status).toEqual({ code: 2, message: 'ORIGIN_FAILED' });
      expect(span.attributes['error.type']).toBe('ORIGIN_FAILED');
    }
    expect(spans().flatMap(({ events }) => events)).toEqual([]);
  });

  test('no id, key or branch is in any, whatever was done', async () => {
    const given = traced();
    const clock = fakeClock();
    const { tide, rename } = world({}, { clock });
    const telemetry = openTelemetry({ north: tide }, { tracer: given.tracer });
    await tide.cache.getOrLoad('user:ada', () => 1);
    await tide.get('settlement', 's0');
    await tide.children('settlement', { kingdom: 'k0' });
    await rename('s0');
    telemetry.close();
    const said = given.spans().map(({ name, attributes, links }) => JSON.stringify({ name, attributes, links }));
    expect(said.length).toBeGreaterThan(6);
    for (const text of said) expect(text).not.toMatch(/ada|s0|k0|main/);
    expect(given.spans().every(({ attributes }) => attributes['tidemark.tide'] === 'north')).toBe(true);
  });

  test('of other tides in the process there is none, nor of what runs in the background', async () => {
    const [one, other] = [world(), world()];
    const { spans } = watched(one.tide);
    await other.tide.get('settlement', 's0');
    await one.tide.ready();
    await one.clock.advance(5000);
    expect(spans().map(({ name }) => name)).toEqual(['tidemark marks read']); // the one before anything is held
  });

  test('after close() there are none', async () => {
    const { tide } = world();
    const { spans, telemetry } = watched(tide);
    telemetry.close();
    telemetry.close();
    await tide.get('settlement', 's0');
    expect(spans()).toEqual([]);
  });
});

describe('metrics', () => {
  async function collected(tides: Parameters<typeof openTelemetry>[0], during: () => Promise<unknown>, more = {}) {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    const provider = new MeterProvider({ readers: [reader] });
    const telemetry = openTelemetry(tides, { meter: provider.getMeter('test'), ...more });
    await during();
    await reader.forceFlush();
    const exported = [...exporter.getMetrics()];
    telemetry.close();
    await provider.shutdown();
    return exported.flatMap(({ scopeMetrics }) => scopeMetrics.flatMap(({ metrics }) => metrics));
  }
  type Collected = Awaited<ReturnType<typeof collected>>;
  const pointsOf = (metrics: Collected, name: string): readonly { attributes: Attributes; value: unknown }[] =>
    metrics.find(({ descriptor }) => descriptor.name === name)?.dataPoints as DataPoint<unknown>[];

  test('are the same as those of Prometheus, by names as OpenTelemetry has them', async () => {
    const { a, rules } = await busy();
    const metrics = await collected(a.tide, async () => undefined, { rules });
    const names = metrics.map(({ descriptor }) => descriptor.name);
    // Durations are counted from when it was attached.
    const expected = FAMILIES.filter(({ type }) => type !== 'histogram').map((family) => instrumentOf(family).name);
    expect(names.sort()).toEqual(expected.sort());
    expect(new Set(expected).size).toBe(expected.length);
    expect(instrumentOf({ name: 'tidemark_store_call_duration_seconds', help: 'h' })).toEqual({
      name: 'tidemark.store.call.duration',
      options: { description: 'h', unit: 's' },
    });
    expect(pointsOf(metrics, 'tidemark.changes')).toContainEqual(
      expect.objectContaining({ attributes: { type: 'settlement', op: 'update' }, value: 5 }),
    );
  });

  test('of several tides have their names, and what took how long', async () => {
    const { a, b, clock } = replicas();
    const metrics = await collected(
      { a: a.tide, b: b.tide },
      async () => {
        await a.tide.get('settlement', 's0');
        await clock.advance(0);
        await b.tide.get('settlement', 's0');
      },
      { clock },
    );
    const reads = pointsOf(metrics, 'tidemark.reads').filter(({ value }) => value === 1);
    expect(reads.map(({ attributes }) => attributes)).toEqual([
      { tide: 'a', type: 'settlement', tier: 'none', result: 'miss' },
      { tide: 'b', type: 'settlement', tier: '2', result: 'hit' },
    ]);
    expect(pointsOf(metrics, 'tidemark.load.duration')).toMatchObject([
      { attributes: { tide: 'a', kind: 'record' }, value: { count: 1, sum: 0 } },
    ]);
    expect(pointsOf(metrics, 'tidemark.origin.call.duration')).toMatchObject([
      { attributes: { tide: 'a', type: 'settlement', method: 'byIds' }, value: { count: 1 } },
    ]);
  });
});

test('without a tracer and a meter it is refused', () => {
  expect(() => openTelemetry(world().tide, {})).toThrow('expected a tracer or a meter, got neither');
});
