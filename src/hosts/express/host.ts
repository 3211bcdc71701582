import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Scope, Tidemark } from '../../api.js';
import { isTidemarkError } from '../../errors.js';
import type { AnyModel } from '../../model.js';
import { refuseOthers } from '../http/options.js';
import { type Probe, Probes } from '../http/probes.js';
import { Requests, untilClosed } from '../http/requests.js';
import { type RequestOptions, Scopes } from '../http/scopes.js';
import { statusOf } from '../http/status.js';
import { type StopOptions, type StoppedServer, checkStop, stopping } from '../http/stopping.js';

/** A request of Express, which knows its response. */
export interface ExpressRequest {
  readonly res?: Pick<ServerResponse, 'closed' | 'once'> | undefined;
}

export type ExpressOptions<M extends AnyModel, Principal, Request> = RequestOptions<M, Principal, Request>;

export interface ExpressHost<M extends AnyModel, Principal, Request> {
  /** The scope of a request: the same whenever it is asked, aborted when the client goes. Throws what `scope` of the options throws. */
  scopeOf(request: Request): Scope<M, Principal>;
  /**
   * Answers `GET /live`, `/ready` and `/` below where it is mounted; passes anything else on.
   *
   * @example
   * app.use('/health', host.health);
   */
  health(this: void, request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void): void;
  /**
   * Answers requests that fail with an error of this library and by the fault of the client: `{ error: { code, message } }`. Any other
   * error goes on, one of this library with the `status` that the app's own handler, or Express's, answers with. Behind all routes.
   *
   * @example
   * app.use(host.errors);
   */
  errors(
    this: void,
    error: unknown,
    request: IncomingMessage,
    response: ServerResponse,
    next: (error: unknown) => void,
  ): void;
  /**
   * Follows a server, and returns the function that stops it and closes the tide without dropping a request: readiness is 503 for
   * `drainMs`, live updates end, what is under way is finished. It resolves to how many connections were cut after `timeoutMs`. Call
   * this before the first connection, and the function once or more.
   *
   * @example
   * process.once('SIGTERM', host.graceful(app.listen(3000), { drainMs: 5000 }));
   */
  graceful(server: StoppedServer, options?: StopOptions): () => Promise<number>;
}

const PROBES: Readonly<Record<string, Probe>> = { '/': 'health', '/live': 'live', '/ready': 'ready' };

/**
 * What an app on Express 4 or 5 needs of a tide: a scope for each request, health, errors and an end. Throws INVALID_OPTION.
 *
 * @example
 * const host = expressHost(tide, { scope: (request: Request) => ({ principal: request.user, after: request.get('x-after') }) });
 * app.get('/settlements/:id', async (request, response) => {
 *   response.json(await host.scopeOf(request).get('settlement', request.params.id));
 * });
 */
export function expressHost<M extends AnyModel, Principal, Request extends ExpressRequest>(
  tide: Tidemark<M, Principal>,
  options: ExpressOptions<M, Principal, Request> = {},
): ExpressHost<M, Principal, Request> {
  refuseOthers(options, 'expressHost', ['scope']);
  const requests = new Requests();
  const probes = new Probes(tide, requests);
  const scopes = new Scopes<M, Principal, Request>({
    tide,
    scope: options.scope,
    signalOf: ({ res }) => res && untilClosed(res),
  });
  return {
    scopeOf: (request) => scopes.of(request),
    health: (request, response, next) => {
      const probe = probeOf(request);
      if (probe === undefined) next();
      else
        void probes.answer(probe).then(({ status, body }) => {
          send(response, status, body);
        }, next);
    },
    errors: (error, _request, response, next) => {
      if (!isTidemarkError(error) || response.headersSent) {
        next(error);
        return;
      }
      const { code, message } = error;
      const status = statusOf(code);
      if (status < 500) send(response, status, { error: { code, message } });
      else next(Object.assign(error, { status }));
    },
    graceful: (server, stop = {}) => {
      checkStop(stop, 'graceful');
      return stopping(server, tide, { ...stop, requests });
    },
  };
}

function probeOf({ method, url = '/' }: IncomingMessage): Probe | undefined {
  const path = url.replace(/\?.*$/s, '');
  const isAsked = (method === 'GET' || method === 'HEAD') && Object.hasOwn(PROBES, path);
  return isAsked ? PROBES[path] : undefined;
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}
