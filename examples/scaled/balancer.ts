import { Agent, type IncomingMessage, type ServerResponse, request as ask } from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';

/** Where requests may go. */
export interface Backend {
  readonly id: number;
  /** Null while there is nobody. */
  readonly port: number | null;
}

/** One request and who answered it. */
export interface Answered {
  readonly at: number;
  readonly what: string;
  readonly replica: number | null;
  readonly status: number;
  readonly tookMs: number;
  /** Replicas that were asked before and failed. */
  readonly before: readonly number[];
}

/** `well`: its own health check says so. `unwell`: it answers, but has lost its Redis, say. `silent`: it does not answer. */
export type Health = 'well' | 'unwell' | 'silent';

const CHECK_EVERY_MS = 400;
const CHECK_LIMIT_MS = 1_500;
const MOST_BODY_BYTES = 1_000_000;

/**
 * Spreads requests over replicas, in turn: over those that are well, else over those that answer at all. A request that
 * a replica fails is asked of the next if it cannot have changed anything. Streams and WebSockets pass through.
 */
export class Balancer {
  readonly #backends: readonly Backend[];
  readonly #answered: (answered: Answered) => void;
  readonly #health = new Map<number, Health>();
  /** Ends what is under way with a replica. */
  readonly #underWay = new Map<number, Set<() => void>>();
  readonly #agent = new Agent({ keepAlive: true });
  readonly #checking = new Map<number, Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  #turn = 0;

  constructor(backends: readonly Backend[], answered: (answered: Answered) => void) {
    this.#backends = backends;
    this.#answered = answered;
    for (const { id } of backends) this.#underWay.set(id, new Set());
    this.#timer = setInterval(() => void this.check(), CHECK_EVERY_MS);
  }

