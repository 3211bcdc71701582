import { GraphQLError } from 'graphql';
import { createClient as createSseClient } from 'graphql-sse';
import { type Client, createClient as createWsClient } from 'graphql-ws';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { subscriptionsOf, subscriptionsSdl } from '../../../src/hosts/graphql/index.js';
import { createTidemark, isTidemarkError } from '../../../src/index.js';
import { openProxy } from '../../faults/proxy.js';
import { describeOwn, ownServer } from '../../services/own.js';
import { QUERY, type Replica, type Told, model, openReplica } from './replica.js';

/** What a client shows of its subscription. */
interface Watching {
  /** Versions in the order in which they came; 'start' or why something is missing. */
  readonly told: (number | string)[];
  readonly errors: string[];
  readonly completed: boolean;
}

type Subscribe = (
  port: () => number,
  variables: { id?: string | null; since?: string | null },
  user?: string,
) => Watching & { readonly reconnects: number };

interface Failure {
  readonly message: string;
  readonly extensions?: { readonly code?: unknown };
}

/** As an app writes it: it keeps the cursor of the last update for when the client connects again. */
function sinkOf(variables: { since?: string | null }) {
  const watching = { told: [] as (number | string)[], errors: [] as string[], completed: false, reconnects: -1 };
  const failed = (errors: readonly Failure[]): void => {
    for (const { message, extensions } of errors) watching.errors.push(`${String(extensions?.code)} ${message}`);
  };
  const sink = {
    next: ({ data, errors }: { data?: Told | null; errors?: readonly Failure[] }) => {
      failed(errors ?? []);
      if (data == null) return;
      const { cursor, resync, version } = data.settlementUpdated;
      variables.since = cursor;
      watching.told.push(resync ?? version ?? '?');
    },
    error: (error: unknown) => {
      failed(Array.isArray(error) ? (error as readonly Failure[]) : [error as Failure]);
    },
    complete: () => {
      watching.completed = true;
    },
  };
  return { watching, sink };
}

const overWs: Subscribe = (port, variables, user = 'reader') => {
  const { watching, sink } = sinkOf(variables);
  const client: Client = createWsClient({
    url: () => `ws://127.0.0.1:${String(port())}/ws`,
    webSocketImpl: WebSocket,
    connectionParams: user === '' ? {} : { user },
    retryAttempts: 100,
    retryWait: async () => undefined,
    on: { connected: () => watching.reconnects++ },
  });
  const stop = client.subscribe<Told>({ query: QUERY, variables }, sink);
  onTestFinished(async () => {
    stop();
    await client.dispose();
  });
  return watching;
};

const overSse =
  (path: string): Subscribe =>
  (port, variables, user = 'reader') => {
    const { watching, sink } = sinkOf(variables);
    const client = createSseClient({
      url: () => {
        watching.reconnects++;
        return `http://127.0.0.1:${String(port())}/${path}`;
      },
      headers: user === '' ? {} : { user },
      retryAttempts: 100,
      retry: async () => undefined,
    });
    const stop = client.subscribe<Told>({ query: QUERY, variables }, sink as never);
    onTestFinished(() => {
      stop();
      client.dispose();
    });
    return watching;
  };

const numbers = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const begun = (watching: Watching): Promise<void> => expect.poll(() => watching.told).toEqual(['start']);

