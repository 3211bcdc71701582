import * as six from 'ioredis';
import * as five from 'ioredis-5';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RedisClient, RedisSubscriber } from '../../src/adapters/redis/index.js';
import { reach } from './reach.js';

export type Client = RedisClient &
  RedisSubscriber & {
    call(command: string, ...args: (string | number)[]): Promise<unknown>;
    disconnect(): void;
  };

export interface Clients {
  readonly client: Client;
  readonly subscriber: Client;
}

/** A way to reach a Redis with one version of ioredis. */
export interface Topology {
  readonly name: string;
  readonly missing: string | undefined;
  /** Differs from another one in its subscriber only. */
  readonly bySubscriber?: boolean;
  connect(): Clients;
}

const [single, cluster, sentinel] = await Promise.all([reach('single'), reach('cluster'), reach('sentinel')]);

type Nodes = readonly { readonly host: string; readonly port: number }[];

interface Ioredis {
  readonly version: string;
  redis(options: object): Client;
  cluster(nodes: Nodes, options?: object): Client;
}

const versions: readonly Ioredis[] = [
  {
    version: 'ioredis 6',
    redis: (options) => new six.Redis(options),
    cluster: (nodes, options) => new six.Cluster([...nodes], options),
  },
  {
    version: 'ioredis 5',
    redis: (options) => new five.Redis(options),
    cluster: (nodes, options) => new five.Cluster([...nodes], options),
  },
];

function topologiesOf({ version, redis, cluster: connectCluster }: Ioredis): readonly Topology[] {
  const alone = (options: object): Clients => ({ client: redis(options), subscriber: redis(options) });
  const nodes = cluster.missing === undefined ? cluster.nodes : [];
  return [
    {
      name: `single server, ${version}`,
      missing: single.missing,
      connect: () => alone(single.missing === undefined ? optionsOf(single.url) : {}),
    },
    {
      name: `cluster, ${version}`,
      missing: cluster.missing,
      connect: () => ({
        client: connectCluster(nodes),
        subscriber: connectCluster(nodes, { shardedSubscribers: true }),
      }),
    },
    {
      name: `cluster, subscriber on one node, ${version}`,
      missing: cluster.missing,
      bySubscriber: true,
      connect: () => ({ client: connectCluster(nodes), subscriber: redis(nodes[0] ?? {}) }),
    },
    {
      name: `Sentinel, ${version}`,
      missing: sentinel.missing,
      connect: () => alone(sentinel.missing === undefined ? sentinel : {}),
    },
  ];
}

function optionsOf(url: string): object {
  const { hostname, port, username, password, pathname } = new URL(url);
  const db = Number(pathname.slice(1) || 0);
  return { host: hostname, port: Number(port || 6379), username, password, db };
}

export const topologies: readonly Topology[] = versions.flatMap(topologiesOf);

export interface Connected {
  /** Clients of one replica. */
  readonly here: Clients;
  /** Those of another. */
  readonly there: Clients;
  /** Those of one more, which the test disconnects. */
  connect(): Clients;
  /** A prefix that nobody has had, and the function that deletes all of its keys. */
  isolate(): { readonly prefix: string; readonly wipe: () => Promise<void> };
}

/** Declares tests once for every topology and version of ioredis; those that cannot be reached are skipped, loudly. */
export function describeRedis(declare: (connected: () => Connected) => void, among = topologies): void {
  for (const { name, missing, connect } of among) {
    if (missing !== undefined) console.warn(`NO REDIS: all tests on ${name} are skipped: ${missing}`);
    test.runIf(process.env['CI'] === 'true')(`there is a ${name}`, () => {
      expect(missing).toBeUndefined();
    });
    describe.skipIf(missing !== undefined)(name, () => {
      let here: Clients;
      let there: Clients;
      const wipes: (() => Promise<void>)[] = [];
      beforeAll(() => {
        [here, there] = [connect(), connect()];
      });
      afterAll(async () => {
        for (const wipe of wipes) await wipe();
        for (const { client, subscriber } of [here, there]) for (const one of [client, subscriber]) one.disconnect();
      });
      const isolate = () => {
        const prefix = `test:${crypto.randomUUID()}:`;
        const wipe = () => deleteAll(here.client, prefix);
        wipes.push(wipe);
        return { prefix, wipe };
      };
      declare(() => ({ here, there, connect, isolate }));
    });
  }
}

/** Deletes every key with this prefix, on every node. */
export async function deleteAll(client: Client, prefix: string): Promise<void> {
  await client.ping();
  for (const node of (client.nodes?.('master') ?? [client]) as unknown as readonly Client[]) {
    let cursor = '0';
    do {
      const [next, keys] = (await node.call('scan', cursor, 'MATCH', `${prefix}*`, 'COUNT', 1000)) as [
        string,
        string[],
      ];
      await Promise.all(keys.map((key) => node.call('unlink', key)));
      cursor = next;
    } while (cursor !== '0');
  }
}
