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
const ONE = { type: 'settlement', id: 's1' };
const MADE_UP = { room: 'lobby' };

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

/** Held, and nobody looks: what is old is told by `old`, once this turn is over. */
function held(...keys: (readonly unknown[])[]) {
  const queries = new QueryClient();
  for (const queryKey of keys) queries.setQueryData(queryKey, []);
  const old = async (): Promise<(readonly unknown[])[]> => {
    await Promise.resolve();
    return keys.filter((queryKey) => queries.getQueryState(queryKey)?.isInvalidated);
  };
  return { queries, old };
}

const twoLinks: SyncOptions<TanstackType> = {
  follow: [...options.follow, { target: ONE }, { target: MADE_UP }],
  types: {
    settlement: {
      links: { campaign: 'campaignId', region: 'regionId' },
      entity: (id) => (id === undefined ? ['settlement'] : ['settlement', id]),
      lists: {
        campaign: (id) => (id === undefined ? ['settlements'] : ['settlements', id]),
        region: (id) => (id === undefined ? ['in region'] : ['in region', id]),
      },
    },
  },
};

test.each<[string, Parameters<ReturnType<typeof fakeClient>['change']>, string[]]>([
  [
    'a move to a parent that was announced, in a room: the lists of both',
    [ROOM, 'settlement', 's1', { values: { campaignId: 'c2' } }],
    ['settlements c1', 'settlements c2'],
  ],
  [
    'a move along one link: no list of the other',
    [ALL, 'settlement', 's1', { values: { regionId: 'r2' } }],
    ['in region r1', 'in region r2'],
  ],
  [
    'a creation in no region: no list of regions',
    [ALL, 'settlement', 's9', { op: 'create', values: { campaignId: 'c3', regionId: null } }],
    ['settlements c3'],
  ],
])('%s', async (_, given, lists) => {
  const { queries, old } = held(
    ...['c1', 'c2', 'c3'].map((id) => ['settlements', id]),
    ...['r1', 'r2'].map((id) => ['in region', id]),
  );
  const { client, change } = fakeClient();
  syncTanstack(client, queries, twoLinks);
  change(...given);
  expect((await old()).map((key) => key.join(' ')).toSorted()).toEqual(lists);
});

test('a page of a list is of that list, and what is behind the key of an entity is another query', async () => {
  const page = ['settlements', 'c1', { page: 2 }];
  const history = ['settlement', 's1', 'history'];
  const { queries, old } = held(page, history, ['settlements', 'c2', { page: 2 }]);
  const entries = { entries: 3 };
  queries.setQueryData(history, entries);
  const { client, change } = fakeClient();
  syncTanstack(client, queries, twoLinks);
  change(ROOM, 'settlement', 's1', { op: 'create' });
  expect(await old()).toEqual([page]);
  change(ROOM, 'settlement', 's1', { values: { name: 'Mora' } });
  expect(queries.getQueryData(history)).toBe(entries);
  expect(await old()).toEqual([page]);
});

test('after a resync of one entity its copies in lists are old, and after one of a made-up room everything is', async () => {
  const keys = [
    ['settlements', 'c1'],
    ['settlements', 'c2'],
    ['settlement', 's2'],
  ];
  const { queries, old } = held(...keys);
  queries.setQueryData(['settlements', 'c1'], [{ id: 's1' }]);
  const { client, say } = fakeClient();
  syncTanstack(client, queries, twoLinks);
  say(ONE, { kind: 'resync', cursor: 'c', reason: 'gap' });
  expect(await old()).toEqual([['settlements', 'c1']]);
  say(MADE_UP, { kind: 'resync', cursor: 'c', reason: 'gap' });
  expect(await old()).toEqual(keys);
});

test('what is old and not looked at stays old when something else of it is announced', async () => {
  const key = ['settlement', 's1'];
  const { queries, old } = held(key);
  queries.setQueryData(key, { id: 's1', name: 'old', secret: 'old' });
  const { client, change } = fakeClient();
  syncTanstack(client, queries, twoLinks);
  change(ALL, 'settlement', 's1', { fields: ['secret'] });
  expect(await old()).toEqual([key]);
  change(ALL, 'settlement', 's1', { values: { name: 'Mora' } });
  expect(await old()).toEqual([key]);
});

test.each(['shown', 'fetched ahead'])(
  'the first read, %s, that is older than a change is not taken as fresh',
  async (how) => {
    const queries = new QueryClient({ defaultOptions: { queries: { staleTime: Infinity, retry: false } } });
    const { client, change } = fakeClient();
    const stop = syncTanstack(client, queries, options);
    let row = { id: 's1', name: 'old' };
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const queryKey = ['settlement', 's1'];
    const queryFn = async (): Promise<typeof row> => {
      const seen = row;
      await gate;
      return seen;
    };
    const show = (): void => {
      onTestFinished(new QueryObserver(queries, { queryKey, queryFn }).subscribe(() => undefined));
    };
    const read = how === 'shown' ? show() : queries.prefetchQuery({ queryKey, queryFn });
    await until(() => {
      expect(queries.getQueryState(queryKey)?.fetchStatus).toBe('fetching');
    });
    row = { id: 's1', name: 'new' };
    change(ALL, 'settlement', 's1', { values: { name: 'new' } });
    await Promise.resolve();
    open();
    await read;
    if (how !== 'shown') show();
    await until(() => {
      expect(queries.getQueryData(queryKey)).toEqual(row);
    });
    stop();
    expect(queries.getQueryCache().hasListeners()).toBe(false);
  },
);

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
