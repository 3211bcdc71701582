import { execFile } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { transform } from 'esbuild';
import { afterAll, beforeAll, expect, test } from 'vitest';

// The apps of docs/guides/graphql.md as whoever follows it writes them: a file of their own, beside the packed tarball.

const root = fileURLToPath(new URL('../..', import.meta.url));
const guide = readFileSync(join(root, 'docs/guides/graphql.md'), 'utf8');
const scratch = realpathSync(mkdtempSync(join(tmpdir(), 'tidemark-graphql-')));
const execute = promisify(execFile);

beforeAll(async () => {
  await execute('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', scratch], { cwd: root });
  const [tarball = ''] = readdirSync(scratch);
  await execute('tar', ['-xzf', tarball], { cwd: scratch });
  const modules = join(scratch, 'node_modules');
  mkdirSync(modules);
  for (const name of readdirSync(join(root, 'node_modules')).filter((each) => !each.startsWith('.')))
    symlinkSync(join(root, 'node_modules', name), join(modules, name));
  symlinkSync(join(scratch, 'package'), join(modules, 'tidemark'));
});
afterAll(() => {
  rmSync(scratch, { recursive: true, force: true });
});

/** The code of one section of the guide. */
function codeOf(title: string): string {
  const [, ...sections] = guide.split('\n## ');
  const section = sections.find((each) => each.startsWith(`${title}\n`));
  if (section === undefined) throw new Error(`the guide has no section ${title}`);
  return [...section.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code]) => code).join('\n');
}

test.each(['On graphql-yoga', 'On Apollo Server'])('%s: the app says what the guide says, and ends', async (title) => {
  const source = ['The app', title, 'What to know'].map(codeOf).join('\n');
  const announced = [...source.matchAll(/^console\.log\(.*\); \/\/ (.*)$/gm)].map(([, text]) => text);
  expect(announced.length).toBeGreaterThan(3);
  const { code } = await transform(source, { loader: 'ts', format: 'esm', target: 'node22' });
  const file = join(scratch, `${title.replaceAll(' ', '-')}.mjs`);
  writeFileSync(file, code);
  const { PATH, HOME } = process.env;
  const { stdout } = await execute(process.execPath, [file], { cwd: scratch, env: { PATH, HOME } });
  expect(stdout.trim().split('\n')).toEqual(announced);
});
