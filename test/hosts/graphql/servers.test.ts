import { ApolloServer } from '@apollo/server';
import { expressMiddleware } from '@as-integrations/express5';
import express from 'express';
import * as graphql from 'graphql';
import { createClient } from 'graphql-sse';
import { createClient as createWsClient } from 'graphql-ws';
import { useServer } from 'graphql-ws/use/ws';
import { WebSocket, WebSocketServer } from 'ws';
import { createSchema, createYoga } from 'graphql-yoga';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { formatError, scopeContext, useTidemark } from '../../../src/hosts/graphql/index.js';
import { type App, type Context, app, userOf } from './app.js';
import type { Tidemark } from '../../../src/index.js';
import type { User, model } from './app.js';

interface Served extends App {
  readonly url: string;
  ask(query: string, more?: { user?: string; after?: string; signal?: AbortSignal }): Promise<Answer>;
}
interface Answer {
  readonly data?: Record<string, never> | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: Record<string, unknown> }[];
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/graphql`;
}

function served(one: App, url: string): Served {
  onTestFinished(() => one.tide.close());
  return {
    ...one,
    url,
    ask: async (query, { user = 'ada admin', after, signal } = {}) => {
      const headers = {
        'content-type': 'application/json',
        user,
        ...(after === undefined ? {} : { 'x-after': after }),
      };
      const response = await fetch(url, {
        method: 'POST',
        headers,
        body: JSON.stringify({ query }),
        ...(signal && { signal }),
      });
      return (await response.json()) as Answer;
    },
  };
}

/** What was logged by a server is not what is looked at here. */
const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

async function onYoga(): Promise<Served> {
  const one = app();
  const { tide, typeDefs, resolvers, tidemark } = one;
  const schema = createSchema<Context>({
    typeDefs: [typeDefs, tidemark.typeDefs],
    resolvers: [resolvers, tidemark.resolvers],
  });
  const yoga = createYoga({
    ...{ schema, logging: quiet },
    plugins: [
      useTidemark(tide, ({ request }) => ({
        principal: userOf(request.headers.get('user')),
        after: request.headers.get('x-after') ?? undefined,
      })),
    ],
  });
  return served(one, await listening(createServer((request, response) => void yoga(request, response))));
}

async function onApollo(): Promise<Served> {
  const one = app();
  const { tide, typeDefs, resolvers, tidemark } = one;
  const schema = createSchema<Context>({
    typeDefs: [typeDefs, tidemark.typeDefs],
    resolvers: [resolvers, tidemark.resolvers],
  });
  const server = new ApolloServer<Context>({ ...{ schema, formatError, logger: quiet } });
  await server.start();
  onTestFinished(() => server.stop());
  const context = scopeContext(tide, ({ req }: { req: express.Request }) => ({
    principal: userOf(req.get('user')),
    after: req.get('x-after'),
  }));
  const handler = express();
  handler.use('/graphql', express.json(), expressMiddleware(server, { context }));
  const http = createServer(handler);
  const socketContext = scopeContext(tide, ({ connectionParams }: { connectionParams?: { user?: string } }) => ({
    principal: userOf(connectionParams?.user),
  }));
  const sockets = new WebSocketServer({ server: http, path: '/graphql' });
  const serving = useServer({ schema, context: socketContext }, sockets);
  onTestFinished(() => void serving.dispose());
  return served(one, await listening(http));
}

const codes = ({ errors = [] }: Answer): unknown[] =>
  errors.map(({ extensions, message }) => [extensions?.['code'], message]);

describe.each([
  ['graphql-yoga', onYoga],
  ['Apollo Server', onApollo],
])('on %s, with graphql 17', (name, open) => {
  test('is what is tested', () => {
    expect(graphql.version).toMatch(/^17\./);
  });

  test('queries and mutations go through the scope of their request', async () => {
    const { ask, db } = await open();
    const query = '{ kingdoms { name settlements { name computedFields { isTradeHub } structures { kind } } } }';
    const first = await ask(query);
    expect(first.errors).toBeUndefined();
    const calls = db.calls.length;
    expect(calls).toBe(4);
    expect(await ask(query)).toEqual(first);
    expect(db.calls.length).toBe(calls);
    const renamed = await ask('mutation { rename(id: "s1", name: "Mora") { receipt settlement { name foundedAt } } }');
    const { receipt, settlement } = renamed.data?.['rename'] as unknown as { receipt: string; settlement: object };
    expect(settlement).toEqual({ name: 'Mora', foundedAt: '2020-02-03T04:05:06.007Z' });
    const read = await ask('{ settlement(id: "s1") { name } }', { after: receipt });
    expect(read.data).toEqual({ settlement: { name: 'Mora' } });
  });

  test('reports are for whom they are allowed to', async () => {
    const { ask } = await open();
    const { data } = await ask('{ cacheStats(merged: true) { hits misses replicas { id } } cacheHealth { status } }');
    expect(data).toMatchObject({ cacheStats: { hits: 0, misses: 0, replicas: [{}] }, cacheHealth: { status: 'up' } });
    const refused = await ask('{ cacheStats { hits } }', { user: 'bob member' });
    expect([refused.data, codes(refused)]).toEqual([
      null,
      [['UNAUTHORIZED', 'cacheStats: it is not allowed to whoever asks.']],
    ]);
  });

  test('an error has its code, its message where that is about what was asked, and tells nothing of the server', async () => {
    const { ask, db } = await open();
    expect(codes(await ask('{ settlement(id: " ") { name } }'))).toEqual([['BLANK_ID', expect.any(String)]]);
    db.failNext('settlement', new Error('password=hunter2'));
    const failed = await ask('{ town(id: "s4") { name } }');
    expect(codes(failed)).toEqual([['ORIGIN_FAILED', 'The server could not do this.']]);
    expect(JSON.stringify(failed)).not.toContain('hunter2');
    const invalid = await ask('{ kingdoms { name } }', { after: 'nonsense' });
    expect(codes(invalid)).toEqual([['INVALID_RECEIPT', expect.any(String)]]);
    const foreign = await ask('{ broken kingdoms { name } }');
    // That one is the server's to mask or not.
    expect(codes(foreign)).toEqual([
      ['INTERNAL_SERVER_ERROR', name === 'graphql-yoga' ? 'Unexpected error.' : 'a secret of the database'],
    ]);
  });

  test('who is nobody in particular is not taken for trusted code', async () => {
    const { tide } = app();
    const context = scopeContext(tide, () => ({ principal: undefined as unknown as User }));
    await expect(context({})).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    await tide.close();
  });

  test('what a client waits for is given up when it goes', async () => {
    const { ask, db, scopes } = await open();
    const release = db.hold('settlement');
    const leaving = new AbortController();
    const asking = ask('{ town(id: "s2") { name } }', { signal: leaving.signal });
    await expect.poll(() => scopes.length).toBe(1);
    expect(scopes[0]?.signal?.aborted).toBe(false);
    leaving.abort();
    await expect(asking).rejects.toThrow();
    await expect.poll(() => scopes[0]?.signal?.aborted).toBe(true);
    await expect(scopes[0]?.get('settlement', 's3')).rejects.toMatchObject({ code: 'ABORTED' });
    release();
  });
});

describe('subscriptions', () => {
  interface Watching {
    readonly told: unknown[];
    readonly stop: () => void;
  }
  type Subscribe = (url: string, query: string, user: string) => Watching;
  const sinkOf = (told: unknown[]) => ({
    next: (value: unknown) => void told.push(value),
    error: (error: unknown) => void told.push(error),
    complete: () => void told.push('complete'),
  });
  const overSse: Subscribe = (url, query, user) => {
    const told: unknown[] = [];
    const client = createClient({ url, headers: { user }, retryAttempts: 0 });
    const stop = client.subscribe({ query }, sinkOf(told));
    return { told, stop };
  };
  const overWs: Subscribe = (url, query, user) => {
    const told: unknown[] = [];
    const client = createWsClient({
      ...{ url: url.replace('http', 'ws'), webSocketImpl: WebSocket, retryAttempts: 0 },
      connectionParams: { user },
    });
    const stop = client.subscribe({ query }, sinkOf(told));
    return {
      told,
      stop: () => {
        stop();
        void client.dispose();
      },
    };
  };

  test.each([
    ['graphql-yoga', onYoga, overSse],
    ['graphql-ws beside Apollo Server', onApollo, overWs],
  ] as const)(
    'on %s tell of entities, with what can be read then, and refuse with a code',
    async (_, open, subscribe) => {
      const { url, ask } = await open();
      const query =
        'subscription { settlementUpdated(id: "s1") { kind resync entityId values settlement { name kingdom { name } } } }';
      const [watching, refused] = [subscribe(url, query, 'ada admin'), subscribe(url, query, 'eve stranger')];
      onTestFinished(() => {
        for (const { stop } of [watching, refused]) stop();
      });
      await expect.poll(() => watching.told[0]).toMatchObject({ data: { settlementUpdated: { resync: 'start' } } });
      const changes = (): unknown[] =>
        (watching.told as { data: { settlementUpdated: { kind: string } } }[])
          .map(({ data }) => data.settlementUpdated)
          .filter(({ kind }) => kind === 'change');
      for (const name of ['Mora', 'Quirm']) {
        await ask(`mutation { rename(id: "s1", name: "${name}") { receipt } }`);
        await expect
          .poll(() => changes().at(-1))
          .toEqual({
            ...{ kind: 'change', resync: null, entityId: 's1', values: { name } },
            settlement: { name, kingdom: { name: 'kingdom k1' } },
          });
      }
      await expect.poll(() => JSON.stringify(refused.told)).toMatch(/"code":"UNAUTHORIZED"/);
      expect(JSON.stringify(refused.told)).toMatch(/"message":"authorize entity:settlement:s1:main/);
    },
  );
});

test('the plugin fits the types of graphql-yoga', () => {
  const tide: Pick<Tidemark<typeof model, User>, 'scope'> = app().tide;
  expect(
    createYoga({
      schema: createSchema({ typeDefs: 'type Query { a: Int }' }),
      plugins: [useTidemark(tide, () => ({ principal: userOf('') }))],
    }),
  ).toBeDefined();
});
