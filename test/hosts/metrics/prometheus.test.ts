import { once } from 'node:events';
import { createServer, get as httpGet } from 'node:http';
import * as http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import express, { type Request, type Response } from 'express';
import fastify from 'fastify';
import parse from 'parse-prometheus-text-format';
import { Registry } from 'prom-client';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { FAMILIES } from '../../../src/hosts/metrics/families.js';
import { metricsHost } from '../../../src/hosts/metrics/index.js';
import { CONTENT_TYPE, textOf } from '../../../src/hosts/metrics/text.js';
import { replicas, world } from '../../behaviour/setup.js';
import { busy } from './busy.js';
import { type Line, linesIn } from './lines.js';
import { hasPromtool, promtool } from './promtool.js';

const named = (lines: readonly Line[], name: string, labels: Record<string, string> = {}): Line[] =>
  lines.filter(
    (line) => line.name === name && Object.entries(labels).every(([label, value]) => line.labels[label] === value),
  );
const valueOf = (lines: readonly Line[], name: string, labels?: Record<string, string>): number => {
  const found = named(lines, name, labels);
  expect(found, `${name} ${JSON.stringify(labels ?? {})}`).toHaveLength(1);
  return (found[0] as Line).value;
};

describe('the text', () => {
  test('parses, with every metric there is: names, kinds and help', async () => {
    const { a, rules } = await busy();
    const { contentType, body } = await metricsHost(a.tide, { rules }).scrape();
    expect(contentType).toBe('text/plain; version=0.0.4; charset=utf-8');
    const parsed = parse(body).map(({ name, type, help }) => ({ name, type, help }));
    expect(parsed).toEqual(FAMILIES.map(({ name, type, help }) => ({ name, type: type.toUpperCase(), help })));
  });

  test.skipIf(!hasPromtool)('is what promtool accepts, and finds nothing to mend in', async () => {
    const { a, b, rules } = await busy();
    const { body } = await metricsHost({ a: a.tide, b: b.tide }, { rules }).scrape();
    expect(() => {
      promtool(['check', 'metrics'], body);
    }).not.toThrow();
  });

  test('says the same as prom-client does of the same tides', async () => {
    const { a, b, rules } = await busy();
    const host = metricsHost({ a: a.tide, b: b.tide }, { rules });
    const registry = new Registry();
    host.register(registry);
    expect(registry.contentType).toBe(CONTENT_TYPE);
    // A scrape asks the store how it is, which is no call that is counted.
    const theirs = linesIn(await registry.metrics());
    expect(theirs).toEqual(linesIn((await host.scrape()).body));
    expect(theirs.length).toBeGreaterThan(FAMILIES.length);
  });

  test('each line has the labels of its family and no others, and a value', async () => {
    const { a, rules } = await busy();
    for (const { name, labels, value } of linesIn((await metricsHost(a.tide, { rules }).scrape()).body)) {
      const family = FAMILIES.find((one) => one.name === name.replace(/_(bucket|sum|count)$/, ''));
      const own = Object.keys(labels).filter((label) => label !== 'le' || !name.endsWith('_bucket'));
      expect(own, name).toEqual(family?.labels);
      expect(Number.isNaN(value), name).toBe(false);
    }
  });

  test('no key, id or branch is in it, whatever they are', async () => {
    const { a, b } = await busy();
    const { body } = await metricsHost({ a: a.tide, b: b.tide }).scrape();
    expect(body).not.toMatch(/ada|bob|user|secret|s0|k0|main|missing/);
    const keys = named(linesIn(body), 'tidemark_keys');
    expect(keys.map(({ labels }) => labels['type'])).toContain('key');
  });

  test('names are in base units; what only rises ends in _total, and nothing else does', () => {
    for (const { name, type } of FAMILIES) {
      expect(name).toMatch(/^tidemark_[a-z0-9_]+$/);
      expect(name.endsWith('_total')).toBe(type === 'counter');
      expect(name).not.toMatch(/_(ms|mb|milliseconds|megabytes|minutes)(_|$)/);
      if (type === 'histogram') expect(name).toMatch(/_seconds$/);
    }
    expect(new Set(FAMILIES.map(({ name }) => name)).size).toBe(FAMILIES.length);
  });

  test('escapes what a label or a help may hold', () => {
    const [name, help] = ['tidemark_x', 'a\\b\nc "d"'];
    const labels = { type: 'quote " back \\ line \n {},=' };
    const text = textOf([{ name, help, type: 'gauge', labels: ['type'], samples: [{ labels, value: Infinity }] }]);
    expect(text).toBe(
      '# HELP tidemark_x a\\\\b\\nc "d"\n# TYPE tidemark_x gauge\ntidemark_x{type="quote \\" back \\\\ line \\n {},="} +Inf\n',
    );
    expect(parse(text)[0]?.metrics[0]?.labels).toEqual(labels);
    expect(linesIn(text)).toEqual([{ name, labels, value: Infinity }]);
  });

  test('histograms are cumulative, and end with all', async () => {
    const { a } = await busy();
    const lines = linesIn((await metricsHost(a.tide).scrape()).body);
    const counts = lines.filter(({ name }) => name.endsWith('_count'));
    expect(counts.length).toBeGreaterThan(5);
    for (const { name, labels, value } of counts) {
      const buckets = named(lines, name.replace(/_count$/, '_bucket'), labels);
      const values = buckets.map((bucket) => bucket.value);
      expect(values).toEqual([...values].sort((x, y) => x - y));
      expect(buckets.at(-1)).toMatchObject({ labels: { le: '+Inf' }, value });
    }
  });
});

