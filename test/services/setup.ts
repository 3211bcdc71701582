import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestProject } from 'vitest/node';
import { findRedis } from '../../scripts/redis.mjs';
import { startCluster, startRedis, startSentinel } from '../../scripts/services.mjs';

/** How a test reaches a service; all of it survives JSON. */
export interface Services {
  readonly single: { readonly url: string };
  readonly cluster: { readonly nodes: readonly { readonly host: string; readonly port: number }[] };
  readonly sentinel: { readonly name: string; readonly sentinels: Services['cluster']['nodes'] };
}

declare module 'vitest' {
  interface ProvidedContext {
    /** Starts a service at the first request for it: `GET /single`. */
    readonly servicesUrl: string;
  }
}

interface Running {
  readonly stop: () => Promise<void>;
}

const START: { readonly [Name in keyof Services]: () => Promise<Services[Name] & Running> } = {
  single: async () => {
    const given = process.env['REDIS_URL'];
    if (given) return { url: given, stop: async () => {} };
    const { host, port, stop } = await startRedis();
    return { url: `redis://${host}:${String(port)}`, stop };
  },
  cluster: startCluster,
  sentinel: startSentinel,
};

/** Servers shared by all test files of a run: started when a file asks for one, stopped at the end. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const started = new Map<string, Promise<Running>>();
  const server = createServer((request, response) => {
    const name = (request.url ?? '').slice(1) as keyof Services;
    const answer = async (): Promise<object> => {
      const { missing } = findRedis();
      if (missing !== undefined && !(name === 'single' && process.env['REDIS_URL'])) return { missing };
      const service = started.get(name) ?? START[name]();
      started.set(name, service);
      return service;
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
    for (const service of await Promise.allSettled(started.values()))
      if (service.status === 'fulfilled') await service.value.stop();
  };
}
