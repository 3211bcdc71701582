import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import * as nestCommon from '@nestjs/common';
import * as nestCore from '@nestjs/core';
import * as rxjs from 'rxjs';
import ts from 'typescript';
import { describe, expect, onTestFinished, test } from 'vitest';
import * as tidemark from '../../src/index.js';
import { blocksOf } from './guide-blocks.js';
import { listen, resume } from './server-events.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const MODULE = `${ROOT}test/world/nest-app.ts`;

/** What the guide takes for granted: the imports, the model, and what an app has anyway. */
const GIVEN = `
import type { EventEmitter } from 'node:events';
import { Body, Catch, Controller, Get, Headers, Inject, Injectable, Module, NotFoundException, Param, Patch, Scope,
  ServiceUnavailableException, Sse, type ArgumentsHost, type ExceptionFilter, type MessageEvent,
  type BeforeApplicationShutdown, type Provider } from '@nestjs/common';
import { REQUEST } from '@nestjs/core';
import { type Observable, from, map } from 'rxjs';
import { type Authorize, type Origin, type Receipt, TidemarkError, type TidemarkErrorCode, createTidemark, defineModel,
  entity } from 'tidemark';
interface Settlement { readonly id: string; readonly name: string; readonly version: number }
interface User { readonly name: string }
const model = defineModel({
  entities: {
    settlement: entity<Settlement>()({ version: 'version', announce: ['name'] }),
    structure: entity<{ id: string; settlementId: string }>()({ parents: { settlement: 'settlementId' } }),
  },
});
declare const origin: Origin<typeof model>;
declare const authorize: Authorize<User>;
declare const database: { rename(id: string, name: string): Promise<{ before: Settlement; after: Settlement }> };
`;

/** How an app puts the recipes together. */
const APP = `
@Controller('settlements')
class Edits {
  constructor(private readonly renaming: Renaming) {}
  @Patch(':id') async rename(@Param('id') id: string, @Body() { name }: { name: string }) {
    return { receipt: String(await this.renaming.rename(id, name, 'Ann')) };
  }
}
@Module({ controllers: [Settlements, Edits, Live, HealthOfWorld], providers: [World, worldOfRequest, Renaming] })
class AppModule {}
export { AppModule };
`;

const moduleOf = (blocks: readonly string[]): string => [GIVEN, ...blocks, APP].join('\n');

/** Compiles as a Nest app does: decorators with the types that injection goes by. */
function compile(code: string): { problems: string[]; text: string } {
  const config = ts.readConfigFile(`${ROOT}tsconfig.json`, (path) => ts.sys.readFile(path)).config as object;
  const parsed = ts.parseJsonConfigFileContent({ ...config, files: [], include: [] }, ts.sys, ROOT);
  const options: ts.CompilerOptions = {
    ...parsed.options,
    ...{ experimentalDecorators: true, emitDecoratorMetadata: true, erasableSyntaxOnly: false },
    ...{ module: ts.ModuleKind.CommonJS, moduleResolution: ts.ModuleResolutionKind.Bundler },
    ...{ verbatimModuleSyntax: false, isolatedModules: true, noEmit: false, allowImportingTsExtensions: false },
  };
  const host = ts.createCompilerHost(options);
  const { fileExists, getSourceFile } = host;
  host.fileExists = (path) => path === MODULE || fileExists(path);
  host.getSourceFile = (path, ...rest) =>
    path === MODULE ? ts.createSourceFile(path, code, ts.ScriptTarget.ES2023, true) : getSourceFile(path, ...rest);
  let text = '';
  host.writeFile = (_path, written) => {
    text = written;
  };
  const program = ts.createProgram([MODULE], options, host);
  const source = program.getSourceFile(MODULE);
  const problems = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
    ({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '),
  );
  program.emit(source);
  return { problems, text };
}

const compiled = compile(moduleOf(blocksOf('nest', 'typescript')));

interface Made {
  readonly AppModule: new () => object;
  readonly TidemarkFilter: new () => nestCommon.ExceptionFilter;
}

/** All recipes in one app that listens on a free port. */
async function run() {
  const rows = new Map([['s1', { id: 's1', name: 'Harrow', version: 1 }]]);
  const structures = [{ id: 'm', settlementId: 's1' }];
  const given = {
    origin: {
      settlement: { byIds: (ids: string[]) => ids.flatMap((id) => rows.get(id) ?? []) },
      structure: {
        byIds: (ids: string[]) => structures.filter(({ id }) => ids.includes(id)),
        childrenOf: {
          settlement: (ids: string[]) => structures.filter(({ settlementId }) => ids.includes(settlementId)),
        },
      },
    },
    authorize: ({ name }: { name: string }) => name !== 'Mallory',
    database: {
      rename: (id: string, name: string) => {
        const before = rows.get(id);
        if (before === undefined) throw new Error(`There is no settlement ${id}.`);
        const after = { ...before, name, version: before.version + 1 };
        rows.set(id, after);
        return Promise.resolve({ before, after });
      },
    },
  };
  const modules: Readonly<Record<string, unknown>> = {
    '@nestjs/common': nestCommon,
    '@nestjs/core': nestCore,
    ...{ rxjs, tidemark },
  };
  const made: Partial<Made> = {};
  // The code of a file of this repository.
  // eslint-disable-next-line @typescript-eslint/no-implied-eval
  const start = new Function('require', 'exports', ...Object.keys(given), compiled.text) as (
    ...args: unknown[]
  ) => void;
  start((name: string) => modules[name], made, ...Object.values(given));
  const { AppModule, TidemarkFilter } = made as Made;
  const app = await nestCore.NestFactory.create(AppModule, { logger: false });
  app.use((request: { headers: Record<string, string>; user?: object }, _response: unknown, next: () => void) => {
    request.user = { name: request.headers['x-user'] ?? 'Ann' };
    next();
  });
  app.useGlobalFilters(new TidemarkFilter());
  await app.listen(0);
  onTestFinished(() => app.close());
  const server = app.getHttpServer() as { address(): AddressInfo };
  return { url: `http://localhost:${String(server.address().port)}`, app };
}

const rename = (url: string, name: string): Promise<Response> =>
  fetch(`${url}/settlements/s1`, {
    method: 'PATCH',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name }),
  });

