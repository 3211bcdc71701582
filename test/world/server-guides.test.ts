import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import express from 'express';
import ts from 'typescript';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createTidemark, defineModel, entity, isTidemarkError } from '../../src/index.js';
import { listen, resume } from './server-events.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The blocks of a guide in one language. */
function blocksOf(guide: string, language: string): string[] {
  const text = readFileSync(`${ROOT}docs/guides/${guide}.md`, 'utf8');
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].flatMap(([, of, code = '']) =>
    of === language ? [code] : [],
  );
}
const linesOf = (code: string): number => code.trimEnd().split('\n').length;

test.each([
  ['express', 'js'],
  ['nest', 'typescript'],
])('the recipes with %s have at most ten lines', (guide, language) => {
  const blocks = blocksOf(guide, language);
  expect(blocks.length).toBeGreaterThanOrEqual(5);
  expect(blocks.filter((code) => linesOf(code) > 10)).toEqual([]);
});

// ── Express: run ────────────────────────────────────────────────────────────────────────────────────────────────

interface Settlement {
  readonly id: string;
  readonly name: string;
  readonly version: number;
}

const AsyncFunction = (async () => {}).constructor as new (
  ...parts: string[]
) => (...given: unknown[]) => Promise<() => Promise<void>>;

/** All recipes in one app, in their order. */
async function recipes() {
  const rows = new Map<string, Settlement>([['s1', { id: 's1', name: 'Harrow', version: 1 }]]);
  const structures = [{ id: 'm', settlementId: 's1' }];
  const model = defineModel({
    entities: {
      settlement: entity<Settlement>()({ version: 'version', announce: ['name'] }),
      structure: entity<{ id: string; settlementId: string }>()({ parents: { settlement: 'settlementId' } }),
    },
  });
  const tide = createTidemark({
    model,
    origin: {
      settlement: { byIds: (ids) => ids.flatMap((id) => rows.get(id) ?? []) },
      structure: {
        byIds: (ids) => structures.filter(({ id }) => ids.includes(id)),
        childrenOf: { settlement: (ids) => structures.filter(({ settlementId }) => ids.includes(settlementId)) },
      },
    },
  });
  const database = {
    rename: async (id: string, name: string) => {
      const before = rows.get(id) as Settlement;
      const after = { ...before, name, version: before.version + 1 };
      rows.set(id, after);
      return { before, after };
    },
  };
  const app = express();
  const server: Server = createServer(app).listen(0);
  await once(server, 'listening');
  const code = `${blocksOf('express', 'js').join('\n')}\nreturn shutDown;`;
  const given = { app, server, tide, database, express, isTidemarkError };
  const run = new AsyncFunction(...Object.keys(given), `'use strict';${code}`);
  const shutDown = await run(...Object.values(given));
  onTestFinished(() => shutDown());
  return { url: `http://localhost:${String((server.address() as AddressInfo).port)}`, tide, shutDown };
}

describe('the recipes with Express', () => {
  test('read', async () => {
    const { url } = await recipes();
    const found = await fetch(`${url}/settlements/s1`);
    expect(await found.json()).toEqual({
      ...{ id: 's1', name: 'Harrow', version: 1 },
      structures: [{ id: 'm', settlementId: 's1' }],
    });
    expect((await fetch(`${url}/settlements/s2`)).status).toBe(404);
  });

  test('write, and read their own write', async () => {
    const { url } = await recipes();
    await fetch(`${url}/settlements/s1`);
    const written = await fetch(`${url}/settlements/s1`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'New Harrow' }),
    });
    const receipt = written.headers.get('x-after') ?? '';
    expect(receipt).toMatch(/^1\./);
    const read = await fetch(`${url}/settlements/s1`, { headers: { 'x-after': receipt } });
    expect(await read.json()).toMatchObject({ name: 'New Harrow', version: 2 });
  });

  test('tell of changes, and of those that were missed', async () => {
    const { url, tide } = await recipes();
    const rename = (name: string) =>
      tide.change({ type: 'settlement', id: 's1', op: 'update', before: { name: '' }, after: { name } });
    const first = await listen(url, '/live/s1');
    await rename('one');
    const named = (name: string) => ({ event: 'change', data: { entityId: 's1', changes: { values: { name } } } });
    expect(await first.take(1)).toMatchObject([named('one')]);
    first.leave();
    await rename('two');
    const second = await resume(url, first, '/live/s1');
    await rename('three');
    expect(await second.take(2)).toMatchObject([named('two'), named('three')]);
  });

  test('tell of health and errors, and shut down while somebody listens', async () => {
    const { url, shutDown } = await recipes();
    expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ status: 'up' });
    const forged = await fetch(`${url}/settlements/s1`, { headers: { 'x-after': 'forged' } });
    expect([forged.status, await forged.json()]).toMatchObject([400, { error: { code: 'INVALID_RECEIPT' } }]);
    const blank = await fetch(`${url}/settlements/%20`);
    expect([blank.status, await blank.json()]).toMatchObject([400, { error: { code: 'BLANK_ID' } }]);
    const live = await listen(url, '/live/s1');
    const ended = live.next();
    await shutDown();
    expect(await ended).toBeUndefined();
  });
});

