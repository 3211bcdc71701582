import { once } from 'node:events';
import { type IncomingMessage, createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { type WsHostOptions, wsHost } from '../../../src/hosts/ws/index.js';
import { createTidemark, defineModel, entity, memory } from '../../../src/index.js';
import type { ServerFrame } from '../../../src/realtime/frames.js';
import { fakeClock } from '../../../src/testing/index.js';
import { type Model, type User, openReplica, userOf } from '../links/replica.js';

const until = (holds: () => void): Promise<void> => vi.waitFor(holds, { timeout: 10_000 });
const subscribe = { kind: 'subscribe', key: 'a', target: { type: 'settlement', id: 's1' } };

/** A client that sends these as soon as it may, and keeps what it is told. */
function client(url: string, frames: readonly unknown[] = [], options: object = {}) {
  const heard: ServerFrame[] = [];
  const closed: number[] = [];
  const socket = new WebSocket(`${url.replace('http', 'ws')}`, options);
  socket.on('open', () => {
    for (const frame of frames) socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  });
  socket.on('message', (data: Buffer) => heard.push(JSON.parse(data.toString()) as ServerFrame));
  socket.on('close', (code) => closed.push(code));
  socket.on('error', () => undefined);
  onTestFinished(() => {
    socket.terminate();
  });
  return { socket, heard, closed, kinds: () => heard.map(({ kind }) => kind) };
}

/** A host whose silence and patience a test has in its hands. */
async function host(options: Partial<WsHostOptions<Model, User>> = {}) {
  const clock = fakeClock();
  const { tide } = await openReplica(memory());
  const sockets = new WebSocketServer({ noServer: true });
  const live = wsHost(tide, { authenticate: userOf, clock, ...options });
  const server = createServer().on('upgrade', live.upgrade(sockets)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    live.close();
    server.close();
  });
  return { clock, live, sockets, server, url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/` };
}

describe('who a client is', () => {
  test('may be said by its first frame; what comes behind it waits, and nothing is sent before', async () => {
    const { url, edit } = await openReplica(memory());
    const { heard, kinds } = client(`${url}/ws`, [{ kind: 'authenticate', token: 'ada' }, subscribe]);
    await until(() => {
      expect(kinds()).toEqual(['welcome', 'subscribed']);
    });
    await edit('s1', 1);
    await until(() => {
      expect(heard.at(-1)).toMatchObject({ kind: 'change', change: { entityId: 's1', version: 1 } });
    });
  });

  test.each([
    ['a token that is not good', { kind: 'authenticate', token: 'forged' }],
    ['another frame than a token', subscribe],
    ['what is no frame', 'hello'],
  ])('is not known by %s: closed with 4401', async (_, frame) => {
    const { url, ws } = await openReplica(memory());
    const { heard, closed } = client(`${url}/ws`, [frame]);
    await until(() => {
      expect(closed).toEqual([4401]);
    });
    expect(heard).toEqual([]);
    expect(ws.size).toBe(0);
  });

  test('has to be said within ten seconds', async () => {
    const { url, clock, live } = await host({
      authenticate: undefined,
      verify: () => ({ principal: { name: 'ada' } }),
    });
    const { closed } = client(url);
    await until(() => {
      expect(live.size).toBe(1);
    });
    await clock.advance(9_999);
    expect(live.size).toBe(1);
    await clock.advance(1);
    await until(() => {
      expect(closed).toEqual([4401]);
    });
  });

  test('is renewed on the link that stands, and closed with 4401 where it is not', async () => {
    const { tide } = await openReplica(memory());
    let lives = 200;
    const live = wsHost(tide, {
      authenticate: () => ({ principal: { name: 'ada' }, until: Date.now() + lives }),
      verify: () => ({ principal: { name: 'ada' }, until: Date.now() + 60_000 }),
    });
    const server = createServer()
      .on('upgrade', live.upgrade(new WebSocketServer({ noServer: true })))
      .listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.close();
    });
    const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`;
    const renewed = client(url, [{ kind: 'authenticate', token: 'new' }]);
    const forgetful = client(url);
    await until(() => {
      expect(forgetful.closed).toEqual([4401]);
    });
    expect(forgetful.kinds()).toEqual(['welcome', 'expiring']);
    expect(renewed.kinds()).toContain('authenticated');
    expect(renewed.closed).toEqual([]);
    lives = -1;
    const late = client(url);
    await until(() => {
      expect(late.closed).toEqual([4401]);
    });
    live.close();
  });

  test('is asked before the upgrade: who is refused gets a 401 that says so', async () => {
    const { url } = await host({ authenticate: () => Promise.reject(new Error('secret')) });
    const { socket } = client(url);
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, IncomingMessage];
    expect(response.statusCode).toBe(401);
    expect(
      await response.toArray().then((parts) => JSON.parse(Buffer.concat(parts as Buffer[]).toString()) as object),
    ).toEqual({
      code: 'UNAUTHORIZED',
      message: 'Expected credentials that are good.',
    });
  });

  test('does not matter any more where it went while it was asked', async () => {
    let answer: (credentials: { principal: User }) => void = () => undefined;
    let asked: () => void = () => undefined;
    const isAsked = new Promise<void>((resolve) => (asked = resolve));
    const { url, live } = await host({
      authenticate: () => {
        asked();
        return new Promise((resolve) => (answer = resolve));
      },
    });
    const { port } = new URL(url);
    const raw = connect(Number(port), '127.0.0.1');
    raw.write(
      'GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    );
    await isAsked;
    raw.resetAndDestroy();
    await once(raw, 'close');
    answer({ principal: { name: 'ada' } });
    await until(() => {
      expect(raw.destroyed).toBe(true);
    });
    expect(live.size).toBe(0);
  });

  test('asked for by two listeners for one request ends that link and nothing else', async () => {
    const { live, sockets, server, url } = await host();
    server.on('upgrade', live.upgrade(sockets));
    const { closed } = client(`${url}?user=ada`);
    await until(() => {
      expect(closed).toEqual([1006]);
    });
    await until(() => {
      expect(live.size).toBe(0);
    });
  });

  test('has to be asked somehow', async () => {
    const { tide } = await openReplica(memory());
    expect(() => wsHost(tide, {})).toThrow('expected authenticate or verify, got neither');
  });
});

