import { createRandom, systemClock } from '../../clock.js';
import { isTidemarkError } from '../../errors.js';
import type { AnyModel } from '../../model.js';
import type { Connection, Credentials } from '../../realtime-verbs.js';
import { type LinkOptions, type LiveTide, limitsOf } from '../links/options.js';
import type { Asked } from './asked.js';
import { EventStream, type Sink } from './stream.js';

export interface SseOptions<M extends AnyModel, Principal, Request> extends LinkOptions<M, Principal, Request> {
  /** Who a request is from. Null, undefined or an error is a no: the answer is 401. */
  readonly authenticate: NonNullable<LinkOptions<M, Principal, Request>['authenticate']>;
}

/** Why a request is answered with no stream. */
export interface Refused {
  readonly status: 400 | 401 | 405 | 413 | 415 | 503;
  readonly code: string;
  readonly message: string;
}

export const UNAUTHORIZED: Refused = {
  status: 401,
  code: 'UNAUTHORIZED',
  message: 'Expected credentials that are good.',
};
export const CLOSED: Refused = { status: 503, code: 'CLOSED', message: 'The server is going away.' };
/** A body that names a thousand subscriptions with their cursors is a quarter of it. */
export const MAX_BODY_BYTES = 1_048_576;
export const TOO_LARGE: Refused = {
  status: 413,
  code: 'TOO_LARGE',
  message: `Expected a body of at most ${String(MAX_BODY_BYTES)} bytes.`,
};
export const NOT_JSON: Refused = {
  status: 415,
  code: 'UNSUPPORTED_MEDIA_TYPE',
  message: 'Expected application/json.',
};
export const NO_METHOD: Refused = { status: 405, code: 'METHOD_NOT_ALLOWED', message: 'Expected GET or POST.' };

export const HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/** An error in what was asked, as an answer; others are thrown on. */
export function refusedFor(error: unknown): Refused {
  if (!isTidemarkError(error)) throw error;
  const { code, message } = error;
  if (code === 'UNAUTHORIZED') return UNAUTHORIZED;
  if (code === 'CLOSED') return CLOSED;
  return { status: 400, code, message };
}

/** The streams of one host, however their responses are made. */
export class Streams<M extends AnyModel, Principal> {
  readonly #tide: LiveTide<M, Principal>;
  readonly #options: LinkOptions<M, Principal, never>;
  readonly #streams = new Set<EventStream>();
  readonly #random = createRandom();
  #closed = false;

  constructor(tide: LiveTide<M, Principal>, options: LinkOptions<M, Principal, never>) {
    this.#tide = tide;
    tide.realtime.check(limitsOf(options));
    this.#options = options;
  }

  get size(): number {
    return this.#streams.size;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  /** Throws UNAUTHORIZED for credentials that have run out, CLOSED. */
  open(credentials: Credentials<Principal>, asked: Asked, sink: Sink): EventStream {
    const { clock = systemClock } = this.#options;
    const stream: EventStream = new EventStream({
      ...{ asked, sink, clock, random: this.#random },
      connect: (link) =>
        this.#tide.realtime.connect({
          ...limitsOf(this.#options),
          ...credentials,
          ...link,
        }) as Connection<AnyModel, unknown>,
      ended: () => this.#streams.delete(stream),
    });
    this.#streams.add(stream);
    return stream;
  }

  close(): void {
    this.#closed = true;
    for (const stream of [...this.#streams]) stream.close(1001, 'The server is going away.');
  }
}
