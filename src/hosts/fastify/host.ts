import { type IncomingMessage, STATUS_CODES, type ServerResponse } from 'node:http';
import type { Scope, Tidemark } from '../../api.js';
import { systemClock } from '../../clock.js';
import type { Clock } from '../../contract.js';
import { isTidemarkError } from '../../errors.js';
import type { AnyModel } from '../../model.js';
import { checkMs, refuseOthers } from '../http/options.js';
import { type Probe, Probes } from '../http/probes.js';
import { type FollowedServer, Requests, untilClosed } from '../http/requests.js';
import { type RequestOptions, Scopes } from '../http/scopes.js';
import { statusOf } from '../http/status.js';

export interface FastifyRequest {
  readonly raw: IncomingMessage;
  readonly log: { error(error: unknown): void };
}

export interface FastifyReply {
  readonly sent: boolean;
  readonly raw: ServerResponse;
  code(status: number): FastifyReply;
  header(name: string, value: string): FastifyReply;
  send(body: unknown): FastifyReply;
}

/** What is needed of an instance of Fastify 5 with a server of HTTP/1 or 2. */
export interface FastifyApp {
  readonly server: FollowedServer;
  get(path: string, options: object, handler: (request: never, reply: never) => unknown): unknown;
  addHook(name: 'onRequest', hook: (request: never, reply: never, done: () => void) => void): unknown;
  addHook(name: 'preClose' | 'onClose', hook: () => Promise<void>): unknown;
  close(): PromiseLike<unknown>;
}

export interface FastifyOptions<M extends AnyModel, Principal, Request> extends RequestOptions<M, Principal, Request> {
  /** Where health is answered, with `/live` and `/ready` below it; null: nowhere. Default '/health'. */
  readonly healthPath?: string | null | undefined;
  /** The level at which requests for health are logged. Default 'warn': not those that come every second. */
  readonly healthLogLevel?: string | undefined;
  /** How long `stop` lets readiness say 503 while every request is still served. As long as your load balancer takes to notice. Default 0. */
  readonly drainMs?: number | undefined;
  /** Connections that are still busy so long after the app has begun to close are cut. Default 10,000. */
  readonly timeoutMs?: number | undefined;
  /** Measures both. Default: this machine's. */
  readonly clock?: Clock | undefined;
}

export interface FastifyHost<M extends AnyModel, Principal, Request> {
  /**
   * Routes of health, and the end: when the app closes, live updates end, for which it would wait for ever, and the tide is closed once
   * what was under way is finished.
   *
   * @example
   * await app.register(host.plugin);
   */
  readonly plugin: (app: FastifyApp) => Promise<void>;
  /** The scope of a request: the same whenever it is asked, aborted when the client goes. Throws what `scope` of the options throws. */
  scopeOf(request: Request): Scope<M, Principal>;
  /**
   * Answers errors of this library as Fastify answers others, `{ statusCode, code, error, message }`, with the status that belongs to
   * them; what is no fault of the client says no more than its code, and is logged. Leaves others to Fastify.
   *
   * @example
   * app.setErrorHandler(host.errors);
   */
  errors(this: void, error: unknown, request: FastifyRequest, reply: FastifyReply): unknown;
  /** Lets readiness say 503 for `drainMs`, then closes the app: no request is dropped. Once, however often it is called. */
  stop(app: FastifyApp): Promise<void>;
}

const OPTIONS = ['scope', 'healthPath', 'healthLogLevel', 'drainMs', 'timeoutMs', 'clock'];
const PROBES: readonly (readonly [path: string, probe: Probe])[] = [
  ['', 'health'],
  ['/live', 'live'],
  ['/ready', 'ready'],
];

/**
 * What an app on Fastify 5 needs of a tide: a scope for each request, health, errors and an end. Throws INVALID_OPTION.
 *
 * @example
 * const host = fastifyHost(tide, { scope: (request: FastifyRequest) => ({ principal: request.user }) });
 * await app.register(host.plugin);
 * app.get('/settlements/:id', (request) => host.scopeOf(request).get('settlement', request.params.id));
 */
export function fastifyHost<M extends AnyModel, Principal, Request extends { readonly raw: object }>(
  tide: Tidemark<M, Principal>,
  options: FastifyOptions<M, Principal, Request> = {},
): FastifyHost<M, Principal, Request> {
  refuseOthers(options, 'fastifyHost', OPTIONS);
  checkMs(options.drainMs, 'fastifyHost: drainMs');
  checkMs(options.timeoutMs, 'fastifyHost: timeoutMs');
  const {
    scope,
    healthPath = '/health',
    healthLogLevel = 'warn',
    drainMs = 0,
    timeoutMs = 10_000,
    clock = systemClock,
  } = options;
  const requests = new Requests();
  const probes = new Probes(tide, requests);
  const responses = new WeakMap<object, ServerResponse>();
  const scopes = new Scopes<M, Principal, Request>({
    tide,
    scope,
    signalOf: ({ raw }) => {
      const response = responses.get(raw);
      return response && untilClosed(response);
    },
  });

  const plugin = (app: FastifyApp): Promise<void> => {
    let cancel = (): void => undefined;
    requests.follow(app.server);
    app.addHook('onRequest', ({ raw }: FastifyRequest, reply: FastifyReply, done) => {
      // Requests that are injected come over no server.
      responses.set(raw, reply.raw);
      done();
    });
    if (healthPath !== null) {
      for (const [below, probe] of PROBES)
        app.get(healthPath + below, { logLevel: healthLogLevel }, async (_: FastifyRequest, reply: FastifyReply) => {
          const { status, body } = await probes.answer(probe);
          return reply.code(status).header('cache-control', 'no-store').send(body);
        });
    }
    app.addHook('preClose', async () => {
      requests.drain();
      tide.realtime.close();
      requests.closeSilent();
      cancel = clock.after(timeoutMs, () => requests.cut());
    });
    app.addHook('onClose', () => {
      cancel();
      return tide.close();
    });
    return Promise.resolve();
  };
  let stopped: Promise<void> | undefined;
  const stop = async (app: FastifyApp): Promise<void> => {
    requests.drain();
    if (drainMs > 0) await new Promise<void>((resolve) => void clock.after(drainMs, resolve));
    await app.close();
  };
  return {
    // What it adds is the app's, not of a context of its own.
    plugin: Object.assign(plugin, {
      [Symbol.for('skip-override')]: true,
      [Symbol.for('fastify.display-name')]: 'tidemark',
    }),
    scopeOf: (request) => scopes.of(request, request.raw),
    errors: (error, request, reply) => {
      if (!isTidemarkError(error)) return reply.send(error);
      const { code, message } = error;
      const status = statusOf(code);
      if (status >= 500) request.log.error(error);
      const body = { statusCode: status, code, error: nameOf(status) };
      return reply.code(status).send({ ...body, message: status < 500 ? message : nameOf(status) });
    },
    stop: (app) => (stopped ??= stop(app)),
  };
}

const nameOf = (status: number): string => STATUS_CODES[status] ?? 'Error';
