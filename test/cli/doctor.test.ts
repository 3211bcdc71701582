import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { CHECKS, type Finding } from '../../src/cli/doctor/finding.js';
import { aheadBy, bytesOf, sizeOf } from '../../src/cli/doctor/figures.js';
import { checkRedis, type RedisFacts } from '../../src/cli/doctor/redis-checks.js';
import { checkCluster, checkSentinel, clusterNodesOf } from '../../src/cli/doctor/redis-group.js';
import { checkRuntime, type RuntimeFacts } from '../../src/cli/doctor/runtime.js';
import { diagnosed, troubles } from './diagnosed.js';
import { here, tidemark } from './surroundings.js';

const levels = (findings: readonly Finding[], id: string): string[] =>
  findings.filter((one) => one.id === id).map(({ level }) => level);

const RUNTIME: RuntimeFacts = {
  node: '24.1.0',
  installed: [],
  clocks: [],
  wallMs: Date.UTC(2026, 10, 27),
  configRefused: null,
  clamped: [],
};

test.each<[Partial<RuntimeFacts>, id: string, level: string]>([
  [{ node: '22.12.0' }, 'environment.node', 'ok'],
  [{ node: '26.0.0' }, 'environment.node', 'ok'],
  [{ node: '22.11.0' }, 'environment.node', 'error'],
  [{ node: '20.19.0' }, 'environment.node', 'error'],
  [{ installed: [{ name: 'ioredis', version: '5.11.1' }] }, 'environment.packages', 'ok'],
  [{ installed: [{ name: 'ioredis', version: '4.28.5' }] }, 'environment.packages', 'error'],
  [{ installed: [{ name: 'ioredis', version: '7.0.0' }] }, 'environment.packages', 'warning'],
  [{ installed: [{ name: '@grpc/grpc-js', version: '1.13.2' }] }, 'environment.packages', 'error'],
  [{ clocks: [{ where: 'Redis', aheadMs: 1_900 }] }, 'environment.clock', 'ok'],
  [{ clocks: [{ where: 'Redis', aheadMs: -2_100 }] }, 'environment.clock', 'warning'],
  [{ wallMs: 0 }, 'environment.clock', 'error'],
  [{ clamped: ['CACHE_MAX_KEYS: 1 is outside 100 to 1000000; using 100.'] }, 'environment.config', 'warning'],
])('of a machine with %j, %s is %s', (facts, id, level) => {
  expect(levels(checkRuntime({ ...RUNTIME, ...facts }), id)).toEqual([level]);
});

const REDIS: RedisFacts = {
  info: new Map(Object.entries({ redis_version: '7.0.15', maxmemory: '1000', maxmemory_policy: 'allkeys-lru' })),
  config: new Map(),
  scriptRefused: null,
  runIds: ['a', 'a'],
  pingsMs: [1, 1, 900],
  foreign: [],
  memoryBytes: 2000,
  needed: { clients: 8 },
};
const told = (more: Readonly<Record<string, string>>): Partial<RedisFacts> => ({
  info: new Map([...REDIS.info, ...Object.entries(more)]),
});

test.each<[what: string, Partial<RedisFacts>, id: string, level: string]>([
  ['Redis 6', told({ redis_version: '6.2.0' }), 'redis.version', 'warning'],
  ['Redis 4', told({ redis_version: '4.0.14' }), 'redis.version', 'error'],
  ['Redis 8', told({ redis_version: '8.2.1' }), 'redis.version', 'ok'],
  ['Valkey', told({ redis_version: '7.2.4', valkey_version: '9.0.0' }), 'redis.version', 'ok'],
  ['one slow ping of many', {}, 'redis.latency', 'ok'],
  ['slow pings', { pingsMs: [6, 7, 8] }, 'redis.latency', 'warning'],
  ['very slow pings', { pingsMs: [60, 70, 80] }, 'redis.latency', 'error'],
  ['noeviction when full', told({ maxmemory_policy: 'noeviction', used_memory: '950' }), 'redis.policy', 'error'],
  [
    'volatile-lru beside a queue',
    { ...told({ maxmemory_policy: 'volatile-lru' }), foreign: ['q'] },
    'redis.policy',
    'ok',
  ],
  ['clients that were refused', told({ rejected_connections: '3' }), 'redis.clients', 'warning'],
  ['nearly all clients taken', told({ maxclients: '100', connected_clients: '90' }), 'redis.clients', 'warning'],
  ['a restart between two questions', { runIds: ['a', 'b'] }, 'redis.identity', 'error'],
  [
    'a log that cannot be written',
    told({ aof_enabled: '1', aof_last_write_status: 'err' }),
    'redis.persistence',
    'error',
  ],
  [
    'a queue that nothing keeps',
    { ...told({ maxmemory_policy: 'volatile-lru' }), foreign: ['q'] },
    'redis.persistence',
    'warning',
  ],
])('of a server with %s, %s', (_, facts, id, level) => {
  expect(levels(checkRedis({ ...REDIS, ...facts }), id)).toEqual([level]);
});