  /** Asks every replica how it is. */
  async check(): Promise<void> {
    for (const backend of this.#backends) {
      if (this.#checking.has(backend.id)) continue;
      const checking = this.#check(backend).finally(() => this.#checking.delete(backend.id));
      this.#checking.set(backend.id, checking);
    }
    await Promise.all(this.#checking.values());
  }

  healthOf(id: number): Health {
    return this.#health.get(id) ?? 'silent';
  }

  close(): void {
    clearInterval(this.#timer);
    this.#agent.destroy();
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    let size = 0;
    for await (const part of request as AsyncIterable<Buffer>) {
      size += part.length;
      if (size > MOST_BODY_BYTES) {
        response.writeHead(413).end();
        return;
      }
      parts.push(part);
    }
    const exchange = { request, response, body: Buffer.concat(parts), at: Date.now(), begun: performance.now() };
    this.#forward(exchange, []);
  }

  #forward(exchange: Exchange, before: readonly number[]): void {
    const { request, response, body } = exchange;
    const backend = this.#next(before);
    if (backend === undefined) {
      this.#note(exchange, null, 503, before);
      response.writeHead(503, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({ errors: [{ message: 'No replica answers.', extensions: { code: 'NO_REPLICA' } }] }),
      );
      return;
    }
    const { id, port } = backend;
    const { method, url, headers } = request;
    const asked = ask({ host: '127.0.0.1', port, method, path: url, headers, agent: this.#agent });
    const giveUp = (): void => void asked.destroy(new Error('It has fallen silent.'));
    const underWay = this.#underWay.get(id);
    underWay?.add(giveUp);
    response.once('close', () => asked.destroy());
    asked.once('close', () => underWay?.delete(giveUp));
    asked.once('response', (answer) => {
      const status = answer.statusCode ?? 502;
      this.#note(exchange, id, status, before);
      response.writeHead(status, { ...answer.headers, 'x-replica': String(id) });
      response.flushHeaders();
      answer.pipe(response);
      answer.once('error', () => response.destroy());
    });
    asked.once('error', (error: NodeJS.ErrnoException) => {
      if (response.destroyed) return;
      if (error.code === 'ECONNREFUSED') this.#health.set(id, 'silent');
      if (response.headersSent) response.destroy();
      else if (error.code === 'ECONNREFUSED' || isRepeatable(exchange)) this.#forward(exchange, [...before, id]);
      else {
        this.#note(exchange, id, 502, before);
        response.writeHead(502, { 'content-type': 'application/json', 'x-replica': String(id) });
        const message = `Replica ${String(id)} fell silent; whether the change was made is not known.`;
        response.end(JSON.stringify({ errors: [{ message, extensions: { code: 'UNKNOWN_OUTCOME' } }] }));
      }
    });
    asked.end(body);
  }

  /** A WebSocket: from here on two pipes, until either end or the replica is gone. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const exchange = { request, body: Buffer.alloc(0), at: Date.now(), begun: performance.now() };
    const backend = this.#next([]);
    socket.on('error', () => socket.destroy());
    if (backend === undefined) {
      this.#note(exchange, null, 503, []);
      socket.end('HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\n\r\n');
      return;
    }
    const { id, port } = backend;
    const replica = connect({ host: '127.0.0.1', port: port as number }, () => {
      this.#note(exchange, id, 101, []);
      replica.write(headOf(request));
      replica.write(head);
      replica.pipe(socket).pipe(replica);
    });
    const giveUp = (): void => void replica.destroy();
    this.#underWay.get(id)?.add(giveUp);
    replica.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') this.#health.set(id, 'silent');
    });
    replica.once('close', () => {
      this.#underWay.get(id)?.delete(giveUp);
      socket.destroy();
    });
    socket.once('close', giveUp);
  }

  /** The next in turn among the best there are. */
  #next(except: readonly number[]): Backend | undefined {
    const there = this.#backends.filter(({ id, port }) => port !== null && !except.includes(id));
    const of = (health: Health): Backend[] => there.filter(({ id }) => this.healthOf(id) === health);
    const among = [of('well'), of('unwell')].find((some) => some.length > 0) ?? [];
    return among[this.#turn++ % among.length];
  }

  #note(
    { request, body, at, begun }: Omit<Exchange, 'response'>,
    replica: number | null,
    status: number,
    before: readonly number[],
  ): void {
    const tookMs = performance.now() - begun;
    this.#answered({ at, what: nameOf(request, body), replica, status, tookMs, before });
  }

  async #check({ id, port }: Backend): Promise<void> {
    let health: Health = 'silent';
    if (port !== null) {
      try {
        const signal = AbortSignal.timeout(CHECK_LIMIT_MS);
        const response = await fetch(`http://127.0.0.1:${String(port)}/health`, { signal });
        await response.arrayBuffer();
        health = response.ok ? 'well' : 'unwell';
      } catch {
        // Silent.
      }
    }
    this.#health.set(id, health);
    if (health === 'silent') for (const giveUp of this.#underWay.get(id) ?? []) giveUp();
  }
}

interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: Buffer;
  readonly at: number;
  readonly begun: number;
}

/** A request as it came. */
function headOf({ method = 'GET', url = '/', httpVersion, rawHeaders }: IncomingMessage): string {
  const lines = rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [`${name}: ${rawHeaders[i + 1] ?? ''}`] : []));
  return [`${method} ${url} HTTP/${httpVersion}`, ...lines, '', ''].join('\r\n');
}

/** Whether it may be asked twice: it reads, or is a query that mentions no mutation. */
function isRepeatable({ request, body }: Exchange): boolean {
  return request.method === 'GET' || request.method === 'HEAD' || !body.includes('mutation');
}

/** 'query Details', 'mutation', 'GET /live'. */
function nameOf({ method = '', url = '' }: IncomingMessage, body: Buffer): string {
  const [path = ''] = url.split('?');
  if (path !== '/graphql') return `${method} ${path}`;
  const [, kind = 'query', name = ''] = /(query|mutation)\s+(\w+)/.exec(body.toString('utf8', 0, 200)) ?? [];
  return `${kind} ${name}`.trim();
}
