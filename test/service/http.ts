import { now } from '../faults/time.js';
import { Agent, type IncomingMessage, request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: unknown;
  /** When its last byte had come. */
  readonly at: number;
}

/** One client: connections that stay, JSON both ways. */
export class Client {
  /** Lets go of what lies idle long before a server does, which is 5 s by itself. */
  readonly #agent = new Agent({ keepAlive: true, timeout: 2000 });

  /** Rejects if the server does not answer, or not with JSON. */
  ask(method: 'GET' | 'PATCH' | 'POST', url: string, { body, headers = {} }: Asked = {}): Promise<Answer> {
    const text = body === undefined ? undefined : JSON.stringify(body);
    return new Promise((resolve, reject) => {
      const given = text === undefined ? headers : { ...headers, 'content-type': 'application/json' };
      const sent = request(url, { method, agent: this.#agent, headers: given }, (response) => {
        textOf(response)
          .then((found) => {
            const at = now();
            resolve({ at, status: response.statusCode ?? 0, headers: response.headers, body: JSON.parse(found) });
          })
          .catch(reject);
      });
      sent.on('error', (error: NodeJS.ErrnoException) => {
        // The server closed a connection that lay idle as the request was on its way: nobody has read it.
        if (sent.reusedSocket && error.code === 'ECONNRESET') resolve(this.ask(method, url, { body, headers }));
        else reject(error);
      });
      sent.end(text);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

interface Asked {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** By events: an iterator over the chunks takes as long as some servers do. */
function textOf(response: IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('end', () => {
      resolve(Buffer.concat(chunks).toString());
    });
    response.on('error', reject);
  });
}

export interface StreamEvent {
  readonly data: string;
}

/** Follows a stream of server-sent events until the signal. Rejects if it ends before. */
export async function follow(url: string, onEvent: (event: StreamEvent) => void, signal: AbortSignal): Promise<void> {
  try {
    const response = await fetch(url, { headers: { accept: 'text/event-stream' }, signal });
    if (!response.ok || response.body === null) throw new Error(`GET ${url}: ${String(response.status)}`);
    let text = '';
    for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const frames = text.split('\n\n');
      text = frames.pop() ?? '';
      for (const frame of frames) {
        const lines = frame.split('\n');
        const data = lines.flatMap((line) => (line.startsWith('data: ') ? [line.slice(6)] : []));
        if (data.length > 0) onEvent({ data: data.join('\n') });
      }
    }
    throw new Error(`the stream ${url} ended.`);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
