import { createRandom, systemClock } from '../../clock.js';
import { TidemarkError } from '../../errors.js';
import type { AnyModel } from '../../model.js';
import type { Connection, Credentials } from '../../realtime-verbs.js';
import { type LinkOptions, type LiveTide, credentialsOf, limitsOf } from '../links/options.js';
import { type Asked, type Question, askedBy } from './asked.js';
import { CLOSED, type Refused, UNAUTHORIZED } from './refused.js';
import { EventStream, type Sink } from './stream.js';

export interface SseOptions<M extends AnyModel, Principal, Request> extends LinkOptions<M, Principal, Request> {
  /** Who a request is from. Null, undefined or an error is a no: the answer is 401. */
  readonly authenticate: NonNullable<LinkOptions<M, Principal, Request>['authenticate']>;
}

export const HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/** Who asks, and for what. */
export interface Admitted<Principal> {
  readonly credentials: Credentials<Principal>;
  readonly asked: Asked;
}

/** The streams of one host, however its requests are read and its responses made. */
export class Streams<M extends AnyModel, Principal, Request> {
  readonly #tide: LiveTide<M, Principal>;
  readonly #options: SseOptions<M, Principal, Request>;
  readonly #streams = new Set<EventStream>();
  readonly #random = createRandom();
  #closed = false;

  constructor(tide: LiveTide<M, Principal>, options: SseOptions<M, Principal, Request>) {
    this.#tide = tide;
    tide.realtime.check(limitsOf(options));
    this.#options = options;
  }

  get size(): number {
    return this.#streams.size;
  }

  /** Of strangers no body is read. */
  async admit(request: Request, question: Question): Promise<Admitted<Principal> | Refused> {
    if (this.#closed) return CLOSED;
    const credentials = await credentialsOf(this.#options.authenticate, request);
    if (credentials === null) return UNAUTHORIZED;
    const asked = await askedBy(question);
    return 'status' in asked ? asked : { credentials, asked };
  }

  /** Throws UNAUTHORIZED for credentials that have run out, CLOSED. */
  open({ credentials, asked }: Admitted<Principal>, sink: Sink): EventStream {
    if (this.#closed) throw new TidemarkError('CLOSED', CLOSED.message);
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
