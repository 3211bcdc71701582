import { ApolloClient, ApolloLink, InMemoryCache, Observable, gql } from '@apollo/client';
import { expect, onTestFinished, test, vi } from 'vitest';
import { type ApolloType, type SyncOptions, syncApollo } from '../../src/client/apollo/index.js';
import { createClient } from '../../src/client/index.js';
import { memory } from '../../src/index.js';
import { openReplica } from '../hosts/links/replica.js';
import { fakeClient } from './fake-client.js';

const ALL = { type: 'settlement' };
const ROOM = { room: 'campaign:c1' };
const options: SyncOptions<ApolloType> = {
  follow: [{ target: ALL }, { target: ROOM }],
  types: {
    settlement: {
      typename: 'Settlement',
      links: { campaign: 'campaignId' },
      lists: { campaign: { typename: 'Campaign', fields: ['settlements'] } },
      queries: ['allSettlements'],
    },
  },
};

const EVERY_LIST = ['Campaign:c1.settlements', 'Campaign:c2.settlements', 'ROOT_QUERY.allSettlements'];
const EVERY_SETTLEMENT = ['Settlement:s1', 'Settlement:s2', 'Settlement:s3'];

const QUERY = gql`
  {
    campaigns {
      id
      settlements(first: 10) {
        id
        name
        seen
      }
    }
    allSettlements {
      id
    }
  }
`;

function filled() {
  const cache = new InMemoryCache();
  const settlement = (id: string) => ({ __typename: 'Settlement', id, name: `name of ${id}`, seen: null });
  const campaign = (id: string, ...of: string[]) => ({ __typename: 'Campaign', id, settlements: of.map(settlement) });
  cache.writeQuery({
    query: QUERY,
    data: {
      campaigns: [campaign('c1', 's1', 's2'), campaign('c2', 's3')],
      allSettlements: ['s1', 's2', 's3'].map((id) => ({ __typename: 'Settlement', id })),
    },
  });
  type Held = Record<string, Record<string, unknown> | undefined>;
  const held = (): Held => cache.extract();
  /** What is not there any more, or not as it was, as `Settlement:s1` or `Campaign:c1.settlements`. */
  const differs = (before: Held): string[] => {
    const now = held();
    return Object.entries(before).flatMap(([key, fields]) =>
      now[key] === undefined
        ? [key]
        : Object.entries(fields ?? {}).flatMap(([field, value]) =>
            JSON.stringify(now[key]?.[field]) === JSON.stringify(value) ? [] : [`${key}.${field.split('(')[0] ?? ''}`],
          ),
    );
  };
  return { cache, held, differs };
}

test('a change whose values were announced is written into its entity, and nothing else differs', () => {
  const { cache, held, differs } = filled();
  const { client, change } = fakeClient();
  syncApollo(client, cache, options);
  const before = held();
  change(ALL, 'settlement', 's1', { values: { name: 'Mora', seen: new Date(0) } });
  expect(held()['Settlement:s1']).toMatchObject({ name: 'Mora', seen: '1970-01-01T00:00:00.000Z' });
  expect(differs(before).sort()).toEqual(['Settlement:s1.name', 'Settlement:s1.seen']);
  expect(cache.readQuery({ query: QUERY })).not.toBeNull();
});

test.each<[string, Parameters<ReturnType<typeof fakeClient>['change']>, string[]]>([
  ['one of which not all is known', [ALL, 'settlement', 's1', { fields: null }], [...EVERY_LIST, ...EVERY_SETTLEMENT]],
  [
    'one with a field that is not announced',
    [ALL, 'settlement', 's1', { fields: ['secret'] }],
    ['Settlement:s1.name', 'Settlement:s1.seen'],
  ],
  [
    'a deletion in a room',
    [ROOM, 'settlement', 's1', { op: 'delete' }],
    ['Campaign:c1.settlements', 'ROOT_QUERY.allSettlements', 'Settlement:s1', 'Settlement:s2'],
  ],
  [
    'a creation where its parent was announced',
    [ALL, 'settlement', 's9', { op: 'create', values: { campaignId: 'c2' } }],
    ['Campaign:c2.settlements', 'ROOT_QUERY.allSettlements', 'Settlement:s3'],
  ],
  ['another type', [ALL, 'structure', 't1', { op: 'create' }], []],
])('%s evicts exactly what it concerns, and what nothing refers to any more', (_, given, evicted) => {
  const { cache, held, differs } = filled();
  const { client, change } = fakeClient();
  syncApollo(client, cache, options);
  const before = held();
  change(...given);
  expect(differs(before).sort()).toEqual(evicted.sort());
});

test('an entity of which not all is known stays in the lists that are shown, and is asked for', async () => {
  const cache = new InMemoryCache();
  let name = 'old';
  let asked = 0;
  const link = new ApolloLink(() => {
    asked++;
    const settlements = [
      { __typename: 'Settlement', id: 's1', name },
      { __typename: 'Settlement', id: 's2', name: 'other' },
    ];
    return new Observable((observer) => {
      observer.next({ data: { campaign: { __typename: 'Campaign', id: 'c1', settlements } } });
      observer.complete();
    });
  });
  const query = gql`
    {
      campaign {
        id
        settlements {
          id
          name
        }
      }
    }
  `;
  const shown: string[][] = [];
  const watched = new ApolloClient({ cache, link }).watchQuery({ query }).subscribe(({ data }) => {
    const { campaign } = (data ?? {}) as { campaign?: { settlements: { name: string }[] } };
    if (campaign) shown.push(campaign.settlements.map((settlement) => settlement.name));
  });
  onTestFinished(() => {
    watched.unsubscribe();
  });
  await vi.waitFor(() => {
    expect(shown).toEqual([['old', 'other']]);
  });
  const { client, change } = fakeClient();
  syncApollo(client, cache, options);
  name = 'new';
  change(ALL, 'settlement', 's1', { fields: ['name'] });
  await vi.waitFor(() => {
    expect(shown).toEqual([
      ['old', 'other'],
      ['new', 'other'],
    ]);
  });
  expect(asked).toBe(2);
});

test('after a resync everything that is followed is evicted, and what is not stays', () => {
  const { cache, held, differs } = filled();
  const { client, say, followed } = fakeClient();
  const stop = syncApollo(client, cache, options);
  const before = held();
  say(ALL, { kind: 'resync', cursor: 'c', reason: 'gap' });
  expect(differs(before).sort()).toEqual([...EVERY_LIST, ...EVERY_SETTLEMENT]);
  stop();
  expect(followed.size).toBe(0);
});

test('from a server to the cache: another replica changes it', async () => {
  const shared = memory();
  const [here, there] = [await openReplica(shared), await openReplica(shared)];
  const { cache, held } = filled();
  const client = createClient({ url: `${here.url}/sse?user=ada`, headers: { 'x-user': 'ada' } });
  onTestFinished(() => {
    client.close();
  });
  const begun = new Promise<void>((resolve) => client.subscribe(ALL, ({ kind }) => kind === 'subscribed' && resolve()));
  syncApollo(client, cache, { ...options, follow: [{ target: ALL }] });
  await begun;
  const before = { id: 's1', campaignId: 'c1', name: 'name of s1', version: 1 };
  await there.tide.change({ type: 'settlement', id: 's1', op: 'update', before, after: { ...before, name: 'Mora' } });
  await vi.waitFor(
    () => {
      expect(held()['Settlement:s1']).toMatchObject({ name: 'Mora' });
    },
    { timeout: 10_000 },
  );
});
