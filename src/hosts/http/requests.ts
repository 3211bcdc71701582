import type { IncomingMessage, ServerResponse } from 'node:http';

/** A server of node, of HTTP/1 or 2. */
export interface FollowedServer {
  prependListener(event: 'request', listener: (...given: unknown[]) => void): unknown;
}

/**
 * The requests that a server has under way. Known by what node has of them: of a request as Nest injects it there is no way
 * to the response that is the same with Express and Fastify.
 */
export class Requests {
  readonly #responses = new WeakMap<object, ServerResponse>();
  readonly #open = new Set<ServerResponse>();
  #draining = false;

  /** From now on the app is to stop. */
  get draining(): boolean {
    return this.#draining;
  }

  follow(server: FollowedServer): void {
    server.prependListener('request', (...given) => {
      const [request, response] = given as [IncomingMessage, ServerResponse];
      this.#responses.set(request, response);
      this.#open.add(response);
      response.once('close', () => this.#open.delete(response));
      if (this.#draining) lastOn(response);
    });
  }

  /** Aborts once the response is sent or the client has gone; undefined for a request that did not come over a server. */
  signalOf(request: object): AbortSignal | undefined {
    const response = this.#responses.get(request);
    return response === undefined ? undefined : untilClosed(response);
  }

  /** Clients with a connection that is kept open go elsewhere with their next request. */
  drain(): void {
    this.#draining = true;
    for (const response of this.#open) lastOn(response);
  }
}

/** Aborts once the response is sent or the client has gone. */
export function untilClosed(response: Pick<ServerResponse, 'closed' | 'once'>): AbortSignal {
  const gone = new AbortController();
  if (response.closed) gone.abort();
  response.once('close', () => {
    gone.abort();
  });
  return gone.signal;
}

/** Nothing comes behind this response on its connection. HTTP/2 has no such header. */
function lastOn(response: ServerResponse): void {
  const { socket, httpVersionMajor } = response.req;
  if (httpVersionMajor > 1) return;
  if (response.headersSent) response.once('finish', () => socket.destroySoon());
  else response.setHeader('connection', 'close');
}
