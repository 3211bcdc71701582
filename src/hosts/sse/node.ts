import type { IncomingHttpHeaders } from 'node:http';
import type { AnyModel } from '../../model.js';
import type { LiveTide } from '../links/options.js';
import type { Question } from './asked.js';
import { HEADERS, type SseOptions, Streams } from './host.js';
import { type Refused, answerOf, refusedFor } from './refused.js';

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
    const admitted = await streams.admit(request, questionOf(request, body));
    if (gone) return;
    if ('status' in admitted) {
      refuse(response, admitted);
      return;
    }
    const waiting: string[] = [];
    let begun = false;
    try {
      const stream = streams.open(admitted, {
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

function questionOf(request: NodeRequest, given: unknown): Question {
  const { method, url = '', headers, body: parsed } = request;
  const lastEventId = headers['last-event-id'];
  return {
    method,
    // Not every path that a client can send is one of a URL, such as '//'.
    query: new URLSearchParams(url.includes('?') ? url.slice(url.indexOf('?')) : ''),
    lastEventId: typeof lastEventId === 'string' ? lastEventId : undefined,
    contentType: headers['content-type'],
    parsed: given ?? parsed,
    body: request,
  };
}

function refuse(response: NodeResponse, refused: Refused): void {
  const { status, headers, body } = answerOf(refused);
  response.writeHead(status, headers);
  response.write(body);
  response.end();
}
