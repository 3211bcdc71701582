import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SignJWT } from 'jose';
import { describe, expect, onTestFinished, test } from 'vitest';
import { findNginx } from '../../scripts/nginx.mjs';
import { findPostgres } from '../../scripts/postgres.mjs';
import { findRedis } from '../../scripts/redis.mjs';
import { type NginxServer, startNginx } from '../../scripts/services.mjs';
import { createClient } from '../../src/client/index.js';
import { diagnosed, troubles } from '../cli/diagnosed.js';
import { productionPostgres, productionRedis } from '../cli/production.js';
import { EXAMPLE, JWT_SECRET, type Replica, freePort, migrated, replica, rulesService, statusOf } from './replicas.js';

const missing = [findNginx(), findPostgres(), findRedis()]
  .map((found) => found.missing)
  .find((why) => why !== undefined);
if (missing !== undefined) console.warn(`examples/production is not run: ${missing}`);
test.runIf(process.env['CI'] === 'true')('there is what examples/production takes', () => {
  expect(missing).toBeUndefined();
});

/** Its nginx.conf, with servers of this machine in the place of those of the compose file. */
function edgeOf(apis: readonly number[], frontend: number, port: number): string {
  const here = (ports: readonly number[], rest: string): string =>
    ports.map((one) => `server 127.0.0.1:${String(one)}${rest}`).join('\n');
  const conf = readFileSync(join(EXAMPLE, 'nginx.conf'), 'utf8')
    .replace(/server api:4000( [^;]*;)/, (_, rest: string) => here(apis, rest))
    .replace(/server frontend:8080( [^;]*;)/, (_, rest: string) => here([frontend], rest))
    .replace('listen 8080;', `listen 127.0.0.1:${String(port)};`)
    .replace('include mime.types;', 'include /etc/nginx/mime.types;');
  expect(conf).not.toMatch(/api:4000|frontend:8080|listen 8080/);
  return conf;
}

