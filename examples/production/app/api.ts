import { createServer } from 'node:http';
import express, { type NextFunction, type Request, type Response } from 'express';
import { jwtVerify } from 'jose';
import { expressHost } from 'tidemark/express';
import { localRules, remoteRules } from 'tidemark/grpc';
import { sseHost } from 'tidemark/sse';
import { wsHost } from 'tidemark/ws';
import { WebSocketServer } from 'ws';
import { type Settlement, rules } from './model.ts';
import { type User, openParts } from './parts.ts';

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
const local = localRules({ tide, rules });
const remote = enabled ? remoteRules({ addresses: [`${host}:${String(port)}`], timeoutMs, fallback: local }) : null;
const engine = remote ?? local;

const users = new WeakMap<Request, User>();
const requests = expressHost(tide, {
  scope: (request: Request) => ({ principal: users.get(request), after: request.get('x-after') }),
});
const events = sseHost(tide, { authenticate: bearer });
const sockets = wsHost(tide, { authenticate: bearer, verify: userOf });

const app = express();
app.use('/health', (request, response, next) => requests.health(request, response, next));
app.get('/links', (_, response) => {
  response.json({ links: events.size + sockets.size });
});
app.all('/events', (request, response) => events.handle(request, response));
app.use('/api', async (request, response, next) => {
  const user = await bearer(request);
  if (user === null) return void response.sendStatus(401);
  users.set(request, user.principal);
  next();
});

app.get('/api/settlements/:id', async (request, response) => {
  const { id } = request.params;
  const settlement = await requests.scopeOf(request).get('settlement', id);
  if (settlement === null) return void response.sendStatus(404);
  const { value } = await engine.evaluateCondition({ type: 'settlement', id, field: 'income' });
  response.json({ ...settlement, income: value });
});
app.get('/api/kingdoms/:kingdom/settlements', async (request, response) => {
  const { kingdom } = request.params;
  response.json(await requests.scopeOf(request).children('settlement', { kingdom }));
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

app.use((error: unknown, request: Request, response: Response, next: NextFunction) => {
  requests.errors(error, request, response, next);
});

const server = createServer(app);
server.on('upgrade', sockets.upgrade(new WebSocketServer({ noServer: true, maxPayload: 65_536 })));
// Longer than nginx keeps a connection that nobody uses (60 s), so that none is closed as a request is put on it.
server.keepAliveTimeout = 75_000;
// Clients go elsewhere, at different moments; nginx asks the next replica once this one takes no connections.
const stop = requests.graceful(server, { drainMs: 0, timeoutMs: 15_000 });
server.listen(Number(PORT));

process.once('SIGTERM', () => {
  for (const link of [events, sockets]) link.close();
  void stop()
    .then(close)
    .then(() => remote?.close());
});
