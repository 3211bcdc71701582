import { type Finding, either, fault, fine, skipped, warning } from './finding.js';
import { bytesOf, medianOf, sizeOf } from './figures.js';

/** What a server says of itself, read by `redis-facts.ts`. */
export interface RedisFacts {
  /** All of INFO, by field. */
  readonly info: ReadonlyMap<string, string>;
  /** CONFIG GET *; null where this user may not ask. */
  readonly config: ReadonlyMap<string, string> | null;
  /** What a script was refused with; null if it ran. */
  readonly scriptRefused: string | null;
  /** run_id on each of several connections, and at the end once more. */
  readonly runIds: readonly string[];
  readonly pingsMs: readonly number[];
  /** Keys of others that no TTL ends, of those that were looked at. */
  readonly foreign: readonly string[];
  /** Of the machine or container it runs in; null if unknown. */
  readonly memoryBytes: number | null;
  readonly needed: {
    /** Connections that all replicas open to this server. */
    readonly clients: number;
  };
}

const LEAST_SUBSCRIBER_BYTES = 8 * 1024 ** 2;
const SLOW_MS = 5;
const TOO_SLOW_MS = 50;

const numberIn = (map: ReadonlyMap<string, string> | null, name: string): number | null => {
  const text = map?.get(name);
  return text === undefined || text === '' || Number.isNaN(Number(text)) ? null : Number(text);
};

/** What is wrong with one server, and what is not. */
export function checkRedis(facts: RedisFacts): readonly Finding[] {
  return [
    ...version(facts),
    ...role(facts),
    ...commands(facts),
    ...identity(facts),
    ...memory(facts),
    ...policy(facts),
    ...persistence(facts),
    ...subscribers(facts),
    ...clients(facts),
    ...latency(facts),
  ];
}

/** Major and minor version, of Redis where Valkey says which one it is compatible with. */
function version({ info }: RedisFacts): readonly Finding[] {
  const valkey = info.get('valkey_version');
  const said = info.get('redis_version') ?? 'of an unknown version';
  if (valkey !== undefined) return [fine('redis.version', `Valkey ${valkey}.`)];
  const major = Number.parseInt(said, 10);
  if (major >= 7) return [fine('redis.version', `Redis ${said}.`)];
  const mend = 'Upgrade to Redis 7 or later, or Valkey: tidemark is tested with 7.0.';
  if (major < 5)
    return [fault('redis.version', `Redis ${said} runs no scripts that ask for the time and write.`, mend)];
  return [
    warning('redis.version', `Redis ${said} is older than what tidemark is tested with: no sharded pub/sub.`, mend),
  ];
}

function role({ info }: RedisFacts): readonly Finding[] {
  if (info.get('role') !== 'slave') return [fine('redis.role', 'It is a primary.')];
  const primary = `${info.get('master_host') ?? '?'}:${info.get('master_port') ?? '?'}`;
  const what = 'It is a replica: its marks are those of a moment ago, and it takes no writes.';
  return [fault('redis.role', what, `Connect to its primary, ${primary}, or through Sentinel.`)];
}

function commands({ config, scriptRefused }: RedisFacts): readonly Finding[] {
  const scripts =
    scriptRefused === null
      ? null
      : fault(
          'redis.commands',
          `The user may not run scripts, in which marks are read and written: ${scriptRefused}`,
          'ACL SETUSER <user> +@scripting +@read +@write +@pubsub +@connection +info +dbsize ~<prefix>* &<prefix>*',
        );
  const settings =
    config === null
      ? skipped(
          'redis.commands',
          'CONFIG GET is not permitted: buffers of subscribers and how idle connections are watched were not looked at.',
          'Run doctor as a user with +config|get, or look at these in the console of whoever runs the server.',
        )
      : null;
  return either([scripts, settings], fine('redis.commands', 'The user may run scripts.'));
}

function identity({ runIds }: RedisFacts): readonly Finding[] {
  if (new Set(runIds).size <= 1) return [fine('redis.identity', 'Every connection leads to the same server.')];
  return [
    fault(
      'redis.identity',
      `${String(runIds.length)} questions were answered by ${String(new Set(runIds).size)} servers: it restarted meanwhile, or a proxy spreads connections. Marks begin anew at each change of server.`,
      'Connect to one primary, not through a proxy that spreads connections; if it restarts by itself, look into its log.',
    ),
  ];
}

