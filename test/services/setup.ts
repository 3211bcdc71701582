import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Client } from 'pg';
import type { TestProject } from 'vitest/node';
import { findPostgres } from '../../scripts/postgres.mjs';
import { findRedis } from '../../scripts/redis.mjs';
import { startCluster, startPostgres, startRedis, startSentinel } from '../../scripts/services.mjs';

/** How a test reaches a service; all of it survives JSON. */
export interface Services {
  readonly single: { readonly url: string };
  readonly cluster: { readonly nodes: readonly { readonly host: string; readonly port: number }[] };
  /** A database with PostGIS. */
  readonly postgis: { readonly url: string };
  readonly sentinel: { readonly name: string; readonly sentinels: Services['cluster']['nodes'] };
}

declare module 'vitest' {
  interface ProvidedContext {
    /** Starts a service at the first request for it: `GET /single`. */
    readonly servicesUrl: string;
  }
}

interface Running<Service> {
  readonly service: Service;
  stop(): Promise<void>;
}

const START: { readonly [Name in keyof Services]: () => Promise<Running<Services[Name]>> } = {
  single: async () => {
    const given = process.env['REDIS_URL'];
    if (given) return { service: { url: given }, stop: async () => {} };
    const { host, port, stop } = await startRedis();
    return { service: { url: `redis://${host}:${String(port)}` }, stop };
  },
  cluster: async () => {
    const { nodes, stop } = await startCluster();
    return { service: { nodes }, stop };
  },
  sentinel: async () => {
    const { name, sentinels, stop } = await startSentinel();
    return { service: { name, sentinels }, stop };
  },
  postgis: async () => {
    const given = process.env['DATABASE_URL'];
    if (given) return { service: { url: given }, stop: async () => {} };
    const { url, stop } = await startPostgres();
    return { service: { url }, stop };
  },
};

/** Why a service is not there to be reached; undefined if it is. */
async function lacking(name: keyof Services): Promise<string | undefined> {
  if (name === 'postgis') {
    const given = process.env['DATABASE_URL'];
    return given ? lackingIn(given) : findPostgres().missing;
  }
  return name === 'single' && process.env['REDIS_URL'] ? undefined : findRedis().missing;
}

/** A database of somebody is left as it is: no extension is installed in it. */
async function lackingIn(databaseUrl: string): Promise<string | undefined> {
  const client = new Client(databaseUrl);
  await client.connect();
  try {
    const { rows } = await client.query("select from pg_extension where extname = 'postgis'");
    return rows.length > 0 ? undefined : 'the database that DATABASE_URL names has no extension postgis';
  } finally {
    await client.end();
  }
}

/** Servers shared by all test files of a run: started when a file asks for one, stopped at the end. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const started = new Map<string, Promise<Running<object>>>();
  const server = createServer((request, response) => {
    const name = (request.url ?? '').slice(1) as keyof Services;
    const answer = async (): Promise<object> => {
      const missing = await lacking(name);
      if (missing !== undefined) return { missing };
      const running = started.get(name) ?? START[name]();
      started.set(name, running);
      return (await running).service;
    };
    answer().then(
      (found) => response.end(JSON.stringify(found)),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  server.unref();
  project.provide('servicesUrl', `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`);
  return async () => {
    server.close();
    for (const running of await Promise.allSettled(started.values()))
      if (running.status === 'fulfilled') await running.value.stop();
  };
}