describeOwn('entities over GraphQL', () => {
  describe.each([
    ['graphql-ws', overWs],
    ['graphql-sse', overSse('sse')],
    ['graphql-yoga with the client of graphql-sse', overSse('yoga')],
  ] as const)('by %s', (_, subscribe) => {
    async function two(options?: Parameters<typeof openReplica>[1]): Promise<[Replica, Replica]> {
      const { port } = await ownServer();
      return Promise.all([openReplica(port, options), openReplica(port, options)]);
    }

    test('a subscriber of one replica is told that it has begun, then of what another changes', async () => {
      const [here, there] = await two();
      const watching = subscribe(() => there.port, { id: 'ankh' });
      await begun(watching);
      await here.edit('ankh', 1, 3);
      await here.edit('quirm', 1, 1);
      await here.edit('ankh', 4, 4);
      await expect.poll(() => watching.told).toEqual(['start', 1, 2, 3, 4]);
      expect(watching.errors).toEqual([]);
    });

    test('of every entity of the type without an id', async () => {
      const [here, there] = await two();
      const watching = subscribe(() => there.port, {});
      await begun(watching);
      await here.edit('ankh', 1, 1);
      await here.edit('quirm', 2, 2);
      await expect.poll(() => watching.told).toEqual(['start', 1, 2]);
    });

    test('nothing is lost when the link of a client is cut, and it comes back to the other replica', async () => {
      const [here, there] = await two();
      const proxies = await Promise.all([here, there].map(({ port }) => openProxy({ host: '127.0.0.1', port })));
      onTestFinished(async () => {
        for (const proxy of proxies) await proxy.close();
      });
      let connections = 0;
      const watching = subscribe(() => proxies[connections++ % 2]?.port ?? 0, { id: 'ankh' });
      await begun(watching);
      for (const cut of [1, 2, 3]) {
        await here.edit('ankh', cut * 10 - 9, cut * 10 - 5);
        for (const proxy of proxies) proxy.cut();
        await there.edit('ankh', cut * 10 - 4, cut * 10);
        await expect.poll(() => watching.told.at(-1), { timeout: 10_000 }).toBe(cut * 10);
      }
      expect(watching.told).toEqual(['start', ...numbers(1, 30)]);
      expect(watching.reconnects).toBeGreaterThanOrEqual(3);
    });

    test('nothing is lost when the link of its replica to Redis is down', async () => {
      const { port } = await ownServer();
      const proxy = await openProxy({ host: '127.0.0.1', port });
      onTestFinished(() => proxy.close());
      const [here, there] = await Promise.all([openReplica(port), openReplica(proxy.port)]);
      const watching = subscribe(() => there.port, { id: 'ankh' });
      await begun(watching);
      await here.edit('ankh', 1, 5);
      await proxy.refuse();
      await here.edit('ankh', 6, 20);
      await proxy.heal();
      await here.edit('ankh', 21, 25);
      await expect.poll(() => watching.told.at(-1), { timeout: 10_000 }).toBe(25);
      expect(watching.told).toEqual(['start', ...numbers(1, 25)]);
    });

    test('what cannot be had is said: a cursor of a history that is gone', async () => {
      const server = await ownServer();
      const there = await openReplica(server.port);
      const variables: { id: string; since?: string | null } = { id: 'ankh' };
      const first = subscribe(() => there.port, variables);
      await begun(first);
      await there.edit('ankh', 1, 2);
      await expect.poll(() => first.told).toEqual(['start', 1, 2]);
      server.cli('flushall');
      const again = subscribe(() => there.port, { ...variables });
      await expect.poll(() => again.told.length, { timeout: 20_000 }).toBeGreaterThan(0);
      expect(again.told[0]).toBe('epoch');
    });

    test('a filter is waited for, before anything is sent, and holds back no resync', async () => {
      const [here, there] = await two({
        filter: async ({ version }, args, context) => {
          await Promise.resolve();
          expect([args.id, context.scope.principal]).toEqual(['ankh', 'reader']);
          return (version ?? 0) % 2 === 0;
        },
      });
      const watching = subscribe(() => there.port, { id: 'ankh' });
      await begun(watching);
      await here.edit('ankh', 1, 6);
      await expect.poll(() => watching.told).toEqual(['start', 2, 4, 6]);
    });

    test('who may not is refused before anything is told, and so is who is nobody', async () => {
      // Without a status it is for graphql-yoga a failure of the server, after which clients come back for ever.
      const errorOf = (error: Error) => {
        const code = isTidemarkError(error) ? error.code : undefined;
        return new GraphQLError(error.message, { extensions: { code, http: { status: 200 } } });
      };
      const [here, there] = await two({ authorize: (user) => user === 'reader', errorOf });
      const [stranger, nobody] = [
        subscribe(() => there.port, { id: 'ankh' }, 'stranger'),
        subscribe(() => there.port, { id: 'ankh' }, ''),
      ];
      await expect.poll(() => stranger.errors.length).toBe(1);
      await expect.poll(() => nobody.errors.length).toBe(1);
      await here.edit('ankh', 1, 1);
      expect([stranger.told, nobody.told]).toEqual([[], []]);
      expect(stranger.errors[0]).toMatch(/^UNAUTHORIZED authorize entity:settlement:ankh:main/);
      expect(nobody.errors[0]).toMatch(/^UNAUTHORIZED settlementUpdated: expected a scope with a principal/);
    });

    test('who may no longer is told so, and the subscription ends', async () => {
      let allowed = true;
      const [here, there] = await two({ authorize: () => allowed && { until: Date.now() + 100 } });
      const watching = subscribe(() => there.port, { id: 'ankh' });
      await begun(watching);
      allowed = false;
      await expect.poll(() => watching.errors).toEqual([expect.stringMatching(/^UNAUTHORIZED /)]);
      await here.edit('ankh', 1, 1);
      await expect.poll(() => watching.completed).toBe(true);
      expect(watching.told).toEqual(['start']);
    });
  });
});

describe('the fields', () => {
  test('are those of the types asked for, in resolvers and in SDL', () => {
    const scopeOf = () => createTidemark({ model, origin: {} }).scope();
    expect(Object.keys(subscriptionsOf(model, { scopeOf }))).toEqual(['settlementUpdated']);
    expect(subscriptionsSdl(model)).toMatch(/^type Subscription \{\n {2}settlementUpdated\(id: ID, since: String\)/m);
    expect(subscriptionsSdl(model, { extend: true })).toMatch(/^extend type Subscription/m);
  });

  test('of a type that the model does not know are refused', () => {
    const types = ['city' as 'settlement'];
    expect(() => subscriptionsSdl(model, { types })).toThrow(/types: expected types of the model, got 'city'/);
  });
});
