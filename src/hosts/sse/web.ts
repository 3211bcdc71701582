import type { AnyModel } from '../../model.js';
import type { LiveTide } from '../links/options.js';
import type { Question } from './asked.js';
import { HEADERS, type SseOptions, Streams } from './host.js';
import { type Refused, answerOf, refusedFor } from './refused.js';
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
      const admitted = await streams.admit(request, questionOf(request));
      if ('status' in admitted) return refuse(admitted);
      try {
        return new Response(
          bodyOf((controller) => streams.open(admitted, sinkOf(controller))),
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

function questionOf({ method, url, headers, body }: Request): Question {
  return {
    method,
    query: new URL(url).searchParams,
    lastEventId: headers.get('last-event-id') ?? undefined,
    contentType: headers.get('content-type') ?? undefined,
    parsed: undefined,
    body: (body ?? []) as AsyncIterable<Uint8Array>,
  };
}

function refuse(refused: Refused): Response {
  const { status, headers, body } = answerOf(refused);
  return new Response(body, { status, headers });
}
