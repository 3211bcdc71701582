import type { Clock } from '../../contract.js';
import { messageOf } from '../../errors.js';
import { aheadBy } from './figures.js';
import type { RedisFacts } from './redis-checks.js';
import { type ClusterFacts, type SentinelFacts, clusterNodesOf } from './redis-group.js';

/** What is used of a client of ioredis 5 or 6, the host's own. */
export interface RedisConnection {
  connect(): Promise<unknown>;
  call(command: string, ...words: (string | number)[]): Promise<unknown>;
  on(event: 'error', listener: () => void): unknown;
  disconnect(): void;
}

export interface RedisAddress {
  readonly host: string;
  readonly port: number;
}

/** Opens a connection to a server with the user and password that were given for the first. */
export type OpenRedis = (address: RedisAddress) => Promise<RedisConnection>;

const PINGS = 21;
/** Connections on which it is asked who answers: a proxy that spreads them is found out by most. */
const CONNECTIONS = 4;
const LOOKED_AT = 200;
/** What every key of tidemark has after its prefix: the version of the wire, and what kind of key it is. */
const OURS = /tm\d+:[a-z]:/;
/** What is refused for good. A server that cannot save refuses scripts too, and that is another matter. */
const NOT_PERMITTED = /NOPERM|unknown command/i;

export interface RedisReading {
  readonly clock: Clock;
  readonly open: OpenRedis;
  readonly memoryBytes: number | null;
  readonly clientsNeeded: number;
}

export interface RedisRead {
  readonly facts: RedisFacts;
  /** By how much the server's clock is ahead of this machine's. */
  readonly aheadMs: number;
}

/** Rejects with what the server, or the network, said. */
export async function readRedis(address: RedisAddress, reading: RedisReading): Promise<RedisRead> {
  const { clock, open, memoryBytes, clientsNeeded } = reading;
  const connections: RedisConnection[] = [];
  try {
    for (let i = 0; i < CONNECTIONS; i++) connections.push(await open(address));
    const [first] = connections as [RedisConnection];
    const info = fieldsOf(await first.call('INFO'));
    const pingsMs: number[] = [];
    for (let i = 0; i < PINGS; i++) {
      const sent = clock.now();
      await first.call('ECHO', ''); // PING is refused by a server that cannot save
      pingsMs.push(clock.now() - sent);
    }
    const runIds: string[] = [];
    for (const one of [...connections, first]) {
      const runId = fieldsOf(await one.call('INFO', 'server')).get('run_id');
      if (runId !== undefined) runIds.push(runId);
    }
    const facts: RedisFacts = {
      ...{ info, pingsMs, runIds, memoryBytes },
      config: pairsOf(await first.call('CONFIG', 'GET', '*').catch(() => null)),
      scriptRefused: await refusalOf(first.call('EVAL', 'return 1', 0)),
      foreign: await foreignKeys(first, info),
      needed: { clients: clientsNeeded },
    };
    return { facts, aheadMs: await aheadOf(first, clock) };
  } finally {
    for (const one of connections) one.disconnect();
  }
}

/** Whether an address is that of a server, of a node of a cluster, or of a sentinel. */
export async function modeOf(connection: RedisConnection): Promise<'standalone' | 'cluster' | 'sentinel'> {
  const mode = fieldsOf(await connection.call('INFO', 'server')).get('redis_mode');
  return mode === 'cluster' || mode === 'sentinel' ? mode : 'standalone';
}

export async function readCluster(connection: RedisConnection): Promise<Omit<ClusterFacts, 'unreached'>> {
  return {
    info: fieldsOf(await connection.call('CLUSTER', 'INFO')),
    nodes: clusterNodesOf(String(await connection.call('CLUSTER', 'NODES'))),
  };
}

/** Every primary that the sentinel watches. */
export async function readSentinel(connection: RedisConnection): Promise<readonly SentinelFacts[]> {
  const masters = (await connection.call('SENTINEL', 'MASTERS')) as readonly unknown[];
  const facts: SentinelFacts[] = [];
  for (const one of masters) {
    const master = pairsOf(one) ?? new Map<string, string>();
    const asked = connection.call('SENTINEL', 'CKQUORUM', master.get('name') ?? '');
    facts.push({ master, quorumRefused: await asked.then(() => null, messageOf) });
  }
  return facts;
}

async function refusalOf(asked: Promise<unknown>): Promise<string | null> {
  const said = await asked.then(() => null, messageOf);
  return said !== null && NOT_PERMITTED.test(said) ? said : null;
}

async function aheadOf(connection: RedisConnection, clock: Clock): Promise<number> {
  const sent = clock.now();
  const [seconds, micros] = (await connection.call('TIME')) as readonly [string, string];
  return aheadBy(Number(seconds) * 1000 + Number(micros) / 1000, clock.wallNow(), clock.now() - sent);
}

/** A page of keys of each database; a walk of all of them would be felt. */
async function foreignKeys(connection: RedisConnection, info: ReadonlyMap<string, string>): Promise<readonly string[]> {
  const foreign: string[] = [];
  for (const name of info.keys()) {
    const [, database] = /^db(\d+)$/.exec(name) ?? [];
    if (database === undefined) continue;
    try {
      if (info.get('cluster_enabled') !== '1') await connection.call('SELECT', database);
      const [, keys] = (await connection.call('SCAN', 0, 'COUNT', LOOKED_AT)) as readonly [string, readonly string[]];
      for (const key of keys.filter((one) => !OURS.test(one)).slice(0, LOOKED_AT)) {
        // Minus one: no TTL ends it; minus two: it is gone.
        if (Number(await connection.call('PTTL', key)) === -1) foreign.push(key);
      }
    } catch {
      return foreign; // this user may not look
    }
  }
  return foreign;
}

function fieldsOf(text: unknown): ReadonlyMap<string, string> {
  const lines = String(text)
    .split(/\r?\n/)
    .filter((line) => !line.startsWith('#'));
  return new Map(
    lines.flatMap((line) => {
      const at = line.indexOf(':');
      return at > 0 ? [[line.slice(0, at), line.slice(at + 1)] as const] : [];
    }),
  );
}

/** A flat list of names and values, or an object of them; null for neither. */
function pairsOf(reply: unknown): ReadonlyMap<string, string> | null {
  if (Array.isArray(reply)) {
    const words = (reply as unknown[]).map(String);
    return new Map(words.flatMap((word, i) => (i % 2 === 0 ? [[word, words[i + 1] ?? ''] as const] : [])));
  }
  if (typeof reply !== 'object' || reply === null) return null;
  return new Map(Object.entries(reply).map(([name, value]) => [name, String(value)]));
}
