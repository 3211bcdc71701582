import { describe, expect, test } from 'vitest';
import { fakeClock } from '../../src/testing/index.js';
import type { ServerFrame } from '../../src/realtime/frames.js';
import { client, tideOn } from './clients.js';
import { FakeServer } from './fake-bus.js';

/** A link that a client reads from only when a test says so. */
function pipe() {
  let bytes = 0;
  let most = 0;
  const told: string[] = [];
  return {
    pressure: () => bytes,
    send: (frame: ServerFrame): void => {
      bytes += JSON.stringify(frame).length;
      most = Math.max(most, bytes);
      told.push(
        frame.kind === 'change' ? JSON.stringify(frame.change.changes.values['name']).slice(1, -1).trim() : frame.kind,
      );
    },
    /** What the client has been sent since. */
    read: (): string[] => {
      bytes = 0;
      return told.splice(0);
    },
    fill: (by: number): void => {
      bytes += by;
    },
    get most(): number {
      return most;
    },
  };
}

function world(more: Parameters<typeof tideOn>[2] = {}) {
  const clock = fakeClock();
  const server = new FakeServer();
  const bus = server.connect();
  const settle = (): Promise<void> => clock.advance(0);
  return { clock, server, bus, settle, ...tideOn(bus, clock, more) };
}

describe('a connection', () => {
  test('says who it is, that a subscription is permitted, and what changes', async () => {
    const { tide, settle, rename } = world();
    const { connection, frames } = client(tide);
    connection.subscribe('a', { type: 'settlement', id: 's1' });
    await settle();
    await rename('settlement', 's1', 'Mora');
    await settle();
    expect(frames).toMatchObject([
      { kind: 'welcome', connection: connection.id, until: null },
      { kind: 'subscribed', on: { a: expect.any(String) as string } },
      { kind: 'change', number: 1, change: { entityId: 's1', changes: { values: { name: 'Mora' } } }, on: {} },
    ]);
    await tide.close();
  });

  test('tells a change once, however many subscriptions it concerns', async () => {
    const { tide, settle, rename } = world();
    const { connection, told } = client(tide);
    connection.subscribe('one', { type: 'settlement', id: 's1' });
    connection.subscribe('all', { type: 'settlement' });
    connection.subscribe('list', tide.subject.list('settlement', { kingdom: 'k1' }));
    await settle();
    await rename('settlement', 's1', 'Mora');
    await rename('settlement', 's2', 'Falun');
    await settle();
    expect(told()).toEqual(['1 Mora on all,list,one', '2 Falun on all,list']);
    await tide.close();
  });

  test('tells nothing more of what the client has unsubscribed', async () => {
    const { tide, settle, rename } = world();
    const { connection, told } = client(tide);
    connection.subscribe('a', { type: 'settlement', id: 's1' });
    await settle();
    expect(connection.unsubscribe('a')).toBe(true);
    expect(connection.unsubscribe('a')).toBe(false);
    await rename('settlement', 's1', 'Mora');
    await settle();
    expect(told()).toEqual(['ended a null']);
    expect(connection.keys).toEqual([]);
    await tide.close();
  });
});

describe('copies of a change', () => {
  test('that come later move the cursor of their subscription, by the number of the change', async () => {
    const { tide, settle, rename } = world();
    const { connection, frames, told } = client(tide);
    connection.subscribe('a', { type: 'settlement' });
    await settle();
    const since = frames.flatMap((frame) => (frame.kind === 'subscribed' ? [frame.on['a']] : []))[0];
    await rename('settlement', 's1', 'Mora');
    await rename('settlement', 's2', 'Falun');
    await settle();
    connection.subscribe('b', { type: 'settlement' }, { since });
    await settle();
    expect(told()).toEqual(['1 Mora on a', '2 Falun on a', 'again 1 on b', 'again 2 on b']);
    await tide.close();
  });

  test('are told whole where the number is older than both ends remember', async () => {
    const { tide, settle, rename } = world();
    const first = client(tide);
    first.connection.subscribe('a', { type: 'settlement' });
    await settle();
    const since = first.frames.flatMap((frame) => (frame.kind === 'subscribed' ? [frame.on['a']] : []))[0];
    for (let i = 1; i <= 300; i++) await rename('settlement', 's1', `n${String(i)}`);
    await settle();
    first.told();
    first.connection.subscribe('b', { type: 'settlement' }, { since });
    await settle();
    const told = first.told();
    // Each that is told whole makes another one too old.
    expect(told).toEqual(Array.from({ length: 300 }, (_, i) => `${String(301 + i)} n${String(i + 1)} on b`));
    await tide.close();
  });
});

