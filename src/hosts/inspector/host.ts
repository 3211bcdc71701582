import type { Tidemark } from '../../api.js';
import { systemClock } from '../../clock.js';
import type { Awaitable, Clock } from '../../contract.js';
import { isTidemarkError, messageOf } from '../../errors.js';
import type { AnyModel } from '../../model.js';
import { expectFunction, refuseOthers } from '../given.js';
import type { NodeResponse } from '../sse/node.js';
import { type AnyTide, answerTo } from './answers.js';
import { assetOf } from './assets.js';
import { Feed } from './feed.js';

/** What is needed of a tide. */
export type InspectedTide<M extends AnyModel, Principal> = Pick<
  Tidemark<M, Principal>,
  'model' | 'inspect' | 'metrics' | 'stats' | 'health' | 'explain' | 'rules' | 'on'
>;

/** A request of node's http or http2, or of a framework on top of it. */
export interface InspectorRequest {
  readonly method?: string | undefined;
  /** Express has taken off where it is mounted; then `originalUrl` has the whole. */
  readonly url?: string | undefined;
  readonly originalUrl?: string | undefined;
}

export type InspectorResponse = NodeResponse;

export interface InspectorOptions<Request> {
  /**
   * Who may look: ids, names and values of everybody's data are shown. Asked at every request, the page's files too, and each
   * minute of a stream that stands. Anything but true is a no, an error too: the answer is 403.
   */
  readonly authorize: (request: Request) => Awaitable<boolean>;
  /** False: every answer is 404, and nothing is remembered. To be said, so that nobody has it in production unawares. */
  readonly enabled: boolean;
  /** Where it is mounted, for servers that leave that in the URL, such as node's and Fastify. Default `'/inspector'`. */
  readonly path?: string | undefined;
  /** Times streams and samples. Default: this machine's. */
  readonly clock?: Clock | undefined;
}

export interface InspectorHost<Request extends InspectorRequest> {
  /**
   * Answers a GET of the page, of its files or of what it asks. A handler of node's http and http2, and of Express as it is; with
   * Fastify after `reply.hijack()`, with the raw request and response. Never rejects.
   */
  handle(request: Request, response: InspectorResponse): Promise<void>;
  /** Ends its streams, and the tide remembers nothing for it any more. Idempotent. */
  close(): void;
}

/** What nobody may keep, embed or add to. */
const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/**
 * A page about one replica: hit rates, what each change made stale and why, the story of an entry, what a change would touch,
 * rules, subscriptions, places, and which replica is behind. It reads only. While it is enabled and not closed, the tide
 * remembers its last 2,000 loads and 500 changes. Throws INVALID_OPTION.
 *
 * @example
 * const page = inspector(tide, { enabled: !isProduction, authorize: (request: Request) => request.user?.isOperator === true });
 * app.use('/inspector', (request, response) => page.handle(request, response));
 */
export function inspector<M extends AnyModel, Principal, Request extends InspectorRequest>(
  tide: InspectedTide<M, Principal>,
  options: InspectorOptions<Request>,
): InspectorHost<Request> {
  refuseOthers(options, 'inspector', ['authorize', 'enabled', 'path', 'clock']);
  const { authorize, enabled, path = '/inspector', clock = systemClock } = options;
  expectFunction(authorize, 'inspector.authorize');
  const erased = tide as unknown as AnyTide;
  const feed = enabled === true ? new Feed(erased, clock) : null;
  const isAllowed = async (request: Request): Promise<boolean> => {
    try {
      return ((await authorize(request)) as unknown) === true;
    } catch {
      return false;
    }
  };
  const handle = async (request: Request, response: InspectorResponse): Promise<void> => {
    let gone = false;
    response.on('close', () => {
      gone = true;
    });
    response.on('error', () => undefined);
    if (feed === null) refuse(response, 404, 'NOT_FOUND', 'The inspector is not enabled here.');
    else if (!(await isAllowed(request))) refuse(response, 403, 'FORBIDDEN', 'Expected somebody who may look.');
    else if (gone) return;
    else if (request.method !== 'GET') refuse(response, 405, 'METHOD_NOT_ALLOWED', 'Expected GET.');
    else
      await serve(feed, erased, {
        request,
        response,
        place: placeOf(request, path),
        isAllowed: () => isAllowed(request),
      });
  };
  return {
    handle,
    close: () => {
      feed?.close();
    },
  };
}

interface Asking {
  readonly request: InspectorRequest;
  readonly response: InspectorResponse;
  readonly place: Place;
  readonly isAllowed: () => Promise<boolean>;
}

async function serve(feed: Feed, tide: AnyTide, { response, place, isAllowed }: Asking): Promise<void> {
  const { file, whole, query } = place;
  if (file === 'api/live') {
    response.writeHead(200, { ...HEADERS, 'content-type': 'text/event-stream', 'x-accel-buffering': 'no' });
    response.flushHeaders?.();
    feed.follow(response, isAllowed);
    return;
  }
  if (file.startsWith('api/')) {
    try {
      const found = await answerTo(file.slice('api/'.length), query, { tide, inspection: feed.inspection });
      if (found === undefined) refuse(response, 404, 'NOT_FOUND', 'There is no such question.');
      else send(response, 200, { 'content-type': 'application/json' }, JSON.stringify(found));
    } catch (error) {
      const code = isTidemarkError(error) ? error.code : 'INTERNAL';
      refuse(response, code === 'INTERNAL' ? 500 : 400, code, messageOf(error));
    }
    return;
  }
  if (file === '' && !whole.endsWith('/')) {
    // What the page names is beside it, whatever is in front of this server: it has to stand in a folder.
    send(response, 302, { location: `${whole.slice(whole.lastIndexOf('/') + 1)}/` }, '');
    return;
  }
  const asset = assetOf(file);
  if (asset === undefined) refuse(response, 404, 'NOT_FOUND', 'There is no such file.');
  else send(response, 200, { 'content-type': asset.type }, asset.text);
}

interface Place {
  /** Below where it is mounted: '' for the page. */
  readonly file: string;
  /** The path as it was asked for. */
  readonly whole: string;
  readonly query: URLSearchParams;
}

function placeOf({ url = '', originalUrl }: InspectorRequest, mounted: string): Place {
  const [given = '', search = ''] = split(url);
  const [whole = ''] = split(originalUrl ?? url);
  const base = mounted.replace(/\/+$/, '');
  // Where somebody has taken the mount off already, nothing is left of it.
  const isWhole = originalUrl === undefined || originalUrl === url;
  const below = isWhole && (given === base || given.startsWith(`${base}/`)) ? given.slice(base.length) : given;
  return { file: below.replace(/^\/+/, ''), whole, query: new URLSearchParams(search) };
}

const split = (url: string): readonly string[] => {
  const at = url.indexOf('?');
  return at < 0 ? [url, ''] : [url.slice(0, at), url.slice(at + 1)];
};

function refuse(response: InspectorResponse, status: number, code: string, message: string): void {
  const more: Record<string, string> = status === 405 ? { allow: 'GET' } : {};
  send(response, status, { ...more, 'content-type': 'application/json' }, JSON.stringify({ code, message }));
}

function send(response: InspectorResponse, status: number, headers: Record<string, string>, body: string): void {
  response.writeHead(status, { ...HEADERS, ...headers });
  if (body !== '') response.write(body);
  response.end();
}