test('a host is refused at the start for what no client could be served with', async () => {
  const tide = createTidemark({ model: defineModel({ entities: { town: entity<{ id: string }>()({}) } }), origin: {} });
  const authenticate = () => ({ principal: { name: 'ada' } });
  expect(() => wsHost(tide, { authenticate })).toThrow('createTidemark() was given no authorize()');
  const guarded = await openReplica(memory());
  expect(() => wsHost(guarded.tide, { authenticate, maxSubscriptions: 0 })).toThrow('maxSubscriptions');
  const { ephemeral: _, ...bus } = memory().bus;
  const silent = await openReplica({ bus });
  expect(() => wsHost(silent.tide, { authenticate, signals: (value) => value })).toThrow('ephemeral topics');
  await tide.close();
});

describe('a link', () => {
  test('of a tide that is closed is told to come back, not to fetch another token', async () => {
    const { url, die, tide } = await openReplica(memory());
    await tide.close();
    const { closed } = client(`${url}/ws?user=ada`);
    await until(() => {
      expect(closed).toEqual([1001]);
    });
    await die();
  });

  test('takes what is no frame for one that is refused, and goes on', async () => {
    const { url } = await openReplica(memory());
    const { socket, heard, kinds } = client(`${url}/ws?user=ada`, ['{', 'null', '7', '{"kind":"dance"}']);
    socket.on('open', () => {
      socket.send(Buffer.from(JSON.stringify(subscribe)), { binary: true });
      socket.send(JSON.stringify(subscribe));
    });
    await until(() => {
      expect(kinds()).toEqual(['welcome', ...Array.from({ length: 5 }, () => 'refused'), 'subscribed']);
    });
    for (const frame of heard.slice(1, 6)) expect(frame).toMatchObject({ key: null, code: 'INVALID_FRAME' });
  });

  test('says that it is there after fifteen seconds of silence, and no earlier', async () => {
    const { url, clock } = await host();
    const { kinds } = client(`${url}?user=ada`);
    await until(() => {
      expect(kinds()).toEqual(['welcome']);
    });
    await clock.advance(14_999);
    await clock.advance(1);
    await until(() => {
      expect(kinds()).toEqual(['welcome', 'alive']);
    });
  });

  test('is given up where no sign of life comes for forty seconds', async () => {
    const { url, clock, live } = await host();
    const dead = client(`${url}?user=ada`, [], { autoPong: false });
    const alive = client(`${url}?user=ada`);
    await until(() => {
      expect(live.size).toBe(2);
    });
    for (let i = 0; i < 3; i++) {
      const pinged = once(alive.socket, 'ping');
      await clock.advance(15_000);
      if (i < 2) await pinged;
      if (i < 2) await until(() => expect(alive.kinds().filter((kind) => kind === 'alive')).toHaveLength(i + 1));
    }
    await until(() => {
      expect(dead.closed).toEqual([1006]);
    });
    expect(alive.closed).toEqual([]);
    expect(live.size).toBe(1);
  });

  test('that nobody reads holds a bounded number of bytes; who reads on is told what is missing', async () => {
    const { tide, edit } = await openReplica(memory(), { tide: { ringSize: 64 } });
    const sockets = new WebSocketServer({ noServer: true });
    const live = wsHost(tide, { authenticate: userOf });
    const server = createServer().on('upgrade', live.upgrade(sockets)).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      live.close();
      server.close();
    });
    const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/?user=ada`;
    const { socket, heard, kinds } = client(url, [{ ...subscribe, target: { type: 'settlement' } }]);
    await until(() => {
      expect(kinds()).toContain('subscribed');
    });
    socket.pause();
    let most = 0;
    for (let version = 1; version <= 30_000; version++) {
      await edit('s1', version);
      if (version % 50 === 0) await new Promise((resume) => setImmediate(resume));
      for (const { bufferedAmount } of sockets.clients) most = Math.max(most, bufferedAmount);
    }
    expect(most).toBeGreaterThan(100_000);
    expect(most).toBeLessThan(300_000);
    socket.resume();
    await until(() => {
      expect(kinds()).toContain('resync');
    });
    await edit('s1', 30_001);
    await until(() => {
      expect(heard.at(-1)).toMatchObject({ kind: 'change', change: { version: 30_001 } });
    });
  });
});