describe('back pressure', () => {
  test('a client that does not read is sent 256 KiB and a frame, and all the rest once it reads', async () => {
    const { clock, tide, settle, rename } = world({ ringSize: 4 });
    const link = pipe();
    const { connection, closed } = client(tide, link);
    connection.subscribe('a', { type: 'settlement' }, { overflow: 'replay' });
    await settle();
    const names = Array.from({ length: 800 }, (_, i) => `n${String(i)}`);
    for (const name of names) {
      await rename('settlement', 's1', name.padEnd(1000));
      await settle();
    }
    expect(link.most).toBeGreaterThan(256 * 1024);
    expect(link.most).toBeLessThan(258 * 1024);
    const seen: string[] = [];
    for (let i = 0; i < 10; i++) {
      seen.push(...link.read());
      await clock.advance(100);
    }
    expect(seen).toEqual(['welcome', 'subscribed', ...names]);
    expect(closed).toEqual([]);
    await tide.close();
  });

  test('goes on at once when the host says that the link has drained', async () => {
    const { tide, settle, rename } = world();
    const link = pipe();
    const { connection } = client(tide, link);
    connection.subscribe('a', { type: 'settlement' });
    await settle();
    link.fill(300_000);
    await rename('settlement', 's1', 'one');
    await settle();
    await rename('settlement', 's1', 'two');
    await settle();
    expect(link.read()).toEqual(['welcome', 'subscribed', 'one']);
    connection.drained();
    await settle();
    expect(link.read()).toEqual(['two']);
    await tide.close();
  });

  test('a client that does not read for thirty seconds is closed, with a code of its own', async () => {
    const { clock, tide, settle, rename } = world();
    const link = pipe();
    const { connection, closed } = client(tide, link);
    connection.subscribe('a', { type: 'settlement' });
    await settle();
    link.fill(300_000);
    await rename('settlement', 's1', 'one');
    await clock.advance(29_900);
    expect(closed).toEqual([]);
    await clock.advance(200);
    expect(closed).toEqual([expect.stringMatching(/^4408 .* for 30000 ms/)]);
    await tide.close();
    expect(clock.timers).toBe(0);
  });

  test('above four megabytes it is closed at once', async () => {
    const { tide, settle, rename } = world();
    const link = pipe();
    const { connection, closed } = client(tide, link);
    connection.subscribe('a', { type: 'settlement' });
    await settle();
    link.fill(4 * 1024 * 1024);
    await rename('settlement', 's1', 'one');
    await settle();
    expect(closed).toEqual([expect.stringMatching(/^4408 .* more than 4194304/)]);
    await tide.close();
  });

  test('what waits for the link waits on while a permission is asked for again', async () => {
    const answers: ((answer: boolean) => void)[] = [];
    const { clock, tide, settle, rename } = world({ authorize: () => new Promise((resolve) => answers.push(resolve)) });
    const link = pipe();
    const { connection } = client(tide, link);
    connection.subscribe('a', { type: 'settlement' });
    connection.subscribe('b', { type: 'settlement', id: 's1' });
    const answer = async (yes: boolean): Promise<void> => {
      await settle();
      for (const each of answers.splice(0)) each(yes);
      await settle();
    };
    await answer(true);
    link.fill(300_000);
    await rename('settlement', 's2', 'one');
    await settle();
    await rename('settlement', 's1', 'two');
    await settle();
    await tide.realtime.revoke({ principal: 'ada' });
    expect(link.read()).toEqual(['welcome', 'subscribed', 'one']);
    await clock.advance(1000);
    expect(link.read()).toEqual([]);
    await answer(true);
    expect(link.read()).toEqual(['two']);
    await tide.close();
  });

  test('what waits for the link is not sent to one whose permission was taken back meanwhile', async () => {
    const banned = new Set<string>();
    const { clock, tide, settle, rename } = world({ authorize: ({ name }) => !banned.has(name) });
    const link = pipe();
    const { connection } = client(tide, link);
    connection.subscribe('a', { type: 'settlement' });
    connection.subscribe('b', { type: 'settlement', id: 's1' });
    await settle();
    link.fill(300_000);
    await rename('settlement', 's2', 'one');
    await settle();
    // Asked for before the link was full.
    await rename('settlement', 's1', 'secret');
    await settle();
    banned.add('ada');
    await tide.realtime.revoke({ principal: 'ada' });
    link.read();
    await clock.advance(100);
    expect(link.read()).toEqual(['ended', 'ended']);
    await tide.close();
  });
});

