import { EventSource } from 'eventsource';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient } from 'graphql-ws';
import { io } from 'socket.io-client';
import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import { type ClientItem, createClient } from '../../../src/client/index.js';
import type { ServerFrame } from '../../../src/realtime/frames.js';

/** What somebody at the other end of a link has seen, in order: `s1 3`, `resync gap`, `ended settlement:s1 REVOKED`, `closed 4403`. */
export interface Watcher {
  readonly told: string[];
  /** Where each room stands, to go on from elsewhere. */
  readonly state: unknown;
  /** Rooms that are permitted. */
  readonly ready: ReadonlySet<string>;
  leave(): void;
}

export interface Wanted {
  readonly user: string;
  readonly rooms: readonly string[];
  /** `state` of a watcher of the same kind. */
  readonly from?: unknown;
}

export interface Kind {
  readonly name: string;
  readonly linkPerRoom?: boolean;
  watch(url: string, wanted: Wanted): Watcher;
}

/** Keeps what frames say. */
function ears() {
  const told: string[] = [];
  const ready = new Set<string>();
  const cursors = new Map<string, string>();
  const hear = (frame: ServerFrame): void => {
    if ('on' in frame) {
      for (const [room, cursor] of Object.entries(frame.on)) {
        cursors.set(room, cursor);
        ready.add(room);
      }
    }
    if (frame.kind === 'change') told.push(`${frame.change.entityId as string} ${String(frame.change.version)}`);
    else if (frame.kind === 'resync') told.push(`resync ${frame.reason}`);
    else if (frame.kind === 'ended' && frame.code !== null) told.push(`ended ${frame.key} ${frame.code}`);
    else if (frame.kind === 'refused') told.push(`refused ${String(frame.key)} ${frame.code}`);
  };
  return { told, ready, cursors, hear };
}

const subscribeFrames = ({ rooms, from }: Wanted) =>
  rooms.map((room) => ({
    ...{ kind: 'subscribe', key: room, target: { room } },
    since: (from as ReadonlyMap<string, string> | undefined)?.get(room),
  }));

