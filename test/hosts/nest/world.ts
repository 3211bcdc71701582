import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import { Logger, type INestApplication, Module, type ModuleMetadata } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { onTestFinished } from 'vitest';
import type { User } from '../http/world.js';
import { decorate } from './decorated.js';

export * from '../http/world.js';

export const PLATFORMS = ['express', 'fastify'] as const;
export type Platform = (typeof PLATFORMS)[number];

/** A request as a middleware of either platform may know its user. */
export interface Asked {
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly user?: User | undefined;
}

Logger.overrideLogger(false);

/** A Nest app that listens, until the test ends. */
export async function serve(platform: Platform, metadata: ModuleMetadata, set?: (app: INestApplication) => void) {
  const Root = decorate(class Root {}, [Module(metadata)]);
  const adapter = platform === 'express' ? new ExpressAdapter() : new FastifyAdapter();
  const app = await NestFactory.create(Root, adapter as ExpressAdapter, { logger: false, abortOnError: false });
  set?.(app);
  await app.listen(0);
  onTestFinished(() => app.close());
  const server = app.getHttpServer() as { address(): AddressInfo };
  const url = `http://127.0.0.1:${String(server.address().port)}`;
  const json = async (path: string, headers: Readonly<Record<string, string>> = {}): Promise<unknown> =>
    (await fetch(`${url}${path}`, { headers })).json();
  return { app, url, json };
}