describe('limits', () => {
  test('one subscription too many is refused, and what is there goes on', async () => {
    const { tide, settle, rename } = world();
    const { connection, told } = client(tide, { maxSubscriptions: 2 });
    const subscribe = (key: string) =>
      connection.receive({ kind: 'subscribe', key, target: { room: `settlement:${key}` } });
    await Promise.all([subscribe('s1'), subscribe('s2'), subscribe('s3')]);
    await settle();
    await rename('settlement', 's1', 'Mora');
    await settle();
    expect(told()).toEqual(['refused s3 LIMIT_EXCEEDED', '1 Mora on s1']);
    await connection.receive({ kind: 'unsubscribe', key: 's1' });
    await subscribe('s3');
    await settle();
    expect(connection.keys).toEqual(['s2', 's3']);
    await tide.close();
  });

  test('frames above so many a minute are refused, and may be sent again later', async () => {
    const { clock, tide } = world();
    const { connection, told } = client(tide, { maxFramesPerMinute: 60 });
    const send = () => connection.receive({ kind: 'unsubscribe', key: 'none' });
    for (let i = 0; i < 61; i++) await send();
    const frames = told();
    expect(frames.slice(0, 60).every((frame) => frame === 'refused none INVALID_FRAME')).toBe(true);
    expect(frames.slice(60)).toEqual(['refused none LIMIT_EXCEEDED']);
    await clock.advance(1000);
    await send();
    expect(told()).toEqual(['refused none INVALID_FRAME']);
    await tide.close();
  });
});

describe('credentials', () => {
  test('that run out are told of half a minute before, and then end the connection', async () => {
    const { clock, tide, settle, rename } = world();
    const { connection, told, closed } = client(tide, { until: clock.wallNow() + 60_000 });
    connection.subscribe('a', { type: 'settlement' });
    await clock.advance(29_999);
    expect(told()).toEqual([]);
    await clock.advance(1);
    expect(told()).toEqual(['expiring']);
    await clock.advance(29_999);
    expect(closed).toEqual([]);
    await clock.advance(1);
    expect(closed).toEqual(['4401 The credentials have run out.']);
    await rename('settlement', 's1', 'late');
    await settle();
    expect(told()).toEqual([]);
    await tide.close();
    expect(clock.timers).toBe(0);
  });

  test('are not outlived by a timer that is late', async () => {
    const { clock, tide, settle, rename } = world();
    const { connection, told, closed } = client(tide, { until: clock.wallNow() + 60_000 });
    connection.subscribe('a', { type: 'settlement' });
    await settle();
    clock.shiftWall(60_000);
    await rename('settlement', 's1', 'late');
    await clock.advance(1000);
    expect(told()).toEqual([]);
    expect(closed).toHaveLength(1);
    await tide.close();
  });

  test('may be replaced on the way: everything is asked for again, and goes on', async () => {
    const asked: unknown[] = [];
    const { clock, tide, settle, rename } = world({
      authorize: (principal) => {
        asked.push(principal);
        return true;
      },
    });
    const verify = (token: unknown) => ({ principal: { name: 'ada', token }, until: clock.wallNow() + 120_000 });
    const { connection, told, closed } = client(tide, { until: clock.wallNow() + 60_000, verify });
    connection.subscribe('a', { type: 'settlement' });
    await clock.advance(40_000);
    await connection.receive({ kind: 'authenticate', token: 'new' });
    await rename('settlement', 's1', 'on');
    await clock.advance(60_000);
    expect(told()).toEqual(['expiring', 'authenticated', '1 on on a']);
    expect(asked).toEqual([{ name: 'ada' }, { name: 'ada', token: 'new' }]);
    expect(closed).toEqual([]);
    await settle();
    await tide.close();
  });

  test('of somebody else, bad ones, and any where there is no verify are refused', async () => {
    const { tide } = world();
    const bad = (): never => {
      throw new Error('signature of the token: secret detail');
    };
    for (const verify of [
      () => ({ principal: { name: 'eve' } }),
      () => ({ principal: { name: 'ada' }, until: 0 }),
      bad,
    ]) {
      const { connection, frames } = client(tide, { verify });
      await connection.receive({ kind: 'authenticate', token: 'x' });
      expect(frames.at(-1)).toMatchObject({ kind: 'refused', code: 'UNAUTHORIZED' });
      expect(JSON.stringify(frames)).not.toContain('secret');
      expect(connection.principal).toEqual({ name: 'ada' });
    }
    const { connection, told } = client(tide);
    await connection.receive({ kind: 'authenticate', token: 'x' });
    expect(told()).toEqual(['refused null INVALID_FRAME']);
    await tide.close();
  });

  test('are needed, and an authorizer: nobody connects without', async () => {
    const { tide, clock } = world();
    for (const bad of [{ principal: undefined }, { principal: null }, { until: 0 }, { until: Number.NaN }]) {
      expect(() => client(tide, bad as never)).toThrow(expect.objectContaining({ code: 'UNAUTHORIZED' }));
    }
    const open = tideOn(new FakeServer().connect(), clock, { authorize: undefined });
    expect(() => client(open.tide)).toThrow(expect.objectContaining({ code: 'UNAUTHORIZED' }));
    await tide.close();
    await open.tide.close();
  });
});

