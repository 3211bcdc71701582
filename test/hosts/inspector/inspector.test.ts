import { once } from 'node:events';
import { type IncomingMessage, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import fastify from 'fastify';
import { describe, expect, onTestFinished, test } from 'vitest';
import { type InspectorOptions, inspector } from '../../../src/hosts/inspector/index.js';
import { fakeClock } from '../../../src/testing/index.js';
import { world } from '../../behaviour/setup.js';
import { EventReader } from '../../world/server-events.js';

const isAda = ({ headers }: IncomingMessage): boolean => headers['x-user'] === 'ada';
const ADA = { 'x-user': 'ada' };
const update = { type: 'settlement', id: 's0', op: 'update' } as const;

async function serve(options: Partial<InspectorOptions<IncomingMessage>> = {}) {
  const own = world();
  const page = inspector(own.tide, { enabled: true, authorize: isAda, ...options });
  const server = createServer((request, response) => void page.handle(request, response)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    page.close();
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
  const ask = (path: string, init: RequestInit = {}) =>
    fetch(url + path, { redirect: 'manual', ...init, headers: { ...ADA, ...init.headers } });
  const api = async (path: string): Promise<unknown> => (await ask(`/inspector/api/${path}`)).json();
  return { ...own, page, url, ask, api };
}

const FILES = ['', 'main.js', 'colours.css', 'layout.css', 'parts.css', 'words.js'];
const QUESTIONS = [
  ...['live', 'loads', 'changes', 'cascade?change=x', 'story?type=settlement&id=s0', 'value?key=k', 'rules', 'health'],
  ...['explain?type=settlement&id=s0&op=update', 'trace?type=settlement&id=s0&field=x', 'map?type=settlement'],
  'subscriptions',
];
const PATHS = [...FILES, ...QUESTIONS.map((question) => `api/${question}`), 'nothing', 'api/nothing'];

describe('who may look', () => {
  test.each(PATHS)('a stranger gets 403 at /%s, and a failing authorize() is a no', async (path) => {
    for (const authorize of [isAda, () => Promise.reject(new Error('down')), () => 'yes' as unknown as boolean]) {
      const { url } = await serve({ authorize });
      const response = await fetch(`${url}/inspector/${path}`);
      expect(response.status).toBe(403);
      expect(await response.text()).not.toContain('settlement');
    }
  });

  test('where it is not enabled nobody is asked, nothing is there and nothing remembered', async () => {
    let asked = 0;
    const authorize = () => ++asked > 0;
    const { ask, tide } = await serve({ enabled: false, authorize });
    for (const path of PATHS) expect((await ask(`/inspector/${path}`)).status).toBe(404);
    await tide.get('settlement', 's0');
    const later = tide.inspect();
    expect([asked, later.loads()]).toEqual([0, []]);
    later.close();
  });

  test.each(['POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'])('there is nothing to %s', async (method) => {
    const { ask } = await serve();
    const response = await ask('/inspector/api/loads', { method });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'GET']);
  });

  test('a stream ends within a minute of its permission', async () => {
    const clock = fakeClock();
    let allowed = true;
    const { ask } = await serve({ authorize: () => allowed, clock });
    const { body } = await ask('/inspector/api/live');
    const reading = (async () => {
      let size = 0;
      for await (const bytes of body as ReadableStream<Uint8Array>) size += bytes.length;
      return size;
    })();
    allowed = false;
    await clock.advance(61_000);
    expect(await reading).toBeGreaterThan(0);
  });
});

test('options are refused that are not there, and one that is missing', () => {
  const { tide } = world();
  const make = (options: object) => () => inspector(tide, options as InspectorOptions<IncomingMessage>);
  expect(make({ enabled: true, authorise: () => true })).toThrow(/authorize, enabled, path, clock, got 'authorise'/);
  expect(make({ enabled: true })).toThrow(/inspector\.authorize: expected a function/);
});

