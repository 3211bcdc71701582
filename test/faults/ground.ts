import { Redis } from 'ioredis';
import { startCluster, startRedis, startSentinel } from '../../scripts/services.mjs';
import type { RedisCluster, RedisSentinel, RedisServer } from '../../scripts/services.mjs';
import type { Link } from './link.js';
import type { Address } from './proxy.js';
import type { Connection } from './wire.js';

/** The servers that a fleet stands on, and how a replica connects to them through its links. */
export interface Ground {
  readonly nodes: readonly Address[];
  connection(client: Link, subscriber: Link): Connection;
  stop(): Promise<void>;
}

/** What the guide tells to set. */
const CLIENT = { enableOfflineQueue: false, maxRetriesPerRequest: 1, connectTimeout: 2000, socketTimeout: 2000 };
const SUBSCRIBER = { maxRetriesPerRequest: null };

export interface Single extends Ground {
  readonly server: RedisServer;
  /** A connection past all links, for what an operator does. */
  readonly admin: Redis;
}

export interface SingleOptions {
  readonly settings?: Readonly<Record<string, string | number>> | undefined;
  /** Clients as ioredis makes them if it is told nothing. */
  readonly untold?: boolean | undefined;
}

export async function single({ settings = {}, untold = false }: SingleOptions = {}): Promise<Single> {
  const server = await startRedis(settings);
  const admin = adminOf(server);
  return {
    ...{ server, admin, nodes: [server] },
    connection: (client, subscriber) => ({
      ...{ cluster: false, nodes: [] },
      client: { ...client.at(server), ...(untold ? {} : CLIENT) },
      subscriber: { ...subscriber.at(server), ...(untold ? {} : SUBSCRIBER) },
    }),
    stop: async () => {
      admin.disconnect();
      await server.stop();
    },
  };
}

export interface Sentinel extends Ground {
  readonly sentinel: RedisSentinel;
}

export async function sentinel(): Promise<Sentinel> {
  const started = await startSentinel();
  const { name, sentinels, servers } = started;
  const options = ({ natMap }: Link): object => ({ name, sentinels, natMap });
  const reconnects = { ...CLIENT, enableOfflineQueue: true };
  return {
    ...{ sentinel: started, nodes: servers.slice(0, 2) },
    connection: (client, subscriber) => ({
      ...{ cluster: false, nodes: [] },
      client: { ...options(client), ...reconnects },
      subscriber: { ...options(subscriber), ...SUBSCRIBER },
    }),
    stop: () => started.stop(),
  };
}

export interface Clustered extends Ground {
  readonly cluster: RedisCluster;
}

export async function cluster(options: { readonly replicas?: number } = {}): Promise<Clustered> {
  const started = await startCluster(options);
  const { nodes } = started;
  return {
    ...{ cluster: started, nodes },
    connection: (client, subscriber) => ({
      cluster: true,
      nodes: nodes.map((node) => client.at(node)),
      client: { natMap: client.natMap, redisOptions: { maxRetriesPerRequest: 1 } },
      subscriber: { natMap: subscriber.natMap, shardedSubscribers: true, slotsRefreshInterval: 5000 },
    }),
    stop: () => started.stop(),
  };
}

/** Tries on for as long as it takes. */
export function adminOf({ port }: Address): Redis {
  const admin = new Redis({ port, retryStrategy: () => 50, maxRetriesPerRequest: null });
  admin.on('error', () => undefined);
  return admin;
}
