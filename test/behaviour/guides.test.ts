import * as apolloServer from '@apollo/server';
import * as express5 from '@as-integrations/express5';
import express from 'express';
import * as bentocache from 'bentocache';
import * as bentocacheMemory from 'bentocache/drivers/memory';
import * as cacheManager from 'cache-manager';
import * as yoga from 'graphql-yoga';
import fastify from 'fastify';
import assert from 'node:assert/strict';
import * as http from 'node:http';
import * as ws from 'ws';
import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';
import * as keyv from 'keyv';
import NodeCache from 'node-cache';
import * as ioredis from 'ioredis';
import * as pg from 'pg';
import * as socketIo from 'socket.io';
import * as socketIoClient from 'socket.io-client';
import ts from 'typescript';
import { afterAll, describe, expect, test } from 'vitest';
import * as tidemark from '../../src/index.js';
import * as cache from '../../src/cache/index.js';
import * as keyvAdapter from '../../src/adapters/keyv/index.js';
import * as nodeCacheAdapter from '../../src/adapters/node-cache/index.js';
import * as client from '../../src/client/index.js';
import * as clientApollo from '../../src/client/apollo/index.js';
import * as clientTanstack from '../../src/client/tanstack/index.js';
import * as apollo from '@apollo/client';
import * as queryCore from '@tanstack/query-core';
import * as socketIoHost from '../../src/hosts/socket-io/index.js';
import * as sseHost from '../../src/hosts/sse/index.js';
import * as wsHost from '../../src/hosts/ws/index.js';
import * as metricsModule from '../../src/hosts/metrics/index.js';
import * as openTelemetryApi from '@opentelemetry/api';
import * as promClient from 'prom-client';
import * as diagnosticsChannel from 'node:diagnostics_channel';
import * as graphqlHost from '../../src/hosts/graphql/index.js';
import * as expressHost from '../../src/hosts/express/index.js';
import * as fastifyHost from '../../src/hosts/fastify/index.js';
import * as inspectorHost from '../../src/hosts/inspector/index.js';
import * as grpcHost from '../../src/hosts/grpc/index.js';
import * as nestHost from '../../src/hosts/nest/index.js';
import * as postgres from '../../src/adapters/postgres/index.js';
import * as realtime from '../../src/realtime/index.js';
import * as redis from '../../src/adapters/redis/index.js';
import * as rules from '../../src/rules/index.js';
import * as testing from '../../src/testing/index.js';
import { LACKING, PRELUDES, dropDatabase } from './guide-preludes.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
/** What a guide may import. */
const MODULES: Readonly<Record<string, object>> = {
  ...{ tidemark, 'tidemark/cache': cache, 'tidemark/testing': testing },
  'tidemark/client': client,
  'tidemark/client/apollo': clientApollo,
  'tidemark/client/tanstack': clientTanstack,
  '@apollo/client': apollo,
  '@apollo/server': apolloServer,
  '@as-integrations/express5': express5,
  'graphql-yoga': yoga,
  '@tanstack/query-core': queryCore,
  'tidemark/express': expressHost,
  'tidemark/fastify': fastifyHost,
  'tidemark/graphql': graphqlHost,
  'tidemark/grpc': grpcHost,
  'tidemark/keyv': keyvAdapter,
  'tidemark/nest': nestHost,
  'tidemark/inspector': inspectorHost,
  'tidemark/metrics': metricsModule,
  'tidemark/node-cache': nodeCacheAdapter,
  'tidemark/postgres': postgres,
  'tidemark/realtime': realtime,
  'tidemark/redis': redis,
  'tidemark/rules': rules,
  'tidemark/socket-io': socketIoHost,
  'tidemark/sse': sseHost,
  'tidemark/ws': wsHost,
  bentocache,
  'bentocache/drivers/memory': bentocacheMemory,
  'cache-manager': cacheManager,
  express: { default: express },
  fastify: { default: fastify },
  'node:assert/strict': { default: assert },
  'node:http': http,
  'node:diagnostics_channel': diagnosticsChannel,
  '@opentelemetry/api': openTelemetryApi,
  'prom-client': promClient,
  'socket.io': socketIo,
  'socket.io-client': socketIoClient,
  ws,
  ioredis,
  pg,
  keyv,
  'node-cache': { default: NodeCache },
};

