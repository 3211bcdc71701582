import { describe, expect, test } from 'vitest';
import type { Socket } from 'socket.io-client';
import { authenticate, join, pending, serve, tokenFor, until, updates } from './served.js';

// What Socket.IO's connection state recovery may not do to what is followed.

const RECOVERY = { connectionStateRecovery: { skipMiddlewares: true } };

interface Wire {
  pause(): void;
  terminate(): void;
}

const wireOf = (socket: Socket): Wire => (socket.io.engine.transport as unknown as { readonly ws: Wire }).ws;

/** A client that Socket.IO can recover: it has heard something of the app that Socket.IO has numbered. */
async function recoverable(at: string, io: { emit(event: string): unknown }, name: string) {
  const client = join(at, await tokenFor(name));
  await client.say('subscribe_settlement', 's1');
  io.emit('news');
  await until(() => {
    expect(client.heard.map(([event]) => event)).toEqual(['news']);
  });
  return client;
}

describe('with connection state recovery', () => {
  test('a socket that is recovered is verified all the same, and subscribes anew', async () => {
    const { at, io, host, edit } = await serve(undefined, { io: RECOVERY });
    const { socket, heard, say } = await recoverable(at, io, 'ada');
    const { promise: recovered, settle } = pending<boolean>();
    socket.once('connect', () => {
      settle(socket.recovered);
    });
    socket.io.engine.close();
    expect(await recovered).toBe(true);
    expect(await say('subscribe_settlement', 's1')).toMatchObject({ success: true });
    await edit('s1', 1);
    await until(() => {
      expect(updates(heard)).toEqual([1]);
    });
    expect(host.size).toBe(1);
  });

  test('what was on its way to a dead link comes once: from the cursor, and not from Socket.IO as well', async () => {
    const { at, io, edit } = await serve(undefined, { io: RECOVERY });
    const { socket, heard, say } = await recoverable(at, io, 'ada');
    await edit('s1', 1);
    await until(() => {
      expect(updates(heard)).toEqual([1]);
    });
    const since = (heard.at(-1)?.[2] as { cursors: Record<string, string> }).cursors['settlement:s1'];
    wireOf(socket).pause();
    await edit('s1', 2, 3);
    const { promise: recovered, settle } = pending<boolean>();
    socket.once('connect', () => {
      settle(socket.recovered);
    });
    wireOf(socket).terminate();
    expect(await recovered).toBe(true);
    expect(await say('subscribe_settlement', 's1', { since })).toMatchObject({ success: true });
    await edit('s1', 4);
    await until(() => {
      expect(updates(heard).at(-1)).toBe(4);
    });
    expect(updates(heard)).toEqual([1, 2, 3, 4]);
  });

  test('Socket.IO keeps nothing of what was followed for somebody who is banned meanwhile', async () => {
    const banned = new Set<string>();
    const { at, io, edit, host } = await serve(undefined, {
      io: RECOVERY,
      host: {
        authenticate: async (token, handshake) => {
          const found = await authenticate(token, handshake);
          return found != null && banned.has(found.principal.name) ? null : found;
        },
      },
    });
    const { socket, heard } = await recoverable(at, io, 'eve');
    wireOf(socket).pause();
    await edit('s1', 1);
    banned.add('eve');
    wireOf(socket).terminate();
    await until(() => {
      expect(heard.at(-1)).toEqual(['disconnect', 'io server disconnect']);
    });
    expect(updates(heard)).toEqual([]);
    expect(host.size).toBe(0);
  });

  test('a socket that leaves while it is verified once more leaves nothing behind', async () => {
    let asked = 0;
    const { promise: slowly, settle: goOn } = pending<undefined>();
    const { promise: verified, settle: answered } = pending<undefined>();
    const { at, io, host } = await serve(undefined, {
      io: RECOVERY,
      host: {
        authenticate: async (token, handshake) => {
          if (++asked > 1) await slowly;
          const found = await authenticate(token, handshake);
          if (asked > 1) setImmediate(answered, undefined);
          return found;
        },
      },
    });
    const { socket } = await recoverable(at, io, 'ada');
    wireOf(socket).terminate();
    await until(() => {
      expect(asked).toBe(2);
    });
    socket.disconnect();
    await until(() => {
      expect(io.of('/').sockets.size).toBe(0);
    });
    goOn(undefined);
    await verified;
    expect(host.size).toBe(0);
  });

  test('a socket that says too much while it is verified once more is let go', async () => {
    let asked = 0;
    const { at, io } = await serve(undefined, {
      io: RECOVERY,
      host: {
        authenticate: (token, handshake) =>
          ++asked > 1 ? new Promise<never>(() => undefined) : authenticate(token, handshake),
      },
    });
    const { socket, heard } = await recoverable(at, io, 'ada');
    wireOf(socket).terminate();
    await until(() => {
      expect(asked).toBe(2);
      expect(socket.connected).toBe(true);
    });
    for (let n = 0; n < 1000; n++) socket.emit('subscribe_settlement', 's1');
    await until(() => {
      expect(heard.at(-1)).toEqual(['disconnect', 'io server disconnect']);
    });
  });
});
