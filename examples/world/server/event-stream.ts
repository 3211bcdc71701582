import type { ServerResponse } from 'node:http';
import type { Clock } from 'tidemark';

/** A client that lets more than this pile up is sent away; it may come back and resume. */
const MOST_BUFFERED_BYTES = 1_048_576;
const LINGER_MS = 10_000;

/** A response made of events. Format: https://html.spec.whatwg.org/multipage/server-sent-events.html */
export class EventStream {
  readonly #response: ServerResponse;
  readonly #clock: Clock;
  readonly #ending = new AbortController();

  constructor(response: ServerResponse, clock: Clock) {
    this.#response = response;
    this.#clock = clock;
    response.once('close', () => this.#ending.abort());
  }

  /** Fires when the client has gone or is sent away. */
  get signal(): AbortSignal {
    return this.#ending.signal;
  }

  open(): void {
    this.#response.writeHead(200, {
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    });
    this.#response.flushHeaders();
  }

  /** An event. With an id, a client that comes back says that this was the last it saw. */
  send(event: string, data: object, id?: string): void {
    this.#write(`${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  /** Moves on what the client remembers, without an event. */
  mark(id: string): void {
    this.#write(`id: ${id}\n\n`);
  }

  /** Keeps proxies from thinking that nobody is there. */
  beat(): void {
    this.#write(':\n\n');
  }

  end(): void {
    this.#ending.abort();
    this.#response.end();
  }

  #write(frame: string): void {
    if (this.signal.aborted) return;
    if (this.#response.writableLength <= MOST_BUFFERED_BYTES) {
      this.#response.write(frame);
      return;
    }
    this.#response.write(`event: resync\ndata: {"reason":"slow"}\n\n`);
    this.end();
    this.#clock.after(LINGER_MS, () => this.#response.destroy());
  }
}
