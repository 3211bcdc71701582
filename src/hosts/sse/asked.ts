import { TidemarkError } from '../../errors.js';
import { cursorsOf } from './cursors.js';
import { MAX_BODY_BYTES, NOT_JSON, NO_METHOD, type Refused, TOO_LARGE, refusedFor } from './refused.js';

/** A request, whatever server it came to. */
export interface Question {
  readonly method: string | undefined;
  readonly query: URLSearchParams;
  readonly lastEventId: string | undefined;
  readonly contentType: string | undefined;
  /** Where something has parsed it before; undefined: it is still to be read. */
  readonly parsed: unknown;
  readonly body: AsyncIterable<unknown>;
}

/** What a request wants to follow, as frames of a client: not checked yet. */
export interface Asked {
  readonly frames: readonly object[];
  /** It is an EventSource, which remembers where it stands by the ids of events. */
  readonly remembers: boolean;
}

/** What a request asks for, by its method; or why that cannot be. */
export async function askedBy(question: Question): Promise<Asked | Refused> {
  const { method, query, lastEventId, contentType = '', parsed, body } = question;
  try {
    if (method === 'GET') return askedInUrl(query, lastEventId);
    if (method !== 'POST') return NO_METHOD;
    if (!/^application\/json\b/i.test(contentType)) return NOT_JSON;
    if (parsed !== undefined) return askedInBody(parsed);
    const text = await textOf(body, MAX_BODY_BYTES);
    return text === null ? TOO_LARGE : askedInBody(jsonOf(text, 'body'));
  } catch (error) {
    return refusedFor(error);
  }
}

/**
 * `?room=settlement:7&room=…`, `?target={"type":"settlement"}`, with `branch`, `overflow` and `since` for all of them. A room is known by
 * its name, a target by its text. Throws INVALID_FRAME or INVALID_CURSOR.
 */
function askedInUrl(query: URLSearchParams, lastEventId: string | undefined): Asked {
  const since = lastEventId ?? query.get('since') ?? '';
  const cursors = since === '' ? {} : cursorsOf(since);
  const more = { branch: query.get('branch'), overflow: query.get('overflow') };
  const rooms = query.getAll('room').map((room) => ({ key: room, target: { room } }));
  const targets = query.getAll('target').map((text) => ({ key: text, target: jsonOf(text, 'target') }));
  const frames = [...rooms, ...targets].map((asked) => ({
    ...{ kind: 'subscribe', ...asked, ...more },
    since: Object.hasOwn(cursors, asked.key) ? cursors[asked.key] : undefined,
  }));
  if (frames.length === 0)
    throw new TidemarkError('INVALID_FRAME', "request: expected '?room=' or '?target=', got none.");
  return { frames, remembers: true };
}

/** `{ "subscribe": [{ "key": …, "target": … }, …] }`. Throws INVALID_FRAME. */
function askedInBody(body: unknown): Asked {
  const { subscribe } = (typeof body === 'object' && body !== null ? body : {}) as { readonly subscribe?: unknown };
  if (!Array.isArray(subscribe))
    throw new TidemarkError('INVALID_FRAME', 'body: expected { subscribe: […] }, got something else.');
  const frames = subscribe.map((frame: unknown) => ({ ...(frame as object), kind: 'subscribe' }));
  return { frames, remembers: false };
}

function jsonOf(text: string, where: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new TidemarkError('INVALID_FRAME', `${where}: expected JSON, got '${text.slice(0, 40)}'.`);
  }
}

/** The parts of a body as they come, as one text; null for one that is larger. Throws INVALID_FRAME where it breaks off. */
async function textOf(parts: AsyncIterable<unknown>, maxBytes: number): Promise<string | null> {
  const read: Buffer[] = [];
  let size = 0;
  try {
    for await (const part of parts) {
      const bytes = Buffer.from(part as Uint8Array);
      size += bytes.length;
      if (size > maxBytes) return null;
      read.push(bytes);
    }
  } catch (cause) {
    // A client that leaves in the middle of what it sends is no failure of the server.
    throw new TidemarkError('INVALID_FRAME', 'body: expected all of it, got an end before.', { cause });
  }
  return Buffer.concat(read).toString();
}
