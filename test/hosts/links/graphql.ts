import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { createHandler } from 'graphql-sse/lib/use/http';
import { useServer } from 'graphql-ws/use/ws';
import { createSchema } from 'graphql-yoga';
import { WebSocketServer } from 'ws';
import { subscriptionsOf, subscriptionsSdl } from '../../../src/hosts/graphql/index.js';
import { type Model, type Tide, userOf } from './replica.js';

interface Context {
  readonly scope: ReturnType<Tide['scope']>;
}

export interface GraphqlServers {
  serve(request: IncomingMessage, response: ServerResponse): void;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Clients that are connected. */
  readonly size: number;
  close(): Promise<void>;
}

/** Subscriptions to settlements over graphql-ws and graphql-sse. */
export function graphqlServers(tide: Tide, model: Model): GraphqlServers {
  const schema = createSchema<object>({
    typeDefs: `type Query { ok: Boolean } ${subscriptionsSdl(model)}`,
    resolvers: { Subscription: subscriptionsOf(model, { scopeOf: ({ scope }: Context) => scope }) as object },
  });
  const contextFor = (name: string) => ({ scope: tide.scope({ principal: { name } }) });
  const sockets = new WebSocketServer({ noServer: true });
  const stopServing = useServer<{ readonly user?: string }>(
    {
      schema,
      onConnect: ({ connectionParams }) => (connectionParams?.user ?? '') !== '',
      context: ({ connectionParams }) => contextFor(connectionParams?.user ?? ''),
    },
    sockets,
  );
  const responses = new Set<ServerResponse>();
  let closing: Promise<void> | undefined;
  const handler = createHandler({
    schema,
    authenticate: ({ raw }) => (userOf(raw) === null ? [null, { status: 401, statusText: 'Unauthorized' }] : 'known'),
    context: ({ raw }) => contextFor(userOf(raw)?.principal.name ?? ''),
  });
  return {
    serve: (request, response) => {
      responses.add(response);
      response.once('close', () => responses.delete(response));
      handler(request, response).catch(() => response.destroy());
    },
    upgrade: (request, socket, head) => {
      sockets.handleUpgrade(request, socket, head, (upgraded) => sockets.emit('connection', upgraded, request));
    },
    get size() {
      return sockets.clients.size + responses.size;
    },
    close: () => {
      for (const response of responses) response.destroy();
      return (closing ??= Promise.resolve(stopServing.dispose()));
    },
  };
}
