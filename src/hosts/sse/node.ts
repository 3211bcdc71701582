import type { IncomingHttpHeaders } from 'node:http';
import type { AnyModel } from '../../model.js';
import { type LiveTide, credentialsOf } from '../links/options.js';
import { type Asked, askedInBody, askedInUrl, jsonOf, textOf } from './asked.js';
import {
  CLOSED,
  HEADERS,
  MAX_BODY_BYTES,
  NOT_JSON,
  NO_METHOD,
  type Refused,
  type SseOptions,
  Streams,
  TOO_LARGE,
  UNAUTHORIZED,
  refusedFor,
} from './host.js';

/** A request of node's http or http2, or of a framework on top of it. */
export interface NodeRequest {
  readonly method?: string | undefined;
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly httpVersionMajor: number;
  /** Where something has parsed it before. */
  readonly body?: unknown;
  [Symbol.asyncIterator](): AsyncIterator<unknown>;
}

export interface NodeResponse {
  readonly writableLength: number;
  readonly headersSent: boolean;
  writeHead(status: number, headers: Readonly<Record<string, string>>): unknown;
  flushHeaders?(): void;
  write(text: string): unknown;
  end(): unknown;
  /** Where it is there, of HTTP/1. */
  destroy?(): unknown;
  /** Where it is there, of HTTP/2. */
  readonly stream?: { destroy(): unknown } | undefined;
  on(event: 'drain' | 'close' | 'error', listener: () => void): unknown;
}

export interface SseHost<Request extends NodeRequest> {
  /**
   * Answers a GET of an EventSource, or a POST of `tidemark/client`, with a stream. A handler of node's http and http2 and of
   * Express as it is; with Fastify after `reply.hijack()`, with `reply.raw` and `request.body`. `body`: where it was parsed already. Rejects
   * with what is no fault of the client.
   */
  handle(request: Request, response: NodeResponse, body?: unknown): Promise<void>;
  /** Streams that stand. */
  readonly size: number;
  /** Ends them all with 1001, and begins no more. Idempotent. */
  close(): void;
}

/**
 * Live updates as server-sent events for servers on node: one connection of `tide.realtime` for each stream. Nothing of a client
 * stays on the server when its stream ends: any replica serves any request.
 *
 * @example
 * const live = sseHost(tide, { authenticate: (request: Request) => ({ principal: request.user }) });
 * app.get('/live', (request, response) => live.handle(request, response));
 */
export function sseHost<M extends AnyModel, Principal, Request extends NodeRequest>(
  tide: LiveTide<M, Principal>,
  options: SseOptions<M, Principal, Request>,
): SseHost<Request> {
  const streams = new Streams(tide, options);
  const handle = async (request: Request, response: NodeResponse, body?: unknown): Promise<void> => {
    // Before anything is waited for: it may be gone by then.
    let gone = false;
    response.on('close', () => {
      gone = true;
    });
    response.on('error', () => undefined);
    const credentials = streams.isClosed ? null : await credentialsOf(options.authenticate, request);
    // Of strangers no body is read.
    const asked = credentials === null ? (streams.isClosed ? CLOSED : UNAUTHORIZED) : await askedBy(request, body);
    if (gone) return;
    if ('status' in asked || credentials === null) {
      refuse(response, asked as Refused);
      return;
    }
    const waiting: string[] = [];
    let begun = false;
    try {
      const stream = streams.open(credentials, asked, {
        write: (text) => {
          if (begun) response.write(text);
          else waiting.push(text);
        },
        pressure: () => response.writableLength,
        end: () => {
          response.end();
        },
        drop: () => {
          (response.stream ?? response).destroy?.();
        },
      });
      begun = true;
      response.writeHead(200, {
        ...HEADERS,
        // Nothing comes behind a stream: a server that stops need not wait for its connection.
        ...(request.httpVersionMajor === 1 ? { connection: 'close' } : {}),
      });
      response.flushHeaders?.();
      for (const text of waiting) response.write(text);
      response.on('drain', () => {
        stream.drained();
      });
      response.on('close', () => {
        stream.end();
      });
    } catch (error) {
      refuse(response, refusedFor(error));
    }
  };
  return {
    handle,
    get size() {
      return streams.size;
    },
    close: () => {
      streams.close();
    },
  };
}

async function askedBy(request: NodeRequest, given: unknown): Promise<Asked | Refused> {
  const { method, url = '', headers } = request;
  try {
    if (method === 'GET') {
      const id = headers['last-event-id'];
      // Not every path that a client can send is one of a URL, such as '//'.
      const query = new URLSearchParams(url.includes('?') ? url.slice(url.indexOf('?')) : '');
      return askedInUrl(query, typeof id === 'string' ? id : undefined);
    }
    if (method !== 'POST') return NO_METHOD;
    if (!/^application\/json\b/i.test(headers['content-type'] ?? '')) return NOT_JSON;
    const body = given ?? request.body;
    if (body !== undefined) return askedInBody(body);
    const text = await textOf(request, MAX_BODY_BYTES);
    return text === null ? TOO_LARGE : askedInBody(jsonOf(text, 'body'));
  } catch (error) {
    return refusedFor(error);
  }
}

function refuse(response: NodeResponse, { status, code, message }: Refused): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    ...(status === 405 ? { allow: 'GET, POST' } : {}),
  });
  response.write(JSON.stringify({ code, message }));
  response.end();
}