describe('what is answered', () => {
  test.each(PATHS)('nobody may keep, embed or add to /%s', async (path) => {
    const { ask } = await serve();
    const response = await ask(`/inspector/${path}`);
    await response.body?.cancel();
    const policy = response.headers.get('content-security-policy') ?? '';
    expect(policy).toMatch(/default-src 'none'.*script-src 'self'.*frame-ancestors 'none'/);
    expect(policy).not.toContain('unsafe');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('the page asks for its own files only, and all of them are there', async () => {
    const { ask } = await serve();
    const seen = new Set<string>();
    const follow = async (file: string): Promise<void> => {
      if (seen.has(file)) return;
      seen.add(file);
      const response = await ask(`/inspector/${file}`);
      expect([file, response.status]).toEqual([file, 200]);
      const text = await response.text();
      expect(text.trim()).not.toBe('');
      expect(text.match(/https?:\/\/(?!www\.w3\.org\/2000\/svg)/)).toBeNull();
      for (const [, next = ''] of text.matchAll(/(?:from '\.\/|(?:href|src)=")([a-z-]+\.(?:js|css))['"]/g))
        await follow(next);
    };
    await follow('');
    expect(seen.size).toBe(17);
  });

  test('the page stands in a folder, wherever it is mounted', async () => {
    const { ask } = await serve({ path: '/deep/down' });
    const response = await ask('/deep/down');
    expect([response.status, response.headers.get('location')]).toEqual([302, 'down/']);
    expect((await ask('/deep/down/')).status).toBe(200);
    expect((await ask('/deep/down/main.js')).headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect((await ask('/deep/down/../down/x')).status).toBe(404);
  });

  test('what is asked wrongly is 400 in words', async () => {
    const { ask } = await serve();
    for (const [path, code] of [
      ['story?type=planet&id=1', 'UNKNOWN_TYPE'],
      ['story?type=settlement', 'INVALID_REQUEST'],
      ['explain?type=settlement&id=s0&op=explode', 'INVALID_CHANGE'],
      ['map?type=settlement', 'INVALID_GEOMETRY'],
    ]) {
      const response = await ask(`/inspector/api/${String(path)}`);
      expect([response.status, ((await response.json()) as { code: string }).code]).toEqual([400, code]);
    }
  });

  test('why an entry was loaded again, and what killed it', async () => {
    const { tide, api } = await serve();
    await tide.get('settlement', 's0');
    const { changeId } = await tide.change(update);
    await tide.get('settlement', 's0');
    expect(await api('loads')).toMatchObject({ reloaded: [{ key: 'settlement:s0:main', killedBy: changeId }] });
    expect(await api('value?key=settlement:s0:main')).toMatchObject({
      held: { stale: null, value: expect.stringContaining("name: 'old'") as string },
      loads: [{ why: { kind: 'absent' } }, { why: { kind: 'changed' }, killedBy: changeId }],
    });
    expect(await api(`cascade?change=${changeId}`)).toMatchObject({
      stale: [],
      reloaded: [{ key: 'settlement:s0:main' }],
    });
  });

  test('what a change would touch, by the record that is held, and reads nothing for it', async () => {
    const { tide, db, api } = await serve();
    await tide.get('settlement', 's0');
    await tide.children('settlement', { kingdom: 'k0' });
    await tide.children('settlement', { kingdom: 'k1' });
    const calls = db.calls.length;
    const keys = (found: unknown) => (found as { entries: { key: string }[] }).entries.map(({ key }) => key).sort();
    const precise = await api('explain?type=settlement&id=s0&op=update');
    expect(keys(precise)).toEqual(['settlement:s0:main', 'settlements:kingdom:k0:main']);
    expect(precise).toMatchObject({ isHeld: true });
    // Of one that is not held it is not known where it hangs: the lists of all kingdoms.
    const imprecise = await api('explain?type=settlement&id=s1&op=update');
    expect(keys(imprecise)).toEqual(['settlements:kingdom:k0:main', 'settlements:kingdom:k1:main']);
    expect(imprecise).toMatchObject({ isHeld: false });
    expect(db.calls.length).toBe(calls);
  });

  test('a stream begins with what has been, and goes on with what happens', async () => {
    const clock = fakeClock();
    const { tide, ask } = await serve({ clock });
    const leaving = new AbortController();
    const { body } = await ask('/inspector/api/live', { signal: leaving.signal });
    const decoder = new TextDecoder();
    const text = (async function* () {
      for await (const bytes of body as ReadableStream<Uint8Array>) yield decoder.decode(bytes, { stream: true });
      return undefined;
    })();
    const events = new EventReader(text, leaving);
    expect(await events.next()).toMatchObject({ event: 'hello', data: { types: [{ type: 'kingdom' }, {}, {}] } });
    await tide.change(update);
    const until = async (name: string) => {
      for (;;) {
        await clock.advance(500);
        const item = await events.next();
        if (item?.event === name) return item.data;
      }
    };
    expect(await until('sample')).toMatchObject({ sample: { entries: 0 } });
    expect(await until('replicas')).toMatchObject({ replicas: [{ own: true }] });
  });
});

describe('in a framework', () => {
  const read = async (url: string) => {
    const page = await fetch(`${url}`, { headers: ADA });
    return [page.url.endsWith('/'), page.status, (await page.text()).includes('<title>Inspector')];
  };

  test('Express, below any path', async () => {
    const { tide } = world();
    const page = inspector(tide, { enabled: true, authorize: isAda });
    const app = express();
    app.use('/admin/look', (request, response) => page.handle(request, response));
    const server = app.listen(0);
    await once(server, 'listening');
    onTestFinished(() => {
      page.close();
      server.close();
    });
    const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/admin/look`;
    expect(await read(url)).toEqual([true, 200, true]);
    expect((await fetch(`${url}/api/loads`, { headers: ADA })).status).toBe(200);
    expect((await fetch(`${url}/api/loads`)).status).toBe(403);
  });

  test('Fastify, with the raw request and response', async () => {
    const { tide } = world();
    const page = inspector(tide, { enabled: true, authorize: isAda });
    const app = fastify();
    app.get('/inspector*', (request, reply) => {
      reply.hijack();
      void page.handle(request.raw, reply.raw);
    });
    onTestFinished(async () => {
      page.close();
      await app.close();
    });
    const url = `${await app.listen({ port: 0, host: '127.0.0.1' })}/inspector`;
    expect(await read(url)).toEqual([true, 200, true]);
    expect((await fetch(`${url}/words.js`, { headers: ADA })).status).toBe(200);
  });
});
