import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { blocksOf } from '../world/guide-blocks.js';
import { listen } from '../world/server-events.js';
import { linkedFolder, root, run, start } from './linked.js';

// The app of docs/guides/nest.md as a stranger makes it: from the packed tarball, compiled by a real compiler, in a process of
// its own.

const scratch = linkedFolder();

/** The files of the guide: its blocks that begin with a path. */
const files = new Map(
  ['json', 'typescript'].flatMap((language) =>
    blocksOf('nest', language).flatMap((block): [string, string][] => {
      const [, path, code] = /^\/\/ (\S+)\n([^]*)$/.exec(block) ?? [];
      return path === undefined || code === undefined ? [] : [[path, code]];
    }),
  ),
);

interface Kind {
  readonly type: 'module' | 'commonjs';
  readonly metadata: boolean;
  readonly compiler: 'tsc' | 'tsc6';
}

/** The app, compiled. Returns its folder. */
async function compiled({ type, metadata, compiler }: Kind): Promise<string> {
  const app = mkdtempSync(join(scratch, 'atlas-'));
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'atlas', private: true, type }));
  for (const [path, code] of files) {
    mkdirSync(dirname(join(app, path)), { recursive: true });
    const written = metadata ? code : code.replace('"emitDecoratorMetadata": true', '"emitDecoratorMetadata": false');
    writeFileSync(join(app, path), written);
  }
  await run(app, join(root, 'node_modules/.bin', compiler), []);
  return app;
}

const ann = { authorization: 'Bearer ann' };

test('the guide names every file that the app imports', () => {
  expect([...files.keys()].sort()).toEqual([
    ...['src/app.module.ts', 'src/database.ts', 'src/health.ts', 'src/live.ts', 'src/main.ts'],
    ...['src/settlements.ts', 'src/who.ts', 'src/world.ts', 'tsconfig.json'],
  ]);
});

const KINDS: readonly Kind[] = [
  { type: 'module', metadata: false, compiler: 'tsc' },
  { type: 'commonjs', metadata: true, compiler: 'tsc6' },
];
/** The long command adds the others. */
const OTHERS: readonly Kind[] = [
  { type: 'module', metadata: true, compiler: 'tsc6' },
  { type: 'commonjs', metadata: false, compiler: 'tsc' },
];

describe.each<Kind>(process.env['TIDEMARK_LONG'] === undefined ? KINDS : [...KINDS, ...OTHERS])(
  'the app of the guide, of type $type, decorator metadata $metadata, with $compiler',
  (kind) => {
    test('reads, writes, tells of changes, of health and of errors, and stops', async () => {
      const { child, exited, url } = await start(await compiled(kind));
      onTestFinished(() => void child.kill('SIGKILL'));
      const ask = async (path: string, init: RequestInit = {}) => {
        const response = await fetch(url + path, { ...init, headers: { ...ann, ...(init.headers as object) } });
        return {
          status: response.status,
          body: (await response.json()) as object,
          after: response.headers.get('x-after'),
        };
      };
      const structures = [{ id: 'm1', settlementId: 's1', kind: 'mill' }];
      expect(await ask('/settlements/s1')).toMatchObject({
        status: 200,
        body: { id: 's1', name: 'Harrow', structures },
      });
      const one = await listen(url, '/live/settlements/s1', ann);
      const all = await listen(url, '/live?room=settlement:s1', ann);
      expect(await all.take(2)).toMatchObject([{ event: 'welcome' }, { event: 'subscribed' }]);
      const renamed = await ask('/settlements/s1', {
        ...{ method: 'PATCH', headers: { 'content-type': 'application/json' }, body: '{"name":"New Harrow"}' },
      });
      expect(renamed).toMatchObject({
        status: 200,
        body: { name: 'New Harrow' },
        after: expect.stringMatching(/^1\./) as string,
      });
      const change = {
        event: 'change',
        data: { entityId: 's1', changes: { values: { name: 'New Harrow' } }, modifiedBy: 'ann' },
      };
      expect(await one.take(1)).toMatchObject([change]);
      expect(await all.take(1)).toMatchObject([change]);
      const read = await ask('/settlements/s1', { headers: { 'x-after': renamed.after ?? '' } });
      expect(read).toMatchObject({ body: { name: 'New Harrow' } });
      expect(await ask('/health')).toMatchObject({
        status: 200,
        body: { status: 'ok', info: { world: { issues: [] } } },
      });
      expect(await ask('/health/ready')).toMatchObject({ status: 200, body: { details: { world: { status: 'up' } } } });
      expect(await ask('/settlements/%20')).toMatchObject({ status: 400, body: { code: 'BLANK_ID' } });
      expect(await ask('/settlements/s9')).toMatchObject({ status: 404 });
      const wrong = await ask('/settlements/s1', { headers: { 'x-after': 'no receipt' } });
      expect(wrong).toMatchObject({ status: 400, body: { code: 'INVALID_RECEIPT' } });
      expect((await fetch(`${url}/settlements/s1`)).status).toBe(401);
      const stranger = { headers: { authorization: 'Bearer mallory' } };
      expect(await ask('/live/settlements/s1', stranger)).toMatchObject({
        status: 403,
        body: { code: 'UNAUTHORIZED' },
      });
      child.kill('SIGTERM');
      await expect.poll(async () => (await ask('/health/ready')).status).toBe(503);
      expect(await ask('/settlements/s1')).toMatchObject({ status: 200 });
      expect(await all.take(1)).toMatchObject([{ event: 'close' }]);
      expect([await one.next(), await all.next()]).toEqual([undefined, undefined]);
      expect(await exited).toEqual([null, 'SIGTERM']);
    });
  },
);

test('an app that loads it by import and by require has one set of tokens', async () => {
  const both = `
    import { createRequire } from 'node:module';
    import * as esm from 'tidemark/nest';
    const cjs = createRequire(import.meta.url)('tidemark/nest');
    const same = ['tideToken', 'tideScopeToken', 'tideHealthToken'].map((name) => esm[name]('a') === cjs[name]('a'));
    if (same.includes(false) || esm === cjs) throw new Error(String(same));`;
  writeFileSync(join(scratch, 'both.mjs'), both);
  await run(scratch, process.execPath, ['both.mjs']);
});

test('types of the guide would be seen if they were wrong', async () => {
  const [path, code = ''] = ['src/settlements.ts', files.get('src/settlements.ts')];
  const app = await compiled({ type: 'module', metadata: true, compiler: 'tsc' });
  writeFileSync(join(app, path), code.replace("world.get('settlement', id)", "world.get('village', id)"));
  await expect(run(app, join(root, 'node_modules/.bin/tsc'), [])).rejects.toThrow(/"village"/);
  expect(readFileSync(join(app, path), 'utf8')).toContain('village');
});