describe('what it says', () => {
  test('of reads: the tier that had the value, and the result', async () => {
    const { a, b, clock } = replicas();
    await a.tide.get('settlement', 's0');
    await clock.advance(0);
    await Promise.all([b.tide.get('settlement', 's0'), b.tide.get('settlement', 's0')]);
    await b.tide.get('settlement', 's0');
    const lines = linesIn((await metricsHost({ a: a.tide, b: b.tide }).scrape()).body);
    const reads = (tide: string, tier: string, result: string): number =>
      valueOf(lines, 'tidemark_reads_total', { tide, type: 'settlement', tier, result });
    expect([reads('a', '1', 'hit'), reads('a', '2', 'hit'), reads('a', 'none', 'miss')]).toEqual([0, 0, 1]);
    expect([reads('b', '1', 'hit'), reads('b', '2', 'hit'), reads('b', 'none', 'joined')]).toEqual([1, 1, 1]);
    expect(reads('b', 'none', 'miss')).toBe(0);
  });

  test('while the marks are away: how stale it may be, what waits, and that calls are refused', async () => {
    const { a } = await busy();
    const lines = linesIn((await metricsHost(a.tide).scrape()).body);
    expect(valueOf(lines, 'tidemark_changes_waiting')).toBe(1);
    expect(valueOf(lines, 'tidemark_changes_queued_total')).toBe(1);
    expect(valueOf(lines, 'tidemark_changes_oldest_wait_seconds')).toBeCloseTo(2.5);
    const staleness = valueOf(lines, 'tidemark_marks_staleness_seconds');
    expect(staleness).toBeGreaterThanOrEqual(2.5);
    expect(staleness).toBeLessThan(3.7);
    expect(valueOf(lines, 'tidemark_store_failures_total', { part: 'marks' })).toBeGreaterThan(1);
    expect(valueOf(lines, 'tidemark_health_status', { status: 'down' })).toBe(1);
    expect(valueOf(lines, 'tidemark_health_status', { status: 'up' })).toBe(0);
    expect(valueOf(lines, 'tidemark_errors_total', { code: 'other' })).toBeGreaterThan(0);
  });

  test('of changes: by type and what they were, and which said too little', async () => {
    const { a } = await busy();
    const lines = linesIn((await metricsHost(a.tide).scrape()).body);
    expect(valueOf(lines, 'tidemark_changes_total', { type: 'settlement', op: 'update' })).toBe(5);
    expect(valueOf(lines, 'tidemark_changes_total', { type: '', op: 'bulk' })).toBe(1);
    expect(valueOf(lines, 'tidemark_placement_changes_total', { type: 'settlement' })).toBe(1);
  });

  test('of subscriptions: that one is behind, by how much, and that it was told to look at everything', async () => {
    const { a } = await busy();
    const lines = linesIn((await metricsHost(a.tide).scrape()).body);
    expect(valueOf(lines, 'tidemark_subscriptions')).toBe(1);
    expect(valueOf(lines, 'tidemark_subscriptions_behind')).toBe(1);
    expect(valueOf(lines, 'tidemark_subscription_lag_items')).toBeGreaterThan(0);
    expect(valueOf(lines, 'tidemark_resyncs_total', { reason: 'overflow' })).toBe(1);
  });

  test('of tier 1: what left for others', async () => {
    const { a } = await busy();
    const lines = linesIn((await metricsHost(a.tide).scrape()).body);
    expect(valueOf(lines, 'tidemark_tier1_entries')).toBeLessThanOrEqual(3);
    expect(valueOf(lines, 'tidemark_tier1_evictions_total')).toBeGreaterThan(0);
  });

  test('counters never go back, also when the stats are reset', async () => {
    const { a } = await busy();
    const host = metricsHost(a.tide);
    const counters = async (): Promise<readonly Line[]> =>
      linesIn((await host.scrape()).body).filter(({ name }) => /_(total|count|sum|bucket)$/.test(name));
    const before = await counters();
    a.tide.resetStats();
    const reading = a.tide.get('settlement', 's0');
    await a.clock.advance(5000);
    await reading;
    const after = await counters();
    for (const { name, labels, value } of before)
      expect(named(after, name, labels)[0]?.value, name).toBeGreaterThanOrEqual(value);
  });

  test('with metrics: false only how it stands', async () => {
    const { tide } = world({ metrics: false });
    await tide.get('settlement', 's0');
    const lines = linesIn((await metricsHost(tide).scrape()).body);
    expect(lines.filter(({ name }) => /_(total|count|sum|bucket)$/.test(name))).toEqual([]);
    expect(valueOf(lines, 'tidemark_tier1_entries')).toBe(1);
  });

  test('of a tide that is closed or was never read: no staleness, and no failure', async () => {
    const { tide } = world();
    const before = linesIn((await metricsHost(tide).scrape()).body);
    expect(named(before, 'tidemark_marks_staleness_seconds')).toEqual([]);
    await tide.close();
    const { body } = await metricsHost(tide).scrape();
    expect(valueOf(linesIn(body), 'tidemark_tier1_entries')).toBe(0);
  });
});

