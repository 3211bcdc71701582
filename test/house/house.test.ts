import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { VERSION } from '../../src/version.ts';
import tsup from '../../tsup.config.ts';
import { CHECKS, MAX_LINES, type Sources } from './rules.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../..');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const readJson = (path: string): unknown => JSON.parse(read(path));

function sourcesOfHouse(): Sources {
  const files = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' });
  const paths = files.map((path) => path.replaceAll('\\', '/')).filter((path) => path.endsWith('.ts'));
  return new Map(paths.sort().map((path) => [path, read(`src/${path}`)]));
}

describe('the sources', () => {
  const sources = sourcesOfHouse();

  test('each belong to a layer', () => {
    expect(CHECKS.layer(sources)).toEqual([]);
  });
  test('import only in the direction of the design', () => {
    expect(CHECKS.import(sources)).toEqual([]);
  });
  test('have no circles', () => {
    expect(CHECKS.circle(sources)).toEqual([]);
  });
  test(`have at most ${String(MAX_LINES)} lines a file`, () => {
    expect(CHECKS.size(sources)).toEqual([]);
  });
  test('are named after what they hold', () => {
    expect(CHECKS.name(sources)).toEqual([]);
  });
  test('read no clock, environment or random source of their own, print nothing and use no any', () => {
    expect(CHECKS.code(sources)).toEqual([]);
  });
});

