import 'reflect-metadata';
import { Controller, Get, Inject, type NestApplicationOptions, Param, Sse } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { HealthCheck, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { from, map } from 'rxjs';
import { Module } from '@nestjs/common';
import { TidemarkHealth, TidemarkModule, TideScope } from '../../../src/hosts/nest/index.js';
import { defineModel, entity } from '../../../src/index.js';
import { decorate } from './decorated.js';
import type { World } from './world.js';

/** A process that is one Nest app, until it is told to stop: then it has to end by itself. Told over IPC, by a signal. */

const [platform, drainMs] = [process.argv[2], Number(process.argv[3])];
const model = defineModel({
  entities: {
    settlement: entity<{ id: string; name: string }>()({}),
    structure: entity<{ id: string; settlementId: string }>()({ parents: { settlement: 'settlementId' } }),
  },
});
/** Requests that a test lets go on. */
let release = (): void => undefined;
const held = new Promise<void>((resolve) => {
  release = resolve;
});
const origin = {
  settlement: {
    byIds: async (ids: readonly string[]) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return ids.map((id) => ({ id, name: `of ${id}` }));
    },
  },
};

class Requests {
  readonly #terminus: HealthCheckService;
  readonly #tidemark: TidemarkHealth;
  constructor(terminus: HealthCheckService, tidemark: TidemarkHealth) {
    this.#terminus = terminus;
    this.#tidemark = tidemark;
  }
  one(world: World, id: string) {
    return world.get('settlement', id);
  }
  async held(world: World, id: string) {
    process.send?.('held');
    await held;
    return world.get('settlement', id);
  }
  live(world: World) {
    return from(world.subscribe({ type: 'settlement', id: 's1' })).pipe(map((item) => ({ data: item })));
  }
  health() {
    return this.#terminus.check([() => this.#tidemark.check('world')]);
  }
}
decorate(Requests, [Controller()], {
  constructor: { on: [], parameters: [Inject(HealthCheckService), Inject(TidemarkHealth)] },
  one: { on: [Get('settlements/:id')], parameters: [TideScope(), Param('id')] },
  held: { on: [Get('held/:id')], parameters: [TideScope(), Param('id')] },
  live: { on: [Sse('live')], parameters: [TideScope()] },
  health: { on: [Get('health'), HealthCheck()] },
});
const Root = decorate(class Root {}, [
  Module({
    imports: [TerminusModule.forRoot({ logger: false }), TidemarkModule.forRoot({ tide: { model, origin }, drainMs })],
    controllers: [Requests],
  }),
]);
const adapter = platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
const options: NestApplicationOptions = { logger: ['error'] };
const app = await NestFactory.create(Root, adapter as ExpressAdapter, options);
app.enableShutdownHooks(['SIGTERM']);
await app.listen(0, '127.0.0.1');
const server = app.getHttpServer() as Server;
// A connection that is kept open for a client to come back, or to begin, is not to be waited for.
server.keepAliveTimeout = 3_600_000;
server.headersTimeout = 0;
process.on('message', (told) => {
  if (told === 'release') release();
  // What is left open now keeps the process alive, and the test waiting.
  else void app.close().then(() => process.disconnect());
});
process.send?.((server.address() as AddressInfo).port);