describe('a registry of prom-client', () => {
  test('is read when it is, and tides are asked once for all of it', async () => {
    const { tide } = world();
    const registry = new Registry();
    const health = vi.spyOn(tide, 'health');
    metricsHost(tide).register(registry);
    expect(health).not.toHaveBeenCalled();
    await registry.metrics();
    expect(health).toHaveBeenCalledTimes(1);
    await tide.get('settlement', 's0');
    expect(valueOf(linesIn(await registry.metrics()), 'tidemark_tier1_entries')).toBe(1);
    expect(health).toHaveBeenCalledTimes(2);
  });

  test('keeps the metrics and default labels of the host', async () => {
    const { tide } = world();
    const registry = new Registry();
    registry.setDefaultLabels({ app: 'atlas' });
    metricsHost(tide).register(registry);
    const [line] = named(linesIn(await registry.metrics()), 'tidemark_tier1_entries');
    expect(line?.labels).toEqual({ app: 'atlas' });
    registry.resetMetrics();
    expect(await registry.getMetricsAsJSON()).toHaveLength(FAMILIES.length);
  });

  test('in OpenMetrics has the same names', async () => {
    const { a, rules } = await busy();
    const host = metricsHost(a.tide, { rules });
    const registry = new Registry();
    registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
    host.register(registry);
    for (let scrape = 0; scrape < 2; scrape++) {
      const text = await registry.metrics();
      expect(text.endsWith('# EOF\n')).toBe(true);
      expect(linesIn(text)).toEqual(linesIn((await host.scrape()).body));
    }
  });

  test('that has one of the names keeps its own and none of these', () => {
    const registry = new Registry();
    const { tide } = world();
    const first = metricsHost(tide).register(registry);
    expect(() => metricsHost(tide).register(registry)).toThrow('tidemark_reads_total');
    expect(registry.getMetricsAsArray()).toHaveLength(FAMILIES.length);
    first();
    expect(registry.getMetricsAsArray()).toEqual([]);
  });
});