/** The package ws, with frames as they are. */
export const ws: Kind = {
  name: 'ws',
  watch: (url, wanted) => {
    const { told, ready, cursors, hear } = ears();
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws?user=${wanted.user}`);
    socket.on('open', () => {
      for (const frame of subscribeFrames(wanted)) socket.send(JSON.stringify(frame));
    });
    socket.on('message', (data: Buffer) => {
      hear(JSON.parse(data.toString()) as ServerFrame);
    });
    socket.on('close', (code) => told.push(`closed ${String(code)}`));
    socket.on('unexpected-response', (_, { statusCode }) => told.push(`refused ${String(statusCode)}`));
    socket.on('error', () => undefined);
    const leave = (): void => {
      socket.removeAllListeners('close');
      socket.terminate();
    };
    onTestFinished(leave);
    return { told, ready, state: cursors, leave };
  },
};

/** A POST whose answer is read as it comes, as tidemark/client does. */
export const post: Kind = {
  name: 'fetch of events',
  watch: (url, wanted) => {
    const { told, ready, cursors, hear } = ears();
    const leaving = new AbortController();
    const read = async (): Promise<void> => {
      const response = await fetch(`${url}/sse`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-user': wanted.user },
        body: JSON.stringify({ subscribe: subscribeFrames(wanted) }),
        signal: leaving.signal,
      });
      if (response.body === null || !response.ok) {
        told.push(`refused ${String(response.status)}`);
        return;
      }
      let text = '';
      for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
        const events = (text + part).split('\n\n');
        text = events.pop() ?? '';
        for (const event of events) {
          const data = /^data: (.*)$/m.exec(event)?.[1];
          if (data === undefined) continue;
          if (event.startsWith('event: close'))
            told.push(`closed ${String((JSON.parse(data) as { code: number }).code)}`);
          else hear(JSON.parse(data) as ServerFrame);
        }
      }
    };
    read().catch(() => undefined);
    const leave = (): void => {
      leaving.abort();
    };
    onTestFinished(leave);
    return { told, ready, state: cursors, leave };
  },
};

/** What browsers have, untouched: it comes back by itself with the id of the last event. */
export const eventSource: Kind = {
  name: 'EventSource',
  watch: (url, wanted) => {
    const { told, ready, hear } = ears();
    const watcher = { told, ready, state: wanted.from, leave: () => source.close() };
    const query = new URLSearchParams(wanted.rooms.map((room) => ['room', room]));
    query.set('user', wanted.user);
    if (typeof wanted.from === 'string') query.set('since', wanted.from);
    const source = new EventSource(`${url}/sse?${String(query)}`);
    source.addEventListener('message', ({ data, lastEventId }) => {
      watcher.state = lastEventId;
      hear(JSON.parse(data as string) as ServerFrame);
    });
    source.addEventListener('close', ({ data }: { data?: string }) =>
      told.push(`closed ${String((JSON.parse(data ?? '{}') as { code?: number }).code)}`),
    );
    source.addEventListener('error', ({ code }) => {
      if (code !== undefined) told.push(`refused ${String(code)}`);
    });
    onTestFinished(() => {
      source.close();
    });
    return watcher;
  },
};

/** socket.io-client, untouched. */
const socketIo: Kind = {
  name: 'socket.io-client',
  watch: (url, { user, rooms, from }) => {
    const { told, ready, cursors } = ears();
    const socket = io(url, { auth: { token: user }, forceNew: true, transports: ['websocket'], reconnection: false });
    const moved = (on: Readonly<Record<string, string>>): void => {
      for (const [room, cursor] of Object.entries(on)) cursors.set(room, cursor);
    };
    socket.on('connect', () => {
      for (const room of rooms) {
        const since = (from as ReadonlyMap<string, string> | undefined)?.get(room);
        const [type, id] = room.split(':');
        void socket
          .emitWithAck(`subscribe_${type ?? ''}`, id, { since })
          .then((reply: { success: boolean; code?: string; cursor?: string }) => {
            if (!reply.success) told.push(`ended ${room} ${String(reply.code)}`);
            else {
              ready.add(room);
              if (!cursors.has(room)) moved({ [room]: reply.cursor ?? '' });
            }
          });
      }
    });
    for (const type of ['campaign', 'settlement'])
      socket.on(
        `${type}_updated`,
        (change: { entityId: string; version: number }, about: { cursors: Record<string, string> }) => {
          told.push(`${change.entityId} ${String(change.version)}`);
          moved(about.cursors);
        },
      );
    socket.on('cursors', moved);
    socket.on('resync', ({ reason }: { reason: string }) => told.push(`resync ${reason}`));
    socket.on('subscription_ended', ({ room, code }: { room: string; code: string }) =>
      told.push(`ended ${room} ${code}`),
    );
    socket.on('closing', ({ code }: { code: number }) => told.push(`closed ${String(code)}`));
    socket.on('connect_error', () => told.push('refused 401'));
    const leave = (): void => {
      socket.disconnect();
    };
    onTestFinished(leave);
    return { told, ready, state: cursors, leave };
  },
};

/** Where each room is told on its own: what several have counts once, what one has twice is a fault. */
function oncePerRoom(told: string[]): (room: string, said: string) => void {
  const heard = new Set<string>();
  return (room, said) => {
    if (heard.has(`${room} ${said}`)) told.push(`twice ${room} ${said}`);
    else if (![...heard].some((one) => one.endsWith(` ${said}`))) told.push(said);
    heard.add(`${room} ${said}`);
  };
}

/** tidemark/client: every room has its own listener, which hears each change once. */
const tidemarkClient = (transport: 'ws' | 'sse'): Kind => ({
  name: `tidemark/client by ${transport}`,
  watch: (url, { user, rooms, from }) => {
    const { told, ready, cursors } = ears();
    const client = createClient({
      ...{ url: `${url}/${transport}?user=${user}`, transport },
      ...(transport === 'sse' ? { headers: { 'x-user': user } } : {}),
      // Over a web socket it is said by the first frame; the server waits for one.
      ...(transport === 'ws' && user === '' ? { token: () => 'forged' } : {}),
    });
    const hear = oncePerRoom(told);
    for (const room of rooms) {
      const since = (from as ReadonlyMap<string, string> | undefined)?.get(room);
      const listen = (item: ClientItem): void => {
        if (item.kind === 'ended') told.push(`ended ${room} ${item.code}`);
        if (!('cursor' in item)) return;
        cursors.set(room, item.cursor);
        ready.add(room);
        if (item.kind === 'resync') told.push(`resync ${item.reason}`);
        if (item.kind !== 'change') return;
        hear(room, `${item.entityId as string} ${String(item.version)}`);
      };
      client.subscribe({ room }, listen, { since });
    }
    client.onState(({ status, reason }) => {
      if (status === 'refused') told.push('refused 401');
      if (status === 'waiting' && reason.includes('going away')) told.push('closed 1001');
      if (status === 'waiting' && reason.includes('token') && told.length === 0) told.push('closed 4401');
    });
    const leave = (): void => {
      client.close();
    };
    onTestFinished(leave);
    return { told, ready, state: cursors, leave };
  },
});

const QUERY = `subscription ($id: ID, $since: String) {
  settlementUpdated(id: $id, since: $since) { cursor resync entityId version }
}`;

interface Told {
  readonly data?: {
    readonly settlementUpdated: {
      readonly cursor: string;
      readonly resync: string | null;
      readonly entityId: string;
      readonly version: number;
    };
  } | null;
  readonly errors?: readonly Failure[];
}
interface Failure {
  readonly extensions?: { readonly code?: unknown };
}
interface Sink {
  next(told: Told): void;
  error(error: unknown): void;
  complete(): void;
}

/** Clients of GraphQL: a subscription for each room, that of a campaign for all of its settlements. */
const overGraphql = (
  name: string,
  connect: (
    url: string,
    user: string,
  ) => {
    readonly subscribe: (payload: { query: string; variables: Record<string, unknown> }, sink: Sink) => () => void;
    readonly dispose: () => void | Promise<void>;
  },
  linkPerRoom: boolean,
): Kind => ({
  name,
  linkPerRoom,
  watch: (url, { user, rooms, from }) => {
    const { told, ready, cursors } = ears();
    const hear = oncePerRoom(told);
    const client = connect(url, user);
    let left = false;
    const closed = (said: string): void => {
      if (!left && !told.includes(said)) told.push(said);
    };
    for (const room of rooms) {
      let ended = false;
      const fail = (errors: readonly Failure[]): void => {
        ended = true;
        for (const { extensions } of errors) told.push(`ended ${room} ${String(extensions?.code)}`);
      };
      const id = room.startsWith('settlement:') ? room.slice('settlement:'.length) : null;
      const since = (from as ReadonlyMap<string, string> | undefined)?.get(room);
      client.subscribe(
        { query: QUERY, variables: { id, ...(since === undefined ? {} : { since }) } },
        {
          next: ({ data, errors }) => {
            if (errors !== undefined) fail(errors);
            if (data == null) return;
            const { cursor, resync, entityId, version } = data.settlementUpdated;
            cursors.set(room, cursor);
            ready.add(room);
            if (resync === null) hear(room, `${entityId} ${String(version)}`);
            else if (resync !== 'start') told.push(`resync ${resync}`);
          },
          error: (error) => {
            if (Array.isArray(error)) fail(error as readonly Failure[]);
            // 4403 of graphql-ws, 401 of graphql-sse.
            else closed(user === '' ? 'refused 401' : 'closed 1001');
          },
          complete: () => {
            if (!ended) closed('closed 1001');
          },
        },
      );
    }
    const leave = (): void => {
      left = true;
      void client.dispose();
    };
    onTestFinished(leave);
    return { told, ready, state: cursors, leave };
  },
});

const graphqlWs = overGraphql(
  'graphql-ws',
  (url, user) =>
    createWsClient({
      url: `${url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { user },
      retryAttempts: 0,
    }) as never,
  false,
);

const graphqlSse = overGraphql(
  'graphql-sse',
  (url, user) => createSseClient({ url: `${url}/graphql`, headers: { 'x-user': user }, retryAttempts: 0 }) as never,
  true,
);

export const kinds: readonly Kind[] = [
  ...[graphqlWs, graphqlSse],
  ...[ws, post, eventSource, socketIo],
  ...[tidemarkClient('ws'), tidemarkClient('sse')],
];
