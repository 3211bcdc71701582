import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import { findRedis } from '../../scripts/redis.mjs';
import { type RedisServer, startCluster, startRedis } from '../../scripts/services.mjs';

/** One Redis server, or a master of the cluster. */
export interface Server {
  readonly host: string;
  readonly port: number;
  readonly up: boolean;
}

/** The Redis that all replicas share: our own, which may be stopped, or one that was given. */
export interface Servers {
  readonly nodes: readonly Server[];
  readonly isCluster: boolean;
  /** False: somebody else's, and it stays as it is. */
  readonly isOurs: boolean;
  /** Before every key, so that nothing else there is touched; '' where there is nothing else. */
  readonly prefix: string;
  /** What a client needs besides the address. */
  readonly login: { readonly username?: string; readonly password?: string; readonly db?: number };
  /** A crash: nothing that it held comes back. */
  stop(at: number): Promise<void>;
  start(at: number): Promise<void>;
  close(): Promise<void>;
}

/** Throws an Error in words if there is none. */
export async function provideServers(given: string | undefined, { cluster = false } = {}): Promise<Servers> {
  if (given !== undefined && !cluster) return givenServer(given);
  const { missing } = findRedis();
  if (missing !== undefined) throw new Error(`No Redis: ${missing}. Install one, or name a running one by REDIS_URL.`);
  if (!cluster) return ownServers([await startRedis()], false);
  return ownServers((await startCluster()).servers, true);
}

function ownServers(servers: readonly RedisServer[], isCluster: boolean): Servers {
  const nodes = servers.map(({ host, port }) => ({ host, port, up: true }));
  return {
    ...{ nodes, isCluster, isOurs: true, prefix: '', login: {} },
    stop: async (at) => {
      await servers[at]?.kill();
      nodes.forEach((node, i) => (node.up &&= i !== at));
    },
    start: async (at) => {
      await servers[at]?.restart();
      nodes.forEach((node, i) => (node.up ||= i === at));
    },
    close: async () => {
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}

async function givenServer(given: string): Promise<Servers> {
  const url = URL.canParse(given) ? new URL(given) : null;
  if (url?.protocol !== 'redis:') throw new Error('REDIS_URL: expected redis://…');
  const { hostname: host, username, password, pathname } = url;
  const port = Number(url.port || 6379);
  const login = {
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
    db: Number(pathname.slice(1) || 0),
  };
  const client = new Redis({ host, port, ...login, lazyConnect: true, retryStrategy: () => null });
  client.on('error', () => undefined);
  await client.connect().catch((cause: unknown) => {
    throw new Error(`REDIS_URL: nobody answers at ${host}:${String(port)}.`, { cause });
  });
  // The next run begins with another truth: what this one leaves behind must not be found by it.
  const prefix = `scaled-${randomUUID()}:`;
  const node = { host, port, up: true };
  return {
    ...{ nodes: [node], isCluster: false, isOurs: false, prefix, login },
    // Nobody reaches it any more; that is done at the links.
    stop: async () => {
      node.up = false;
    },
    start: async () => {
      node.up = true;
    },
    close: async () => {
      for await (const keys of client.scanStream({ match: `${prefix}*`, count: 1000 }) as AsyncIterable<string[]>)
        if (keys.length > 0) await client.unlink(...keys);
      client.disconnect();
    },
  };
}
