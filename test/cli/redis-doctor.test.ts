import { readFileSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createTidemark, defineModel, entity } from '../../src/index.js';
import { redis } from '../../src/adapters/redis/index.js';
import { type RedisServer, startCluster, startRedis, startSentinel } from '../../scripts/services.mjs';
import { clientOf, clientsOf, describeOwn } from '../services/own.js';
import { diagnosed, troubles } from './diagnosed.js';
import { productionRedis } from './production.js';

const urlOf = ({ port }: { readonly port: number }): string => `redis://127.0.0.1:${String(port)}`;
const onRedis = (server: { readonly port: number }, ...more: string[]) =>
  diagnosed(['--redis', urlOf(server), '--redis-memory', '1GB', ...more]);

describeOwn('the doctor', () => {
  test('finds nothing on a Redis as examples/production has it, that a tide lives in', async () => {
    const server = await productionRedis();
    const settlement = entity<{ id: string; kingdomId: string }>();
    const model = defineModel({
      entities: {
        kingdom: entity<{ id: string }>()({}),
        settlement: settlement({ parents: { kingdom: 'kingdomId' } }),
      },
    });
    const row = { id: 's1', kingdomId: 'k1' };
    const tide = createTidemark({
      model,
      origin: { settlement: { byIds: () => [row], childrenOf: { kingdom: () => [row] } } },
      ...redis({ ...clientsOf(server), prefix: 'shop:' }),
    });
    const items = tide.subscribe({ type: 'settlement', id: 's1' })[Symbol.asyncIterator]();
    const heard = items.next();
    await tide.get('settlement', 's1');
    await tide.children('settlement', { kingdom: 'k1' });
    await tide.cache.set('own', 1);
    await tide.change({ type: 'settlement', id: 's1', op: 'update', before: row, after: row });
    await heard;
    expect(Number(server.cli('dbsize'))).toBeGreaterThan(3);

    const { findings, exitCode } = await onRedis(server);
    expect(troubles(findings)).toEqual([]);
    expect(exitCode).toBe(0);
    expect(findings.map(({ id }) => id)).toContain('redis.subscribers');
    await items.return?.();
    await tide.close();
  });

  const PLANTED: readonly [
    what: string,
    plant: (server: RedisServer) => void | Promise<void>,
    found: { readonly id: string; readonly what: RegExp; readonly mend: RegExp },
  ][] = [
    [
      'memory without a limit',
      (server) => void server.cli('config', 'set', 'maxmemory', '0'),
      { id: 'redis.memory', what: /maxmemory is not set/, mend: /CONFIG SET maxmemory 512MB/ },
    ],
    [
      'as much memory as the container has',
      (server) => void server.cli('config', 'set', 'maxmemory', '1gb'),
      { id: 'redis.memory', what: /maxmemory is 1024MB, of the 1024MB/, mend: /CONFIG SET maxmemory 512MB/ },
    ],
    [
      'noeviction',
      (server) => void server.cli('config', 'set', 'maxmemory-policy', 'noeviction'),
      { id: 'redis.policy', what: /is noeviction/, mend: /CONFIG SET maxmemory-policy allkeys-lru/ },
    ],
    [
      'random eviction',
      (server) => void server.cli('config', 'set', 'maxmemory-policy', 'allkeys-random'),
      { id: 'redis.policy', what: /is allkeys-random/, mend: /CONFIG SET maxmemory-policy allkeys-lru/ },
    ],
    [
      'a queue where anything may be evicted',
      (server) => void server.cli('xadd', 'bull:mail:events', '*', 'event', 'added'),
      { id: 'redis.policy', what: /may be evicted: "bull:mail:events"/, mend: /volatile-lru/ },
    ],
    [
      'a queue of another database of the server',
      (server) => void server.cli('-n', '3', 'lpush', 'bull:mail:wait', '1'),
      { id: 'redis.policy', what: /may be evicted: "bull:mail:wait"/, mend: /volatile-lru/ },
    ],
    [
      'a small buffer for subscribers',
      (server) => void server.cli('config', 'set', 'client-output-buffer-limit', 'pubsub 1mb 256kb 10'),
      { id: 'redis.subscribers', what: /lags behind by 256kB is disconnected/, mend: /pubsub 32mb 8mb 60/ },
    ],
    [
      'a buffer without end for subscribers',
      (server) => void server.cli('config', 'set', 'client-output-buffer-limit', 'pubsub 0 0 0'),
      { id: 'redis.subscribers', what: /may fill the memory/, mend: /pubsub 32mb 8mb 60/ },
    ],
    [
      'too few clients for the replicas',
      (server) => void server.cli('config', 'set', 'maxclients', '7'),
      { id: 'redis.clients', what: /maxclients is 7, and the replicas need 8/, mend: /CONFIG SET maxclients/ },
    ],
    [
      'idle clients that are sent away',
      (server) => void server.cli('config', 'set', 'timeout', '30'),
      { id: 'redis.clients', what: /idle for 30 s are closed/, mend: /CONFIG SET timeout 0/ },
    ],
    [
      'a log that every write waits for',
      (server) => void server.cli('config', 'set', 'appendfsync', 'always'),
      { id: 'redis.persistence', what: /appendfsync is always/, mend: /CONFIG SET appendfsync everysec/ },
    ],
    [
      'snapshots that fail',
      async (server) => {
        server.cli('config', 'set', 'save', '3600 1');
        server.cli('config', 'set', 'rdb-key-save-delay', '10000000');
        server.cli('set', 'tm1:k:one', '1');
        server.cli('bgsave');
        process.kill(saverOf(server), 'SIGKILL');
        await expect.poll(() => server.cli('info', 'persistence')).toContain('rdb_last_bgsave_status:err');
      },
      { id: 'redis.persistence', what: /last snapshot failed/, mend: /CONFIG SET save ""/ },
    ],
    [
      'a primary that became a replica',
      async (server) => {
        const primary = await startRedis();
        onTestFinished(() => primary.stop());
        server.cli('replicaof', '127.0.0.1', String(primary.port));
      },
      { id: 'redis.role', what: /It is a replica/, mend: /Connect to its primary, 127\.0\.0\.1:/ },
    ],
    [
      'a user that may not run scripts',
      (server) => void server.cli('acl', 'setuser', 'default', '-eval'),
      { id: 'redis.commands', what: /may not run scripts/, mend: /ACL SETUSER .*\+@scripting/ },
    ],
  ];
  test.each(PLANTED)('finds %s, and says how to mend it', async (_, plant, expected) => {
    const server = await productionRedis();
    await plant(server);
    const { findings } = await onRedis(server);
    expect(troubles(findings)).toContainEqual(
      expect.objectContaining({
        id: expected.id,
        what: expect.stringMatching(expected.what) as string,
        mend: expect.stringMatching(expected.mend) as string,
      }),
    );
    expect(new Set(troubles(findings).map(({ id }) => id))).toEqual(new Set([expected.id]));
  });

  test('finds a proxy that spreads connections over servers', async () => {
    const servers = [await productionRedis(), await productionRedis()];
    let turn = 0;
    const proxy = createServer((socket) => {
      const behind = connect(servers[turn++ % 2]?.port ?? 0, '127.0.0.1');
      for (const one of [socket, behind]) one.on('error', () => one.destroy());
      socket.pipe(behind).pipe(socket);
    });
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    onTestFinished(() => void proxy.close());
    const { findings } = await onRedis({ port: (proxy.address() as AddressInfo).port });
    expect(troubles(findings).map(({ id }) => id)).toEqual(['redis.identity']);
  });

  test('says what it could not look at where CONFIG is not permitted, and finds nothing wrong', async () => {
    const server = await productionRedis();
    server.cli('acl', 'setuser', 'default', '-config');
    const { findings, exitCode } = await onRedis(server);
    expect([troubles(findings), exitCode]).toEqual([[], 0]);
    expect(findings).toContainEqual(expect.objectContaining({ id: 'redis.commands', level: 'skipped' }));
  });

  test('says of a server that is not there, or lets nobody in, what to look at, and no password', async () => {
    const server = await productionRedis();
    server.cli('config', 'set', 'requirepass', 'right');
    const wrong = await diagnosed(['--redis', `redis://:very-secret@127.0.0.1:${String(server.port)}`]);
    expect(troubles(wrong.findings)).toEqual([
      expect.objectContaining({ id: 'redis.reach', mend: expect.stringContaining('REDIS_PASSWORD') as string }),
    ]);
    expect(JSON.stringify(wrong)).not.toContain('very-secret');
    await server.stop();
    const gone = await onRedis(server);
    expect(gone.exitCode).toBe(1);
    expect(troubles(gone.findings).map(({ id, what }) => [id, what])).toEqual([
      ['redis.reach', expect.stringContaining('ECONNREFUSED')],
    ]);
  });

  test('looks at every master of a cluster, and finds slots that nobody serves', async () => {
    const cluster = await startCluster({ replicas: 1 });
    onTestFinished(() => cluster.stop());
    for (const server of cluster.servers) {
      server.cli('config', 'set', 'maxmemory', '100mb');
      server.cli('config', 'set', 'maxmemory-policy', 'allkeys-lru');
    }
    const [first] = cluster.servers as [RedisServer];
    const well = await onRedis(first);
    expect(troubles(well.findings)).toEqual([]);
    expect(well.findings.filter(({ id }) => id === 'redis.policy')).toHaveLength(3);

    const client = clientOf(first);
    await client.call('config', 'set', 'cluster-require-full-coverage', 'no');
    await client.call('cluster', 'delslots', '5');
    const { findings, exitCode } = await onRedis(first);
    expect(exitCode).toBe(1);
    expect(troubles(findings)).toContainEqual(
      expect.objectContaining({
        id: 'redis.cluster',
        what: expect.stringContaining('16383 of 16384 slots are served') as string,
        mend: expect.stringContaining('--cluster fix') as string,
      }),
    );
  });

  test('finds masters of a cluster without replicas', async () => {
    const cluster = await startCluster();
    onTestFinished(() => cluster.stop());
    const { findings } = await onRedis(cluster.servers[0] as RedisServer);
    expect(findings).toContainEqual(
      expect.objectContaining({ id: 'redis.cluster', what: expect.stringContaining('without a replica') as string }),
    );
  });

  test('finds a sentinel that is alone, and looks at the primary it watches', async () => {
    const group = await startSentinel();
    onTestFinished(() => group.stop());
    const { findings } = await onRedis(group.sentinels[0] as { port: number });
    expect(troubles(findings)).toContainEqual(
      expect.objectContaining({ id: 'redis.sentinel', mend: expect.stringContaining('three sentinels') as string }),
    );
    expect(findings).toContainEqual(expect.objectContaining({ id: 'redis.memory', level: 'error' }));
  });
});

/** The process that saves; asked of the system, as the server does not say. */
function saverOf(server: RedisServer): number {
  const [, pid = ''] = /process_id:(\d+)/.exec(server.cli('info', 'server')) ?? [];
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);
}
