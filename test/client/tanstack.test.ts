import { QueryClient, QueryObserver } from '@tanstack/query-core';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type SyncOptions, type TanstackType, syncTanstack } from '../../src/client/tanstack/index.js';
import { createClient } from '../../src/client/index.js';
import { memory } from '../../src/index.js';
import { openReplica } from '../hosts/links/replica.js';
import { fakeClient } from './fake-client.js';

const until = (holds: () => void): Promise<void> => vi.waitFor(holds, { timeout: 10_000 });
const ALL = { type: 'settlement' };
const ROOM = { room: 'campaign:c1' };

const options: SyncOptions<TanstackType> = {
  follow: [{ target: ALL }, { target: ROOM }],
  types: {
    settlement: {
      links: { campaign: 'campaignId' },
      entity: (id) => (id === undefined ? ['settlement'] : ['settlement', id]),
      lists: { campaign: (id) => (id === undefined ? ['settlements'] : ['settlements', id]) },
      queries: [['search']],
    },
  },
};

/** Two campaigns, their lists and three settlements on the screen, each read once by now. */
async function screen() {
  const queries = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } });
  const reads: string[] = [];
  const show = async (queryKey: readonly string[], data: () => unknown): Promise<void> => {
    const observer = new QueryObserver(queries, {
      queryKey,
      queryFn: () => {
        reads.push(queryKey.join(':'));
        return data();
      },
    });
    onTestFinished(observer.subscribe(() => undefined));
    await until(() => {
      expect(queries.getQueryState(queryKey)?.fetchStatus).toBe('idle');
      expect(queries.getQueryState(queryKey)?.status).toBe('success');
    });
  };
  const row = (id: string, campaignId: string) => ({ id, campaignId, name: `name of ${id}`, level: 1 });
  for (const [id, campaign] of [
    ['s1', 'c1'],
    ['s2', 'c1'],
    ['s3', 'c2'],
  ] as const)
    await show(['settlement', id], () => row(id, campaign));
  await show(['settlements', 'c1'], () => [row('s1', 'c1'), row('s2', 'c1')]);
  await show(['settlements', 'c2'], () => [row('s3', 'c2')]);
  await show(['search'], () => [row('s3', 'c2')]);
  await show(['weather'], () => 'rain');
  reads.splice(0);
  const data = (...key: string[]): unknown => queries.getQueryData(key);
  return { queries, reads, data };
}

test('a change whose values were announced is written where the entity is, and nothing is read again', async () => {
  const { queries, reads, data } = await screen();
  const { client, change } = fakeClient();
  syncTanstack(client, queries, options);
  const others = [data('settlement', 's2'), data('settlements', 'c2'), data('search'), data('weather')];
  change(ALL, 'settlement', 's1', { values: { name: 'Mora', level: 2 } });
  expect(data('settlement', 's1')).toEqual({ id: 's1', campaignId: 'c1', name: 'Mora', level: 2 });
  expect(data('settlements', 'c1')).toMatchObject([
    { id: 's1', name: 'Mora' },
    { id: 's2', name: 'name of s2' },
  ]);
  for (const [i, key] of [['settlement', 's2'], ['settlements', 'c2'], ['search'], ['weather']].entries())
    expect(data(...key)).toBe(others[i]);
  expect(reads).toEqual([]);
});

test('one of which not all is known is read again, with the lists that hold it and no other', async () => {
  const { queries, reads } = await screen();
  const { client, change } = fakeClient();
  syncTanstack(client, queries, options);
  change(ALL, 'settlement', 's1', { fields: ['name', 'secret'], values: { name: 'Mora' } });
  await until(() => {
    expect(reads.toSorted()).toEqual(['settlement:s1', 'settlements:c1']);
  });
  change(ALL, 'settlement', 's1', { values: { level: new Map() } });
  await until(() => {
    expect(reads).toHaveLength(4);
  });
});

test('what comes, goes or moves has the lists of its parents read again', async () => {
  const { queries, reads } = await screen();
  const { client, change } = fakeClient();
  syncTanstack(client, queries, options);
  change(ROOM, 'settlement', 's9', { op: 'create', values: {} });
  await until(() => {
    expect(reads.toSorted()).toEqual(['search', 'settlements:c1']);
  });
  reads.splice(0);
  change(ALL, 'settlement', 's9', { op: 'create', values: { campaignId: 'c2' } });
  await until(() => {
    expect(reads.toSorted()).toEqual(['search', 'settlements:c2']);
  });
  reads.splice(0);
  // Where it was before is not said.
  change(ALL, 'settlement', 's3', { values: { campaignId: 'c1' } });
  await until(() => {
    expect(reads.toSorted()).toEqual(['search', 'settlement:s3', 'settlements:c1', 'settlements:c2']);
  });
});

test('what is on its way when a change comes may be older: it is read once more', async () => {
  const queries = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } });
  const { client, change } = fakeClient();
  syncTanstack(client, queries, options);
  let row = { id: 's1', name: 'old' };
  let open = (): void => undefined;
  let gate = Promise.resolve();
  const queryKey = ['settlement', 's1'];
  const observer = new QueryObserver(queries, {
    queryKey,
    queryFn: async () => {
      const seen = row;
      await gate;
      return seen;
    },
  });
  onTestFinished(observer.subscribe(() => undefined));
  await until(() => {
    expect(queries.getQueryData(queryKey)).toEqual(row);
  });
  gate = new Promise((resolve) => (open = resolve));
  void queries.refetchQueries({ queryKey });
  row = { id: 's1', name: 'new' };
  change(ALL, 'settlement', 's1', { values: { name: 'new' } });
  open();
  await until(() => {
    expect(queries.getQueryState(queryKey)?.fetchStatus).toBe('idle');
  });
  expect(queries.getQueryData(queryKey)).toEqual(row);
});

test('after a resync everything that is followed is read again, and nothing else; computed values are written', async () => {
  const { queries, reads, data } = await screen();
  const { client, say, followed } = fakeClient();
  const stop = syncTanstack(client, queries, options);
  say(ALL, {
    kind: 'computed',
    cursor: 'c',
    entityType: 'settlement',
    entityId: 's1',
    branch: 'main',
    field: 'income',
    after: 7,
  });
  expect(data('settlement', 's1')).toMatchObject({ income: 7 });
  expect(reads).toEqual([]);
  say(ALL, { kind: 'resync', cursor: 'c', reason: 'gap' });
  await until(() => {
    expect(reads.toSorted()).toEqual([
      ...['search', 'settlement:s1', 'settlement:s2', 'settlement:s3'],
      ...['settlements:c1', 'settlements:c2'],
    ]);
  });
  stop();
  expect(followed.size).toBe(0);
});

test('from a server to a screen: another replica changes it, and it is shown without a read', async () => {
  const shared = memory();
  const [here, there] = [await openReplica(shared), await openReplica(shared)];
  const { queries, reads, data } = await screen();
  const client = createClient({ url: `${here.url.replace('http', 'ws')}/ws?user=ada` });
  onTestFinished(() => {
    client.close();
  });
  const begun = new Promise<void>((resolve) => client.subscribe(ALL, ({ kind }) => kind === 'subscribed' && resolve()));
  syncTanstack(client, queries, { ...options, follow: [{ target: ALL }] });
  await begun;
  const before = { id: 's1', campaignId: 'c1', name: 'name of s1', version: 1 };
  await there.tide.change({ type: 'settlement', id: 's1', op: 'update', before, after: { ...before, name: 'Mora' } });
  await until(() => {
    expect(data('settlement', 's1')).toMatchObject({ name: 'Mora' });
  });
  expect(reads).toEqual([]);
});
