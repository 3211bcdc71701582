import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { findPostgres } from '../../scripts/postgres.mjs';
import { findRedis } from '../../scripts/redis.mjs';
import { startPostgres, startRedis } from '../../scripts/services.mjs';
import { listen } from '../world/server-events.js';
import { linkedFolder, root } from './linked.js';

// examples/express as it is run outside this repository: with the packed tarball, in processes of its own.

const scratch = linkedFolder();

beforeAll(() => {
  for (const name of ['campaign', 'express'])
    cpSync(join(root, 'examples', name), join(scratch, 'examples', name), {
      recursive: true,
      filter: (from) => !from.slice(root.length).includes('node_modules'),
    });
});

interface Init {
  readonly method?: string;
  readonly body?: object;
  readonly after?: string;
}

async function replica(env: Readonly<Record<string, string>> = {}) {
  const { PATH } = process.env;
  const child: ChildProcess = spawn(process.execPath, ['src/main.ts'], {
    cwd: join(scratch, 'examples/express'),
    env: { PATH, ...env, PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const exited = once(child, 'exit');
  const said = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const [line] = (await once(said, 'line')) as [string];
  const url = new URL(line).origin;
  const ask = async (path: string, { method = 'GET', body, after }: Init = {}) => {
    const headers = { 'x-user': 'ann', 'content-type': 'application/json', ...(after && { 'x-after': after }) };
    const response = await fetch(url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });
    const answer = (await response.json()) as unknown;
    return { status: response.status, body: answer, after: response.headers.get('x-after') ?? '' };
  };
  const stop = async () => {
    child.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  };
  return { url, ask, stop };
}
type Replica = Awaited<ReturnType<typeof replica>>;

/** What an app of this kind is asked for, of one replica, and of another that is to know the same. */
async function works({ ask }: Replica, other: Replica): Promise<void> {
  const { body: tree } = await ask('/campaigns/c1');
  expect(tree).toMatchObject({
    name: 'The Northmarch',
    kingdoms: [
      {
        name: 'Aldermoor',
        settlements: [
          { name: 'Harrow', income: 30, isTradeHub: false, structures: [{ kind: 'mill' }], variables: [{ value: 2 }] },
          { name: 'Mora', isTradeHub: true },
        ],
      },
      { name: 'Brack', settlements: [{ name: 'Tarn', structures: [] }] },
    ],
  });

  await other.ask('/settlements/s1');
  const live = await listen(other.url, '/live?room=settlement:s1', { 'x-user': 'bea' });
  expect(await live.take(2)).toMatchObject([{ event: 'welcome' }, { event: 'subscribed' }]);
  const built = await ask('/settlements/s1/structures/m9', { method: 'PUT', body: { kind: 'market' } });
  expect(built).toMatchObject({ status: 200, body: { id: 'm9', settlementId: 's1', kind: 'market', level: 1 } });
  expect(await live.next()).toMatchObject({ data: { entityId: 'm9', op: 'create', modifiedBy: 'ann' } });
  const hub = await other.ask('/settlements/s1', { after: built.after });
  expect(hub.body).toMatchObject({ isTradeHub: true, structures: [{ kind: 'mill' }, { kind: 'market' }] });

  const walls = { settlementId: 's1', key: 'walls', value: 5 };
  const wrote = await ask('/variables/v2', { method: 'PUT', body: walls });
  expect((await other.ask('/settlements/s1', { after: wrote.after })).body).toMatchObject({
    variables: [{ id: 'v2', value: 5 }],
  });

  const near = async (after?: string) => {
    const { body } = await other.ask('/near?x=10&y=10&radius=6', after === undefined ? {} : { after });
    return (body as { name: string }[]).map(({ name }) => name);
  };
  expect(await near()).toEqual(['Harrow', 'Mora']);
  const moved = await ask('/settlements/s2', { method: 'PATCH', body: { x: 300 } });
  expect(moved.body).toMatchObject({ id: 's2', x: 300, name: 'Mora' });
  expect(await near(moved.after)).toEqual(['Harrow']);

  const { body: rules } = await ask('/rules');
  const income = (rules as { id: string }[]).find(({ id }) => id === 'settlement.income');
  const expression = { '*': [{ var: 'settlement.level' }, 100] };
  const saved = await ask('/rules/settlement.income', { method: 'PUT', body: { ...income, expression } });
  expect(saved).toMatchObject({ status: 200, body: { version: 2 } });
  expect((await ask('/settlements/s1')).body).toMatchObject({ income: 300 });
  const wrong = { ...income, version: 2, expression: { taxOf: [] } };
  const refused = await ask('/rules/settlement.income', { method: 'PUT', body: wrong });
  expect(refused).toMatchObject({ status: 400, body: { error: { code: 'RULE_OPERATOR' } } });

  expect((await ask('/settlements/nowhere')).status).toBe(404);
  expect(await ask('/settlements/s1', { after: 'no receipt' })).toMatchObject({ status: 400 });
  expect(await ask('/health/ready')).toMatchObject({ status: 200, body: { status: 'ready' } });
  expect(await ask('/health')).toMatchObject({ status: 200 });
}

test('without any service it reads, writes, computes, finds, tells and stops', async () => {
  const one = await replica();
  await works(one, one);
  await one.stop();
});

const missing = findRedis().missing ?? findPostgres().missing;
if (missing !== undefined) console.warn(`NO SERVICES: the Express example is run without: ${missing}`);
test.runIf(process.env['CI'] === 'true')('there are a Redis and a Postgres for the Express example', () => {
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