test('a list of nodes is read as the cluster prints it', () => {
  const nodes = clusterNodesOf(
    [
      'aa 127.0.0.1:30001@31001,host.example myself,master - 0 0 1 connected 0-5460 [93-<-bb]',
      'bb :30002@31002 master,fail - 1426238316232 0 2 disconnected 5461 5463-5464',
      'cc 10.0.0.7:30003@31003 slave aa 0 1426238317741 6 connected',
      '',
    ].join('\n'),
  );
  expect(nodes.map(({ host, port, slots, masterId }) => [host, port, slots, masterId])).toEqual([
    ['127.0.0.1', 30001, 5461, null],
    ['', 30002, 3, null],
    ['10.0.0.7', 30003, 0, 'aa'],
  ]);
  const found = checkCluster({ info: new Map([['cluster_state', 'fail']]), nodes, unreached: [] });
  expect(found.map(({ level }) => level)).toEqual(['error', 'error', 'warning', 'warning']);
});

test('sentinels that can agree on a failover are well, others are not', () => {
  const master = new Map(
    Object.entries({ name: 'm', 'num-other-sentinels': '2', quorum: '2', 'num-slaves': '1', flags: 'master' }),
  );
  const check = (more: Readonly<Record<string, string>>, quorumRefused: string | null = null): string[] =>
    checkSentinel({ master: new Map([...master, ...Object.entries(more)]), quorumRefused }).map(({ level }) => level);
  expect(check({})).toEqual(['ok']);
  expect(check({ 'num-slaves': '0' })).toEqual(['error']);
  expect(check({ quorum: '1' })).toEqual(['warning']);
  expect(check({ flags: 'master,s_down' })).toEqual(['error']);
  expect(check({}, 'NOQUORUM 1 usable Sentinels.')).toEqual(['error']);
});

test.each([
  ['512MB', 512 * 1024 ** 2],
  ['2621kB', 2621 * 1024],
  ['1gb', 1024 ** 3],
  ['1.5GiB', 1.5 * 1024 ** 3],
  ['16', 16],
])('%s is %i bytes', (text, bytes) => {
  expect(bytesOf(text)).toBe(bytes);
});
test.each([
  [1_000, 1_000, 0, 0],
  [1_500, 1_000, 100, 500],
  [900, 1_000, 100, 0],
  [1_000, 1_000, 5_000, 0],
  [0, 10_000, 100, -9_900],
])('a server that says %i, at %i here, after %i ms, is surely ahead by %i', (server, wall, took, ahead) => {
  expect(aheadBy(server, wall, took) + 0).toBe(ahead);
});
test('what is printed as a size is read as about that size', () => {
  for (const bytes of [1, 2047, 2048, 2621 * 1024, 512 * 1024 ** 2, 1536 * 1024 ** 2, 13 * 1024 ** 3]) {
    expect(Math.abs((bytesOf(sizeOf(bytes)) ?? 0) / bytes - 1)).toBeLessThan(0.26);
  }
  expect(sizeOf(1536 * 1024 ** 2)).toBe('1536MB');
});

test('what the tests have, and what package.json asks of peers, is supported', async () => {
  const { findings } = await diagnosed([]);
  expect(levels(findings, 'environment.packages')).toEqual(['ok']);
  const manifest = JSON.parse(readFileSync(join(here.cwd, 'package.json'), 'utf8')) as {
    readonly engines: { readonly node: string };
    readonly peerDependencies: Readonly<Record<string, string>>;
  };
  const lowest = (range: string): string => /\d+\.\d+\.\d+/.exec(range)?.[0] ?? '';
  for (const [name, range] of Object.entries(manifest.peerDependencies)) {
    const installed = [{ name, version: lowest(range) }];
    expect([name, levels(checkRuntime({ ...RUNTIME, installed }), 'environment.packages')]).toEqual([name, ['ok']]);
  }
  const node = lowest(manifest.engines.node);
  expect(levels(checkRuntime({ ...RUNTIME, node }), 'environment.node')).toEqual(['ok']);
});

test('every check is in the guide, with what it looks at, and the guide has no other', () => {
  const guide = readFileSync(join(here.cwd, 'docs/guides/production.md'), 'utf8');
  const listed = [...guide.matchAll(/^\| `([a-z]+\.[a-z]+)` +\| (.+?) +\|$/gm)].map(([, id, what]) => [id, what]);
  expect(Object.fromEntries(listed)).toEqual(CHECKS);
});

