import { createServer } from 'node:http';
import express, { type NextFunction, type Request, type Response } from 'express';
import { jwtVerify } from 'jose';
import { isTidemarkError } from 'tidemark';
import { localRules, remoteRules } from 'tidemark/grpc';
import { sseHost } from 'tidemark/sse';
import { wsHost } from 'tidemark/ws';
import { WebSocketServer } from 'ws';
import { type Settlement, rules } from './model.ts';
import { openParts } from './parts.ts';

const { JWT_SECRET = '', PORT = '4000' } = process.env;
if (JWT_SECRET.length < 32) throw new Error('expected a JWT_SECRET of at least 32 characters');
const secret = new TextEncoder().encode(JWT_SECRET);
const userOf = async (token: unknown) => {
  const { payload } = await jwtVerify(String(token), secret);
  if (payload.sub === undefined) throw new Error('a token without a subject');
  return {
    principal: { id: payload.sub },
    ...(payload.exp === undefined ? {} : { expiresAt: new Date(payload.exp * 1000) }),
  };
};
const bearer = ({ headers }: { readonly headers: { readonly authorization?: string | undefined } }) =>
  headers.authorization?.startsWith('Bearer ') === true
    ? userOf(headers.authorization.slice(7)).catch(() => null)
    : null;

const { config, pool, tide, close } = await openParts();
const { enabled, host, port, timeoutMs } = config.rules;
const engine = enabled
  ? remoteRules({ addresses: [`${host}:${String(port)}`], timeoutMs, fallback: localRules({ tide, rules }) })
  : localRules({ tide, rules });

const app = express();
const events = sseHost(tide, { authenticate: bearer });
const sockets = wsHost(tide, { authenticate: bearer, verify: userOf });

app.get('/health/live', (_, response) => {
  response.json({ status: 'alive', links: events.size + sockets.size });
});
app.get('/health/ready', async (_, response) => {
  const health = await tide.health();
  response.status(health.status === 'down' ? 503 : 200).json(health);
});
app.all('/events', (request, response) => events.handle(request, response));

app.use('/api', async (request, response, next) => {
  const user = await bearer(request);
  if (user === null) return void response.sendStatus(401);
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  response.locals['world'] = tide.scope({ ...user, signal: gone.signal, after: request.get('x-after') });
  next();
});
const worldOf = (response: Response) => response.locals['world'] as ReturnType<typeof tide.scope>;

app.get('/api/settlements/:id', async ({ params: { id } }, response) => {
  const settlement = await worldOf(response).get('settlement', id);
  if (settlement === null) return void response.sendStatus(404);
  const { value } = await engine.evaluateCondition({ type: 'settlement', id, field: 'income' });
  response.json({ ...settlement, income: value });
});
app.get('/api/kingdoms/:kingdom/settlements', async ({ params: { kingdom } }, response) => {
  response.json(await worldOf(response).children('settlement', { kingdom }));
});
app.patch('/api/settlements/:id', express.json({ limit: '10kb' }), async (request, response) => {
  const { id } = request.params;
  const { name } = request.body as { readonly name?: unknown };
  if (typeof name !== 'string' || name.length > 100) return void response.sendStatus(400);
  const { value, receipt } = await tide.transaction(async (changes) => {
    const sql = await pool.connect();
    try {
      await sql.query('begin');
      const { rows } = await sql.query<Settlement>(
        `select id, kingdom_id as "kingdomId", name, level from settlements where id = $1 and deleted_at is null for update`,
        [id],
      );
      const before = rows[0];
      if (before !== undefined) {
        const after = { ...before, name };
        await sql.query('update settlements set name = $2 where id = $1', [id, name]);
        await changes.add({ type: 'settlement', id, op: 'update', before, after }, { via: sql });
      }
      await sql.query('commit');
      return before === undefined ? null : { ...before, name };
    } catch (error) {
      await sql.query('rollback');
      throw error;
    } finally {
      sql.release();
    }
  });
  if (value === null) return void response.sendStatus(404);
  response.set('x-after', receipt.toString()).json(value);
});

const STATUS: Readonly<Record<string, number>> = {
  BLANK_ID: 400,
  INVALID_RECEIPT: 400,
  OVERLOADED: 503,
  UNAUTHORIZED: 403,
};
app.use((error: unknown, _: Request, response: Response, next: NextFunction) => {
  if (response.headersSent || !isTidemarkError(error)) return void next(error);
  response.status(STATUS[error.code] ?? 500).json({ error: { code: error.code } });
});

const server = createServer(app);
server.on('upgrade', sockets.upgrade(new WebSocketServer({ noServer: true, maxPayload: 65_536 })));
// Longer than nginx keeps a connection that nobody uses (60 s), so that none is closed as a request is put on it.
server.keepAliveTimeout = 75_000;
server.listen(Number(PORT));

process.once('SIGTERM', () => {
  for (const link of [events, sockets]) link.close();
  const closed = new Promise((resolve) => server.close(resolve));
  server.closeIdleConnections();
  void closed.then(close).then(() => {
    if ('close' in engine) (engine as { close(): void }).close();
  });
});
