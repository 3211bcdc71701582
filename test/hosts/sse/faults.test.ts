import { once } from 'node:events';
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import type { Clock } from '../../../src/contract.js';
import { sseHost, webSseHost } from '../../../src/hosts/sse/index.js';
import { memory } from '../../../src/index.js';
import { fakeClock } from '../../../src/testing/index.js';
import { openReplica, userOf } from '../links/replica.js';

/** A server that keeps its responses, and how each of its requests ended: undefined, or what `handle` rejected with. */
async function serve(clock?: Clock) {
  const { tide, edit } = await openReplica(memory());
  const live = sseHost(tide, { authenticate: (request: IncomingMessage) => userOf(request), clock });
  const ends: Promise<unknown>[] = [];
  const responses: ServerResponse[] = [];
  const server = createServer((request, response) => {
    responses.push(response);
    ends.push(
      live.handle(request, response).then(
        () => undefined,
        (error: unknown) => error,
      ),
    );
    server.emit('handled');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    live.close();
    server.closeAllConnections();
    server.close();
  });
  return { live, edit, server, ends, responses, port: (server.address() as AddressInfo).port };
}

test('a client that leaves in the middle of its body is no error of the server', async () => {
  const { server, ends, port } = await serve();
  const socket = connect(port, '127.0.0.1');
  const handled = once(server, 'handled');
  socket.write(
    'POST /?user=ada HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"a"',
  );
  await handled;
  socket.destroy();
  expect(await ends[0]).toBeUndefined();
});

test('a path that is no URL is answered', async () => {
  const { server, ends, port } = await serve();
  const socket = connect(port, '127.0.0.1');
  const handled = once(server, 'handled');
  socket.write('GET // HTTP/1.1\r\nhost: a\r\n\r\n');
  await handled;
  expect(await ends[0]).toBeUndefined();
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 401 /);
  socket.destroy();
});

test('a body of many megabytes is answered, not cut off', async () => {
  const { port } = await serve();
  const response = await fetch(`http://127.0.0.1:${String(port)}/?user=ada`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: `"${'x'.repeat(8_000_000)}"`,
  });
  expect(response.status).toBe(413);
});

test('who does not read is closed, and five seconds later cut off with all that waits for it', async () => {
  const clock = fakeClock();
  const { live, edit, responses, port } = await serve(clock);
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => {
    socket.destroy();
  });
  socket.write('GET /?user=ada&room=settlement:s1 HTTP/1.1\r\nhost: a\r\n\r\n');
  await once(socket, 'data');
  socket.pause();
  const [response] = responses as [ServerResponse];
  for (let version = 1; response.writableLength < 100_000; version++) {
    await edit('s1', version);
    if (version % 50 === 0) await new Promise((resume) => setImmediate(resume));
  }
  live.close();
  await clock.advance(4_999);
  expect(response.destroyed).toBe(false);
  const closed = once(response, 'close');
  await clock.advance(1);
  await closed;
  expect(response.destroyed).toBe(true);
});

test('a web Response that is not read gives up after five seconds what waits in it; one that was read is whole', async () => {
  const clock = fakeClock();
  const { tide } = await openReplica(memory());
  const live = webSseHost(tide, { authenticate: () => ({ principal: { name: 'ada' } }), clock });
  const ask = () => live.handle(new Request('http://localhost/?room=settlement:s1'));
  const [read, unread] = [await ask(), await ask()];
  live.close();
  expect(await read.text()).toContain('"code":1001');
  await clock.advance(5_000);
  await expect(unread.text()).rejects.toThrow('did not read the end');
});

test('a web Request whose body breaks off is refused', async () => {
  const { tide } = await openReplica(memory());
  const live = webSseHost(tide, { authenticate: () => ({ principal: { name: 'ada' } }) });
  const body = new ReadableStream({
    pull: (controller) => {
      controller.error(new Error('reset'));
    },
  });
  const headers = { 'content-type': 'application/json' };
  const init = { method: 'POST', headers, body, duplex: 'half' } as RequestInit;
  const response = await live.handle(new Request('http://localhost/', init));
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ code: 'INVALID_FRAME' });
});

test('a host that closes while somebody is authenticated begins no stream', async () => {
  const { tide } = await openReplica(memory());
  const live = webSseHost(tide, {
    authenticate: () => {
      live.close();
      return { principal: { name: 'ada' } };
    },
  });
  const response = await live.handle(new Request('http://localhost/?room=settlement:s1'));
  expect(response.status).toBe(503);
  expect(await response.json()).toMatchObject({ code: 'CLOSED' });
  expect(live.size).toBe(0);
});
