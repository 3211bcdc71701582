import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { reach } from '../../services/reach.js';

/*
 * The tests that graphql-redis-subscriptions 2.7.0 publishes, unchanged, in mocha, against this RedisPubSub. Their double of a
 * client runs no scripts, so with it there is no history; the same file is run once more with real clients in its place.
 */

const require = createRequire(import.meta.url);
const single = await reach('single');
const here = dirname(fileURLToPath(import.meta.url));
const theirs = (file: string): string =>
  join(dirname(require.resolve('graphql-redis-subscriptions')), 'test', `${file}.js`);
let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-published-'));
  await build({
    entryPoints: [join(here, '../../../src/hosts/graphql/index.ts')],
    outfile: join(folder, 'graphql.cjs'),
    bundle: true,
    format: 'cjs',
    platform: 'node',
  });
});
afterAll(() => rm(folder, { recursive: true }));

/** They count the calls of the double, which nobody makes where there are real clients. */
const ABOUT_THE_DOUBLE = [
  'should verify close calls pub and sub quit methods',
  'can subscribe to a redis channel pattern and called when a message is published on it',
  'can unsubscribe from specific redis channel',
  "will not unsubscribe from the redis channel if there is another subscriber on it's subscriber list",
  'will subscribe to redis channel only once',
];

interface Outcome {
  readonly passed: readonly string[];
  readonly failed: readonly string[];
}

async function mocha(file: string, more: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const bin = require.resolve('mocha/bin/mocha.js');
  const args = [
    bin,
    '--no-config',
    '--exit',
    '--reporter',
    'json',
    '--require',
    join(here, 'published-hook.mjs'),
    file,
  ];
  const redis = single.missing === undefined ? { REDIS_URL: single.url } : {};
  const env = { ...process.env, ...redis, BUNDLE: join(folder, 'graphql.cjs'), ...more };
  const said = await new Promise<string>((resolve) => {
    // Its exit code is the number of failures.
    execFile(process.execPath, args, { env }, (_, stdout, stderr) => {
      resolve(stdout.slice(stdout.indexOf('{\n')) || stderr);
    });
  });
  const titles = (tests: readonly { readonly title: string }[]) => tests.map(({ title }) => title);
  const { passes, failures } = JSON.parse(said) as Record<'passes' | 'failures', readonly { title: string }[]>;
  const failed = titles(failures);
  // One that is done and then fails is told as both.
  return { passed: titles(passes).filter((title) => !failed.includes(title)), failed };
}

describe.skipIf(single.missing !== undefined)('the published tests of graphql-redis-subscriptions', () => {
  test('pass with their double of a client', async () => {
    const { passed, failed } = await mocha(theirs('tests'));
    expect(failed).toEqual([]);
    expect(passed).toHaveLength(23);
  });

  test('pass with real clients and history, but for those that look at the double', async () => {
    const { passed, failed } = await mocha(theirs('tests'), { REAL_CLIENTS: 'true' });
    expect(failed).toEqual(ABOUT_THE_DOUBLE);
    expect(passed).toHaveLength(23 - ABOUT_THE_DOUBLE.length);
  });

  test('those of integration pass on a real Redis', async () => {
    const { passed, failed } = await mocha(theirs('integration-tests'));
    expect(failed).toEqual([]);
    expect(passed).toHaveLength(3);
  });
});