describe('the public paths', () => {
  type Conditions = { readonly types: string; readonly default: string };
  const { exports, bin } = readJson('package.json') as {
    readonly exports: Record<string, string | Record<string, Conditions>>;
    readonly bin: Record<string, string>;
  };
  const subpaths = Object.keys(exports).filter((subpath) => subpath !== './package.json');

  /**
   * './client/apollo' is src/client/apollo/index.ts and dist/client/apollo.js; '.' is src/index.ts and dist/index.js;
   * './keyv' is src/adapters/keyv/index.ts and dist/keyv.js, and so for hosts.
   */
  const outputName = (subpath: string): string => (subpath === '.' ? 'index' : subpath.slice(2));
  const sourceOf = (subpath: string): string => {
    const candidates = ['src', 'src/adapters', 'src/hosts'].map((folder) => posix.join(folder, subpath, 'index.ts'));
    return candidates.find((path) => existsSync(join(root, path))) ?? (candidates[0] as string);
  };

  test('are the entries of the build, beside the command', () => {
    const paths = Object.fromEntries(subpaths.map((path) => [outputName(path), sourceOf(path)]));
    expect(tsup.entry).toEqual({ ...paths, cli: 'src/cli/index.ts' });
    expect(bin).toEqual({ tidemark: './dist/cli.js' });
    expect(read('src/cli/index.ts')).toMatch(/^#!\/usr\/bin\/env node\n/);
  });
  test('are the entry points of the API docs', () => {
    const { entryPoints } = readJson('typedoc.json') as { entryPoints: string[] };
    expect([...entryPoints].sort()).toEqual(subpaths.map(sourceOf).sort());
  });
  test.each(subpaths)('%s has a source, and types and code for import and require', (subpath) => {
    expect(existsSync(join(root, sourceOf(subpath))), `${sourceOf(subpath)} should exist`).toBe(true);
    const file = `./dist/${outputName(subpath)}`;
    expect(exports[subpath]).toEqual({
      import: { types: `${file}.d.ts`, default: `${file}.js` },
      require: { types: `${file}.d.cts`, default: `${file}.cjs` },
    });
  });
  test('have the version that replicas tell each other', () => {
    expect(VERSION).toBe((readJson('package.json') as { readonly version: string }).version);
  });
  test('include package.json', () => {
    expect(exports['./package.json']).toBe('./package.json');
  });
});

describe('the checker', () => {
  const plant = (check: keyof typeof CHECKS, files: Readonly<Record<string, string>>): string =>
    CHECKS[check](new Map(Object.entries(files))).join('\n');
  const empty = { 'errors.ts': '', 'contract.ts': '', 'subject.ts': '', 'tidemark.ts': '', 'index.ts': '' };

  test('accepts what is allowed', () => {
    const files = {
      ...empty,
      'cache/keys.ts': "import '../subject.js'; import type { A } from '../model.ts';",
      'model.ts': "import { TidemarkError } from './errors';",
      'cache/read.ts': "import './keys.js'; import DataLoader from 'dataloader'; import { hash } from 'node:crypto';",
      'cache/index.ts': "export * from './keys.js';",
      'adapters/memory.ts': "import mitt from 'mitt'; import '../contract.js';",
      'adapters/redis/index.ts': "export * from './store.js';",
      'adapters/redis/store.ts': "import type { Redis } from 'ioredis'; import '../../errors.js';",
      'tidemark.ts': "import './adapters/memory.js'; import './cache/read.js';",
      'clock.ts': 'export const now = () => Date.now();',
    };
    for (const check of Object.keys(CHECKS) as (keyof typeof CHECKS)[]) expect(plant(check, files)).toBe('');
  });

  const planted: readonly [keyof typeof CHECKS, Readonly<Record<string, string>>, RegExp][] = [
    ['layer', { 'planets.ts': '' }, /src\/planets\.ts is in no layer/],
    ['import', { ...empty, 'errors.ts': "import type { A } from './contract.js';" }, /'errors' is of 'errors'/],
    ['import', { ...empty, 'contract.ts': "export type A = import('./subject.js').B;" }, /'subject' of 'subject'/],
    [
      'import',
      { ...empty, 'cache/keys.ts': "export * from './read.js';", 'cache/read.ts': '' },
      /'cache\/read' of 'effects'/,
    ],
    ['import', { ...empty, 'cache/read.ts': "await import('../tidemark.js');" }, /'tidemark' of 'tidemark'/],
    [
      'import',
      { ...empty, 'cache/read.ts': "import type { A } from '../rules/parse.js';", 'rules/parse.ts': '' },
      /never import each other/,
    ],
    [
      'import',
      { ...empty, 'adapters/redis.ts': "import '../events.js';", 'events.ts': '' },
      /adapters\/ may import only/,
    ],
    [
      'import',
      { ...empty, 'adapters/redis.ts': "import './keyv.js';", 'adapters/keyv.ts': '' },
      /adapters\/ may import only/,
    ],
    [
      'import',
      { ...empty, 'testing/cases.ts': "import '../adapters/memory.js';", 'adapters/memory.ts': '' },
      /testing\/ may import only/,
    ],
    [
      'import',
      { ...empty, 'tidemark.ts': "import './adapters/redis.js';", 'adapters/redis.ts': '' },
      /an adapter may be imported only by/,
    ],
    [
      'import',
      { ...empty, 'cache/read.ts': "import '../adapters/memory.js';", 'adapters/memory.ts': '' },
      /an adapter may be imported only by/,
    ],
    [
      'import',
      { 'adapters/redis.ts': "import { Redis } from 'ioredis';" },
      /imports 'ioredis': of npm packages it may use none/,
    ],
    ['import', { 'testing/index.ts': "import { test } from 'vitest';" }, /imports 'vitest'/],
    ['import', { 'subject.ts': "import './gone.js';" }, /no such file/],
    ['import', { 'subject.ts': "import { hash } from 'crypto';" }, /write 'node:crypto'/],
    [
      'circle',
      { 'cache/a.ts': "import './b.js';", 'cache/b.ts': "import type { A } from './a.js';" },
      /cache\/a\.ts → cache\/b\.ts → cache\/a\.ts/,
    ],
    ['size', { 'model.ts': 'x;\n'.repeat(401) }, /has 401 lines/],
    ['name', { 'cache/cache-manager.ts': '' }, /named after no thing/],
    ['name', { 'utils/text.ts': '' }, /named after no thing/],
    ['code', { 'model.ts': 'console.warn(1);' }, /model\.ts:1 says 'console'/],
    ['code', { 'model.ts': '\nconst at = Date.now();' }, /model\.ts:2 says 'Date\.now\(\)'/],
    ['code', { 'model.ts': 'const at = new Date();' }, /'newDate\(\)'/],
    ['code', { 'model.ts': 'const dice = Math.random();' }, /'Math\.random\(\)'/],
    ['code', { 'model.ts': "const url = process['env'];" }, /'process\.env'/],
    ['code', { 'model.ts': 'setTimeout(run, 1);' }, /'setTimeout\(\)'/],
    ['code', { 'model.ts': "import { AsyncLocalStorage } from 'node:async_hooks';" }, /'AsyncLocalStorage'/],
    ['code', { 'model.ts': 'export type Row = Record<string, any>;' }, /'any': write unknown/],
  ];
  test.each(planted)('catches a planted fault: %s, %o', (check, files, sentence) => {
    expect(plant(check, files)).toMatch(sentence);
  });
  test('reads code, not comments and names', () => {
    expect(plant('code', { 'model.ts': '/** console.log(any), Date.now() */ new Date(0); clock.setTimeout(1);' })).toBe(
      '',
    );
  });
});
