import { readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Action, type Stagehand, act } from './actions.ts';
import type { Answered } from './balancer.ts';
import type { Sample } from './watch.ts';
import { messageOf } from './words.ts';

export interface Line {
  readonly at: number;
  readonly text: string;
}

/** What has been, for those who come later. */
export interface Past {
  readonly samples: readonly Sample[];
  readonly story: readonly Line[];
  readonly requests: readonly Answered[];
}

const STATE_EVERY_MS = 250;
const BOUND_MS = 3_000;
const MOST_BODY_BYTES = 10_000;
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
};
const IN_COMMON: readonly string[] = ['base.css', 'dom.js'];
const HEADERS = {
  'content-security-policy': "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'",
  'cache-control': 'no-cache',
  'x-content-type-options': 'nosniff',
};

/** `/scaled`: the page, its events, and what its buttons do. */
export class Control {
  readonly #hand: Stagehand;
  readonly #past: Past;
  readonly #viewers = new Set<ServerResponse>();
  readonly #timer: NodeJS.Timeout;

  constructor(hand: Stagehand, past: Past) {
    this.#hand = hand;
    this.#past = past;
    this.#timer = setInterval(() => {
      this.send('state', this.#state());
    }, STATE_EVERY_MS);
  }

  close(): void {
    clearInterval(this.#timer);
    for (const viewer of this.#viewers) viewer.end();
  }

  /** To everybody who looks on. */
  send(event: string, data: object): void {
    for (const viewer of this.#viewers) write(viewer, event, data);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request;
    const [path = ''] = url.split('?');
    if (method === 'POST' && path === '/scaled/do') await this.#do(request, response);
    else if (method !== 'GET') answer(response, 405, 'Expected GET.');
    else if (path === '/scaled/live') this.#follow(response);
    else await sendFile(path === '/scaled' ? '/scaled/index.html' : path, response);
  }

  async #do(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // What a form on another site can send is no JSON.
    if (request.headers['content-type'] !== 'application/json') {
      answer(response, 415, 'Expected application/json.');
      return;
    }
    try {
      let body = '';
      for await (const part of request as AsyncIterable<Buffer>)
        if (body.length < MOST_BODY_BYTES) body += String(part);
      await act(this.#hand, JSON.parse(body) as Action);
      response.writeHead(204).end();
    } catch (error) {
      answer(response, 400, messageOf(error));
    }
  }

  #follow(response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache, no-transform' });
    write(response, 'past', { ...this.#past, boundMs: BOUND_MS });
    write(response, 'state', this.#state());
    this.#viewers.add(response);
    response.once('close', () => this.#viewers.delete(response));
  }

  #state() {
    const { stage, balancer, watch, faults, traffic } = this.#hand;
    const { servers, replicas } = stage;
    const { id, name, population, version } = watch.city;
    return {
      city: { id, name, population, version },
      traffic: { visitors: traffic.visitors, editor: traffic.editor },
      redis: { nodes: servers.nodes, isOurs: servers.isOurs, isCluster: servers.isCluster },
      replicas: replicas.map(({ id, state, port, links, figures }) => ({
        ...{ id, state, port, figures, health: balancer.healthOf(id) },
        cut: { bus: links.bus.some(({ isCut }) => isCut), client: links.client.some(({ isCut }) => isCut) },
      })),
      faults: faults.all,
    };
  }
}

function write(response: ServerResponse, event: string, data: object): void {
  response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
}

function answer(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { ...HEADERS, 'content-type': 'application/json' }).end(JSON.stringify({ message }));
}

/** The page's files, those that it has in common with the world's page among them. */
async function sendFile(path: string, response: ServerResponse): Promise<void> {
  const [, name = ''] = /^\/scaled\/([a-z-]+\.(?:html|css|js))$/.exec(path) ?? [];
  const folder = IN_COMMON.includes(name) ? '../world/page' : 'page';
  try {
    const bytes = await readFile(fileURLToPath(new URL(`${folder}/${name}`, import.meta.url)));
    response.writeHead(200, { ...HEADERS, 'content-type': TYPES[extname(name)] }).end(bytes);
  } catch {
    answer(response, 404, `There is nothing at ${path}.`);
  }
}
