import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import * as http2 from 'node:http2';
import { type AddressInfo } from 'node:net';
import 'reflect-metadata';
import { All, Controller, Module, Req, Res } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import express, {
  type Request as ExpressRequest,
  type Response as ExpressResponse,
  type RequestHandler,
} from 'express';
import fc from 'fast-check';
import fastify from 'fastify';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { cursorsOf, idOf } from '../../../src/hosts/sse/cursors.js';
import { sseHost, webSseHost } from '../../../src/hosts/sse/index.js';
import { memory } from '../../../src/index.js';
import { fakeClock } from '../../../src/testing/index.js';
import { type Kind, eventSource, post } from '../links/clients.js';
import { type Replica, openReplica, userOf } from '../links/replica.js';

const until = (holds: () => void): Promise<void> => vi.waitFor(holds, { timeout: 10_000 });
const ROOMS = ['campaign:c1', 'settlement:s1'];
const portOf = (address: AddressInfo | string | null): string =>
  `http://127.0.0.1:${String((address as AddressInfo).port)}`;

async function serveExpress({ tide }: Replica, ...before: readonly RequestHandler[]): Promise<string> {
  const live = sseHost(tide, { authenticate: (request: ExpressRequest) => userOf(request) });
  const app = express();
  for (const handler of before) app.use(handler);
  app.all('/sse', (request: ExpressRequest, response: ExpressResponse) => live.handle(request, response));
  const server = app.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    live.close();
    server.close();
  });
  return portOf(server.address());
}

