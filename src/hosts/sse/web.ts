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
import type { EventStream } from './stream.js';

export interface WebSseHost {
  /** Answers a GET of an EventSource, or a POST of `tidemark/client`, with a stream. Rejects with what is no fault of the client. */
  handle(request: Request): Promise<Response>;
  /** Streams that stand. */
  readonly size: number;
  /** Ends them all with 1001, and begins no more. Idempotent. */
  close(): void;
}

/** The same as `sseHost` for servers that take a web `Request` and give a `Response`, such as Hono, Next and Bun. */
export function webSseHost<M extends AnyModel, Principal>(
  tide: LiveTide<M, Principal>,
  options: SseOptions<M, Principal, Request>,
): WebSseHost {
  const streams = new Streams(tide, options);
  return {
    handle: async (request) => {
      if (streams.isClosed) return refuse(CLOSED);
      const credentials = await credentialsOf(options.authenticate, request);
      // Of strangers no body is read.
      if (credentials === null) return refuse(UNAUTHORIZED);
      const asked = await askedBy(request);
      if ('status' in asked) return refuse(asked);
      try {
        return new Response(
          bodyOf((controller) => streams.open(credentials, asked, sinkOf(controller))),
          { headers: HEADERS },
        );
      } catch (error) {
        return refuse(refusedFor(error));
      }
    },
    get size() {
      return streams.size;
    },
    close: () => {
      streams.close();
    },
  };
}

type Controller = ReadableStreamDefaultController<Uint8Array>;

/** Throws what `open` throws. */
function bodyOf(open: (controller: Controller) => EventStream): ReadableStream<Uint8Array> {
  let stream: EventStream | undefined;
  let thrown: { readonly error: unknown } | undefined;
  const body = new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        try {
          stream = open(controller);
        } catch (error) {
          thrown = { error };
        }
      },
      pull: () => {
        stream?.drained();
      },
      cancel: () => {
        stream?.end();
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: 1 }),
  );
  if (thrown !== undefined) throw thrown.error;
  return body;
}

function sinkOf(controller: Controller) {
  const encoder = new TextEncoder();
  return {
    write: (text: string) => {
      controller.enqueue(encoder.encode(text));
    },
    pressure: () => Math.max(0, 1 - (controller.desiredSize ?? 1)),
    end: () => {
      controller.close();
    },
    drop: () => {
      controller.error(new Error('The client did not read the end.'));
    },
  };
}

async function askedBy(request: Request): Promise<Asked | Refused> {
  const { method, url, headers } = request;
  try {
    if (method === 'GET') return askedInUrl(new URL(url).searchParams, headers.get('last-event-id') ?? undefined);
    if (method !== 'POST') return NO_METHOD;
    if (!/^application\/json\b/i.test(headers.get('content-type') ?? '')) return NOT_JSON;
    const text = await textOf((request.body ?? []) as AsyncIterable<Uint8Array>, MAX_BODY_BYTES);
    return text === null ? TOO_LARGE : askedInBody(jsonOf(text, 'body'));
  } catch (error) {
    return refusedFor(error);
  }
}

function refuse({ status, code, message }: Refused): Response {
  return Response.json({ code, message }, { status, headers: status === 405 ? { allow: 'GET, POST' } : {} });
}