describe('what a client sends', () => {
  test.each([
    [{ type: 'settlement', id: 's1' }, ['entity:settlement:s1:main']],
    [{ type: 'settlement' }, ['type:settlement:main']],
    [{ type: 'settlement', parent: { kingdom: 'k1' } }, ['list:settlement:kingdom:k1:main']],
    [{ room: 'kingdom:k1' }, ['entity:kingdom:k1:main', 'list:settlement:kingdom:k1:main']],
  ])('%o is what authorize is asked about', async (target, keys) => {
    const asked: string[] = [];
    const { tide, settle } = world({
      authorize: (_, { key }) => {
        asked.push(key);
        return true;
      },
    });
    const { connection, told } = client(tide);
    await connection.receive({ kind: 'subscribe', key: 'a', target });
    await settle();
    expect(told()).toEqual([]);
    expect(asked).toEqual(keys);
    await tide.close();
  });

  test('a room is one stream: told what becomes of the entity and of its children', async () => {
    const { tide, settle, rename } = world();
    const { connection, told } = client(tide);
    await connection.receive({ kind: 'subscribe', key: 'room', target: { room: 'kingdom:k1' } });
    await settle();
    await rename('kingdom', 'k1', 'Svealand');
    await rename('settlement', 's1', 'Mora');
    await rename('kingdom', 'k2', 'another');
    await settle();
    expect(told()).toEqual(['1 Svealand on room', '2 Mora on room']);
    await tide.close();
  });

  test('a room of which one part is refused is refused', async () => {
    const { tide, settle } = world({ authorize: (_, { kind }) => kind === 'entity' });
    const { connection, told } = client(tide);
    await connection.receive({ kind: 'subscribe', key: 'room', target: { room: 'kingdom:k1' } });
    await settle();
    expect(told()).toEqual(['ended room UNAUTHORIZED']);
    await tide.close();
  });

  test.each([
    [undefined, null, 'INVALID_FRAME'],
    ['subscribe', null, 'INVALID_FRAME'],
    [{ kind: 'publish', key: 'k' }, 'k', 'INVALID_FRAME'],
    [{ kind: 'subscribe', key: '', target: { type: 'settlement' } }, '', 'INVALID_FRAME'],
    [{ kind: 'subscribe', key: 'k' }, 'k', 'INVALID_FRAME'],
    [
      { kind: 'subscribe', key: 'k', target: { key: 'entity:settlement:s1:main', kind: 'entity' } },
      'k',
      'INVALID_FRAME',
    ],
    [{ kind: 'subscribe', key: 'k', target: { type: 'settlement', id: { a: 1 } } }, 'k', 'INVALID_FRAME'],
    [{ kind: 'subscribe', key: 'k', target: { type: 'settlement', parent: {} } }, 'k', 'INVALID_FRAME'],
    [{ kind: 'subscribe', key: 'k', target: { room: 'lobby' } }, 'k', 'INVALID_FRAME'],
    [{ kind: 'subscribe', key: 'k', target: { room: 'planet:1' } }, 'k', 'INVALID_FRAME'],
    [{ kind: 'subscribe', key: 'k', target: { type: '__proto__' } }, 'k', 'UNKNOWN_TYPE'],
    [{ kind: 'subscribe', key: 'k', target: { type: 'planet', id: '1' } }, 'k', 'UNKNOWN_TYPE'],
    [{ kind: 'subscribe', key: 'k', target: { type: 'settlement', id: ' ' } }, 'k', 'BLANK_ID'],
    [{ kind: 'subscribe', key: 'k', target: { type: 'settlement' }, since: 'x' }, 'k', 'INVALID_CURSOR'],
    [{ kind: 'subscribe', key: 'k', target: { type: 'settlement' }, overflow: 'block' }, 'k', 'INVALID_OPTION'],
    [{ kind: 'unsubscribe', key: 'k' }, 'k', 'INVALID_FRAME'],
  ])('%o is refused and has no effect', async (frame, key, code) => {
    const { tide } = world();
    const { connection, told } = client(tide);
    await connection.receive(frame);
    expect(told()).toEqual([`refused ${String(key)} ${code}`]);
    expect(connection.keys).toEqual([]);
    await tide.close();
  });

  test('what an authorizer throws is not for the client', async () => {
    const { tide, settle } = world({ authorize: () => Promise.reject(new Error('password of the database')) });
    const { connection, frames } = client(tide);
    connection.subscribe('a', { type: 'settlement' });
    await settle();
    expect(frames.at(-1)).toMatchObject({ kind: 'ended', key: 'a', code: 'UNAUTHORIZED' });
    expect(JSON.stringify(frames)).not.toContain('password');
    await tide.close();
  });
});