interface Guide {
  readonly path: string;
  readonly text: string;
  readonly prelude?: () => object;
}
const guides: Guide[] = ['README.md', ...readdirSync(join(ROOT, 'docs/guides')).map((name) => `docs/guides/${name}`)]
  .filter((path) => path.endsWith('.md'))
  .map((path) => {
    const prelude = Object.entries(PRELUDES).find(([file]) => file === path)?.[1];
    return { path, text: readFileSync(join(ROOT, path), 'utf8'), ...(prelude === undefined ? {} : { prelude }) };
  });

/** All blocks of a guide as one module, each line where it stands in the guide. */
function codeOf({ text }: Guide): string {
  let inside = false;
  const lines = text.split('\n').map((line) => {
    const fence = line.startsWith('```');
    if (fence) inside = line === '```ts';
    return inside && !fence ? line : '';
  });
  return lines.join('\n');
}
const namesOf = ({ prelude }: Guide): string[] => Object.keys(prelude?.() ?? {});
const hasCode = (guide: Guide): boolean => codeOf(guide).trim() !== '';

// ── Compiling ───────────────────────────────────────────────────────────────────────────────────────────────────

/** What the compiler says of the guides, in one program, as 'path:line: sentence'. */
function problemsOf(all: readonly Guide[]): string[] {
  const here = dirname(fileURLToPath(import.meta.url));
  const files = new Map(all.map((guide) => [join(here, `${guide.path.replaceAll('/', '-')}.ts`), guide]));
  const moduleOf = (guide: Guide): string => {
    const names = namesOf(guide);
    // On the line of the guide's title, which is no code.
    const given =
      names.length === 0
        ? ''
        : `import { PRELUDES } from './guide-preludes.js'; const { ${names.join(', ')} } = PRELUDES['${guide.path as keyof typeof PRELUDES}'](); `;
    return `${given}export {};${codeOf(guide)}`;
  };
  const config = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => ts.sys.readFile(path)).config as object;
  const { options } = ts.parseJsonConfigFileContent({ ...config, files: [], include: [] }, ts.sys, ROOT);
  const host = ts.createCompilerHost(options);
  const { fileExists, readFile, getSourceFile } = host;
  host.fileExists = (path) => files.has(path) || fileExists(path);
  host.readFile = (path) => {
    const guide = files.get(path);
    return guide === undefined ? readFile(path) : moduleOf(guide);
  };
  host.getSourceFile = (path, ...rest) => {
    const guide = files.get(path);
    return guide === undefined
      ? getSourceFile(path, ...rest)
      : ts.createSourceFile(path, moduleOf(guide), ts.ScriptTarget.ES2023, true);
  };
  const program = ts.createProgram([...files.keys()], options, host);
  return [...files].flatMap(([path, guide]) => {
    const source = program.getSourceFile(path);
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map((found) => {
      const line = found.file?.getLineAndCharacterOfPosition(found.start ?? 0).line ?? 0;
      return `${guide.path}:${String(line + 1)}: ${ts.flattenDiagnosticMessageText(found.messageText, ' ')}`;
    });
  });
}

// ── Running ─────────────────────────────────────────────────────────────────────────────────────────────────────

const AsyncFunction = (async () => {}).constructor as new (...parts: string[]) => (...args: unknown[]) => Promise<void>;

/** Runs all blocks of a guide in one go. Gives what they say to the console, and what they announce in a comment. */
async function run(guide: Guide): Promise<{ said: string[]; announced: string[] }> {
  const source = codeOf(guide);
  const announced = [...source.matchAll(/^console\.log\(.*\); \/\/ (.*)$/gm)].map((match) => match[1] ?? '');
  const { code } = await transform(`${source}\nexport {};`, { loader: 'ts', format: 'esm', target: 'node22' });
  const body = code
    .replace(/^import (\w+) from/gm, 'import { default as $1 } from')
    .replace(/^import \{([^}]*)\} from "([^"]+)";$/gm, (_, names: string, from: string) => {
      return `const {${names.replaceAll(' as ', ': ')}} = modules["${from}"];`;
    })
    .replace(/^export \{\s*\};$/gm, '');
  const said: string[] = [];
  const names = namesOf(guide);
  const given = Object.values(guide.prelude?.() ?? {}) as unknown[];
  const log = (text: unknown): void => {
    said.push(String(text));
  };
  await new AsyncFunction('modules', 'console', ...names, `'use strict';${body}`)(MODULES, { log }, ...given);
  return { said, announced };
}