// ── Nest: compiled only ─────────────────────────────────────────────────────────────────────────────────────────

/** The parts of Nest and rxjs that the recipes use, by hand: neither is installed. */
const NEST = `
declare module '@nestjs/common' {
  export function Injectable(): ClassDecorator;
  export function Controller(prefix: string): ClassDecorator;
  export function Catch(...types: (abstract new (...args: never[]) => unknown)[]): ClassDecorator;
  export function Get(path?: string): MethodDecorator;
  export function Sse(path?: string): MethodDecorator;
  export function Param(name: string): ParameterDecorator;
  export function Headers(name: string): ParameterDecorator;
  export function Inject(token: unknown): ParameterDecorator;
  export enum Scope { DEFAULT, TRANSIENT, REQUEST }
  export type InjectionToken = string | symbol | (abstract new (...args: never[]) => unknown);
  export interface Provider {
    provide: InjectionToken;
    scope?: Scope;
    inject?: InjectionToken[];
    useFactory: (...args: any[]) => unknown;
  }
  export interface OnApplicationShutdown { onApplicationShutdown(signal?: string): unknown }
  export interface ArgumentsHost { switchToHttp(): { getResponse<T>(): T } }
  export interface ExceptionFilter<T> { catch(exception: T, host: ArgumentsHost): unknown }
  export interface MessageEvent { data: string | object; id?: string; type?: string; retry?: number }
  export class NotFoundException extends Error {}
  export class ServiceUnavailableException extends Error { constructor(body?: object) }
}
declare module '@nestjs/core' {
  export const REQUEST: unique symbol;
}
declare module 'rxjs' {
  export interface Observable<T> { pipe<R>(operator: (from: Observable<T>) => Observable<R>): Observable<R> }
  export function from<T>(items: AsyncIterable<T>): Observable<T>;
  export function map<T, R>(project: (value: T) => R): (from: Observable<T>) => Observable<R>;
}
`;
/** What the guide takes for granted. */
const GIVEN = `
import type { EventEmitter } from 'node:events';
import { Catch, Controller, Get, Headers, Inject, Injectable, NotFoundException, Param, Scope, ServiceUnavailableException, Sse,
  type ArgumentsHost, type ExceptionFilter, type MessageEvent, type OnApplicationShutdown, type Provider } from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { type Observable, from, map } from 'rxjs';
import { type Authorize, type Origin, type Receipt, TidemarkError, type TidemarkErrorCode, createTidemark, defineModel, entity } from 'tidemark';
interface Settlement { readonly id: string; readonly name: string }
interface User { readonly name: string }
const model = defineModel({
  entities: {
    settlement: entity<Settlement>()({}),
    structure: entity<{ id: string; settlementId: string }>()({ parents: { settlement: 'settlementId' } }),
  },
});
declare const origin: Origin<typeof model>;
declare const authorize: Authorize<User>;
declare const database: { rename(id: string, name: string): Promise<{ before: Settlement; after: Settlement }> };
`;

/** What the compiler says of a module beside those types, a sentence each. */
function problemsOf(code: string): string[] {
  const texts = new Map([
    [`${ROOT}test/world/nest-recipes.ts`, `${GIVEN}\n${code}`],
    [`${ROOT}test/world/nest-types.d.ts`, NEST],
  ]);
  const config = ts.readConfigFile(`${ROOT}tsconfig.json`, (path) => ts.sys.readFile(path)).config as object;
  const parsed = ts.parseJsonConfigFileContent({ ...config, files: [], include: [] }, ts.sys, ROOT);
  // As Nest has it.
  const options = { ...parsed.options, experimentalDecorators: true, erasableSyntaxOnly: false };
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (path) => texts.has(path) || fileExists(path);
  host.readFile = (path) => texts.get(path) ?? readFile(path);
  host.getSourceFile = (path, ...rest) => {
    const text = texts.get(path);
    return text === undefined
      ? getSourceFile(path, ...rest)
      : ts.createSourceFile(path, text, ts.ScriptTarget.ES2023, true);
  };
  const program = ts.createProgram([...texts.keys()], options, host);
  return [...texts.keys()].flatMap((path) => {
    const source = program.getSourceFile(path);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '),
    );
  });
}

describe('the recipes with Nest', () => {
  test('compile against hand-written types of Nest', () => {
    expect(problemsOf(blocksOf('nest', 'typescript').join('\n'))).toEqual([]);
  });

  test('would not if a verb or a type were wrong', () => {
    const code = blocksOf('nest', 'typescript').join('\n').replace("get('settlement', id)", "get('village', id)");
    expect(problemsOf(code)).toEqual([expect.stringContaining('"village"')]);
  });
});
