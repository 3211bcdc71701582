import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** A server of node, of HTTP/1 or 2. */
export interface FollowedServer {
  readonly listening: boolean;
  prependListener(event: 'request' | 'connection', listener: (...given: unknown[]) => void): unknown;
}

/**
 * The requests that a server has under way. Known by what node has of them: of a request as Nest injects it there is no way
 * to the response that is the same with Express and Fastify.
 */
export class Requests {
  readonly #responses = new WeakMap<object, ServerResponse>();
  readonly #open = new Map<ServerResponse, FollowedServer>();
  readonly #sockets = new Set<Socket>();
  #draining = false;

  /** From now on the app is to stop. */
  get draining(): boolean {
    return this.#draining;
  }

  follow(server: FollowedServer): void {
    server.prependListener('connection', (given) => {
      const socket = given as Socket;
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.prependListener('request', (...given) => {
      const [request, response] = given as [IncomingMessage, ServerResponse];
      this.#responses.set(request, response);
      this.#open.set(response, server);
      response.once('close', () => this.#open.delete(response));
      if (this.#draining) lastOn(response, server);
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
    for (const [response, server] of this.#open) lastOn(response, server);
  }

  /**
   * Closes connections that nothing has come over yet, such as those that browsers open ahead: node counts them as busy until their
   * headers are overdue. For when the server takes no others.
   */
  closeSilent(): void {
    for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy();
  }

  /** Closes every connection, whatever is under way, those that have become others' too; returns how many. */
  cut(): number {
    const { size } = this.#sockets;
    for (const socket of this.#sockets) socket.destroy();
    return size;
  }
}

/** What a signal needs of a response; servers that are not node's may have no `closed`. */
export type Closing = Pick<ServerResponse, 'once'> & { readonly closed?: boolean };

/** One for all: node would make another for each signal, with its stack, at the end of every request. */
const GONE = new DOMException('The response is sent, or the client has gone.', 'AbortError');

/** Aborts once the response is sent or the client has gone. */
export function untilClosed(response: Closing): AbortSignal {
  const gone = new AbortController();
  if (response.closed === true) gone.abort(GONE);
  response.once('close', () => {
    gone.abort(GONE);
  });
  return gone.signal;
}

/** Nothing comes behind this response on its connection. HTTP/2 has no such header. */
function lastOn(response: ServerResponse, server: FollowedServer): void {
  const { socket, httpVersionMajor } = response.req;
  if (httpVersionMajor > 1) return;
  if (!response.headersSent) response.setHeader('connection', 'close');
  // The client believes that it may ask again, and is answered as long as anybody is. Afterwards nobody closes the connection.
  else
    response.once('finish', () => {
      if (!server.listening) socket.destroySoon();
    });
}
