import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Request, RequestHandler } from 'express';
import type { PlainValue } from 'tidemark/realtime';
import { sseHost } from 'tidemark/sse';
import { wsHost } from 'tidemark/ws';
import { WebSocketServer } from 'ws';
import type { Principal, WorldModel } from '../model.ts';
import { principalOf } from './access.ts';
import type { World } from './request.ts';

const PATH = '/live';
const MAX_FRAME_BYTES = 65_536;
const MAX_NAME_CHARS = 100;

/** Changes as they happen, over WebSockets and as events, both at /live. */
export interface Live {
  readonly events: RequestHandler;
  /** For the 'upgrade' of the server. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

export function liveOf({ tide, clock, closing }: World): Live {
  const sockets = wsHost<WorldModel, Principal>(tide, {
    authenticate: ({ headers }) => ({ principal: principalOf(headers) }),
    signals: (value, { name }) => looking(value, name),
    clock,
  });
  const events = sseHost<WorldModel, Principal, Request>(tide, {
    authenticate: ({ headers }) => ({ principal: principalOf(headers) }),
    clock,
  });
  closing.addEventListener('abort', () => {
    sockets.close();
    events.close();
  });
  const upgrade = sockets.upgrade(new WebSocketServer({ noServer: true, maxPayload: MAX_FRAME_BYTES }));
  return {
    events: (request, response) => events.handle(request, response),
    upgrade: (request, socket, head) => {
      if (new URL(request.url ?? '', 'http://localhost').pathname === PATH) upgrade(request, socket, head);
      else socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n');
    },
  };
}

/** Who looks at the world may say so, and at which place. */
function looking(value: PlainValue, who: string): PlainValue | undefined {
  const { looking: at = null } =
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as { readonly looking?: PlainValue })
      : {};
  if (at !== null && (typeof at !== 'string' || at.length > MAX_NAME_CHARS)) return undefined;
  return { who, looking: at };
}