test('a tide that closes sends its clients elsewhere', async () => {
  const { clock, tide, settle } = world();
  const { connection, closed } = client(tide);
  connection.subscribe('a', { type: 'settlement' });
  await settle();
  await tide.close();
  expect(closed).toEqual(['1001 The server is going away.']);
  expect(() => connection.subscribe('b', { type: 'settlement' })).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  expect(clock.timers).toBe(0);
});

test('live updates can end before the tide does: what was followed ends, what is read and changed goes on', async () => {
  const { clock, tide, settle, rename } = world({ origin: { settlement: { byIds: () => [] } } });
  const { connection, closed } = client(tide);
  connection.subscribe('a', { type: 'settlement' });
  const followed = tide.subscribe({ type: 'settlement', id: 's1' });
  const next = followed.next();
  await settle();
  tide.realtime.close();
  tide.realtime.close();
  expect(closed).toEqual(['1001 The server is going away.']);
  expect(await next).toEqual({ done: true, value: undefined });
  const isClosed: unknown = expect.objectContaining({ code: 'CLOSED' });
  expect(() => client(tide)).toThrow(isClosed);
  expect(() => tide.subscribe({ type: 'settlement', id: 's1' })).toThrow(isClosed);
  expect((await rename('settlement', 's1', 'one')).state).toBe('done');
  expect(await tide.get('settlement', 's1')).toBeNull();
  await tide.close();
  expect(clock.timers).toBe(0);
});

test('a client that comes back goes on where it was, on whichever connection', async () => {
  const { tide, settle, rename } = world();
  const one = client(tide);
  one.connection.subscribe('a', { type: 'settlement' });
  await settle();
  await rename('settlement', 's1', 'one');
  await settle();
  const since = one.frames.flatMap((frame) => (frame.kind === 'change' ? [frame.on['a']] : []))[0];
  one.connection.end();
  await rename('settlement', 's1', 'two');
  const two = client(tide);
  two.connection.subscribe('x', { type: 'settlement' }, { since });
  await settle();
  expect(two.told()).toEqual(['1 two on x']);
  await tide.close();
});