function memory({ info, memoryBytes, config }: RedisFacts): readonly Finding[] {
  const limit = numberIn(info, 'maxmemory') ?? numberIn(config, 'maxmemory');
  if (limit === null) return [skipped('redis.memory', 'The server does not say how much memory it may use.')];
  const machine = memoryBytes ?? numberIn(info, 'total_system_memory');
  const half = machine === null ? '512MB' : sizeOf(machine / 2);
  if (limit === 0) {
    return [
      fault(
        'redis.memory',
        'maxmemory is not set: it grows until the system ends it.',
        `CONFIG SET maxmemory ${half}; and the same in redis.conf`,
      ),
    ];
  }
  const said = `maxmemory is ${sizeOf(limit)}`;
  if (machine === null || limit <= machine * 0.8) {
    return [fine('redis.memory', machine === null ? `${said}.` : `${said}, of ${sizeOf(machine)}.`)];
  }
  return [
    fault(
      'redis.memory',
      `${said}, of the ${sizeOf(machine)} that there are: buffers, and the copy made to save, do not fit beside it, and the system ends it.`,
      `CONFIG SET maxmemory ${half}; and the same in redis.conf. Or give its container ${sizeOf(limit * 2)}.`,
    ),
  ];
}

const SUITABLE = ['allkeys-lru', 'allkeys-lfu', 'volatile-lru', 'volatile-lfu'];

function policy({ info, config, foreign }: RedisFacts): readonly Finding[] {
  const name = info.get('maxmemory_policy') ?? config?.get('maxmemory-policy');
  if (name === undefined) return [skipped('redis.policy', 'The server does not say what it evicts.')];
  const limit = numberIn(info, 'maxmemory') ?? 0;
  const isFull = limit > 0 && (numberIn(info, 'used_memory') ?? 0) > 0.9 * limit;
  const set = (to: string): string => `CONFIG SET maxmemory-policy ${to}; and the same in redis.conf`;
  const examples = foreign.slice(0, 3).map((key) => JSON.stringify(key));
  if (name.startsWith('allkeys') && foreign.length > 0) {
    return [
      fault(
        'redis.policy',
        `maxmemory-policy is ${name}, and data of others that no TTL ends, such as a queue, may be evicted: ${examples.join(', ')}.`,
        `${set('volatile-lru')}; better, a server of its own for tidemark.`,
      ),
    ];
  }
  if (name === 'noeviction') {
    const better = set(foreign.length > 0 ? 'volatile-lru' : 'allkeys-lru');
    const what =
      'maxmemory-policy is noeviction: once memory is full no entry is stored, and every read goes to the origin';
    return [
      isFull ? fault('redis.policy', `${what}, as it is now.`, better) : warning('redis.policy', `${what}.`, better),
    ];
  }
  if (SUITABLE.includes(name)) return [fine('redis.policy', `maxmemory-policy is ${name}.`)];
  return [
    warning(
      'redis.policy',
      `maxmemory-policy is ${name}: entries in use are evicted as soon as others.`,
      set(name.startsWith('volatile') ? 'volatile-lru' : 'allkeys-lru'),
    ),
  ];
}

function persistence({ info, config, foreign }: RedisFacts): readonly Finding[] {
  const logged = info.get('aof_enabled') === '1';
  const snapshots = (config?.get('save') ?? '') !== '';
  const stops = config?.get('stop-writes-on-bgsave-error') !== 'no';
  const found = [
    info.get('rdb_last_bgsave_status') === 'err' && snapshots && stops
      ? fault(
          'redis.persistence',
          'The last snapshot failed, and until one succeeds the server refuses writes.',
          'Look into its log (disk full, no right to write, overcommit); then BGSAVE. Tidemark needs no snapshots: CONFIG SET save ""',
        )
      : null,
    logged && info.get('aof_last_write_status') === 'err'
      ? fault(
          'redis.persistence',
          'The log of writes (AOF) cannot be written, and the server refuses writes.',
          'Make room on its disk. Tidemark needs no log: CONFIG SET appendonly no',
        )
      : null,
    logged && config?.get('appendfsync') === 'always'
      ? warning(
          'redis.persistence',
          'appendfsync is always: every change waits for the disk.',
          'CONFIG SET appendfsync everysec; and the same in redis.conf',
        )
      : null,
    foreign.length > 0 && !logged && config !== null && !snapshots
      ? warning(
          'redis.persistence',
          `Nothing is kept over a restart, and data of others lies here: ${foreign
            .slice(0, 3)
            .map((key) => JSON.stringify(key))
            .join(', ')}.`,
          'CONFIG SET appendonly yes; and the same in redis.conf. Tidemark itself needs none.',
        )
      : null,
  ];
  const kept = logged
    ? 'The log of writes (AOF) is on'
    : snapshots
      ? 'Snapshots are on'
      : 'Nothing is kept over a restart';
  return either(found, fine('redis.persistence', `${kept}; tidemark needs neither.`));
}