describe.skipIf(missing !== undefined)('examples/production', () => {
  const token = new SignJWT({}).setProtectedHeader({ alg: 'HS256' }).setSubject('ada');
  const signed = (): Promise<string> => token.sign(new TextEncoder().encode(JWT_SECRET));

  async function service(): Promise<{
    edge: NginxServer;
    replicas: readonly [Replica, Replica];
    urls: readonly [string, string];
  }> {
    const [redis, postgres] = [await productionRedis(), await productionPostgres()];
    onTestFinished(() => postgres.stop());
    const urls = [`redis://127.0.0.1:${String(redis.port)}`, postgres.url] as const;
    const env = { REDIS_URL: urls[0], DATABASE_URL: urls[1], RULES_ENGINE_GRPC_PORT: String(await freePort()) };
    await migrated(env);
    rulesService(env);
    const replicas = await Promise.all([replica(env), replica(env)]);
    const frontend = await startNginx(
      (port) =>
        readFileSync(join(EXAMPLE, 'frontend/nginx.conf'), 'utf8')
          .replace('listen 8080;', `listen 127.0.0.1:${String(port)};`)
          .replace('include mime.types;', 'include /etc/nginx/mime.types;')
          .replace('root html;', 'root .;'),
      join(EXAMPLE, 'frontend'),
    );
    onTestFinished(() => frontend.stop());
    const apis = replicas.map(({ port }) => port);
    const edge = await startNginx((port) => edgeOf(apis, frontend.port, port));
    onTestFinished(() => edge.stop());
    return { edge, replicas, urls };
  }

  test('passes pages, requests, a WebSocket and events; who loses a replica goes on at the other one', async () => {
    const { edge, replicas, urls } = await service();
    const authorization = `Bearer ${await signed()}`;
    const rename = async (id: string, name: string): Promise<number> => {
      const headers = { authorization, 'content-type': 'application/json' };
      const body = JSON.stringify({ name });
      return (await fetch(`${edge.url}/api/settlements/${id}`, { method: 'PATCH', headers, body })).status;
    };
    const nameOf = async (id: string): Promise<unknown> => {
      const response = await fetch(`${edge.url}/api/settlements/${id}`, { headers: { authorization } });
      return response.json();
    };

    expect(await (await fetch(edge.url)).text()).toContain('<title>Settlements</title>');
    expect(await statusOf(`${edge.url}/api/settlements/s1`)).toBe(401);
    expect(await nameOf('s1')).toMatchObject({ id: 's1', name: 'Settlement 1', level: 2, income: 20 });

    const client = createClient({ url: `${edge.url.replace('http', 'ws')}/live`, token: signed });
    onTestFinished(() => {
      client.close();
    });
    const heard: unknown[] = [];
    client.subscribe({ type: 'settlement', id: 's1' }, (item) => {
      if (item.kind === 'change') heard.push(item.changes.values['name']);
      else if (item.kind !== 'computed') heard.push(item.kind);
    });
    await expect.poll(() => heard).toEqual(['subscribed']);

    const stopped = new AbortController();
    onTestFinished(() => {
      stopped.abort();
    });
    const stream = await fetch(`${edge.url}/events?room=settlement:s1`, {
      headers: { authorization },
      signal: stopped.signal,
    });
    expect(stream.headers.get('content-type')).toBe('text/event-stream');
    const streamed = readText(stream);
    await expect.poll(() => streamed.text).toContain('subscribed');

    expect(await rename('s1', 'Mora')).toBe(200);
    await expect.poll(() => heard).toEqual(['subscribed', 'Mora']);
    await expect.poll(() => streamed.text).toContain('Mora');

    // The one that has the WebSocket.
    stopped.abort();
    const linksOf = async ({ port }: Replica): Promise<number> => {
      const response = await fetch(`http://127.0.0.1:${String(port)}/links`);
      return ((await response.json()) as { links: number }).links;
    };
    await expect.poll(async () => (await Promise.all(replicas.map(linksOf))).sort()).toEqual([0, 1]);
    const [links] = await Promise.all(replicas.map(linksOf));
    const [lost, left] = links === 1 ? replicas : [replicas[1], replicas[0]];
    const gone = once(lost.process, 'exit');
    lost.process.kill('SIGKILL');
    await gone;

    // Whoever asks meanwhile is answered by the other; what was changed while the client was away is made up for.
    expect(await Promise.all([1, 2, 3, 4].map((i) => rename('s1', `Mora ${String(i)}`)))).toEqual([200, 200, 200, 200]);
    expect(await nameOf('s1')).toMatchObject({ name: expect.stringMatching(/^Mora [1-4]$/) as string });
    await expect.poll(() => heard.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(6);
    expect(heard.slice(2).toSorted()).toEqual(['Mora 1', 'Mora 2', 'Mora 3', 'Mora 4']);
    expect(await linksOf(left)).toBe(1);

    // What runs is what doctor asks for.
    const app = join(EXAMPLE, 'app/model.ts');
    const flags = [
      '--app',
      app,
      '--schema',
      'tidemark',
      '--pool',
      '25',
      '--redis-memory',
      '1GB',
      '--database-memory',
      '2GB',
    ];
    const { findings, exitCode } = await diagnosed(['--redis', urls[0], '--database', urls[1], ...flags]);
    expect([troubles(findings), exitCode]).toEqual([[], 0]);
    expect(findings.filter(({ level }) => level === 'skipped')).toEqual([]);

    // One that is asked to end closes its links, and ends.
    const ended = once(left.process, 'exit');
    left.process.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  });
});

/** What has come so far. */
function readText(response: Response): { readonly text: string } {
  const read = { text: '' };
  const decoder = new TextDecoder();
  void (async () => {
    for await (const bytes of response.body ?? []) read.text += decoder.decode(bytes, { stream: true });
  })().catch(() => undefined); // aborted
  return read;
}
