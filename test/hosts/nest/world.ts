import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import { Logger, type INestApplication, Module, type ModuleMetadata } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { onTestFinished } from 'vitest';
import { type Scope, type Tidemark, type TideOptions, defineModel, entity } from '../../../src/index.js';
import { decorate } from './decorated.js';

export interface Settlement {
  readonly id: string;
  readonly name: string;
}
export interface Structure {
  readonly id: string;
  readonly settlementId: string;
}
export interface User {
  readonly name: string;
}

export const model = defineModel({
  entities: {
    settlement: entity<Settlement>()({ announce: ['name'] }),
    structure: entity<Structure>()({ parents: { settlement: 'settlementId' } }),
  },
});
export type Tide = Tidemark<typeof model, User>;
export type World = Scope<typeof model, User>;

/** Rows that a test holds, and what was asked of them: ids, one text for each call. */
export function rows() {
  const settlements = new Map<string, Settlement>([
    ['s1', { id: 's1', name: 'Harrow' }],
    ['s2', { id: 's2', name: 'Mora' }],
  ]);
  const structures: Structure[] = [
    { id: 'a', settlementId: 's1' },
    { id: 'b', settlementId: 's1' },
  ];
  const asked: string[] = [];
  /** What a test lets go on. */
  const gate = { wait: (): Promise<unknown> => Promise.resolve() };
  const options: TideOptions<typeof model, User> = {
    model,
    origin: {
      settlement: {
        byIds: async (ids, { signal }) => {
          asked.push(ids.join());
          await gate.wait();
          signal.throwIfAborted();
          return ids.flatMap((id) => settlements.get(id) ?? []);
        },
      },
      structure: {
        byIds: (ids) => structures.filter(({ id }) => ids.includes(id)),
        childrenOf: {
          settlement: (ids) => {
            asked.push(`of ${ids.join()}`);
            return structures.filter(({ settlementId }) => ids.includes(settlementId));
          },
        },
      },
    },
    authorize: ({ name }) => name !== 'Mallory',
  };
  const rename = (tide: Pick<Tide, 'change'>, id: string, name: string) => {
    const before = settlements.get(id);
    const after = { id, name };
    settlements.set(id, after);
    return tide.change({ type: 'settlement', id, op: 'update', before, after });
  };
  return { options, asked, settlements, rename, gate };
}

export const PLATFORMS = ['express', 'fastify'] as const;
/** How long to poll on a machine that is shared with other tests. */
export const PATIENT = { timeout: 60_000 };
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
