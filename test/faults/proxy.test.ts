import { once } from 'node:events';
import { type AddressInfo, type Socket, connect, createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { type Proxy, openProxy } from './proxy.js';
import { now, until } from './time.js';

/** A server that answers with what it is told, and a proxy before it. */
async function echo(): Promise<{ readonly proxy: Proxy; readonly ends: Set<Socket> }> {
  const ends = new Set<Socket>();
  const server = createServer((socket) => {
    ends.add(socket);
    socket.on('error', () => undefined).once('close', () => ends.delete(socket));
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy = await openProxy({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  onTestFinished(async () => {
    await proxy.close();
    for (const end of ends) end.destroy();
    server.close();
  });
  return { proxy, ends };
}

class Client {
  heard = '';
  state: 'open' | 'closed' = 'open';
  readonly #socket: Socket;

  constructor({ host, port }: Proxy) {
    this.#socket = connect(port, host);
    this.#socket.on('data', (bytes) => (this.heard += String(bytes)));
    this.#socket.on('error', () => undefined).once('close', () => (this.state = 'closed'));
    onTestFinished(() => {
      this.#socket.destroy();
    });
  }

  say(text: string): void {
    this.#socket.write(text);
  }

  async hears(text: string): Promise<void> {
    await until(`the client hears ${text}`, () => this.heard === text, { limitMs: 2000 });
  }
  async isClosed(): Promise<void> {
    await until('the client is told', () => this.state === 'closed', { limitMs: 2000 });
  }
}

async function connected(proxy: Proxy): Promise<Client> {
  const client = new Client(proxy);
  client.say('a');
  await client.hears('a');
  return client;
}

test('a link that is cut ends its connections, and takes new ones', async () => {
  const { proxy, ends } = await echo();
  const client = await connected(proxy);
  proxy.cut();
  await client.isClosed();
  await until('the server is told', () => ends.size === 0);
  await connected(proxy);
});

test('one that refuses takes none until it is whole again', async () => {
  const { proxy } = await echo();
  const client = await connected(proxy);
  await proxy.refuse();
  await client.isClosed();
  await new Client(proxy).isClosed();
  await proxy.heal();
  await connected(proxy);
});

test('one that holds back loses nothing, in either direction', async () => {
  for (const direction of ['up', 'down'] as const) {
    const { proxy } = await echo();
    const client = await connected(proxy);
    proxy.hold(direction);
    client.say('b');
    const late = new Client(proxy);
    late.say('c');
    if (direction === 'down') await until('the answers are there', () => proxy.held.length === 2);
    client.say('d');
    await proxy.heal();
    await Promise.all([client.hears('abd'), late.hears('c')]);
  }
});

test('one that is half open says nothing, ever, and takes new connections', async () => {
  const { proxy, ends } = await echo();
  const client = await connected(proxy);
  proxy.halfOpen();
  await until('the server is told', () => ends.size === 0);
  client.say('b');
  await proxy.heal();
  await connected(proxy);
  expect([client.state, client.heard]).toEqual(['open', 'a']);
});

test('one that is slow delays both ways and keeps the order', async () => {
  const { proxy } = await echo();
  const client = await connected(proxy);
  proxy.delay(50);
  const begun = now();
  for (const text of ['b', 'c', 'd']) client.say(text);
  await client.hears('abcd');
  expect(now() - begun).toBeGreaterThan(95);
});
