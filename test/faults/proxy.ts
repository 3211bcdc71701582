import { once } from 'node:events';
import { pause } from './time.js';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Which way bytes go: 'up' from the client to the server. */
export type Direction = 'up' | 'down';

/** A TCP link that can be broken in every way that a network can. */
export interface Proxy extends Address {
  /** Connections open now. */
  readonly open: number;
  /** What is held back on its way to the clients. */
  readonly held: string;
  /** Ends every connection at both ends; new ones are made. */
  cut(): void;
  /** Ends every connection and refuses new ones, until `heal`. */
  refuse(): Promise<void>;
  /** Connections stay, new ones are accepted, and nothing goes through; what was sent arrives at `heal`, as TCP has it. */
  hold(...directions: Direction[]): void;
  /** The server's ends are gone and the clients are not told, not even at `heal`; new connections are made. */
  halfOpen(): void;
  /** Every byte arrives so much later, in order, until `heal`. */
  delay(ms: number): void;
  heal(): Promise<void>;
  close(): Promise<void>;
}

const HOST = '127.0.0.1';

export async function openProxy(target: Address): Promise<Proxy> {
  const pipes = new Set<Pipe>();
  const state: LinkState = { delayMs: 0, held: new Set() };
  let server: Server | null = null;

  const listen = async (port: number): Promise<number> => {
    server = createServer((client) => {
      const pipe = new Pipe(client, connect(target.port, target.host), state);
      pipes.add(pipe);
      client.once('close', () => pipes.delete(pipe));
    });
    for (;;) {
      server.listen(port, HOST);
      try {
        await once(server, 'listening');
        return (server.address() as AddressInfo).port;
      } catch (error) {
        // A port that was given back may serve as the near end of somebody's connection for a while.
        if (port === 0 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
        await pause(20);
      }
    }
  };
  const unlisten = async (): Promise<void> => {
    const closing = server;
    server = null;
    if (closing === null) return;
    const closed = once(closing, 'close');
    closing.close();
    for (const pipe of pipes) pipe.end();
    await closed;
  };
  const port = await listen(0);

  return {
    host: HOST,
    port,
    get open() {
      return pipes.size;
    },
    get held() {
      return [...pipes].map((pipe) => pipe.held).join('');
    },
    cut: () => {
      for (const pipe of pipes) pipe.end();
    },
    refuse: unlisten,
    hold: (...directions) => {
      for (const direction of directions.length > 0 ? directions : (['up', 'down'] as const)) state.held.add(direction);
    },
    halfOpen: () => {
      for (const pipe of pipes) pipe.halfOpen();
    },
    delay: (ms) => {
      state.delayMs = ms;
    },
    heal: async () => {
      state.delayMs = 0;
      state.held.clear();
      for (const pipe of pipes) pipe.flush();
      if (server === null) await listen(port);
    },
    close: unlisten,
  };
}

interface LinkState {
  delayMs: number;
  readonly held: Set<Direction>;
}

interface Chunk {
  readonly bytes: Buffer;
  readonly dueAt: number;
}

/** One connection through the proxy. */
class Pipe {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #state: LinkState;
  readonly #waiting: Record<Direction, Chunk[]> = { up: [], down: [] };
  #dead = false;

  constructor(client: Socket, server: Socket, state: LinkState) {
    this.#client = client;
    this.#server = server;
    this.#state = state;
    for (const socket of [client, server]) socket.setNoDelay(true).on('error', () => undefined);
    client.on('data', (bytes) => {
      this.#take('up', bytes);
    });
    server.on('data', (bytes) => {
      this.#take('down', bytes);
    });
    client.once('close', () => server.destroy());
    server.once('close', () => {
      // Nobody hears of an end that the network keeps to itself.
      if (!this.#dead && !state.held.has('down')) client.destroy();
    });
  }

  get held(): string {
    return Buffer.concat(this.#waiting.down.map(({ bytes }) => bytes)).toString('latin1');
  }

  end(): void {
    this.#client.resetAndDestroy();
    this.#server.resetAndDestroy();
  }

  halfOpen(): void {
    this.#dead = true;
    this.#server.destroy();
  }

  #take(direction: Direction, bytes: Buffer): void {
    if (this.#dead) return;
    const { delayMs } = this.#state;
    this.#waiting[direction].push({ bytes, dueAt: performance.now() + delayMs });
    if (delayMs === 0) this.#send(direction);
    else
      setTimeout(() => {
        this.#send(direction);
      }, delayMs);
  }

  /** What is due, in order; what a delay that has been healed still holds back keeps those behind it waiting. */
  #send(direction: Direction): void {
    const { held, delayMs } = this.#state;
    if (held.has(direction)) return;
    const waiting = this.#waiting[direction];
    const to = direction === 'up' ? this.#server : this.#client;
    while (waiting[0] !== undefined && (delayMs === 0 || waiting[0].dueAt <= performance.now() + 1))
      to.write((waiting.shift() as Chunk).bytes);
  }

  flush(): void {
    this.#send('up');
    this.#send('down');
    if (this.#server.destroyed && !this.#dead) this.#client.destroy();
  }
}
