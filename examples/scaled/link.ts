import { once } from 'node:events';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';

/**
 * The line to one Redis server, which can be cut. Cut as a cable is: what either side sends is lost, and neither is told.
 * Mended, what was connected is reset, as the bytes between were lost.
 */
export class Link {
  readonly host = '127.0.0.1';
  readonly #server: Server;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #sockets = new Set<Socket>();
  #state: 'open' | 'cut' | 'refused' = 'open';

  private constructor(target: { readonly host: string; readonly port: number }) {
    this.#target = target;
    this.#server = createServer((client) => {
      this.#accept(client);
    });
  }

  static async to(target: { readonly host: string; readonly port: number }): Promise<Link> {
    const link = new Link(target);
    link.#server.listen(0, link.host);
    await once(link.#server, 'listening');
    return link;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get isCut(): boolean {
    return this.#state === 'cut';
  }

  cut(): void {
    this.#state = 'cut';
    for (const socket of this.#sockets) silence(socket);
  }

  /** As of a server that is not there: whoever tries is told at once. */
  refuse(): void {
    this.#state = 'refused';
    this.#reset();
  }

  mend(): void {
    if (this.#state === 'open') return;
    this.#state = 'open';
    this.#reset();
  }

  close(): void {
    this.#server.close();
    this.#reset();
  }

  #reset(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #accept(client: Socket): void {
    this.#keep(client);
    if (this.#state === 'refused') client.destroy();
    else if (this.#state === 'cut') silence(client);
    else this.#join(client);
  }

  #join(client: Socket): void {
    const server = connect({ ...this.#target, noDelay: true });
    client.setNoDelay(true);
    this.#keep(server);
    client.pipe(server).pipe(client);
    for (const [side, other] of [
      [client, server],
      [server, client],
    ] as const) {
      side.on('close', () => {
        if (!this.isCut) other.destroy();
      });
    }
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined); // it closes as well, and that is all anybody here needs to know
    socket.on('close', () => this.#sockets.delete(socket));
  }
}

function silence(socket: Socket): void {
  socket.unpipe();
  socket.resume();
}