/** 'normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60' */
function subscribers({ config }: RedisFacts): readonly Finding[] {
  const words = config?.get('client-output-buffer-limit')?.split(' ') ?? [];
  const at = words.indexOf('pubsub');
  if (at < 0) return [];
  const [hard, soft] = [bytesOf(words[at + 1] ?? ''), bytesOf(words[at + 2] ?? '')];
  if (hard === undefined || soft === undefined) return [];
  const mend = `CONFIG SET client-output-buffer-limit "pubsub 32mb 8mb 60"; and the same in redis.conf`;
  if (hard === 0 && soft === 0) {
    const what = 'A subscriber that reads nothing may fill the memory: client-output-buffer-limit pubsub has no limit.';
    return [warning('redis.subscribers', what, mend)];
  }
  const least = Math.min(...[hard, soft].filter((one) => one > 0));
  if (least >= LEAST_SUBSCRIBER_BYTES) {
    return [fine('redis.subscribers', `A subscriber may lag behind by ${sizeOf(least)}.`)];
  }
  return [
    fault(
      'redis.subscribers',
      `A subscriber that lags behind by ${sizeOf(least)} is disconnected (client-output-buffer-limit pubsub): a burst of changes cuts off every replica, which then reads its marks again.`,
      mend,
    ),
  ];
}

function clients({ info, config, needed }: RedisFacts): readonly Finding[] {
  const most = numberIn(info, 'maxclients') ?? numberIn(config, 'maxclients');
  const connected = numberIn(info, 'connected_clients') ?? 0;
  const rejected = numberIn(info, 'rejected_connections') ?? 0;
  const mend = `CONFIG SET maxclients ${String(Math.max(1000, needed.clients * 4))}; and the same in redis.conf`;
  const idle = numberIn(config, 'timeout');
  const found = [
    most !== null && most < needed.clients
      ? fault(
          'redis.clients',
          `maxclients is ${String(most)}, and the replicas need ${String(needed.clients)} connections.`,
          mend,
        )
      : null,
    most !== null && most >= needed.clients && connected > 0.8 * most
      ? warning('redis.clients', `${String(connected)} of at most ${String(most)} clients are connected.`, mend)
      : null,
    rejected > 0
      ? warning('redis.clients', `${String(rejected)} connections were refused since it started, by maxclients.`, mend)
      : null,
    idle !== null && idle > 0
      ? warning(
          'redis.clients',
          `Connections that are idle for ${String(idle)} s are closed.`,
          'CONFIG SET timeout 0; and the same in redis.conf',
        )
      : null,
    numberIn(config, 'tcp-keepalive') === 0
      ? warning(
          'redis.clients',
          'tcp-keepalive is 0: connections of clients that are gone stay until they are written to.',
          'CONFIG SET tcp-keepalive 300; and the same in redis.conf',
        )
      : null,
  ];
  const room = most === null ? '' : ` of at most ${String(most)}`;
  return either(found, fine('redis.clients', `${String(connected)} clients${room}.`));
}

function latency({ pingsMs }: RedisFacts): readonly Finding[] {
  const median = medianOf(pingsMs);
  if (median === undefined) return [];
  const what = `A ping takes ${median.toFixed(1)} ms`;
  if (median <= SLOW_MS) return [fine('redis.latency', `${what}.`)];
  const mend =
    'Run app and server in one zone; look at SLOWLOG GET 10 and at LATENCY DOCTOR, and run doctor where the app runs.';
  return [
    median > TOO_SLOW_MS
      ? fault('redis.latency', `${what}: a read that misses waits for two of them.`, mend)
      : warning('redis.latency', `${what}.`, mend),
  ];
}
