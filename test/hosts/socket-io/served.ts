import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SignJWT, jwtVerify } from 'jose';
import { Server } from 'socket.io';
import { type Socket, io as connectTo } from 'socket.io-client';
import { onTestFinished, vi } from 'vitest';
import {
  type Reply,
  type SocketIoHost,
  type SocketIoOptions,
  socketIoHost,
} from '../../../src/hosts/socket-io/index.js';
import { memory } from '../../../src/index.js';
import {
  type Model,
  type Replica,
  type ReplicaOptions,
  type Shared,
  type User,
  openReplica,
} from '../links/replica.js';

export const until = (holds: () => void): Promise<void> => vi.waitFor(holds, { timeout: 10_000 });
const SECRET = new TextEncoder().encode('a secret of thirty-two characters');

export const tokenFor = (name: string, expires = '1h'): Promise<string> =>
  new SignJWT({}).setProtectedHeader({ alg: 'HS256' }).setSubject(name).setExpirationTime(expires).sign(SECRET);

/** As an app does it. */
export const authenticate: SocketIoOptions<Model, User>['authenticate'] = async (token) => {
  const { payload } = await jwtVerify(token, SECRET);
  return { principal: { name: payload.sub ?? '' }, until: (payload.exp ?? 0) * 1000 };
};

interface Served extends Omit<Replica, 'io'> {
  readonly io: Server;
  readonly host: SocketIoHost;
  readonly at: string;
}

export async function serve(
  shared: Shared = memory(),
  {
    host: more = {},
    io: ioOptions = {},
    namespace = '/',
    ...options
  }: ReplicaOptions & {
    readonly host?: Partial<SocketIoOptions<Model, User>>;
    readonly io?: object;
    readonly namespace?: string;
  } = {},
): Promise<Served> {
  const replica = await openReplica(shared, options);
  const server = createServer();
  const io = new Server(server, ioOptions);
  const host = socketIoHost(namespace === '/' ? io : io.of(namespace), replica.tide, { authenticate, ...more });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => io.close());
  return { ...replica, io, host, at: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}${namespace}` };
}

/** A client as it is, and all that it hears. */
export function join(at: string, token: unknown, options: object = {}) {
  const heard: [event: string, ...args: unknown[]][] = [];
  const socket: Socket = connectTo(at, {
    ...{ auth: { token }, forceNew: true, transports: ['websocket'], reconnectionDelay: 10 },
    ...options,
  });
  socket.onAny((event: string, ...args: unknown[]) => {
    if (event !== 'welcome') heard.push([event, ...args]);
  });
  socket.on('connect_error', (error) =>
    heard.push(['connect_error', error.message, (error as { data?: unknown }).data]),
  );
  socket.on('disconnect', (reason) => heard.push(['disconnect', reason]));
  onTestFinished(() => {
    socket.disconnect();
  });
  const say = (event: string, ...args: unknown[]): Promise<Reply> =>
    socket.timeout(5000).emitWithAck(event, ...args) as Promise<Reply>;
  return { socket, heard, say };
}

/** A promise, and what settles it. */
export function pending<Value>(): { readonly promise: Promise<Value>; readonly settle: (value: Value) => void } {
  let settle!: (value: Value) => void;
  const promise = new Promise<Value>((resolve) => (settle = resolve));
  return { promise, settle };
}

export const updates = (heard: readonly (readonly unknown[])[]): unknown[] =>
  heard.flatMap(([event, payload]) =>
    String(event).endsWith('_updated') ? [(payload as { version?: unknown }).version] : [],
  );
