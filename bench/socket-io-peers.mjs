import { once } from 'node:events';
import { createServer } from 'node:http';
import { createAdapter, createShardedAdapter } from '@socket.io/redis-adapter';
import { createAdapter as createStreamsAdapter } from '@socket.io/redis-streams-adapter';
import { Server } from 'socket.io';
import { io } from 'socket.io-client';
import { connectTo } from './redis.mjs';

/**
 * Two servers of Socket.IO with one of its adapters over Redis: what the first emits to a room reaches clients of the second. The
 * second reaches Redis by the link that may be cut.
 */

const adapters = {
  classic: (client, subscriber) => createAdapter(client, subscriber),
  sharded: (client, subscriber) => createShardedAdapter(client, subscriber),
  streams: (client) => createStreamsAdapter(client),
};

async function serve(adapter, port) {
  const connect = () => connectTo(port, { retryStrategy: () => 50 }).on('error', () => {});
  const web = createServer();
  const server = new Server(web, { adapter: adapters[adapter](connect(), connect()), transports: ['websocket'] });
  server.on('connection', (socket) =>
    socket.on('join', (room, done) => void Promise.resolve(socket.join(room)).then(done)),
  );
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
  return { server, port: web.address().port };
}

const pairOf =
  (adapter) =>
  async ({ port, subscribePort = port }) => {
    const [near, far] = [await serve(adapter, port), await serve(adapter, subscribePort)];
    return {
      publish: async (topic, payload) => near.server.to(topic).emit('message', payload),
      subscribe: async (topic, onPayload) => {
        const client = io(`http://127.0.0.1:${far.port}`, { transports: ['websocket'], forceNew: true });
        client.on('message', onPayload);
        await once(client, 'connect');
        await client.emitWithAck('join', topic);
      },
    };
  };

export const socketIo = pairOf('classic');
export const socketIoSharded = pairOf('sharded');
export const socketIoStreams = pairOf('streams');