describe('the recipes with Nest', () => {
  test('compile', () => {
    expect(compiled.problems).toEqual([]);
  });

  test('would not if a type were wrong', () => {
    const [first = '', ...rest] = blocksOf('nest', 'typescript');
    const wrong = rest.map((code) => code.replace("get('settlement', id)", "get('village', id)"));
    expect(compile(moduleOf([first, ...wrong])).problems).toEqual([expect.stringContaining('"village"')]);
  });

  test('read', async () => {
    const { url } = await run();
    expect(await (await fetch(`${url}/settlements/s1`)).json()).toEqual({
      ...{ id: 's1', name: 'Harrow', version: 1 },
      structures: [{ id: 'm', settlementId: 's1' }],
    });
    expect((await fetch(`${url}/settlements/s2`)).status).toBe(404);
  });

  test('write, and the next read sees it', async () => {
    const { url } = await run();
    await fetch(`${url}/settlements/s1`);
    const written = (await (await rename(url, 'New Harrow')).json()) as { receipt: string };
    expect(written.receipt).toMatch(/^1\./);
    expect(await (await fetch(`${url}/settlements/s1`)).json()).toMatchObject({ name: 'New Harrow', version: 2 });
  });

  test('tell of changes, and of those that were missed', async () => {
    const { url } = await run();
    const first = await listen(url, '/live/s1');
    await rename(url, 'one');
    const named = (name: string) => ({ event: 'change', data: { entityId: 's1', changes: { values: { name } } } });
    expect(await first.take(1)).toMatchObject([named('one')]);
    first.leave();
    await rename(url, 'two');
    const second = await resume(url, first, '/live/s1');
    await rename(url, 'three');
    expect(await second.take(2)).toMatchObject([named('two'), named('three')]);
  });

  test('tell of health and errors', async () => {
    const { url } = await run();
    expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ status: 'up' });
    const blank = await fetch(`${url}/settlements/%20`);
    expect([blank.status, await blank.json()]).toEqual([400, { error: { code: 'BLANK_ID' } }]);
  });

  test('show a stranger nothing of the live changes', async () => {
    const { url } = await run();
    const refused = await fetch(`${url}/live/s1`, { headers: { 'x-user': 'Mallory' } });
    expect([refused.status, await refused.json()]).toEqual([403, { error: { code: 'UNAUTHORIZED' } }]);
  });

  test('shut down while somebody listens', async () => {
    const { url, app } = await run();
    const live = await listen(url, '/live/s1');
    const ended = live.next();
    await app.close();
    expect(await ended).toBeUndefined();
    await expect(fetch(`${url}/health`)).rejects.toThrow('fetch failed');
  });
});
