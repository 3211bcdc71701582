import { execFile } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

// What a stranger gets: the packed tarball in an empty ESM and an empty CJS project. Needs `npm run build` before.

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly exports: Record<string, unknown>;
  readonly dependencies: Record<string, string>;
  readonly peerDependencies: Record<string, string>;
  readonly peerDependenciesMeta: Record<string, { readonly optional?: boolean }>;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest;
const subpaths = Object.keys(manifest.exports).filter((subpath) => subpath !== './package.json');
/** Paths that import a peer when they are loaded; the host installs it. */
const PEERS: Readonly<Record<string, readonly string[]>> = {
  './grpc': ['@grpc/grpc-js'],
  './nest': ['@nestjs/common', '@nestjs/core'],
};
const alone = subpaths.filter((subpath) => PEERS[subpath] === undefined);
const specifierOf = (subpath: string): string => manifest.name + subpath.slice(1);

const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'tidemark-package-')));
const esm = join(scratch, 'esm');
const cjs = join(scratch, 'cjs');
/** With all peers, for files of both kinds. */
const beside = join(scratch, 'beside');

const execute = promisify(execFile);

/** Runs a program to its end. What it printed, on either stream, is in the error if it fails. */
async function run(cwd: string, command: string, args: readonly string[]): Promise<string> {
  // Vitest's own variables (NODE_ENV, VITEST, NODE_OPTIONS) are not a stranger's.
  const { PATH, HOME, NODE_EXTRA_CA_CERTS } = process.env;
  // A machine behind a proxy of its own has a certificate of its own.
  const certificates = NODE_EXTRA_CA_CERTS === undefined ? {} : { NODE_EXTRA_CA_CERTS };
  try {
    const { stdout } = await execute(command, args, { cwd, env: { PATH, HOME, ...certificates } });
    return stdout.trim();
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${command} ${args.join(' ')} failed in ${cwd}:\n${stdout}\n${stderr}`, { cause: error });
  }
}

const node = (cwd: string, file: string): Promise<string> => run(cwd, process.execPath, [file]);

async function compile(compiler: string, cwd: string, files: readonly string[]): Promise<string> {
  const strict = ['--strict', '--exactOptionalPropertyTypes', '--skipLibCheck', 'false'];
  // A Node app: no DOM types, and those of Node, which bring Symbol.asyncDispose to a target that lacks it.
  const types = ['--lib', 'es2023', '--typeRoots', join(root, 'node_modules/@types'), '--types', 'node'];
  const modules = ['--module', 'nodenext', '--target', 'es2023'];
  const emit = ['--declaration', '--outDir', 'out'];
  return run(cwd, join(root, 'node_modules/.bin', compiler), [...files, ...strict, ...types, ...modules, ...emit]);
}

beforeAll(async () => {
  expect(existsSync(join(root, 'dist')), 'dist/ is missing: run npm run build first').toBe(true);
  await run(root, 'npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', scratch]);
  const tarball = join(scratch, `${manifest.name}-${manifest.version}.tgz`);
  const peers = Object.entries(manifest.peerDependencies).map(([name, range]) => `${name}@${range}`);
  for (const [directory, type, more] of [
    [esm, 'module', []],
    [cjs, 'commonjs', []],
    [beside, 'module', peers],
  ] as const) {
    mkdirSync(directory);
    writeFileSync(join(directory, 'package.json'), JSON.stringify({ name: 'stranger', private: true, type }));
    const quietly = ['--prefer-offline', '--no-audit', '--no-fund', '--ignore-scripts'];
    await run(directory, 'npm', ['install', ...quietly, tarball, ...more]);
  }
});
afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
});

test('an install brings tidemark, its dependencies and what those need, and nothing else', () => {
  const installed = readdirSync(join(esm, 'node_modules')).filter((name) => !name.startsWith('.'));
  const neededByThose = ['quickselect', 'tinyqueue'];
  expect(installed.sort()).toEqual([manifest.name, ...Object.keys(manifest.dependencies), ...neededByThose].sort());
});

test('every peer is optional, and named because a path imports it', () => {
  const optional = Object.entries(manifest.peerDependenciesMeta).filter(([, { optional }]) => optional === true);
  expect(optional.map(([name]) => name).sort()).toEqual(Object.keys(manifest.peerDependencies).sort());
  expect([...new Set(Object.values(PEERS).flat())].sort()).toEqual(Object.keys(manifest.peerDependencies).sort());
});

test('the tarball holds what package.json names, and no sources or tests', () => {
  const shipped = readdirSync(join(esm, 'node_modules', manifest.name));
  expect(shipped.sort()).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md', 'dist', 'package.json']);
});

test('the command runs where it is installed', async () => {
  const command = join(esm, 'node_modules/.bin', manifest.name);
  expect(await run(esm, command, ['migrate', '--print', '--schema', 'own'])).toMatch(
    /create unlogged table "own"\.mark/,
  );
  const { findings } = JSON.parse(await run(esm, command, ['doctor', '--json'])) as { findings: { id: string }[] };
  expect(findings.map(({ id }) => id)).toContain('environment.node');
  const lacking = run(esm, command, ['doctor', '--redis', 'redis://127.0.0.1:1']);
  await expect(lacking).rejects.toThrow(/the package 'ioredis', which is not installed in .*npm install ioredis/);
  const refused = run(esm, command, ['migrate', '--forse']);
  await expect(refused).rejects.toThrow(/Unknown option '--forse'.*migrate --print/s);
  await expect(refused).rejects.toMatchObject({ cause: { code: 2 } });
});

describe.each(subpaths)('%s', (subpath) => {
  const specifier = specifierOf(subpath);
  const peers = PEERS[subpath] ?? [];
  const [importing, requiring] = peers.length === 0 ? [esm, cjs] : [beside, beside];

  test.skipIf(peers.length === 0)('says which peer it lacks where that is not installed', async () => {
    writeFileSync(join(esm, 'lacking.js'), `import '${specifier}';`);
    await expect(node(esm, 'lacking.js')).rejects.toThrow(`Cannot find package '${peers[0] ?? ''}'`);
  });

  test('loads by import and by require, with the same names', async () => {
    const print = 'console.log(JSON.stringify(Object.keys(loaded).filter((name) => name !== "default").sort()));';
    const name = specifier.replaceAll('/', '-');
    writeFileSync(join(importing, `${name}.mjs`), `import * as loaded from '${specifier}'; ${print}`);
    writeFileSync(join(requiring, `${name}.cjs`), `const loaded = require('${specifier}'); ${print}`);
    const imported = JSON.parse(await node(importing, `${name}.mjs`)) as string[];
    expect(imported).not.toEqual([]);
    expect(JSON.parse(await node(requiring, `${name}.cjs`))).toEqual(imported);
  });

  test.each(['js', 'cjs'])('pulls in no client library (.%s)', (extension) => {
    const file = join(
      esm,
      'node_modules',
      manifest.name,
      'dist',
      `${subpath === '.' ? 'index' : subpath}.${extension}`,
    );
    const outside = [...outsideImports(file)].filter((name) => !name.startsWith('node:'));
    expect([...Object.keys(manifest.dependencies), ...peers]).toEqual(expect.arrayContaining(outside));
    expect(outside).toEqual(expect.arrayContaining([...peers]));
  });
});

/** The packages that a built file and all files it reaches name, by import or require. */
function outsideImports(file: string, seen = new Set<string>()): Set<string> {
  const outside = new Set<string>();
  if (seen.has(file)) return outside;
  seen.add(file);
  for (const { fileName } of ts.preProcessFile(readFileSync(file, 'utf8'), true, true).importedFiles) {
    const reached = fileName.startsWith('.') ? outsideImports(join(dirname(file), fileName), seen) : [fileName];
    for (const name of reached) outside.add(name);
  }
  return outside;
}

const PROGRAM = `
const model = defineModel({ entities: { campaign: entity()({}) } });
const asked = [];
const origin = { campaign: { byIds: (ids) => { asked.push(...ids); return ids.map((id) => ({ id, name: 'Northmarch' })); } } };
const tide = createTidemark({ model, origin });
const main = async () => {
  await tide.ready();
  const first = await tide.get('campaign', '1');
  const again = await tide.get('campaign', '1');
  await tide.close();
  console.log(first.name, again.name, asked.length);
};
main();
`;

test('a small program reads through the cache, as ESM', async () => {
  writeFileSync(join(esm, 'app.js'), `import { createTidemark, defineModel, entity } from 'tidemark';${PROGRAM}`);
  expect(await node(esm, 'app.js')).toBe('Northmarch Northmarch 1');
});

test('a small program reads through the cache, as CJS', async () => {
  writeFileSync(join(cjs, 'app.js'), `const { createTidemark, defineModel, entity } = require('tidemark');${PROGRAM}`);
  expect(await node(cjs, 'app.js')).toBe('Northmarch Northmarch 1');
});

test('errors of the ESM and the CJS copy recognise each other', async () => {
  writeFileSync(
    join(esm, 'both.js'),
    `import { createRequire } from 'node:module';
    import { isTidemarkError } from 'tidemark';
    const { TidemarkError } = createRequire(import.meta.url)('tidemark');
    console.log(isTidemarkError(new TidemarkError('CLOSED', 'closed')));`,
  );
  expect(await node(esm, 'both.js')).toBe('true');
});

test.each(['tsc', 'tsc6'])(
  'the types resolve for ESM and CJS apps that declare what they export, with %s',
  async (compiler) => {
    const everyPath = alone.map((path, index) => `import * as path${String(index)} from '${specifierOf(path)}';`);
    const names = alone.map((_, index) => `path${String(index)}`).join(', ');
    const app = `
${everyPath.join('\n')}
import { createTidemark, defineModel, entity } from 'tidemark';
export const model = defineModel({ entities: { campaign: entity<{ id: string; name: string }>()({}) } });
export const tide = createTidemark({ model, origin: { campaign: { byIds: (ids) => ids.map((id) => ({ id, name: 'Northmarch' })) } } });
export const world = tide.scope({});
export const campaign = world.get('campaign', '1');
export const name: Promise<string | undefined> = campaign.then((row) => row?.name);
// @ts-expect-error no such type
void tide.get('planet', '1');
export const loaded: readonly object[] = [${names}];
`;
    writeFileSync(join(esm, 'app.mts'), app);
    writeFileSync(join(esm, 'app.cts'), app);
    expect(await compile(compiler, esm, ['app.mts', 'app.cts'])).toBe('');
    for (const file of ['app.d.mts', 'app.d.cts']) {
      const declared = readFileSync(join(esm, 'out', file), 'utf8');
      expect(declared).toContain('campaign');
      // Declarations must reach every type by its public path, and none may have decayed.
      expect(declared).not.toMatch(/tidemark\/dist|\bany\b/);
    }
  },
);

const INSPECTED = `
const { createServer } = http;
const model = defineModel({ entities: { campaign: entity()({}) } });
const tide = createTidemark({ model, origin: { campaign: { byIds: (ids) => ids.map((id) => ({ id })) } } });
const page = inspector(tide, { enabled: true, authorize: () => true });
const server = createServer((request, response) => page.handle(request, response)).listen(0, '127.0.0.1', async () => {
  const url = 'http://127.0.0.1:' + server.address().port + '/inspector/';
  const read = async (file) => (await fetch(url + file)).text();
  const html = await read('');
  const files = [...html.matchAll(/(?:href|src)="([a-z]+\\.(?:css|js))"/g)].map(([, file]) => file);
  const sizes = await Promise.all(files.map(async (file) => (await read(file)).length > 1000));
  console.log(html.includes('<title>Inspector'), files.length, sizes.every(Boolean));
  process.exit();
});
`;

test('the page of the inspector is served from the package, as ESM and CJS', async () => {
  writeFileSync(
    join(esm, 'inspected.js'),
    `import http from 'node:http'; import { createTidemark, defineModel, entity } from 'tidemark';
    import { inspector } from 'tidemark/inspector';${INSPECTED}`,
  );
  writeFileSync(
    join(cjs, 'inspected.js'),
    `const http = require('node:http'); const { createTidemark, defineModel, entity } = require('tidemark');
    const { inspector } = require('tidemark/inspector');${INSPECTED}`,
  );
  for (const directory of [esm, cjs]) expect(await node(directory, 'inspected.js')).toBe('true 4 true');
});

const SERVICE = `
import { createTidemark, defineModel, entity } from 'tidemark';
import { localRules, remoteRules, serveRules } from 'tidemark/grpc';
const model = defineModel({ entities: { campaign: entity<{ id: string }>()({ computed: { isLong: 'boolean' } }) } });
const rules = { source: [] };
const tide = createTidemark({ model, origin: { campaign: { byIds: (ids) => ids.map((id) => ({ id })) } }, rules });
export const main = async () => {
  const server = await serveRules({ tide, rules, port: 0 });
  const engine = remoteRules({ port: server.port, host: '127.0.0.1', fallback: localRules({ tide }) });
  const { value } = await engine.evaluateCondition({ expression: { '+': [1, 2] } });
  const { value: none, found } = await engine.evaluateCondition({ type: 'campaign', id: '1', field: 'isLong' });
  engine.close();
  await server.close();
  await tide.close();
  console.log(value, none, found);
};
void main();
`;

test.each(['tsc', 'tsc6'])(
  'with its peer a rules service serves and asks, as ESM and CJS, with %s',
  async (compiler) => {
    writeFileSync(join(beside, 'service.mts'), SERVICE);
    writeFileSync(join(beside, 'service.cts'), SERVICE);
    expect(await compile(compiler, beside, ['service.mts', 'service.cts'])).toBe('');
    // No code is made from text, so that it runs where that is forbidden.
    const strict = '--disallow-code-generation-from-strings';
    for (const file of ['out/service.mjs', 'out/service.cjs'])
      expect(await run(beside, process.execPath, [strict, file])).toBe('3 null true');
  },
);
