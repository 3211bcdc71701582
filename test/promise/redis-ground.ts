import { Redis } from 'ioredis';
import { type RedisServer, startRedis } from '../../scripts/services.mjs';
import { redis } from '../../src/adapters/redis/index.js';
import { systemClock } from '../../src/clock.js';
import type { Clock } from '../../src/contract.js';
import { type Proxy, openProxy } from '../faults/proxy.js';
import { until } from '../faults/time.js';
import type { Fault, Ground, GroundOptions, LinkName } from './ground.js';
import { type PromiseTide, openTide } from './model.js';

/** By the clock of the replicas everything that they wait for passes so much faster. Servers and links are what they are. */
const SPEED = 4;
const BEGAN = Date.now();

const clock: Clock = {
  ...systemClock,
  now: () => systemClock.now() * SPEED,
  wallNow: () => BEGAN + (Date.now() - BEGAN) * SPEED,
  after: (delayMs, run) => systemClock.after(delayMs / SPEED, run),
};

/** What is left of history where it is too short. */
const TRIM = "for _, key in ipairs(redis.call('KEYS', '*:s')) do redis.call('XTRIM', key, 'MAXLEN', 1) end";

interface Link {
  readonly proxy: Proxy;
  readonly connection: Redis;
  /** What ends the fault that it has. */
  end: (() => Promise<void>) | undefined;
}

interface Replica {
  readonly tide: PromiseTide;
  readonly client: Link;
  readonly subscriber: Link;
}

/** Replicas in this process on a Redis of their own, each with two connections, every one through a proxy of its own. */
export async function redisGround({ library, plan, truth, banned }: GroundOptions): Promise<Ground> {
  const servers: RedisServer[] = [];
  const start = async (settings: Readonly<Record<string, string | number>> = {}): Promise<RedisServer> => {
    const server = await startRedis(settings);
    servers.push(server);
    return server;
  };
  let server = await start();
  // Connections that are made go to wherever it is by then.
  const target = { host: server.host, port: server.port };
  let standby: RedisServer | undefined;
  if (plan.steps.some((step) => step.do === 'fault' && step.fault.what === 'failover')) {
    standby = await start();
    const follows = standby;
    server.cli('config', 'set', 'repl-diskless-sync-delay', '0');
    follows.cli('replicaof', server.host, String(server.port));
    await until('the standby follows', () => follows.cli('info', 'replication').includes('master_link_status:up'));
  }

  const connect = async (): Promise<Link> => {
    const proxy = await openProxy(target);
    const connection = new Redis({ port: proxy.port, host: proxy.host, retryStrategy: () => 20, connectTimeout: 500 });
    connection.on('error', () => undefined);
    return { proxy, connection, end: undefined };
  };
  const replicas = await Promise.all(
    Array.from({ length: plan.replicas }, async (): Promise<Replica> => {
      const [client, subscriber] = await Promise.all([connect(), connect()]);
      const shared = redis({ client: client.connection, subscriber: subscriber.connection, clock });
      return { client, subscriber, tide: openTide(library, { ...shared, clock }, { truth, banned }) };
    }),
  );
  const links = (): Link[] => replicas.flatMap(({ client, subscriber }) => [client, subscriber]);
  const linkOf = (replica: number, link: LinkName): Link => (replicas[replica] as Replica)[link];
  const admin = async (...command: readonly [string, ...(string | number)[]]): Promise<void> => {
    const [name, ...args] = command;
    const connection = new Redis({ port: server.port, host: server.host, retryStrategy: () => null });
    connection.on('error', () => undefined); // the command says so
    try {
      await connection.call(name, ...args);
    } finally {
      connection.disconnect();
    }
  };

  const empty = (): Promise<void> => admin('config', 'set', 'maxmemory', 0);

  const breakLink = async (link: Link, what: Fault['what'], ms: number): Promise<void> => {
    if (link.end !== undefined) return;
    const { proxy } = link;
    const heal = async (): Promise<void> => {
      link.end = undefined;
      await proxy.heal();
    };
    if (what === 'cut' || what === 'lose') {
      proxy.cut();
      return;
    }
    if (what === 'refuse') await proxy.refuse();
    else if (what === 'hold') proxy.hold();
    else if (what === 'delay') proxy.delay(100);
    else proxy.halfOpen();
    // Nobody is told of a connection that is gone before the network gives it up.
    link.end = async () => {
      await heal();
      if (what === 'silence') proxy.cut();
    };
    clock.after(ms, () => void link.end?.());
  };
  const endAll = async (): Promise<void> => {
    await Promise.all(links().map(async (link) => link.end?.()));
  };

  const strike = async (fault: Fault): Promise<void> => {
    const { what, ms } = fault;
    if ('link' in fault) await breakLink(linkOf(fault.replica, fault.link), what, ms);
    else if (what === 'wipe') await admin('flushall');
    else if (what === 'trim') await admin('eval', TRIM, 0);
    else if (what === 'full') {
      await admin('config', 'set', 'maxmemory', 1);
      clock.after(ms, () => void empty().catch(() => undefined));
    } else if (what === 'keep') await admin('save');
    else if (what === 'restart') await server.restart();
    else if (what === 'part') standby?.cli('replicaof', 'no', 'one');
    else if (what === 'kill') await admin('client', 'kill', 'type', 'pubsub');
    else if (what === 'pause') await admin('client', 'pause', Math.ceil(ms / SPEED), 'all');
    else if (standby !== undefined) {
      standby.cli('replicaof', 'no', 'one');
      await server.kill();
      server = standby;
      standby = undefined;
      target.port = server.port;
      for (const { proxy } of links()) proxy.cut();
    }
  };

  return {
    tides: replicas.map(({ tide }) => tide),
    clock,
    pass: (ms) => new Promise((resolve) => clock.after(ms, resolve)),
    strike,
    heal: async () => {
      await Promise.all([endAll(), empty()]);
    },
    close: async () => {
      await endAll();
      await Promise.all(replicas.map(({ tide }) => tide.close()));
      for (const { connection } of links()) connection.disconnect();
      await Promise.all(links().map(({ proxy }) => proxy.close()));
      await Promise.all(servers.map((one) => one.stop()));
    },
  };
}