/** Servers as people have them: each gives its address. */
const fronts: Readonly<Record<string, (replica: Replica) => Promise<string>>> = {
  Express: (replica) => serveExpress(replica),
  'Express that has parsed the body': (replica) => serveExpress(replica, express.json()),
  Fastify: async ({ tide }) => {
    const live = sseHost(tide, { authenticate: userOf });
    const app = fastify();
    app.route({
      method: ['GET', 'POST'],
      url: '/sse',
      handler: (request, reply) => {
        reply.hijack();
        return live.handle(request.raw, reply.raw, request.body);
      },
    });
    onTestFinished(() => {
      live.close();
      return app.close();
    });
    return app.listen({ port: 0, host: '127.0.0.1' });
  },
  Nest: async ({ tide }) => {
    const live = sseHost(tide, { authenticate: (request: ExpressRequest) => userOf(request) });
    class Live {
      serve(request: ExpressRequest, response: ExpressResponse): Promise<void> {
        return live.handle(request, response);
      }
    }
    // As the decorators @Controller('sse'), @All(), @Req() and @Res() do.
    const method = Object.getOwnPropertyDescriptor(Live.prototype, 'serve') as PropertyDescriptor;
    Controller('sse')(Live);
    All()(Live.prototype, 'serve', method);
    Req()(Live.prototype, 'serve', 0);
    Res()(Live.prototype, 'serve', 1);
    class App {}
    Module({ controllers: [Live] })(App);
    const app = await NestFactory.create(App, { logger: false });
    await app.listen(0, '127.0.0.1');
    onTestFinished(() => {
      live.close();
      return app.close();
    });
    return portOf((app.getHttpServer() as Server).address());
  },
  'a web Response': async ({ tide }) => {
    const live = webSseHost(tide, {
      authenticate: ({ url, headers }) => userOf({ url: new URL(url).search, headers: Object.fromEntries(headers) }),
    });
    // What a server on web standards does.
    const server = createServer((incoming, outgoing) => {
      const headers = new Headers(incoming.headers as Record<string, string>);
      const hasBody = incoming.method === 'POST';
      const body = hasBody ? (incoming as unknown as BodyInit) : null;
      const init = { method: incoming.method ?? 'GET', headers, body, duplex: 'half' } as RequestInit;
      void live.handle(new Request(`http://localhost${incoming.url ?? ''}`, init)).then(async (response) => {
        outgoing.writeHead(response.status, Object.fromEntries(response.headers));
        const reader = response.body?.getReader();
        outgoing.on('close', () => void reader?.cancel());
        for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) {
          if (!outgoing.write(part.value)) await once(outgoing, 'drain');
        }
        outgoing.end();
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      live.close();
      server.close();
    });
    return portOf(server.address());
  },
};

describe.each(Object.entries(fronts))('%s', (_, front) => {
  test.each<[string, Kind]>([
    [eventSource.name, eventSource],
    [post.name, post],
  ])('serves %s, which goes on at another replica', async (__, kind) => {
    const shared = memory();
    const [here, there] = [await openReplica(shared), await openReplica(shared)];
    const first = kind.watch(await front(here), { user: 'ada', rooms: ROOMS });
    await until(() => {
      expect(first.ready.size).toBe(2);
    });
    await there.edit('s1', 1, 2);
    await until(() => {
      expect(first.told).toEqual(['s1 1', 's1 2']);
    });
    const from = first.state;
    first.leave();
    await there.edit('s1', 3);
    const second = kind.watch(await front(there), { user: 'ada', rooms: ROOMS, from });
    await until(() => {
      expect(second.told).toEqual(['s1 3']);
    });
  });

  test('refuses by status and code before anything is streamed', async () => {
    const url = `${await front(await openReplica(memory()))}/sse`;
    const asked = async (query: string, init?: RequestInit): Promise<string> => {
      const response = await fetch(url + query, init);
      const { code } = (await response.json()) as { code: string };
      return `${String(response.status)} ${code}`;
    };
    const json = { 'content-type': 'application/json' };
    expect(await asked('?room=settlement:s1')).toBe('401 UNAUTHORIZED');
    expect(await asked('?user=ada')).toBe('400 INVALID_FRAME');
    expect(await asked('?user=ada&target={')).toBe('400 INVALID_FRAME');
    expect(await asked('?user=ada&room=settlement:s1&since=x')).toBe('400 INVALID_CURSOR');
    expect(await asked('?user=ada', { method: 'POST', headers: json, body: '{}' })).toBe('400 INVALID_FRAME');
  });
});

describe('a request', () => {
  test.each<[string, RequestInit, number]>([
    ['of another method', { method: 'PUT' }, 405],
    ['of another content', { method: 'POST', body: 'a=1' }, 415],
    ['that is no JSON', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{' }, 400],
    [
      'of more than a megabyte',
      { method: 'POST', headers: { 'content-type': 'application/json' }, body: `"${'x'.repeat(1_048_576)}"` },
      413,
    ],
  ])('%s is refused', async (_, init, status) => {
    const { url } = await openReplica(memory());
    const response = await fetch(`${url}/sse?user=ada`, init);
    expect(response.status).toBe(status);
    expect(await response.json()).toHaveProperty('code');
  });

  test('for what does not exist is answered in the stream, and what else it names is followed', async () => {
    const { url, edit } = await openReplica(memory());
    const watcher = eventSource.watch(url, { user: 'ada', rooms: ['planet:1', 'settlement:s1'] });
    await until(() => {
      expect([...watcher.ready]).toEqual(['settlement:s1']);
    });
    await edit('s1', 1);
    await until(() => {
      expect(watcher.told).toEqual(['refused planet:1 INVALID_FRAME', 's1 1']);
    });
  });

  test('of HTTP/2 is served without a header that it does not have', async () => {
    const { tide, edit } = await openReplica(memory());
    const live = sseHost(tide, { authenticate: (request: http2.Http2ServerRequest) => userOf(request) });
    const server = http2.createServer((request, response) => void live.handle(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const session = http2.connect(portOf(server.address()));
    onTestFinished(() => {
      live.close();
      session.destroy();
      server.close();
    });
    const stream = session.request({ ':path': '/?user=ada&room=settlement:s1' });
    const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
    expect(headers['content-type']).toBe('text/event-stream');
    let text = '';
    stream.setEncoding('utf8').on('data', (part: string) => (text += part));
    await until(() => {
      expect(text).toContain('"subscribed"');
    });
    await edit('s1', 1);
    await until(() => {
      expect(text).toContain('"kind":"change"');
    });
    stream.close();
    await until(() => {
      expect(live.size).toBe(0);
    });
  });

  test('says after fifteen seconds of silence that it is there, and is told how soon to come back', async () => {
    const clock = fakeClock();
    const { tide } = await openReplica(memory());
    const live = webSseHost(tide, { authenticate: () => ({ principal: { name: 'ada' } }), clock });
    const response = await live.handle(new Request('http://localhost/?room=settlement:s1'));
    let text = '';
    const reading = (async () => {
      for await (const part of (response.body as ReadableStream<Uint8Array>).pipeThrough(
        new TextDecoderStream() as never,
      ))
        text += part as string;
    })();
    await until(() => {
      expect(text).toContain('"subscribed"');
    });
    expect(text).toMatch(/^retry: 1\d{3}\n\n/);
    expect(text).not.toContain('\n:\n');
    await clock.advance(15_000);
    await until(() => {
      expect(text.endsWith('\n:\n\n')).toBe(true);
    });
    live.close();
    await reading;
    expect(text.endsWith('event: close\ndata: {"code":1001,"reason":"The server is going away."}\n\n')).toBe(true);
  });
});

describe('the id of an event', () => {
  test('gives back the cursors that it was made of', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string()), (cursors) => {
        expect(cursorsOf(idOf(new Map(Object.entries(cursors))))).toEqual({ ...cursors });
      }),
    );
  });

  test('is refused with INVALID_CURSOR where it is something else', () => {
    const hostile = fc.oneof(
      fc.string(),
      fc.json().map((text) => Buffer.from(text).toString('base64url')),
    );
    fc.assert(
      fc.property(hostile, (id) => {
        try {
          expect(typeof cursorsOf(id)).toBe('object');
        } catch (error) {
          expect(error).toMatchObject({ code: 'INVALID_CURSOR' });
        }
      }),
    );
  });
});
