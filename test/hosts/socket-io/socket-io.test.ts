import { describe, expect, test } from 'vitest';
import type { SocketIoOptions } from '../../../src/hosts/socket-io/index.js';
import { defineModel, entity, memory } from '../../../src/index.js';
import type { Model, User } from '../links/replica.js';
import { authenticate, join, serve, tokenFor, until, updates } from './served.js';

describe('a socket', () => {
  test.each<[string, unknown]>([
    ['no token', undefined],
    ['what is no text', 7],
    ['a token of somebody else', 'forged'],
    ['one that has run out', 'old'],
  ])('with %s is refused, and told no more than that', async (_, given) => {
    const { at, host } = await serve();
    const { heard } = join(at, given === 'old' ? await tokenFor('ada', '-1s') : given);
    await until(() => {
      expect(heard).toEqual([['connect_error', 'Unauthorized', { code: 'UNAUTHORIZED' }]]);
    });
    expect(host.size).toBe(0);
  });

  test('may have its token in the query only where that is asked for', async () => {
    const token = await tokenFor('ada');
    const strict = await serve();
    const { heard } = join(strict.at, undefined, { query: { token } });
    await until(() => {
      expect(heard[0]?.[0]).toBe('connect_error');
    });
    const lax = await serve(undefined, { host: { queryToken: true } });
    const { say } = join(lax.at, undefined, { query: { token } });
    expect(await say('subscribe_settlement', 's1')).toMatchObject({ success: true });
  });

  test.each(['/', '/worlds'])(
    'in %s subscribes and unsubscribes as the messages of the seed say',
    async (namespace) => {
      const { at, edit } = await serve(undefined, { namespace });
      const { heard, say } = join(at, await tokenFor('ada'));
      for (const asked of ['s1', { id: 's1' }, { settlementId: 's1' }])
        expect(await say('subscribe_settlement', asked)).toEqual({
          success: true,
          cursor: expect.any(String) as string,
        });
      expect(await say('subscribe_campaign', 'c1')).toMatchObject({ success: true });
      expect(await say('subscribe_structure', 't1')).toMatchObject({ success: true });
      await edit('s1', 1);
      await until(() => {
        expect(heard).toHaveLength(1);
      });
      const [[event, payload, about]] = heard as [[string, object, { cursors: object }]];
      expect(event).toBe('settlement_updated');
      expect(Object.keys(payload).sort()).toEqual(
        ['branch', 'changes', 'entityId', 'entityType', 'modifiedAt', 'modifiedBy', 'op', 'version'].sort(),
      );
      expect(payload).toMatchObject({ entityId: 's1', version: 1, changes: { values: { name: 'name 1' } } });
      expect(Object.keys(about.cursors).sort()).toEqual(['campaign:c1', 'settlement:s1']);

      expect(await say('unsubscribe_settlement', 's1')).toEqual({ success: true });
      expect(await say('unsubscribe_settlement', 's1')).toMatchObject({ success: false });
      expect(await say('unsubscribe_campaign', 'c1')).toEqual({ success: true });
      await edit('s1', 2);
      expect(await say('subscribe', { room: 'settlement:s1' })).toMatchObject({ success: true });
      await edit('s1', 3);
      await until(() => {
        expect(updates(heard)).toEqual([1, 3]);
      });
    },
  );

  test('is told why it may not follow something', async () => {
    const { at } = await serve(undefined, { authorize: (_, { id }) => id !== 's2' });
    const { say } = join(at, await tokenFor('ada'));
    expect(await say('subscribe_settlement', 's2')).toEqual({
      success: false,
      error: 'Unauthorized',
      code: 'UNAUTHORIZED',
    });
    for (const [event, ...args] of [
      ['subscribe_settlement', ' '],
      ['subscribe_settlement'],
      ['subscribe_settlement', null],
      ['subscribe_settlement', { id: {} }],
      ['subscribe_settlement', 's1', { since: 'x' }],
      ['subscribe', { room: 'lobby' }],
      ['subscribe', { target: { type: 'planet' } }],
    ] as [string, ...unknown[]][])
      expect(await say(event, ...args)).toMatchObject({ success: false, error: 'Subscription failed' });
    expect(await say('subscribe', { target: { type: 'settlement' } })).toMatchObject({ success: true });
  });

  test('follows a room on one branch or several, and leaves the messages of its app alone there too', async () => {
    const branched = defineModel({
      entities: {
        settlement: entity<{ id: string; name: string; version: number }>()({ version: 'version', announce: ['name'] }),
      },
      branches: { parentOf: () => undefined },
    });
    const { at, tide, io } = await serve(undefined, { tide: { model: branched } as never });
    io.on('connection', (socket) => {
      socket.on('subscribe_newsletter', (_: unknown, ack: (said: string) => void) => {
        ack('gladly');
      });
    });
    const { say, heard } = join(at, await tokenFor('ada'));
    expect(await say('subscribe_newsletter', 'weekly')).toBe('gladly');
    expect(await say('subscribe_settlement', 's1')).toMatchObject({ success: false, code: 'BRANCH_REQUIRED' });
    for (const branch of ['draft', 'a:b'])
      expect(await say('subscribe_settlement', 's1', { branch })).toMatchObject({ success: true });
    expect(await say('subscribe', { target: { type: 'settlement' }, branch: 'draft' })).toMatchObject({
      success: true,
    });
    const edit = (branch: string, version: number) =>
      tide.change({
        ...{ type: 'settlement', id: 's1', op: 'update', branch },
        before: { id: 's1', name: '', version: version - 1 },
        after: { id: 's1', name: '', version },
      } as never);
    await edit('draft', 1);
    await edit('a:b', 2);
    await until(() => {
      expect(updates(heard)).toEqual([1, 2]);
    });
    const rooms = heard.map(([, , about]) => Object.keys((about as { cursors: object }).cursors).sort());
    expect(rooms).toEqual([['settlement:s1:draft', '{"type":"settlement"}:draft'], ['settlement:s1:a%3Ab']]);
    expect(await say('unsubscribe_settlement', 's1', { branch: 'a:b' })).toEqual({ success: true });
    expect(await say('unsubscribe', { room: 'settlement:s1', branch: 'draft' })).toEqual({ success: true });
    expect(await say('unsubscribe', { target: { type: 'settlement' }, branch: 'draft' })).toEqual({ success: true });
  });

  test('leaves the messages of its app alone', async () => {
    const { at, io } = await serve();
    io.on('connection', (socket) => {
      socket.on('subscribe_newsletter', (_: unknown, ack: (said: string) => void) => {
        ack('gladly');
      });
    });
    const { say, heard } = join(at, await tokenFor('ada'));
    expect(await say('subscribe_newsletter', 'weekly')).toBe('gladly');
    expect(heard).toEqual([]);
  });

  test('goes on at another server by the cursor that it has: nothing is missing, and nothing comes twice', async () => {
    const shared = memory();
    const [a, b] = [await serve(shared), await serve(shared)];
    const first = join(a.at, await tokenFor('ada'));
    await first.say('subscribe_settlement', 's1');
    await b.edit('s1', 1, 2);
    await until(() => {
      expect(updates(first.heard)).toEqual([1, 2]);
    });
    const since = (first.heard.at(-1)?.[2] as { cursors: Record<string, string> }).cursors['settlement:s1'];
    await new Promise<void>((resolve) => void a.io.close(() => resolve()));
    await b.edit('s1', 3);
    const second = join(b.at, await tokenFor('ada'));
    expect(await second.say('subscribe_settlement', 's1', { since })).toMatchObject({ success: true });
    await b.edit('s1', 4);
    await until(() => {
      expect(updates(second.heard)).toEqual([3, 4]);
    });
  });

  test('that is revoked hears nothing more', async () => {
    const banned = new Set<string>();
    const { at, edit, tide } = await serve(undefined, { authorize: ({ name }) => !banned.has(name) });
    const { say, heard } = join(at, await tokenFor('eve'));
    await say('subscribe_settlement', 's1');
    banned.add('eve');
    await tide.realtime.revoke({ principal: 'eve' });
    await edit('s1', 1);
    await until(() => {
      expect(heard).toMatchObject([['subscription_ended', { room: 'settlement:s1', code: 'REVOKED' }]]);
    });
    expect(await say('subscribe_settlement', 's1')).toMatchObject({ success: false, error: 'Unauthorized' });
  });

  test('is disconnected when its token runs out, unless it sends a new one', async () => {
    let lives = 300;
    const { at } = await serve(undefined, {
      host: {
        authenticate: async (token, handshake) => {
          const found = await authenticate(token, handshake);
          return found == null ? null : { ...found, until: Date.now() + lives };
        },
      },
    });
    const forgetful = join(at, await tokenFor('ada'));
    const careful = join(at, await tokenFor('ada'));
    await forgetful.say('subscribe_settlement', 's1');
    await careful.say('subscribe_settlement', 's1');
    lives = 60_000;
    expect(await careful.say('authenticate', 'forged')).toMatchObject({ success: false, error: 'Unauthorized' });
    expect(await careful.say('authenticate', await tokenFor('bob'))).toMatchObject({ success: false });
    expect(await careful.say('authenticate', await tokenFor('ada'))).toMatchObject({ success: true });
    await until(() => {
      expect(forgetful.heard.slice(0, 3)).toMatchObject([
        ['auth_expiring', {}],
        ['closing', { code: 4401 }],
        ['disconnect', 'io server disconnect'],
      ]);
    });
    expect(careful.socket.connected).toBe(true);
  });

  test('that does not read holds a bounded number of bytes', async () => {
    const { at, edit, io } = await serve(undefined, { tide: { ringSize: 64 } });
    const { socket, heard, say } = join(at, await tokenFor('ada'));
    await say('subscribe', { target: { type: 'settlement' } });
    interface Held {
      readonly conn: {
        readonly writeBuffer: { data?: string }[];
        readonly transport: { readonly socket: { bufferedAmount: number } };
      };
    }
    const [held] = [...io.of('/').sockets.values()] as unknown as [Held];
    const link = (socket.io.engine.transport as unknown as { ws: { pause(): void; resume(): void } }).ws;
    link.pause();
    let most = 0;
    for (let version = 1; version <= 20_000; version++) {
      await edit('s1', version);
      if (version % 50 !== 0) continue;
      await new Promise((resume) => setImmediate(resume));
      const waiting = held.conn.writeBuffer.reduce((sum, { data }) => sum + (data?.length ?? 0), 0);
      most = Math.max(most, waiting + held.conn.transport.socket.bufferedAmount);
    }
    expect(most).toBeGreaterThan(100_000);
    expect(most).toBeLessThan(400_000);
    link.resume();
    await until(() => {
      expect(heard.some(([event]) => event === 'resync')).toBe(true);
    });
    await edit('s1', 20_001);
    await until(() => {
      expect(updates(heard).at(-1)).toBe(20_001);
    });
  });

  test('says something to those in its rooms, with the name that the server gives it', async () => {
    const shared = memory();
    const signals: SocketIoOptions<Model, User>['signals'] = (value, { name }) => ({ name, value });
    const [a, b] = [await serve(shared, { host: { signals } }), await serve(shared, { host: { signals } })];
    const [ada, bob] = [join(a.at, await tokenFor('ada')), join(b.at, await tokenFor('bob'))];
    for (const each of [ada, bob]) await each.say('subscribe_settlement', 's1');
    ada.socket.emit('signal', 'settlement:s1', 'here');
    await until(() => {
      expect(bob.heard).toMatchObject([['signal', { name: 'ada', value: 'here' }, { rooms: ['settlement:s1'] }]]);
    });
  });

  test('over long-polling is told the same', async () => {
    const { at, edit } = await serve();
    const { say, heard } = join(at, await tokenFor('ada'), { transports: ['polling'] });
    await say('subscribe_settlement', 's1');
    await edit('s1', 1, 2, 3);
    await until(() => {
      expect(updates(heard)).toEqual([1, 2, 3]);
    });
  });
});

test('a host that is closed ends its sockets and takes no more', async () => {
  const { at, host } = await serve();
  const first = join(at, await tokenFor('ada'), { reconnection: false });
  await first.say('subscribe_settlement', 's1');
  host.close();
  await until(() => {
    expect(first.heard).toEqual([
      ['closing', { code: 1001, reason: 'The server is going away.' }],
      ['disconnect', 'io server disconnect'],
    ]);
  });
  expect(host.size).toBe(0);
  const late = join(at, await tokenFor('ada'), { reconnection: false });
  await until(() => {
    expect(late.heard).toEqual([['connect_error', 'Closed', { code: 'CLOSED' }]]);
  });
});
