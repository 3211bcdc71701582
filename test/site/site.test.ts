import { execFile } from 'node:child_process';
import { createReadStream, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, extname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { inflateSync } from 'node:zlib';
import { chromium } from 'playwright-core';
import ts from 'typescript';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findChromium } from '../../scripts/chromium.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const BUILT = join(ROOT, 'site');
const SCRIPTS = ['docs-site.mjs', 'docs-site.css', 'flowchart.mjs'].map((name) => `scripts/${name}`);
const SOURCES = ['src', 'docs', 'examples', 'bench/RESULTS.md', ...SCRIPTS];
const ALONE = ['README.md', 'CHANGELOG.md', 'SECURITY.md', 'typedoc.json'];

const newest = (path: string): number => {
  const at = statSync(path);
  if (!at.isDirectory()) return at.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
};
const isBuilt = (): boolean => {
  const page = join(BUILT, 'assets/search.js'); // among the last that are written
  if (!existsSync(page)) return false;
  return newest(page) > Math.max(...[...SOURCES, ...ALONE].map((path) => newest(join(ROOT, path))));
};
const SITE = isBuilt() ? BUILT : mkdtempSync(join(tmpdir(), 'tidemark-site-'));
const found = findChromium();
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};
const SEARCHES = [
  ['antimeridian', 'guides/spatial.html'],
  ['cascade', 'guides/inspector.html'],
  ['When to shard', 'guides/scaling.html'],
  ['createTidemark', 'functions/tidemark.createTidemark.html'],
] as const;

beforeAll(async () => {
  if (SITE === BUILT) return;
  const typedoc = join(ROOT, 'node_modules/typedoc/bin/typedoc');
  await promisify(execFile)(process.execPath, [typedoc, '--out', SITE], { cwd: ROOT });
}, 300_000);
afterAll(() => {
  if (SITE !== BUILT) rmSync(SITE, { recursive: true, force: true });
});

const pages = (): string[] =>
  readdirSync(SITE, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.html'));

test('every guide has a page, and every entry point', () => {
  const guides = readdirSync(join(ROOT, 'docs/guides')).map((name) => `guides/${name.replace('.md', '.html')}`);
  expect(pages()).toEqual(expect.arrayContaining(guides));
  const { entryPoints } = JSON.parse(readFileSync(join(ROOT, 'typedoc.json'), 'utf8')) as { entryPoints: string[] };
  expect(pages().filter((path) => path.startsWith('modules/'))).toHaveLength(entryPoints.length);
});

test('each exported name of each entry point has a page', () => {
  const { entryPoints } = JSON.parse(readFileSync(join(ROOT, 'typedoc.json'), 'utf8')) as { entryPoints: string[] };
  const files = entryPoints.map((path) => join(ROOT, path));
  const read: { config?: unknown } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), (path) => ts.sys.readFile(path));
  const { options } = ts.parseJsonConfigFileContent(read.config, ts.sys, ROOT);
  const program = ts.createProgram(files, options);
  const checker = program.getTypeChecker();
  const documented = new Set(pages().map((path) => path.split('.').at(-2)));
  const missing = files.flatMap((path) => {
    const file = program.getSourceFile(path);
    const module = file && checker.getSymbolAtLocation(file);
    if (module === undefined) return [`${path}: not a module`];
    const names = checker.getExportsOfModule(module).map(({ name }) => name);
    return names.filter((name) => !documented.has(name)).map((name) => `${path}: ${name}`);
  });
  expect(missing).toEqual([]);
}, 60_000);

test("the README's diagram is drawn, with all that stands in its boxes", () => {
  const [, source = ''] = /```mermaid\n([\s\S]*?)```/.exec(readFileSync(join(ROOT, 'README.md'), 'utf8')) ?? [];
  const [drawn = ''] = /<svg class="flowchart"[\s\S]*?<\/svg>/.exec(readFileSync(join(SITE, 'index.html'), 'utf8')) ?? [];
  const words = drawn.replace(/<[^>]+>/g, ' ');
  const labels = [...source.matchAll(/\[([^\]]+)\]|-- "?([^"]*?)"? -->/g)].map(([, box, arrow]) => box ?? arrow ?? '');
  expect(labels).toHaveLength(14);
  for (const word of labels.join(' ').split(' ')) expect(words).toContain(word);
});

test('no link leads to a page that is not there', () => {
  const broken = pages().flatMap((page) => {
    const html = readFileSync(join(SITE, page), 'utf8');
    return [...html.matchAll(/ (?:href|src)="([^"#:]+)(?:#[^"]*)?"/g)]
      .map(([, to = '']) => to.split('?')[0] ?? '')
      .filter((to) => !existsSync(resolve(SITE, dirname(page), decodeURI(to))))
      .map((to) => `${page}: ${to}`);
  });
  expect(broken).toEqual([]);
});

test('every guide is in the navigation, and has a page of its own', () => {
  const deflated = readFileSync(join(SITE, 'assets/navigation.js'), 'utf8').match(/"([^"]+)"/)?.[1] ?? '';
  const navigation = inflateSync(Buffer.from(deflated, 'base64')).toString();
  const missing = readdirSync(join(ROOT, 'docs/guides'))
    .map((name) => `guides/${name.replace('.md', '.html')}`)
    .filter((page) => !navigation.includes(`"${page}"`));
  expect(missing).toEqual([]);
});

test.skipIf(found.missing !== undefined).each(['file', 'http'])(
  'search over %s: finds a word of a guide, a heading and a symbol',
  async (scheme) => {
    const server = createServer((request, response) => {
      const path = join(SITE, new URL(request.url ?? '/', 'http://site').pathname);
      response.setHeader('content-type', TYPES[extname(path)] ?? 'application/octet-stream');
      createReadStream(path)
        .on('error', () => response.writeHead(404).end())
        .pipe(response);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const site = scheme === 'file' ? `file://${SITE}` : `http://127.0.0.1:${String(port)}`;
    const browser = await chromium.launch({
      executablePath: found.path ?? '',
      args: ['--no-sandbox', '--disable-gpu'],
    });
    try {
      const page = await browser.newPage();
      for (const [word, address] of SEARCHES) {
        await page.goto(`${site}/index.html`); // a dialog that is closing would swallow the next '/'
        await page.keyboard.press('/');
        await page.fill('#tsd-search-input', word);
        await page.locator(`#tsd-search-results a[href$="${address}"]`).first().waitFor();
      }
      await page.goto(`${site}/index.html`);
      await page.click('#tsd-search-trigger');
      await page.locator('#tsd-search-input').waitFor();
    } finally {
      await browser.close();
      server.closeAllConnections();
      server.close();
    }
  },
  90_000,
);
