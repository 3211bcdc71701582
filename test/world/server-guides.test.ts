import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createTidemark, defineModel, entity, isTidemarkError } from '../../src/index.js';
import { blocksOf, linesOf } from './guide-blocks.js';
import { listen, resume } from './server-events.js';

test('the recipes with Express have at most ten lines', () => {
  const blocks = blocksOf('express', 'js');
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
