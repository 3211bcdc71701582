import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { systemClock } from '../../clock.js';
import type { Awaitable } from '../../contract.js';
import { TidemarkError } from '../../errors.js';
import type { AnyModel } from '../../model.js';
import type { Connection, Credentials } from '../../realtime-verbs.js';
import { type LinkOptions, type LiveTide, limitsOf, credentialsOf } from '../links/options.js';
import { Session } from './session.js';
import type { Socket, SocketServer } from './socket.js';

/** At least one of `authenticate` and `verify` is there. */
export interface WsHostOptions<M extends AnyModel, Principal> extends LinkOptions<M, Principal, IncomingMessage> {
  /**
   * Who has this token: for clients that cannot say it in the request, as browsers cannot, and send it as their first frame, and for
   * new tokens on a link that stands. Throws for a token that is not good.
   */
  readonly verify?: ((token: unknown) => Awaitable<Credentials<Principal>>) | undefined;
}

export interface WsHost<Principal> {
  /**
   * A listener for the 'upgrade' of a node server. The request is authenticated before it is upgraded; who is refused gets a 401.
   *
   * @example
   * server.on('upgrade', live.upgrade(new WebSocketServer({ noServer: true, maxPayload: 65_536 })));
   */
  upgrade(server: SocketServer): (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** A socket that was upgraded already, by a framework for one. Without credentials its client has to send a token. */
  accept(socket: Socket, credentials?: Credentials<Principal> | null): void;
  /** Links that stand. */
  readonly size: number;
  /** Closes them all with 1001, and takes no more. Idempotent. */
  close(): void;
}

/**
 * Live updates over WebSockets: one connection of `tide.realtime` for each. Any replica serves any client. Throws INVALID_OPTION
 * without `authenticate` and `verify`, and UNAUTHORIZED for a tide without `authorize`.
 */
export function wsHost<M extends AnyModel, Principal>(
  tide: LiveTide<M, Principal>,
  options: WsHostOptions<M, Principal>,
): WsHost<Principal> {
  const { authenticate, verify, clock = systemClock } = options;
  if (authenticate === undefined && verify === undefined)
    throw new TidemarkError('INVALID_OPTION', 'wsHost: expected authenticate or verify, got neither.');
  const sessions = new Set<Session<Principal>>();
  const given = limitsOf(options);
  tide.realtime.check(given);
  let closed = false;

  const accept = (socket: Socket, credentials: Credentials<Principal> | null = null): void => {
    if (closed) {
      socket.close(1001, 'The server is going away.');
      return;
    }
    const session: Session<Principal> = new Session(socket, {
      clock,
      verify: verify && (async (token) => verify(token)),
      connect: (known, link) =>
        tide.realtime.connect({ ...given, verify, ...known, ...link }) as Connection<AnyModel, Principal>,
      ended: () => sessions.delete(session),
    });
    sessions.add(session);
    session.begin(credentials);
  };

  const upgrade = async (
    server: SocketServer,
    { request, socket, head }: { readonly request: IncomingMessage; readonly socket: Duplex; readonly head: Buffer },
  ): Promise<void> => {
    const gone = (): void => {
      socket.destroy();
    };
    socket.on('error', gone);
    const credentials = await credentialsOf(authenticate, request);
    socket.off('error', gone);
    if (socket.destroyed) return;
    if (credentials === null && verify === undefined) {
      refuse(socket);
      return;
    }
    try {
      server.handleUpgrade(request, socket, head, (upgraded) => {
        accept(upgraded, credentials);
      });
    } catch {
      // Another listener has taken it: thrown on from here it would end the process, and two would write to one socket.
      socket.destroy();
    }
  };

  return {
    upgrade: (server) => (request, socket, head) => void upgrade(server, { request, socket, head }),
    accept,
    get size() {
      return sessions.size;
    },
    close: () => {
      closed = true;
      for (const session of [...sessions]) session.close(1001, 'The server is going away.');
    },
  };
}

function refuse(socket: Duplex): void {
  const body = '{"code":"UNAUTHORIZED","message":"Expected credentials that are good."}';
  const lines = [
    'HTTP/1.1 401 Unauthorized',
    'connection: close',
    'content-type: application/json',
    `content-length: ${String(body.length)}`,
  ];
  socket.on('error', () => socket.destroy());
  socket.end([...lines, '', body].join('\r\n'));
}
