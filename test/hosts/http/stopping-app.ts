import type { AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import express from 'express';
import fastify from 'fastify';
import { expressHost } from '../../../src/hosts/express/index.js';
import { fastifyHost } from '../../../src/hosts/fastify/index.js';
import { sseHost } from '../../../src/hosts/sse/index.js';
import { createTidemark, defineModel, entity } from '../../../src/index.js';

/** A process that is one app, until it is told to stop: then it has to end by itself. Told over IPC, or by a signal. */

const [framework, drainMs] = [process.argv[2], Number(process.argv[3])];
const model = defineModel({ entities: { settlement: entity<{ id: string; name: string }>()({}) } });
const origin = {
  settlement: {
    byIds: async (ids: readonly string[]) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return ids.map((id) => ({ id, name: `of ${id}` }));
    },
  },
};
const tide = createTidemark<typeof model, string>({ model, origin, authorize: () => true });
const live = sseHost(tide, { authenticate: () => ({ principal: 'anybody' }) });
const LIVE = '?target={"type":"settlement"}';
/** Requests that a test lets go on. */
let release = (): void => undefined;
const held = new Promise<void>((resolve) => {
  release = resolve;
});
async function hold(): Promise<void> {
  process.send?.('held');
  await held;
}

const make = { express: onExpress, fastify: onFastify }[framework as 'express' | 'fastify'];
const { server, stop } = await make();
// A connection that is kept open for a client to come back, or to begin, is not to be waited for.
server.keepAliveTimeout = 3_600_000;
server.headersTimeout = 0;
process.once('SIGTERM', () => void stop().then(() => process.kill(process.pid, 'SIGTERM')));
process.on('message', (told) => {
  if (told === 'release') release();
  // What is left open now keeps the process alive, and the test waiting.
  else
    void stop().then(() => {
      process.disconnect();
    });
});
process.send?.((server.address() as AddressInfo).port);

async function onExpress() {
  const host = expressHost(tide);
  const app = express();
  app.use('/health', host.health);
  app.get('/settlements/:id', async (request, response) => {
    response.json(await host.scopeOf(request).get('settlement', request.params.id));
  });
  app.get('/held/:id', async (request, response) => {
    await hold();
    response.json(await host.scopeOf(request).get('settlement', request.params.id));
  });
  app.get('/live', async (request, response) => {
    request.url += LIVE;
    await live.handle(request, response);
  });
  const server: Server = app.listen(0, '127.0.0.1');
  const stop = host.graceful(server, { drainMs, timeoutMs: 3_600_000 });
  await new Promise((resolve) => server.once('listening', resolve));
  return { server, stop };
}

async function onFastify() {
  const host = fastifyHost(tide, { drainMs, timeoutMs: 3_600_000 });
  const app = fastify();
  await app.register(host.plugin);
  app.get<{ Params: { id: string } }>('/settlements/:id', (request) =>
    host.scopeOf(request).get('settlement', request.params.id),
  );
  app.get<{ Params: { id: string } }>('/held/:id', async (request) => {
    await hold();
    return host.scopeOf(request).get('settlement', request.params.id);
  });
  app.get('/live', async (request, reply) => {
    reply.hijack();
    request.raw.url += LIVE;
    await live.handle(request.raw, reply.raw);
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  return { server: app.server, stop: () => host.stop(app) };
}
