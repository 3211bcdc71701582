import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createHandler } from 'graphql-sse/lib/use/http';
import { createSchema, createYoga } from 'graphql-yoga';
import { useServer } from 'graphql-ws/use/ws';
import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { WebSocketServer } from 'ws';
import { redis } from '../../../src/adapters/redis/index.js';
import {
  type EntitySubscriptionOptions,
  type EntityUpdate,
  subscriptionsOf,
  subscriptionsSdl,
} from '../../../src/hosts/graphql/index.js';
import { type TideOptions, type Tidemark, createTidemark, defineModel, entity } from '../../../src/index.js';

export interface Settlement {
  readonly id: string;
  readonly name: string;
  readonly version: number;
}

export const model = defineModel({
  entities: { settlement: entity<Settlement>()({ version: 'version', announce: ['name'] }) },
});
export type User = string;
type Context = Parameters<EntitySubscriptionOptions<typeof model, { scope: ReturnType<Tide['scope']> }>['scopeOf']>[0];
export type Tide = Tidemark<typeof model, User>;

export interface Replica {
  readonly tide: Tide;
  /** Commits so many edits of an entity, numbered in `version`, and announces each. */
  edit(id: string, from: number, to: number): Promise<void>;
  readonly server: Server;
  readonly port: number;
}

interface ReplicaOptions {
  readonly authorize?: TideOptions<typeof model, User>['authorize'];
  readonly errorOf?: (error: Error) => Error;
  readonly filter?: EntitySubscriptionOptions<typeof model, Context>['filter'];
}

export const QUERY = `subscription ($id: ID, $since: String) {
  settlementUpdated(id: $id, since: $since) { kind cursor resync entityType entityId op fields values version }
}`;

export interface Told {
  readonly settlementUpdated: Pick<
    EntityUpdate,
    'kind' | 'cursor' | 'resync' | 'entityType' | 'entityId' | 'op' | 'fields' | 'values' | 'version'
  >;
}

/**
 * One process: a tide over Redis at `port`, and in front of it a server with graphql-ws at /ws, graphql-sse at /sse and
 * graphql-yoga at /yoga. A request says who it is by the header or parameter `user`.
 */
export async function openReplica(
  port: number,
  { authorize = () => true, errorOf, filter }: ReplicaOptions = {},
): Promise<Replica> {
  const connect = (): Redis => new Redis({ port, retryStrategy: () => 20 }).on('error', () => undefined);
  const [client, subscriber] = [connect(), connect()];
  const shared = redis({ client, subscriber });
  const origin = { settlement: { byIds: () => [] } };
  const tide: Tide = createTidemark({ model, origin, authorize, ...shared });
  const contextOf = (user: unknown): Context => ({
    scope: tide.scope({ principal: typeof user === 'string' ? user : undefined }),
  });
  const schema = createSchema<object>({
    typeDefs: `type Query { ok: Boolean } ${subscriptionsSdl(model)}`,
    resolvers: {
      Subscription: subscriptionsOf(model, { scopeOf: ({ scope }: Context) => scope, filter, errorOf }) as object,
    },
  });
  const sse = createHandler({ schema, context: ({ raw }) => ({ ...contextOf(raw.headers['user']) }) });
  const yoga = createYoga({
    schema: schema as never,
    graphqlEndpoint: '/yoga',
    maskedErrors: false,
    logging: false,
    context: ({ request }) => contextOf(request.headers.get('user') ?? undefined),
  });
  const server = createServer((request, response) => {
    const serving = request.url === '/sse' ? sse(request, response) : yoga(request, response);
    // A link that was cut.
    Promise.resolve(serving).catch(() => response.destroy());
  });
  const sockets = new WebSocketServer({ server, path: '/ws' });
  const stopServing = useServer(
    { schema, context: ({ connectionParams }) => ({ ...contextOf(connectionParams?.['user']) }) },
    sockets,
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    await stopServing.dispose();
    server.closeAllConnections();
    server.close();
    await tide.close();
    await Promise.all([shared.store, shared.marks, shared.bus].map((part) => part.close()));
    for (const one of [client, subscriber]) one.disconnect();
  });
  const edit = async (id: string, from: number, to: number): Promise<void> => {
    for (let version = from; version <= to; version++) {
      const [before, after] = [version - 1, version].map((n) => ({ id, name: `name ${String(n)}`, version: n }));
      await tide.change({ type: 'settlement', id, op: 'update', before: before ?? null, after: after ?? null });
    }
  };
  return { tide, edit, server, port: (server.address() as AddressInfo).port };
}
