import { fileURLToPath } from 'node:url';
import express, { type ErrorRequestHandler, type Express, type Request, type RequestHandler } from 'express';
import { inspector } from 'tidemark/inspector';
import { isHere } from './access.ts';
import { Refused, publicError } from './errors.ts';
import { countries, points } from './files.ts';
import { graphql } from './graphql.ts';
import type { Live } from './live.ts';
import type { World } from './request.ts';
import { listRules, saveRule, tryRule } from './rules.ts';

const PAGE = fileURLToPath(new URL('../page/', import.meta.url));
const MAPLIBRE = fileURLToPath(new URL('./', import.meta.resolve('maplibre-gl')));
/** The client as it is built, with what it imports: an app with a bundler imports 'tidemark/client'. */
const CLIENT = fileURLToPath(new URL('../../../dist/', import.meta.url));
const ENDPOINT = '/graphql';
const MAX_BODY_BYTES = 100_000;

/** The whole server, as an Express app, but for the upgrades of `live`. */
export function createApp(world: World, live: Live): Express {
  const { tide, clock, closing } = world;
  const app = express();
  app.disable('x-powered-by');
  app.use(secured);

  app.get('/health', async (_, response) => {
    const health = await tide.health();
    response.status(health.status === 'down' ? 503 : 200).json(health);
  });
  app.get('/stats', (_, response) => {
    response.json(tide.stats());
  });
  // For whoever runs this: it shows everybody's reads and changes.
  const page = inspector(tide, { enabled: true, authorize: ({ socket }: Request) => isHere(socket), clock });
  closing.addEventListener('abort', () => page.close());
  app.use('/inspector', (request, response) => page.handle(request, response));
  app.all('/live', live.events);
  app.get('/rules', listRules(world));
  app.post('/rules/try', isJson, express.json({ limit: MAX_BODY_BYTES }), tryRule(world));
  app.post('/rules', isJson, express.json({ limit: MAX_BODY_BYTES }), saveRule(world));
  app.get('/data/world.json', (_, response) => {
    response.json({ counts: world.tables.counts, credits: world.credits });
  });
  app.get('/data/points', (request, response) => points(world, request, response));
  app.get('/data/countries.json', (request, response) => countries(world, request, response));
  // JSON only: what a form on another site can send, it could send with this site's cookie.
  app.post(ENDPOINT, isJson, express.json({ limit: MAX_BODY_BYTES }), isQuery, graphql(world).requestListener);
  app.all(ENDPOINT, () => {
    throw new Refused('METHOD_NOT_ALLOWED', `${ENDPOINT}: expected POST.`);
  });

  app.get('/', (_, response) => {
    response.sendFile('index.html', { root: PAGE });
  });
  app.use('/page', express.static(PAGE, { index: false, redirect: false }));
  app.get('/vendor/maplibre-gl.js', (_, response) => {
    response.sendFile('maplibre-gl.mjs', { root: MAPLIBRE });
  });
  app.use('/tidemark', express.static(CLIENT, { index: false, redirect: false }));
  app.use('/vendor', express.static(MAPLIBRE, { index: false, redirect: false }));

  app.use(({ method, path }) => {
    throw new Refused('NOT_FOUND', `There is nothing at ${method} ${path}.`);
  });
  app.use(failed(world));
  return app;
}

/** The map library draws in a worker that it may make from a blob, and writes styles from script. */
const POLICY = [
  "default-src 'self'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "worker-src 'self' blob:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

const secured: RequestHandler = (_, response, next) => {
  response.set({
    'content-security-policy': POLICY,
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
  });
  next();
};

const isJson: RequestHandler = (request, _, next) => {
  if (request.is('application/json') === false)
    throw new Refused('UNSUPPORTED_MEDIA_TYPE', 'Expected application/json.');
  next();
};

const isQuery: RequestHandler = ({ body }, _, next) => {
  const { query } = (body ?? {}) as { readonly query?: unknown };
  if (typeof query !== 'string')
    throw new Refused('BAD_REQUEST', 'Expected a body such as { "query": "{ me { name } }" }.');
  next();
};

/** Every error as JSON: as GraphQL has it at its endpoint, else as `{ error: { code, message } }`. */
function failed({ report }: World): ErrorRequestHandler {
  return (error: unknown, request, response, next) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    const { status, code, message } = publicError(inOurWords(error, request));
    if (status >= 500) report(error);
    response
      .status(status)
      .json(request.path === ENDPOINT ? { errors: [{ message, extensions: { code } }] } : { error: { code, message } });
  };
}

/** What Express itself throws: for a path that cannot be decoded, a file that is not there, a body that is no JSON. */
function inOurWords(error: unknown, { method, path }: Request): unknown {
  const { status, message } = (error ?? {}) as { readonly status?: unknown; readonly message?: unknown };
  switch (status) {
    case 400:
      return new Refused('BAD_REQUEST', `${method} ${path}: ${String(message)}`);
    case 404:
      return new Refused('NOT_FOUND', `There is nothing at ${method} ${path}.`);
    case 413:
      return new Refused('TOO_LARGE', `${method} ${path}: expected at most ${String(MAX_BODY_BYTES)} bytes.`);
    default:
      return error;
  }
}
