import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { blocksOf } from '../world/guide-blocks.js';
import { listen } from '../world/server-events.js';
import { linkedFolder, root, run, start } from './linked.js';

// The apps of docs/guides/express.md and fastify.md as a stranger makes them: from the packed tarball, compiled, in a process of their own.

const scratch = linkedFolder();

/** The files of a guide: its blocks that begin with a path. */
const filesOf = (guide: string): ReadonlyMap<string, string> =>
  new Map(
    ['json', 'typescript'].flatMap((language) =>
      blocksOf(guide, language).flatMap((block): [string, string][] => {
        const [, path, code] = /^\/\/ (\S+)\n([^]*)$/.exec(block) ?? [];
        return path === undefined || code === undefined ? [] : [[path, code]];
      }),
    ),
  );

async function compiled(files: ReadonlyMap<string, string>): Promise<string> {
  const app = mkdtempSync(join(scratch, 'atlas-'));
  writeFileSync(join(app, 'package.json'), JSON.stringify({ name: 'atlas', private: true, type: 'module' }));
  for (const [path, code] of files) {
    mkdirSync(dirname(join(app, path)), { recursive: true });
    writeFileSync(join(app, path), code);
  }
  await run(app, join(root, 'node_modules/.bin/tsc'), []);
  return app;
}

const ann = { authorization: 'Bearer ann' };

test.each(['express', 'fastify'])(
  'the app of the guide to %s reads, writes, tells of changes, of health and of errors, and stops',
  async (guide) => {
    const files = new Map([...filesOf('express'), ...filesOf(guide)]);
    const { child, exited, url } = await start(await compiled(files));
    const ask = async (path: string, init: RequestInit = {}) => {
      const response = await fetch(url + path, { ...init, headers: { ...ann, ...(init.headers as object) } });
      const text = await response.text();
      const body = text.startsWith('{') ? (JSON.parse(text) as unknown) : text;
      return { status: response.status, body, after: response.headers.get('x-after') };
    };
    const structures = [{ id: 'm1', settlementId: 's1', kind: 'mill' }];
    expect(await ask('/settlements/s1')).toMatchObject({ status: 200, body: { id: 's1', name: 'Harrow', structures } });
    expect((await ask('/settlements/nowhere')).status).toBe(404);

    const live = await listen(url, '/live?room=settlement:s1', ann);
    expect(await live.take(2)).toMatchObject([{ event: 'welcome' }, { event: 'subscribed' }]);
    const renamed = await ask('/settlements/s1', {
      ...{ method: 'PATCH', headers: { 'content-type': 'application/json' }, body: '{"name":"New Harrow"}' },
    });
    expect(renamed).toMatchObject({ status: 200, body: { name: 'New Harrow' } });
    expect(renamed.after).toMatch(/^1\./);
    expect(await live.next()).toMatchObject({
      event: 'change',
      data: { entityId: 's1', op: 'update', changes: { values: { name: 'New Harrow' } }, modifiedBy: 'ann' },
    });
    const headers = { 'x-after': renamed.after ?? '' };
    expect((await ask('/settlements/s1', { headers })).body).toMatchObject({ name: 'New Harrow' });

    expect(await ask('/health')).toMatchObject({ status: 200, body: { status: 'up' } });
    expect((await ask('/health/ready')).status).toBe(200);
    const forged = await ask('/settlements/s1', { headers: { 'x-after': 'forged' } });
    expect([forged.status, JSON.stringify(forged.body)]).toEqual([400, expect.stringContaining('INVALID_RECEIPT')]);
    expect((await listen(url, '/live?room=settlement:s1').catch(String)) as string).toContain('401');

    const ended = (async () => {
      while ((await live.next()) !== undefined);
    })();
    child.kill('SIGTERM');
    await expect.poll(async () => (await ask('/health/ready')).status, { timeout: 60_000 }).toBe(503);
    expect((await ask('/settlements/s1')).status).toBe(200);
    await ended;
    expect(await exited).toEqual([0, null]);
  },
);
