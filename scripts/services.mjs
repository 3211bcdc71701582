// Servers for tests, on free ports, with data directories of their own that go with them.
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { findNginx } from './nginx.mjs';
import { findPgbouncer } from './pgbouncer.mjs';
import { findPostgres } from './postgres.mjs';
import { findRedis } from './redis.mjs';

const HOST = '127.0.0.1';
const PATIENCE_MS = 20_000;

/**
 * One redis-server. `settings` are those of redis.conf, and come after those of a `file`. `kill()` is a crash, `restart()` begins again on the same port
 * with the data directory as it is, `stop()` ends it and removes that.
 */
export async function startRedis(settings = {}, file = undefined) {
  const port = await freePort();
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-redis-'));
  const all = { bind: HOST, port, dir: directory, save: '', 'enable-debug-command': 'yes', ...settings };
  return redisDaemon({
    program: 'redis-server',
    args: [
      ...(file === undefined ? [] : [file]),
      ...Object.entries(all).flatMap(([name, value]) => [`--${name}`, String(value)]),
    ],
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
    const { stdout, failed } = await redisCli(
      '--cluster',
      'create',
      ...addresses,
      '--cluster-replicas',
      String(replicas),
      '--cluster-yes',
    );
    if (failed) throw new Error(`redis-cli --cluster create failed: ${stdout}`);
    await until('the cluster is whole', async () => all(servers, 'cluster_state:ok', 'cluster', 'info'));
    await until('its replicas follow', async () =>
      all(servers.slice(3), 'master_link_status:up', 'info', 'replication'),
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
      await redisDaemon({ program: 'redis-sentinel', args: [join(directory, 'sentinel.conf')], port, directory }),
    );
    await until('the sentinel knows the replica', async () =>
      all([{ port }], 'master-link-status\nok', 'sentinel', 'replicas', name),
    );
    return { name, sentinels: [{ host: HOST, port }], servers, stop: () => stopAll(servers) };
  } catch (error) {
    await stopAll(servers);
    throw error;
  }
}

/**
 * One PostgreSQL with PostGIS in its only database: on a port of this machine, with a superuser who needs no password, and
 * with nothing kept through a crash unless `settings`, those of postgresql.conf, say so. `kill()` is a crash, `kill('SIGINT')`
 * ends it in order, `restart()` begins again on the same port with its `data` as they are, `stop()` ends it and removes those.
 */
export async function startPostgres(settings = {}) {
  const { paths, missing } = findPostgres();
  if (paths === undefined) throw new Error(missing);
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-postgres-'));
  const identity = unprivileged();
  if (identity.uid !== undefined) chownSync(directory, identity.uid, identity.gid);
  try {
    await finish(
      paths.initdb,
      ['-D', join(directory, 'data'), '-A', 'trust', '-U', 'postgres', '-E', 'UTF8', '--no-locale', '-N'],
      {
        ...identity,
        cwd: directory,
      },
    );
  } catch (error) {
    rmSync(directory, { recursive: true, force: true });
    throw error;
  }
  // Only now: what takes seconds before it is used may be somebody else's by then.
  const port = await freePort();
  const login = ['-h', HOST, '-p', String(port), '-U', 'postgres'];
  const all = {
    listen_addresses: HOST,
    port,
    unix_socket_directories: directory,
    fsync: 'off',
    synchronous_commit: 'off',
    full_page_writes: 'off',
    log_min_messages: 'panic',
    ...settings,
  };
  const { stop, kill, restart } = await daemon({
    command: paths.postgres,
    args: [
      ...['-D', join(directory, 'data')],
      ...Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${String(value)}`]),
    ],
    options: { ...identity, cwd: directory },
    // Its own processes, and its memory, go with it: by SIGKILL both would stay.
    signal: 'SIGQUIT',
    isUp: () =>
      finish(paths.pg_isready, ['-q', ...login]).then(
        () => true,
        () => false,
      ),
    ...{ port, directory },
  });
  try {
    await finish(paths.psql, ['-qX', ...login, '-c', 'create extension postgis', 'postgres']);
  } catch (error) {
    await stop();
    throw error;
  }
  const url = `postgresql://postgres@${HOST}:${String(port)}/postgres`;
  return { host: HOST, port, url, data: join(directory, 'data'), stop, kill, restart };
}

/** A PgBouncer in front of such a server, with these settings of its own, those of pgbouncer.ini. */
export async function startPgbouncer(server, settings = {}) {
  const { path, missing } = findPgbouncer();
  if (path === undefined) throw new Error(missing);
  const port = await freePort();
  const directory = mkdtempSync(join(tmpdir(), 'tidemark-pgbouncer-'));
  const identity = unprivileged();
  if (identity.uid !== undefined) chownSync(directory, identity.uid, identity.gid);
  const all = { listen_addr: HOST, listen_port: port, unix_socket_dir: directory, auth_type: 'any', ...settings };
  const lines = [
    '[databases]',
    `postgres = host=${server.host} port=${String(server.port)} dbname=postgres user=postgres`,
    '[pgbouncer]',
    ...Object.entries(all).map(([name, value]) => `${name} = ${String(value)}`),
  ];
  const file = join(directory, 'pgbouncer.ini');
  writeFileSync(file, lines.join('\n'));
  const { stop } = await daemon({
    command: path,
    args: ['-q', file],
    options: { ...identity, cwd: directory },
    isUp: () => accepts(port),
    ...{ port, directory },
  });
  return { host: HOST, port, url: `postgresql://postgres@${HOST}:${String(port)}/postgres`, stop };
}

/**
 * An nginx with what `configure(port)` gives as its configuration: on that port, which it is given. Files named there are
 * looked for in `directory`, which is copied; what it would log goes nowhere. `nginx -t` has accepted it before it runs.
 */
export async function startNginx(configure, directory = undefined) {
  const { path, missing } = findNginx();
  if (path === undefined) throw new Error(missing);
  const port = await freePort();
  const own = mkdtempSync(join(tmpdir(), 'tidemark-nginx-'));
  chmodSync(own, 0o755); // of root's nginx the workers are somebody else's
  if (directory !== undefined) cpSync(directory, own, { recursive: true });
  writeFileSync(join(own, 'nginx.conf'), configure(port));
  const args = ['-p', own, '-c', join(own, 'nginx.conf'), '-e', '/dev/null', '-g', `daemon off; pid ${own}/pid;`];
  try {
    await finish(path, ['-t', ...args]);
  } catch (error) {
    rmSync(own, { recursive: true, force: true });
    throw error;
  }
  const { stop, kill } = await daemon({
    command: path,
    args,
    // Its workers go with it.
    signal: 'SIGTERM',
    isUp: () => accepts(port),
    ...{ port, directory: own },
  });
  return { host: HOST, port, url: `http://${HOST}:${String(port)}`, stop, kill };
}

/** PostgreSQL does not run as root, nor does PgBouncer: the user that its package has made, or nothing where this is not root. */
function unprivileged() {
  if (process.getuid?.() !== 0) return {};
  const id = (flag) => spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' });
  const [user, group] = [id('-u'), id('-g')];
  if (user.status !== 0) throw new Error("PostgreSQL does not run as root, and there is no user 'postgres'");
  return { uid: Number(user.stdout), gid: Number(group.stdout) };
}

function redisDaemon({ program, args, port, directory }) {
  const { paths, missing } = findRedis();
  if (paths === undefined) throw new Error(missing);
  return daemon({ command: paths[program], args, port, directory, isUp: () => answers(port) });
}

async function daemon({ command, args, options = {}, signal = 'SIGKILL', isUp, port, directory }) {
  let child;
  let guard;
  const start = async () => {
    child = spawn(command, args, { ...options, stdio: ['ignore', 'ignore', 'inherit'] });
    child.unref();
    guard = guardOver(child, signal, directory);
    await until(`${command} answers on port ${String(port)}`, () => {
      if (child.exitCode !== null) throw new Error(`${command} ${args.join(' ')} ended with ${String(child.exitCode)}`);
      return isUp();
    });
  };
  const kill = async (how = signal) => {
    guard.kill('SIGKILL');
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.ref();
    child.kill(how);
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
function guardOver({ pid }, signal, directory) {
  const then =
    'cat >/dev/null; kill -s "$1" "$0"; for i in 1 2 3 4 5 6 7 8 9; do kill -s 0 "$0" && sleep 0.2; done; rm -rf "$2"';
  const stdio = ['pipe', 'ignore', 'ignore'];
  const args = ['-c', then, String(pid), signal.replace('SIG', ''), directory];
  const guard = spawn('sh', args, { stdio, detached: true });
  guard.unref();
  guard.stdin.unref();
  return guard;
}

const stopAll = (servers) => Promise.all(servers.map((server) => server.stop()));

const program = () => findRedis().paths['redis-cli'];
const cli = (port, ...command) =>
  spawnSync(program(), ['-h', HOST, '-p', String(port), ...command], { encoding: 'utf8' }).stdout;

/** Without holding up whoever is in this process too. */
const redisCli = (...args) =>
  new Promise((resolve) => {
    execFile(program(), args, { encoding: 'utf8' }, (error, stdout) => resolve({ stdout, failed: error !== null }));
  });

/** Runs a program to its end; throws with what it said if it failed. */
const finish = (command, args, options = {}) =>
  new Promise((resolve, reject) => {
    execFile(command, args, { encoding: 'utf8', ...options }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${command} ${args.join(' ')} failed: ${stderr}${stdout}`));
    });
  });

/** Whether every server answers a command with this among it. */
async function all(servers, text, ...command) {
  const answers = await Promise.all(servers.map(({ port }) => redisCli('-h', HOST, '-p', String(port), ...command)));
  return answers.every(({ stdout }) => stdout.includes(text));
}

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

/** Whether somebody listens on a port. */
function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect(port, HOST);
    const settle = (answer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.on('error', () => settle(false));
    socket.on('connect', () => settle(true));
  });
}

async function until(what, isSo) {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`expected within ${String(PATIENCE_MS)} ms: ${what}.`);
    await pause(20);
  }
}
