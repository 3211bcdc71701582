import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { findPostgres } from '../../scripts/postgres.mjs';
import { findRedis } from '../../scripts/redis.mjs';
import { startPostgres, startRedis } from '../../scripts/services.mjs';
import { listen } from '../world/server-events.js';
import { linkedFolder, root, run, start } from './linked.js';

// examples/nest as it is run outside this repository: with the packed tarball, compiled, in processes of its own.

const scratch = linkedFolder();
const app = join(scratch, 'example');

beforeAll(async () => {
  const wanted = (from: string): boolean => !/\/(node_modules|dist)(\/|$)/.test(from.slice(root.length));
  cpSync(join(root, 'examples/nest'), app, { recursive: true, filter: wanted });
  await run(app, join(root, 'node_modules/.bin/tsc'), []);
});

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly after: string;
}

async function replica(env: Readonly<Record<string, string>> = {}) {
  const started = await start(app, env);
  const ask = async (
    path: string,
    { method = 'GET', body, after }: { method?: string; body?: object; after?: string } = {},
  ): Promise<Answer> => {
    const headers = {
      'x-user': 'ann',
      'content-type': 'application/json',
      ...(after === undefined ? {} : { 'x-after': after }),
    };
    const response = await fetch(started.url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    return { status: response.status, body: await response.json(), after: response.headers.get('x-after') ?? '' };
  };
  const stop = async () => {
    started.child.kill('SIGTERM');
    expect(await started.exited).toEqual([null, 'SIGTERM']);
  };
  return { ...started, ask, stop };
}
type Replica = Awaited<ReturnType<typeof replica>>;

/** What an app of this kind is asked for, of one replica, and of another that is to know the same. */
async function works({ ask, url }: Replica, other: Replica): Promise<void> {
  const tree = (await ask('/campaigns/c1')).body as { kingdoms: { name: string; settlements: unknown[] }[] };
  expect(tree.kingdoms.map(({ name, settlements }) => [name, settlements.length])).toEqual([
    ['Aldermoor', 2],
    ['Brack', 1],
  ]);
  expect(tree.kingdoms[0]?.settlements[0]).toMatchObject({
    name: 'Harrow',
    income: 30,
    isTradeHub: false,
    structures: [{ kind: 'mill' }],
  });
  const near = async (from: Replica, after?: string) => {
    const { body } = await from.ask('/near?x=10&y=10&radius=6', after === undefined ? {} : { after });
    return (body as { name: string }[]).map(({ name }) => name);
  };
  expect(await near(other)).toEqual(['Harrow', 'Mora']);

  // A market makes a trade hub of a place: told where nobody wrote.
  const live = await listen(other.url, '/live/settlements/s1', { 'x-user': 'bea' });
  await other.ask('/settlements/s1');
  const built = await ask('/settlements/s1/structures/m9', { method: 'PUT', body: { kind: 'market' } });
  expect(built).toMatchObject({ status: 200, body: { id: 'm9', settlementId: 's1', kind: 'market', level: 1 } });
  const hub = await other.ask('/settlements/s1', { after: built.after });
  expect(hub.body).toMatchObject({ isTradeHub: true, structures: [{ kind: 'mill' }, { kind: 'market' }] });
  for (;;) {
    const [event] = await live.take(1);
    if (event?.event === 'computed' && event.data['field'] === 'isTradeHub' && event.data['after'] === true) break;
  }

  // A move: the map elsewhere follows.
  const moved = await ask('/settlements/s2', { method: 'PATCH', body: { x: 300, y: 10 } });
  expect(moved.body).toMatchObject({ id: 's2', x: 300, name: 'Mora' });
  expect(await near(other, moved.after)).toEqual(['Harrow']);

  // A rule: saved, refused, and explained.
  const { body: rules } = await ask('/rules');
  const income = (rules as { id: string }[]).find(({ id }) => id === 'settlement.income');
  const saved = await ask('/rules/settlement.income', {
    ...{ method: 'PUT', body: { ...income, expression: { '*': [{ var: 'settlement.level' }, 100] } } },
  });
  expect(saved).toMatchObject({ status: 200, body: { version: 2 } });
  expect((await ask('/settlements/s1')).body).toMatchObject({ income: 300 });
  const wrong = { method: 'PUT', body: { ...income, version: 2, expression: { taxOf: [] } } };
  expect(await ask('/rules/settlement.income', wrong)).toMatchObject({ status: 400, body: { code: 'RULE_OPERATOR' } });
  expect(await ask('/rules/settlement.income', { method: 'PUT', body: income ?? {} })).toMatchObject({ status: 409 });
  expect((await ask('/rules/why/s1/income')).body).toMatchObject({ by: 'settlement.income' });

  expect(await ask('/settlements/nowhere')).toMatchObject({ status: 404 });
  expect(await ask('/health')).toMatchObject({
    status: 200,
    body: { info: { world: { thresholds: { maxLatency: 50 } } } },
  });
  expect(await ask('/health/ready')).toMatchObject({ status: 200, body: { info: { world: { state: 'ready' } } } });
  const rooms = await listen(url, '/live?room=settlement:s3', { 'x-user': 'ann' });
  expect(await rooms.take(2)).toMatchObject([{ event: 'welcome' }, { event: 'subscribed' }]);
}

test('without any service it reads, writes, computes, finds, tells and stops', async () => {
  const one = await replica();
  await works(one, one);
  await one.stop();
});

const missing = findRedis().missing ?? findPostgres().missing;
if (missing !== undefined) console.warn(`NO SERVICES: the Nest example is run without: ${missing}`);
test.runIf(process.env['CI'] === 'true')('there are a Redis and a Postgres for the Nest example', () => {
  expect(missing).toBeUndefined();
});

test.skipIf(missing !== undefined)('over Redis and Postgres two replicas do so as one, and stop', async () => {
  const servers = await Promise.all([startRedis(), startPostgres()]);
  const [redis, postgres] = servers;
  onTestFinished(async () => {
    await Promise.all(servers.map((server) => server.stop()));
  });
  const env = { REDIS_URL: `redis://127.0.0.1:${String(redis.port)}`, DATABASE_URL: postgres.url };
  const one = await replica(env);
  const other = await replica(env);
  await works(one, other);
  await Promise.all([one.stop(), other.stop()]);
});