describe('over HTTP', () => {
  const fetched = async (url: string, method = 'GET'): Promise<[number, string | null, string]> => {
    const response = await fetch(url, { method });
    return [response.status, response.headers.get('content-type'), await response.text()];
  };
  const portOf = (address: AddressInfo | string | null): string =>
    `http://127.0.0.1:${String((address as AddressInfo).port)}`;

  test('a handler of node answers GET and HEAD, and nothing else', async () => {
    const host = metricsHost(world().tide);
    const server = createServer((request, response) => void host.handle(request, response)).listen(0, '127.0.0.1');
    onTestFinished(() => void server.close());
    await once(server, 'listening');
    const url = portOf(server.address());
    const [status, type, body] = await fetched(url);
    expect([status, type]).toEqual([200, CONTENT_TYPE]);
    expect(linesIn(body).length).toBeGreaterThan(20);
    const head = await new Promise<number>((resolve) => {
      httpGet(url, { method: 'HEAD' }, (response) => resolve(Number(response.headers['content-length'])));
    });
    expect(head).toBeGreaterThan(1000);
    expect(await fetched(url, 'POST')).toEqual([405, null, '']);
  });

  test('http2 too', async () => {
    const host = metricsHost(world().tide);
    const server = http2
      .createServer((request, response) => void host.handle(request, response))
      .listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = http2.connect(portOf(server.address()));
    onTestFinished(() => {
      client.close();
      server.close();
    });
    const stream = client.request({ ':path': '/metrics' });
    let body = '';
    for await (const chunk of stream.setEncoding('utf8')) body += String(chunk);
    expect(linesIn(body).length).toBeGreaterThan(20);
  });

  test('Express and Fastify, behind whatever lets people through', async () => {
    const metrics = metricsHost(world().tide);
    const app = express();
    app.get('/metrics', (request: Request, response: Response) =>
      request.get('authorization') === 'Bearer good' ? metrics.handle(request, response) : response.sendStatus(401),
    );
    const server = app.listen(0, '127.0.0.1');
    const other = fastify();
    other.get('/metrics', async (_, reply) => {
      const { contentType, body } = await metrics.scrape();
      return reply.type(contentType).send(body);
    });
    onTestFinished(async () => {
      server.close();
      await other.close();
    });
    await other.listen({ port: 0, host: '127.0.0.1' });
    if (!server.listening) await once(server, 'listening');
    expect((await fetched(`${portOf(server.address())}/metrics`))[0]).toBe(401);
    const good = await fetch(`${portOf(server.address())}/metrics`, { headers: { authorization: 'Bearer good' } });
    expect([good.status, good.headers.get('content-type')]).toEqual([200, CONTENT_TYPE]);
    const [status, type] = await fetched(`${portOf(other.server.address())}/metrics`);
    expect([status, type]).toEqual([200, CONTENT_TYPE]);
  });
});
