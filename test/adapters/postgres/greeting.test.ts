import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { Pool } from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { pgOutbox } from '../../../src/adapters/postgres/index.js';
import { listenerOn } from '../../../src/adapters/postgres/listener.js';
import { rowsOf } from '../../../src/adapters/postgres/origin-run.js';
import { systemClock } from '../../../src/clock.js';

/*
 * A backend may be terminated as it starts: then it says in one packet that it is ready and that it ends, and `pg` raises an error
 * on a connection that nobody has got yet. Nobody listening to it would end the process.
 */

const message = (type: string, body: Buffer): Buffer => {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
};
const GREETING = Buffer.concat([
  message('R', Buffer.alloc(4)),
  message('Z', Buffer.from('I')),
  message('E', Buffer.from('SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0')),
]);

/** A pool of connections to a server that ends each one with its greeting, and what no promise was told of. */
async function terminated() {
  const closed: Promise<unknown>[] = [];
  const server = createServer((socket) => {
    closed.push(once(socket, 'close'));
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(GREETING));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const pool = new Pool({ host: '127.0.0.1', port, user: 'nobody', max: 2 });
  pool.on('error', () => undefined);
  const uncaught: unknown[] = [];
  const others = process.listeners('uncaughtException');
  const note = (error: unknown): void => void uncaught.push(error);
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', note);
  onTestFinished(async () => {
    process.off('uncaughtException', note);
    for (const other of others) process.on('uncaughtException', other);
    void pool.end();
    server.close();
  });
  return { pool, uncaught, closed };
}

const hearer = { onMessage: () => {}, onLost: () => {}, onBack: () => {} };
/** Through it a statement that finds something. */
const finding = (pool: Pool): Pool => Object.assign(pool, { query: async () => ({ rows: [{}] }) });
const never = () => Promise.reject(new Error('nothing is swept'));
const STATEMENT = { text: 'select 1', values: [] };
const context = { where: 'here', signal: new AbortController().signal };

test.each([
  ['that is to listen', (pool: Pool) => listenerOn(pool).listen(['somewhere'], hearer)],
  ['that is to sweep', (pool: Pool) => pgOutbox({ pool: finding(pool) }).sweep({ olderThanMs: 0, limit: 1 }, never)],
  [
    'that is to load',
    (pool: Pool) => rowsOf(pool, STATEMENT, context, { clock: systemClock, statementTimeoutMs: 1000 }),
  ],
])('a connection %s and is ended with its greeting ends no process', async (_, use) => {
  const { pool, uncaught, closed } = await terminated();
  await expect(use(pool)).rejects.toThrow();
  // What is raised comes before the connection is closed.
  await Promise.all(closed);
  expect(uncaught).toEqual([]);
});
