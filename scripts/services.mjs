// Servers for tests, on free ports, with data directories of their own that go with them.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { findRedis } from './redis.mjs';

const HOST = '127.0.0.1';
const PATIENCE_MS = 20_000;

/**
 * One redis-server. `settings` are those of redis.conf. `kill()` is a crash, `restart()` begins again on the same port
 * with the data directory as it is, `stop()` ends it and removes that.
 */
export async function startRedis(settings = {}) {
  const port = await freePort();
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-redis-'));
  const all = { bind: HOST, port, dir: directory, save: '', 'enable-debug-command': 'yes', ...settings };
  return daemon({
    program: 'redis-server',
    args: Object.entries(all).flatMap(([name, value]) => [`--${name}`, String(value)]),
    port,
    directory,
  });
}

/** Three primaries, all slots served, each with so many replicas; `nodes` and `servers` begin with those asked to be primaries. */
export async function startCluster({ replicas = 0 } = {}) {
  const servers = [];
  try {
    for (let i = 0; i < 3 * (1 + replicas); i++) {
      const settings = { 'cluster-enabled': 'yes', 'cluster-port': await freePort(), 'cluster-node-timeout': 2000 };
      servers.push(await startRedis(settings));
    }
    const addresses = servers.map(({ port }) => `${HOST}:${String(port)}`);
    const { stdout, status } = redisCli(
      '--cluster',
      'create',
      ...addresses,
      '--cluster-replicas',
      String(replicas),
      '--cluster-yes',
    );
    if (status !== 0) throw new Error(`redis-cli --cluster create failed: ${stdout}`);
    await until('the cluster is whole', async () =>
      servers.every(({ port }) => cli(port, 'cluster', 'info').includes('cluster_state:ok')),
    );
    await until('its replicas follow', async () =>
      servers.slice(3).every(({ port }) => cli(port, 'info', 'replication').includes('master_link_status:up')),
    );
  } catch (error) {
    await stopAll(servers);
    throw error;
  }
  return { nodes: servers.map(({ port }) => ({ host: HOST, port })), servers, stop: () => stopAll(servers) };
}

/** A primary, a replica of it, and a sentinel that replaces the primary within about two seconds. */
export async function startSentinel() {
  const name = 'tidemark';
  const servers = [];
  try {
    const primary = await startRedis();
    servers.push(primary);
    servers.push(await startRedis({ replicaof: `${HOST} ${String(primary.port)}` }));
    const port = await freePort();
    const directory = mkdtempSync(join(tmpdir(), 'tidemark-sentinel-'));
    const lines = [
      `port ${String(port)}`,
      `bind ${HOST}`,
      `dir ${directory}`,
      `sentinel monitor ${name} ${HOST} ${String(primary.port)} 1`,
      `sentinel down-after-milliseconds ${name} 500`,
      `sentinel failover-timeout ${name} 3000`,
    ];
    writeFileSync(join(directory, 'sentinel.conf'), lines.join('\n'));
    servers.push(
      await daemon({ program: 'redis-sentinel', args: [join(directory, 'sentinel.conf')], port, directory }),
    );
    await until('the sentinel knows the replica', async () =>
      cli(port, 'sentinel', 'replicas', name).includes('master-link-status\nok'),
    );
    return { name, sentinels: [{ host: HOST, port }], servers, stop: () => stopAll(servers) };
  } catch (error) {
    await stopAll(servers);
    throw error;
  }
}

async function daemon({ program, args, port, directory }) {
  const { paths, missing } = findRedis();
  if (paths === undefined) throw new Error(missing);
  let child;
  let guard;
  const start = async () => {
    child = spawn(paths[program], args, { stdio: ['ignore', 'ignore', 'inherit'] });
    child.unref();
    guard = guardOver(child, directory);
    await until(`${program} answers on port ${String(port)}`, () => {
      if (child.exitCode !== null) throw new Error(`${program} ${args.join(' ')} ended with ${String(child.exitCode)}`);
      return answers(port);
    });
  };
  const kill = async () => {
    guard.kill('SIGKILL');
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.ref();
    child.kill('SIGKILL');
    await once(child, 'exit');
  };
  const stop = async () => {
    await kill();
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    ...{ host: HOST, port, kill, stop },
    cli: (...command) => cli(port, ...command),
    restart: async () => {
      await kill();
      await start();
    },
  };
}

/** Ends a server when this process ends, however that happens: the guard's input is then at its end. */
function guardOver({ pid }, directory) {
  const then = 'cat >/dev/null; kill -9 "$0"; rm -rf "$1"';
  const stdio = ['pipe', 'ignore', 'ignore'];
  const guard = spawn('sh', ['-c', then, String(pid), directory], { stdio, detached: true });
  guard.unref();
  guard.stdin.unref();
  return guard;
}

const stopAll = (servers) => Promise.all(servers.map((server) => server.stop()));

const redisCli = (...args) => spawnSync(findRedis().paths['redis-cli'], args, { encoding: 'utf8' });
const cli = (port, ...command) => redisCli('-h', HOST, '-p', String(port), ...command).stdout;

/** Below 32,768, so that no outgoing connection takes it in between. */
async function freePort() {
  for (;;) {
    const server = createServer();
    server.listen(16_384 + Math.floor(Math.random() * 16_000), HOST);
    try {
      await once(server, 'listening');
    } catch {
      continue;
    }
    const { port } = server.address();
    server.close();
    await once(server, 'close');
    return port;
  }
}

/** Whether a server answers PING, with its data loaded. */
function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, HOST);
    const settle = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('error', () => settle(false));
    socket.on('data', (data) => settle(String(data).startsWith('+PONG')));
    socket.write('PING\r\n');
  });
}

async function until(what, isSo) {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`expected within ${String(PATIENCE_MS)} ms: ${what}.`);
    await pause(20);
  }
}
