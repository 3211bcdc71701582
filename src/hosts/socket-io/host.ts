import type { Awaitable } from '../../contract.js';
import { TidemarkError } from '../../errors.js';
import type { AnyModel } from '../../model.js';
import type { Connection, ConnectionLimits, Credentials, Realtime } from '../../realtime-verbs.js';
import { limitsOf } from '../links/options.js';
import { Session } from './session.js';
import type { IoHandshake, IoNamespace, IoSocket } from './socket.js';

export interface SocketIoOptions<M extends AnyModel, Principal> extends ConnectionLimits<M, Principal> {
  /** Who has this token, of `auth.token` or of an `authenticate` message. Null, undefined or an error is a no. */
  readonly authenticate: (
    token: string,
    handshake: IoHandshake,
  ) => Awaitable<Credentials<Principal> | null | undefined>;
  /** Whether the token may also be in the query, where logs of proxies keep it. Default false. */
  readonly queryToken?: boolean | undefined;
}

export interface SocketIoHost {
  /** Sockets that are served. */
  readonly size: number;
  /** Ends what they follow and disconnects them, and serves no more. Idempotent. */
  close(): void;
}

/** What is needed of a tide. */
export interface SocketIoTide<M extends AnyModel, Principal> {
  readonly model: M;
  readonly realtime: Pick<Realtime<M, Principal>, 'check' | 'connect'>;
}

/**
 * Live updates over Socket.IO 4, on any number of replicas and without an adapter; clients stay as they are. Every socket is verified when
 * it connects, also one whose state Socket.IO has recovered. Throws UNAUTHORIZED for a tide without `authorize`, INVALID_OPTION for a
 * model with a type `computed`.
 *
 * @example
 * socketIoHost(io, tide, { authenticate: async (token) => ({ principal: await userOf(token) }) });
 */
export function socketIoHost<M extends AnyModel, Principal>(
  io: IoNamespace,
  tide: SocketIoTide<M, Principal>,
  options: SocketIoOptions<M, Principal>,
): SocketIoHost {
  const sessions = new Set<Session>();
  /** Of sockets that passed the middleware and are not connected yet. */
  const known = new WeakMap<IoSocket, Credentials<Principal>>();
  const given = limitsOf(options);
  tide.realtime.check(given);

  const isType = (type: string): boolean => Object.hasOwn(tide.model.entities, type);
  if (isType('computed'))
    throw new TidemarkError(
      'INVALID_OPTION',
      "socketIoHost: expected no type 'computed', of which changes would look like computed fields, got one.",
    );
  let closed = false;
  const credentialsOf = async (socket: IoSocket): Promise<Credentials<Principal>> => {
    const { handshake } = socket;
    const token = handshake.auth['token'] ?? (options.queryToken === true ? handshake.query['token'] : undefined);
    return verified(token, handshake);
  };
  const verified = async (token: unknown, handshake: IoHandshake): Promise<Credentials<Principal>> => {
    const found = typeof token === 'string' && token !== '' ? await options.authenticate(token, handshake) : null;
    if (found != null) return found;
    throw new TidemarkError('UNAUTHORIZED', 'socket: expected a token that is good, got none.');
  };
  const begin = (socket: IoSocket, credentials: Credentials<Principal>): Session | undefined => {
    const verify = (token: unknown): Promise<Credentials<Principal>> => verified(token, socket.handshake);
    try {
      const session: Session = new Session(socket, {
        connect: (link) =>
          tide.realtime.connect({ ...given, verify, ...credentials, ...link }) as Connection<AnyModel, unknown>,
        isType,
        ended: () => sessions.delete(session),
      });
      sessions.add(session);
      return session;
    } catch {
      // Credentials that have run out meanwhile, or a tide that is closed.
      socket.disconnect(true);
      return undefined;
    }
  };
  /** Its state was recovered, and middlewares are skipped then: what held before the break may hold no more. */
  const verifyAgain = async (socket: IoSocket): Promise<void> => {
    const waiting: [event: string, args: readonly unknown[]][] = [];
    const keep = (event: string, ...args: unknown[]): void => {
      if (waiting.push([event, args]) > MAX_WAITING) socket.disconnect(true);
    };
    socket.onAny(keep);
    const credentials = await credentialsOf(socket).catch(() => null);
    socket.offAny(keep);
    // It would never be told that the socket is gone.
    if (!socket.connected) return;
    if (credentials === null || closed) {
      socket.disconnect(true);
      return;
    }
    const session = begin(socket, credentials);
    for (const [event, args] of waiting) session?.hear(event, args);
  };

  io.use((socket, next) => {
    if (closed) {
      next(refusal('CLOSED'));
      return;
    }
    credentialsOf(socket).then(
      (credentials) => {
        known.set(socket, credentials);
        next();
      },
      () => {
        next(refusal('UNAUTHORIZED'));
      },
    );
  });
  io.on('connection', (socket) => {
    const credentials = known.get(socket);
    if (closed) socket.disconnect(true);
    else if (credentials !== undefined) begin(socket, credentials);
    else void verifyAgain(socket);
  });

  return {
    get size() {
      return sessions.size;
    },
    close: () => {
      closed = true;
      for (const session of [...sessions]) session.close(1001, 'The server is going away.');
    },
  };
}

/** Messages that are kept for a socket that is verified once more; more are not waited with, and it is let go. */
const MAX_WAITING = 100;

function refusal(code: 'UNAUTHORIZED' | 'CLOSED'): Error {
  return Object.assign(new Error(code === 'CLOSED' ? 'Closed' : 'Unauthorized'), { data: { code } });
}
