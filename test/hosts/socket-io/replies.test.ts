import { describe, expect, test } from 'vitest';
import { createTidemark, defineModel, entity } from '../../../src/index.js';
import { socketIoHost } from '../../../src/hosts/socket-io/index.js';
import { Server } from 'socket.io';
import { authenticate, join, pending, serve, tokenFor, until, updates } from './served.js';

describe('every message is answered once, and with what became of it', () => {
  test('a subscription that is given up before it was permitted', async () => {
    const { promise: asked, settle: permit } = pending<boolean>();
    const { at } = await serve(undefined, { authorize: () => asked });
    const { say } = join(at, await tokenFor('ada'));
    const first = say('subscribe_settlement', 's1');
    expect(await say('unsubscribe_settlement', 's1')).toEqual({ success: true });
    expect(await first).toMatchObject({ success: false, error: 'Subscription failed' });
    permit(true);
    expect(await say('subscribe_settlement', 's1')).toMatchObject({ success: true });
  });

  test('tokens that are verified out of turn', async () => {
    const { promise: slowly, settle: goOn } = pending<undefined>();
    const { at } = await serve(undefined, {
      host: {
        authenticate: async (token, handshake) => {
          if (token.startsWith('slow ')) await slowly;
          return authenticate(token.replace('slow ', ''), handshake);
        },
      },
    });
    const { say } = join(at, await tokenFor('ada'));
    const good = say('authenticate', `slow ${await tokenFor('ada')}`);
    expect(await say('authenticate', 'forged')).toMatchObject({ success: false, error: 'Unauthorized' });
    goOn(undefined);
    expect(await good).toMatchObject({ success: true, until: expect.any(Number) as number });
  });

  test('a token that nobody waits for, before one that somebody does', async () => {
    const { at } = await serve();
    const { socket, heard, say } = join(at, await tokenFor('ada'));
    socket.emit('authenticate', 'forged');
    expect(await say('authenticate', await tokenFor('ada'))).toMatchObject({ success: true });
    await until(() => {
      expect(heard).toMatchObject([['refused', { code: 'UNAUTHORIZED' }]]);
    });
  });

  test('one whose authorizer throws', async () => {
    const { at, edit } = await serve(undefined, {
      authorize: () => {
        throw new Error('the database is away');
      },
    });
    const { heard, say } = join(at, await tokenFor('ada'));
    const reply = await say('subscribe_settlement', 's1');
    expect(reply).toMatchObject({ success: false });
    expect(JSON.stringify(reply)).not.toContain('database');
    await edit('s1', 1);
    expect(await say('subscribe_settlement', 's1')).toMatchObject({ success: false });
    expect(updates(heard)).toEqual([]);
  });

  test.each<[what: string, event: string, ...args: unknown[]]>([
    ['a room that is no text', 'subscribe', { room: 7 }],
    ['no room', 'subscribe', { room: '' }],
    ['a room without an id', 'subscribe', { room: 'settlement:' }],
    ['a room with too long a name', 'subscribe', { room: `settlement:${'x'.repeat(300)}` }],
    ['a key of no text', 'subscribe', { room: 'settlement:s1', key: '' }],
    ['no target', 'subscribe', { target: null }],
    ['a target that is a number', 'subscribe', { target: 7 }],
    ['a target that is a list', 'subscribe', { target: [] }],
    ['a type that is none', 'subscribe', { target: { type: '__proto__', id: 's1' } }],
    ['an id that is no number', 'subscribe', { target: { type: 'settlement', id: { $bigint: 'x' } } }],
    ['no parent', 'subscribe', { target: { type: 'settlement', parent: {} } }],
    ['a list for an id', 'subscribe_settlement', []],
    ['true for an id', 'subscribe_settlement', true],
    ['no number for an id', 'subscribe_settlement', Number.NaN],
    ['bytes for an id', 'subscribe_settlement', new Uint8Array(8)],
    ['too long an id', 'subscribe_settlement', 'x'.repeat(5000)],
    ['a branch that is no text', 'subscribe_settlement', 's1', { branch: 7 }],
    ['an overflow that is none', 'subscribe_settlement', 's1', { overflow: 'everything' }],
    ['to unsubscribe from what it does not follow', 'unsubscribe', { room: 'settlement:s2' }],
    ['an object without an id', 'unsubscribe_settlement', {}],
    ['no token', 'authenticate'],
    ['a token in an object', 'authenticate', { token: 'x' }],
    ['an empty signal', 'signal'],
    ['a signal of nothing', 'signal', 'settlement:s1'],
    ['a signal that nobody may give', 'signal', 'settlement:s1', 'nobody may'],
  ])('malformed: %s', async (_, event, ...args) => {
    const { at, edit } = await serve();
    const { heard, say, socket } = join(at, await tokenFor('ada'));
    expect(await say(event, ...args)).toMatchObject({ success: false });
    // Without an acknowledgement, it is the same.
    socket.emit(event, ...args);
    expect(await say('subscribe_settlement', 's1')).toMatchObject({ success: true });
    await edit('s1', 1);
    await until(() => {
      expect(updates(heard)).toEqual([1]);
    });
  });
});

test('a structure in three rooms is told of once', async () => {
  const { at, tide } = await serve();
  const { heard, say } = join(at, await tokenFor('ada'));
  const target = { type: 'structure' };
  for (const room of ['settlement:s1', 'structure:t1']) await say('subscribe', { room });
  await say('subscribe', { target, key: 'all' });
  const after = { id: 't1', settlementId: 's1' };
  await tide.change({ type: 'structure', id: 't1', op: 'create', before: null, after });
  await tide.change({ type: 'structure', id: 't1', op: 'delete', before: after, after: null });
  await until(() => {
    expect(heard.map(([event, payload]) => [event, (payload as { op: string }).op])).toEqual([
      ['structure_updated', 'create'],
      ['structure_updated', 'delete'],
    ]);
  });
  expect(Object.keys((heard[0]?.[2] as { cursors: object }).cursors).sort()).toEqual([
    'all',
    'settlement:s1',
    'structure:t1',
  ]);
});

test('a type of which clients could not tell changes from computed fields is refused at the start', async () => {
  const model = defineModel({ entities: { computed: entity<{ id: string }>()({}) } });
  const tide = createTidemark<typeof model, { id: string }>({ model, origin: {}, authorize: () => true });
  const io = new Server(0);
  expect(() => socketIoHost(io, tide, { authenticate: () => null })).toThrow(
    expect.objectContaining({ code: 'INVALID_OPTION' }) as Error,
  );
  await io.close();
  await tide.close();
});

test('a tide without authorize is refused at the start', async () => {
  const model = defineModel({ entities: { settlement: entity<{ id: string }>()({}) } });
  const tide = createTidemark<typeof model, { id: string }>({ model, origin: {} });
  const io = new Server(0);
  expect(() => socketIoHost(io, tide, { authenticate: () => null })).toThrow(
    expect.objectContaining({ code: 'UNAUTHORIZED' }) as Error,
  );
  await io.close();
  await tide.close();
});

test('a server that is closed leaves no session', async () => {
  const { at, io, host } = await serve();
  const { heard, say } = join(at, await tokenFor('ada'), { reconnection: false });
  await say('subscribe_settlement', 's1');
  expect(host.size).toBe(1);
  await io.close();
  await until(() => {
    expect(heard.at(-1)?.[0]).toBe('disconnect');
  });
  expect(host.size).toBe(0);
});