test('every guide of which a prelude speaks exists, and has code', () => {
  for (const path of Object.keys(PRELUDES)) expect(guides.filter(hasCode).map((guide) => guide.path)).toContain(path);
  expect(guides.filter(hasCode).length).toBeGreaterThanOrEqual(5);
});

afterAll(dropDatabase);

const problems = problemsOf(guides.filter(hasCode));

describe.each(guides.filter(hasCode).map((guide) => [guide.path, guide] as const))('%s', (path, guide) => {
  test('compiles', () => {
    expect(problems.filter((problem) => problem.startsWith(`${path}:`))).toEqual([]);
  });

  test.skipIf(LACKING[path] !== undefined)('runs, and says what it announces', async () => {
    const { said, announced } = await run(guide);
    expect(said).toEqual(announced);
  });
});

/** Names of the members of an interface of src/options.ts. */
function membersOf(name: string): string[] {
  const path = join(ROOT, 'src/options.ts');
  const source = ts.createSourceFile(path, readFileSync(path, 'utf8'), ts.ScriptTarget.Latest, true);
  const found = source.statements.find((one) => ts.isInterfaceDeclaration(one) && one.name.text === name);
  return found !== undefined && ts.isInterfaceDeclaration(found)
    ? found.members.map((member) => member.name?.getText() ?? '')
    : [];
}

test('the guide to options names every option of createTidemark, and no other', () => {
  const { text } = guides.find(({ path }) => path === 'docs/guides/options.md') ?? { text: '' };
  const rows = text.split('\n').filter((line) => line.startsWith('|'));
  const named = rows.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map((match) => match[1]));
  const options = membersOf('TideOptions').filter((name) => name !== 'model' && name !== 'origin');
  expect(options.length).toBeGreaterThan(20);
  expect(named.sort()).toEqual(options.sort());
});

/** What the text, not the code, of a guide says of the tide: `tide.cache.del(key)` names `cache.del`. */
const verbsNamed = ({ text }: Guide): string[] =>
  [...text.replace(/^```[^]*?^```/gm, '').matchAll(/(?<=`[^`\n]*\btide\.)\w+(?:\.\w+)*(?=[^`\n]*`)/g)].map(
    ([path]) => path,
  );

test('verbs of the tide that the text of a guide names exist', async () => {
  const model = tidemark.defineModel({ entities: { kingdom: tidemark.entity<{ id: string }>()({}) } });
  const tide = tidemark.createTidemark({ model, origin: { kingdom: { byIds: () => [] } } });
  const isThere = (path: string): boolean =>
    path.split('.').reduce<unknown>((of, name) => (of as Record<string, unknown> | undefined)?.[name], tide) !==
    undefined;
  const named = guides.flatMap((guide) => verbsNamed(guide).map((path) => `${guide.path}: ${path}`));
  expect(named.length).toBeGreaterThan(30);
  expect(named.filter((one) => !isThere(one.split(': ')[1] ?? ''))).toEqual([]);
  await tide.close();
});

describe('code that is wrong would be seen', () => {
  const guide = (path: string, code: string): Guide => ({ path, text: `# Title\n\n\`\`\`ts\n${code}\n\`\`\`\n` });
  const start = `import { createTidemark, defineModel, entity } from 'tidemark';
const model = defineModel({ entities: { kingdom: entity<{ id: string }>()({}) } });
const tide = createTidemark({ model, origin: { kingdom: { byIds: () => [{ id: 'k1' }] } } });
`;

  test('by the compiler, with its line', () => {
    const wrong = guide('wrong.md', `${start}await tide.get('village', 'v1');`);
    const right = guide('right.md', `${start}await tide.get('kingdom', 'k1');`);
    expect(problemsOf([wrong, right])).toEqual([
      expect.stringMatching(/^wrong\.md:7: Argument of type '"village"' is not assignable/),
    ]);
  });

  test('by running it', async () => {
    const refused = guide('refused.md', `${start}await tide.get('kingdom', ' ');`);
    await expect(run(refused)).rejects.toMatchObject({ code: 'BLANK_ID' });
    const wrong = await run(guide('wrong.md', "console.log('one'); // two"));
    expect(wrong).toEqual({ said: ['one'], announced: ['two'] });
  });
});
