import { onTestFinished } from 'vitest';

export interface ServerEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly id: string | undefined;
}

/** A client of server-sent events: reads them one by one and remembers the last id, as a browser does. */
export class EventReader {
  readonly #parts: AsyncIterator<string, undefined>;
  readonly #leaving: AbortController;
  #text = '';
  lastId: string | undefined;
  /** Comments so far. */
  comments = 0;

  constructor(parts: AsyncGenerator<string, undefined>, leaving: AbortController) {
    this.#parts = parts;
    this.#leaving = leaving;
  }

  /** The next event; undefined once the stream has ended. */
  async next(): Promise<ServerEvent | undefined> {
    for (;;) {
      const end = this.#text.indexOf('\n\n');
      if (end >= 0) {
        const frame = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 2);
        const event = this.#read(frame);
        if (event !== undefined) return event;
        continue;
      }
      const { done, value } = await this.#parts.next();
      if (done === true) return undefined;
      this.#text += value;
    }
  }

  async take(count: number): Promise<ServerEvent[]> {
    const events: ServerEvent[] = [];
    while (events.length < count) {
      const event = await this.next();
      if (event === undefined)
        throw new Error(`The stream ended after ${String(events.length)} of ${String(count)} events.`);
      events.push(event);
    }
    return events;
  }

  leave(): void {
    this.#leaving.abort();
  }

  #read(frame: string): ServerEvent | undefined {
    let event = 'message';
    let data: string | undefined;
    let id: string | undefined;
    for (const line of frame.split('\n')) {
      const [field = '', ...rest] = line.split(':');
      const value = rest.join(':').replace(/^ /, '');
      if (field === '') this.comments++;
      else if (field === 'event') event = value;
      else if (field === 'data') data = value;
      else if (field === 'id') id = value;
    }
    if (id !== undefined) this.lastId = id;
    if (data === undefined) return undefined;
    const told = JSON.parse(data) as ServerEvent['data'];
    if (event !== 'message') return { event, data: told, id };
    // A frame of a connection says itself what it is.
    const { kind, change, computed } = told as { kind?: string; change?: object; computed?: object };
    if (kind === 'again') return undefined;
    return { event: kind ?? event, data: (change ?? computed ?? told) as ServerEvent['data'], id };
  }
}

/** Opens a live stream; left when the test is done. */
export async function listen(
  url: string,
  path = '/live',
  headers: Readonly<Record<string, string>> = {},
): Promise<EventReader> {
  const leaving = new AbortController();
  onTestFinished(() => leaving.abort());
  const response = await fetch(url + path, { headers, signal: leaving.signal });
  if (response.status !== 200 || response.body === null)
    throw new Error(`${path}: ${String(response.status)} ${await response.text()}`);
  return new EventReader(textOf(response.body), leaving);
}

async function* textOf(body: ReadableStream<Uint8Array>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  for await (const bytes of body) yield decoder.decode(bytes, { stream: true });
  return undefined;
}

/** As a browser that comes back. */
export function resume(url: string, from: EventReader, path = '/live'): Promise<EventReader> {
  return listen(url, path, { 'last-event-id': from.lastId ?? '' });
}

const TYPES = ['kingdom', 'settlement', 'structure'] as const;

/** Of the world's own stream: `branch` and rooms, or everything; permitted from the start, so that whatever is changed now is told. */
export async function follow(
  url: string,
  {
    branch = 'main',
    rooms = [],
    from,
    headers = {},
  }: {
    readonly branch?: string;
    readonly rooms?: readonly string[];
    readonly from?: EventReader;
    readonly headers?: Readonly<Record<string, string>>;
  } = {},
): Promise<EventReader> {
  const reader = await listen(url, pathOf(branch, rooms), {
    ...headers,
    ...(from === undefined ? {} : { 'last-event-id': from.lastId ?? '' }),
  });
  const waiting = new Set<string>(rooms.length > 0 ? rooms : TYPES.map((type) => JSON.stringify({ type })));
  while (waiting.size > 0) {
    const told = await reader.next();
    if (told?.event === 'welcome') continue;
    if (told?.event !== 'subscribed') throw new Error(`expected to be subscribed, got ${JSON.stringify(told)}`);
    for (const key of Object.keys(told.data['on'] as object)) waiting.delete(key);
  }
  return reader;
}

export function pathOf(branch: string, rooms: readonly string[]): string {
  const query = new URLSearchParams({ branch });
  for (const room of rooms) query.append('room', room);
  if (rooms.length === 0) for (const type of TYPES) query.append('target', JSON.stringify({ type }));
  return `/live?${String(query)}`;
}