test('a line for each finding, and how to mend it; in colours on a terminal only, and not where they are refused', async () => {
  const args = ['doctor', '--redis', 'redis://127.0.0.1:1'];
  const { stdout, exitCode } = await tidemark(args);
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(/^Redis 127\.0\.0\.1:1\n {2}✗ It cannot be asked: .*ECONNREFUSED.*\n {6}→ Start it/m);
  expect(stdout).toMatch(/^PostgreSQL\n {2}- No database is named.*\n {6}→ --database <url>/m);
  expect(stdout).toMatch(/^ {2}✓ Node /m);
  expect(stdout).toMatch(/\n1 error, 0 warnings, \d+ checks fine, 1 not made\.\n$/);
  const onTerminal = await tidemark(args, { isTerminal: true });
  expect(onTerminal.stdout).toContain('\u001b[31m✗\u001b[0m');
  // eslint-disable-next-line no-control-regex
  expect(onTerminal.stdout.replace(/\u001b\[\d+m/g, '')).toBe(stdout);
  expect((await tidemark(args, { isTerminal: true, env: { NO_COLOR: '1' } })).stdout).toBe(stdout);
});

test('--json has a stable shape', async () => {
  const { stdout } = await tidemark(['doctor', '--json']);
  const { findings, counts, ...rest } = JSON.parse(stdout) as { findings: object[]; counts: object };
  expect(rest).toEqual({ format: 1, ok: true });
  expect(Object.keys(counts)).toEqual(['ok', 'warning', 'error', 'skipped']);
  for (const one of findings) expect(Object.keys(one)).toEqual(['id', 'level', 'where', 'what', 'mend']);
});

test('what the environment says is looked at: its servers, and its faults', async () => {
  const named = await diagnosed([], {
    env: { REDIS_HOST: '127.0.0.1', REDIS_PORT: '1', REDIS_PASSWORD: 'very-secret' },
  });
  expect(troubles(named.findings).map(({ id, where }) => [id, where])).toEqual([['redis.reach', 'Redis 127.0.0.1:1']]);
  const wrong = await diagnosed([], { env: { REDIS_PORT: 'x', DATABASE_URL: 'mysql://me:very-secret@db' } });
  expect(troubles(wrong.findings)).toEqual([
    expect.objectContaining({ id: 'environment.config', what: expect.stringContaining('REDIS_PORT') as string }),
  ]);
  expect(JSON.stringify([named, wrong])).not.toContain('very-secret');
});

test.each([
  [['--redis', 'localhost'], '--redis: expected a URL beginning with redis:// or rediss://.'],
  [
    ['--database', 'mysql://me:very-secret@db'],
    '--database: expected a URL beginning with postgres:// or postgresql://.',
  ],
  [['--replicas', '0'], "--replicas: expected a whole number of at least 1, got '0'."],
  [['--redis-memory', 'much'], "--redis-memory: expected a size such as 512MB or 2GB, got 'much'."],
  [['--schema', 'a"b', '--database', 'postgres://127.0.0.1:1'], 'schema: expected a name of letters'],
  [['--app', './nowhere.mjs'], '--app: expected a module that can be loaded, got ./nowhere.mjs'],
  [
    ['--app', './test/cli/wrong-tables.mjs', '--database', 'postgres://127.0.0.1:1'],
    'tables.kingdom.table: expected a name',
  ],
  [['--app', './src/glob.ts'], '--app: expected ./src/glob.ts to export `tables`'],
])('%j is refused with exit code 2', async (args, said) => {
  const { stdout, stderr, exitCode } = await tidemark(['doctor', ...args]);
  expect([stdout, exitCode]).toEqual(['', 2]);
  expect(stderr).toContain(said);
  expect(stderr).not.toContain('very-secret');
});

test('a client library that is not installed is named, with the command that installs it', async () => {
  const cwd = mkdtempSync(join(tmpdir(), 'tidemark-empty-'));
  onTestFinished(() => {
    rmSync(cwd, { recursive: true });
  });
  for (const [flag, url, name] of [
    ['--redis', 'redis://127.0.0.1:1', 'ioredis'],
    ['--database', 'postgres://127.0.0.1:1/x', 'pg'],
  ] as const) {
    const { stderr, exitCode } = await tidemark(['doctor', flag, url], { cwd });
    expect(exitCode).toBe(2);
    expect(stderr).toContain(`the package '${name}', which is not installed in ${cwd}: npm install ${name}`);
  }
});
