import { once } from 'node:events';
import { type IncomingMessage, type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { WebSocketServer } from 'ws';
import { type GraphqlServers, graphqlServers } from './graphql.js';
import { Server as IoServer } from 'socket.io';
import { type SocketIoHost, socketIoHost } from '../../../src/hosts/socket-io/index.js';
import { type SseHost, sseHost } from '../../../src/hosts/sse/index.js';
import { type WsHost, wsHost } from '../../../src/hosts/ws/index.js';
import { type TideOptions, type Tidemark, createTidemark, defineModel, entity } from '../../../src/index.js';

export interface Settlement {
  readonly id: string;
  readonly campaignId: string;
  readonly name: string;
  readonly version: number;
}

const model = defineModel({
  entities: {
    campaign: entity<{ id: string; name: string }>()({}),
    settlement: entity<Settlement>()({ parents: { campaign: 'campaignId' }, version: 'version', announce: ['name'] }),
    structure: entity<{ id: string; settlementId: string }>()({ parents: { settlement: 'settlementId' } }),
  },
});
export type Model = typeof model;

export interface User {
  readonly name: string;
}
export type Tide = Tidemark<Model, User>;
export type Shared = Pick<TideOptions<Model>, 'store' | 'marks' | 'bus'>;

/** Who is asked for by `?user=` or a header of that name; nobody without. */
export function userOf({ url = '', headers }: Pick<IncomingMessage, 'url' | 'headers'>): { principal: User } | null {
  const name = new URL(url, 'http://localhost').searchParams.get('user') ?? headers['x-user'];
  return typeof name === 'string' && name !== '' ? { principal: { name } } : null;
}

export interface Replica {
  readonly tide: Tide;
  readonly server: Server;
  readonly url: string;
  readonly ws: WsHost<User>;
  readonly sse: SseHost<IncomingMessage>;
  readonly io: SocketIoHost;
  readonly graphql: GraphqlServers;
  /** Clients that are connected, by whatever. */
  readonly clients: number;
  /** Writes versions of a settlement, one after the other. */
  edit(id: string, ...versions: number[]): Promise<void>;
  /** As if the process were gone: every link is cut, and nobody answers any more. */
  die(): Promise<void>;
}

export interface ReplicaOptions {
  readonly authorize?: TideOptions<Model, User>['authorize'];
  readonly tide?: Partial<TideOptions<Model, User>>;
}

/** One process of an app: WebSockets at /ws, events at /sse, Socket.IO, and GraphQL by both of its protocols. */
export async function openReplica(
  shared: Shared,
  { authorize = () => true, tide: more = {} }: ReplicaOptions = {},
): Promise<Replica> {
  const tide: Tide = createTidemark<Model, User>({
    model,
    origin: {},
    authorize,
    principalId: ({ name }) => name,
    ...shared,
    ...more,
  });
  const ws = wsHost(tide, {
    authenticate: userOf,
    verify: (token) => {
      if (typeof token !== 'string' || token === '' || token === 'forged') throw new Error('a bad token');
      return { principal: { name: token } };
    },
  });
  const sse = sseHost(tide, { authenticate: (request: IncomingMessage) => userOf(request) });
  const graphql = graphqlServers(tide, model);
  const server = createServer((request, response) => {
    if (request.url?.startsWith('/sse') === true) void sse.handle(request, response);
    else if (request.url?.startsWith('/graphql') === true) graphql.serve(request, response);
    else if (request.url?.startsWith('/socket.io') !== true) response.writeHead(404).end();
  });
  const upgrade = ws.upgrade(new WebSocketServer({ noServer: true, maxPayload: 65_536 }));
  const ioServer = new IoServer(server, { destroyUpgrade: false });
  const io = socketIoHost(ioServer, tide, { authenticate: (name) => (name === '' ? null : { principal: { name } }) });
  server.on('upgrade', (request, socket, head) => {
    if (request.url?.startsWith('/ws') === true) upgrade(request, socket, head);
    else if (request.url?.startsWith('/graphql') === true) graphql.upgrade(request, socket, head);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  let alive = true;
  const die = async (): Promise<void> => {
    if (!alive) return;
    alive = false;
    await ioServer.close();
    await graphql.close();
    server.closeAllConnections();
    await tide.close();
  };
  onTestFinished(die);
  const edit = async (id: string, ...versions: number[]): Promise<void> => {
    for (const version of versions) {
      const [before, after] = [version - 1, version].map((n) => ({
        ...{ id, campaignId: 'c1', version: n },
        name: `name ${String(n)}`,
      }));
      await tide.change({ type: 'settlement', id, op: 'update', before: before ?? null, after: after ?? null });
    }
  };
  return {
    tide,
    server,
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    ws,
    sse,
    io,
    graphql,
    get clients() {
      return ws.size + sse.size + io.size + graphql.size;
    },
    edit,
    die,
  };
}
