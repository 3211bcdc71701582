import type { AddressInfo } from 'node:net';
import express, { type Request as Asked } from 'express';
import fastify, { type FastifyRequest } from 'fastify';
import { onTestFinished } from 'vitest';
import { expressHost } from '../../../src/hosts/express/index.js';
import { fastifyHost } from '../../../src/hosts/fastify/index.js';
import type { Tide, World } from './world.js';

/** An app that listens, until the test ends. */
export interface App {
  readonly url: string;
  /** What the framework's own handler of errors was given. */
  readonly failures: unknown[];
  stop(): Promise<unknown>;
}

export interface Routes {
  /** By path; what it resolves to is the answer. */
  readonly [path: string]: (scope: () => World, request: { readonly id: string }) => Promise<unknown>;
}

interface Options {
  readonly drainMs?: number;
  readonly timeoutMs?: number;
}

const settingsOf = (header: (name: string) => string | undefined) => ({
  principal: { name: header('x-user') ?? 'nobody' },
  after: header('x-after'),
});
const textOf = (value: string | string[] | undefined): string | undefined =>
  typeof value === 'string' ? value : undefined;

export const FRAMEWORKS = {
  express: async (tide: Tide, routes: Routes, { drainMs, timeoutMs }: Options = {}): Promise<App> => {
    const host = expressHost(tide, { scope: (request: Asked) => settingsOf((name) => request.get(name)) });
    const app = express().disable('x-powered-by');
    const failures: unknown[] = [];
    app.use('/health', host.health);
    for (const [path, answer] of Object.entries(routes))
      app.get(path, async (request, response) => {
        response.json(await answer(() => host.scopeOf(request), { id: String(request.params['id']) }));
      });
    app.use(host.errors);
    app.use(((error, _request, response, next) => {
      failures.push(error);
      if (response.headersSent) next(error);
      else response.status((error as { readonly status?: number }).status ?? 500).json({ theirs: true });
    }) as express.ErrorRequestHandler);
    const server = app.listen(0);
    const stop = host.graceful(server, { drainMs, timeoutMs });
    await new Promise((resolve) => server.once('listening', resolve));
    onTestFinished(async () => void (await stop()));
    return { url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`, failures, stop };
  },
  fastify: async (tide: Tide, routes: Routes, { drainMs, timeoutMs }: Options = {}): Promise<App> => {
    const host = fastifyHost(tide, {
      scope: ({ headers }: FastifyRequest) => settingsOf((name) => textOf(headers[name])),
      ...{ drainMs, timeoutMs },
    });
    const app = fastify();
    const failures: unknown[] = [];
    await app.register(host.plugin);
    app.setErrorHandler(host.errors);
    app.addHook('onError', (_request, _reply, error, done) => {
      failures.push(error);
      done();
    });
    for (const [path, answer] of Object.entries(routes))
      app.get(path, (request) => answer(() => host.scopeOf(request), request.params as { readonly id: string }));
    await app.listen({ port: 0 });
    const stop = () => host.stop(app);
    onTestFinished(stop);
    return { url: `http://127.0.0.1:${String((app.server.address() as AddressInfo).port)}`, failures, stop };
  },
};
