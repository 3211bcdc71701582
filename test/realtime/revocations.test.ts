import { describe, expect, test } from 'vitest';
import type { Authorize } from '../../src/realtime/authorize.js';
import { REVOCATIONS } from '../../src/realtime/revocations.js';
import { memory } from '../../src/index.js';
import { fakeClock } from '../../src/testing/index.js';
import { type Principal, client, tideOn } from './clients.js';
import { FakeServer } from './fake-bus.js';

/** Two replicas, and who may see what in a table that both look at. */
function world() {
  const clock = fakeClock();
  const server = new FakeServer();
  const banned = new Set<string>();
  const asked: string[] = [];
  const authorize: Authorize<Principal> = ({ name }, { key }) => {
    asked.push(`${name} ${key}`);
    return !banned.has(name) && !banned.has(`${name} ${key}`);
  };
  const { marks } = memory({ clock });
  const make = () => {
    const bus = server.connect();
    return { bus, ...tideOn(bus, clock, { authorize, marks }) };
  };
  const [here, there] = [make(), make()];
  const close = async (): Promise<void> => {
    await Promise.all([here.tide.close(), there.tide.close()]);
    expect(clock.timers).toBe(0);
  };
  const settle = (): Promise<void> => clock.advance(0);
  return { clock, server, banned, asked, here, there, close, settle };
}

const SETTLEMENT = { type: 'settlement', id: 's1' } as const;

/** Somebody who has subscribed, where a test gives the answers of authorize. */
async function askedSlowly() {
  const { clock, server } = world();
  const answers: ((answer: boolean) => void)[] = [];
  const authorize = (): Promise<boolean> => new Promise((resolve) => answers.push(resolve));
  const { tide, rename } = tideOn(server.connect(), clock, { authorize });
  const ada = client(tide);
  ada.connection.subscribe('a', SETTLEMENT);
  await clock.advance(0);
  return { ada, answers, clock, rename, tide };
}

describe('a revocation', () => {
  test('ends what authorize refuses by now, on every replica, and nothing else', async () => {
    const { here, there, banned, settle, close } = world();
    const [ada, bob] = [client(there.tide), client(there.tide, { principal: { name: 'bob' } })];
    for (const { connection } of [ada, bob]) connection.subscribe('a', SETTLEMENT);
    await settle();
    banned.add('ada');
    await here.tide.realtime.revoke({ principal: 'ada' });
    await here.rename('settlement', 's1', 'secret');
    await settle();
    expect(ada.told()).toEqual(['ended a REVOKED']);
    expect(bob.told()).toEqual(['1 secret on a']);
    await close();
  });

  test('stops delivery at once here, whatever authorize takes to answer', async () => {
    const { ada, answers, clock, rename, tide } = await askedSlowly();
    answers.shift()?.(true);
    await rename('settlement', 's1', 'one');
    await clock.advance(0);
    await tide.realtime.revoke({ principal: 'ada' });
    await rename('settlement', 's1', 'two');
    await clock.advance(0);
    expect(ada.told()).toEqual(['1 one on a']);
    answers.shift()?.(true);
    await clock.advance(0);
    expect(ada.told()).toEqual(['2 two on a']);
    await tide.close();
  });

  test('holds here though the bus does not answer, and says that it may hold here only', async () => {
    const { here, there, banned, clock, settle, close } = world();
    const [ada, away] = [client(here.tide), client(there.tide)];
    for (const { connection } of [ada, away]) connection.subscribe('a', SETTLEMENT);
    await settle();
    banned.add('ada');
    here.bus.hold('publish');
    const revoked = expect(here.tide.realtime.revoke({ principal: 'ada' })).rejects.toMatchObject({
      code: 'STORE_TIMEOUT',
      message: expect.stringContaining('publish revocations') as string,
    });
    await settle();
    expect([ada.told(), away.told()]).toEqual([['ended a REVOKED'], []]);
    await clock.advance(1000);
    await revoked;
    here.bus.release('publish');
    await settle();
    expect(away.told()).toEqual(['ended a REVOKED']);
    await close();
  });

  test('while the question is being answered makes it be put again', async () => {
    const { ada, answers, clock, rename, tide } = await askedSlowly();
    await tide.realtime.revoke({ principal: 'ada' });
    await rename('settlement', 's1', 'secret');
    // The answer of before.
    answers.shift()?.(true);
    await clock.advance(0);
    expect(ada.told()).toEqual([]);
    answers.shift()?.(false);
    await clock.advance(0);
    expect(ada.told()).toEqual(['ended a REVOKED']);
    await tide.close();
  });

  test.each([0, 1, 2, 3, 4, 5, 6])('%i promise jobs after the answer makes it be put again', async (jobs) => {
    const { ada, answers, clock, rename, tide } = await askedSlowly();
    answers.shift()?.(true);
    for (let i = 0; i < jobs; i++) await Promise.resolve();
    await tide.realtime.revoke({ principal: 'ada' });
    await clock.advance(0);
    expect(answers).toHaveLength(1);
    answers.shift()?.(false);
    await rename('settlement', 's1', 'secret');
    await clock.advance(0);
    expect(ada.told()).toEqual(['ended a REVOKED']);
    await tide.close();
  });

  test('is applied before anything is replayed', async () => {
    const { here, there, banned, settle, close } = world();
    const ada = client(here.tide);
    ada.connection.subscribe('a', SETTLEMENT);
    await settle();
    await here.rename('settlement', 's1', 'seen');
    await settle();
    const frame = ada.frames.find(({ kind }) => kind === 'change');
    const since = frame !== undefined && 'on' in frame ? frame.on['a'] : undefined;
    ada.connection.end();
    await here.rename('settlement', 's1', 'secret');
    banned.add('ada');
    await here.tide.realtime.revoke({ principal: 'ada' });
    const again = client(there.tide);
    again.connection.subscribe('a', SETTLEMENT, { since });
    await settle();
    expect(again.told()).toEqual(['ended a UNAUTHORIZED']);
    await close();
  });

  test('of a target is about that only', async () => {
    const { here, there, banned, asked, settle, close } = world();
    const ada = client(there.tide);
    ada.connection.subscribe('a', SETTLEMENT);
    ada.connection.subscribe('b', { type: 'settlement', id: 's2' });
    await settle();
    const target = there.tide.subject.entity('settlement', 's1');
    banned.add(`ada ${target.key}`);
    asked.length = 0;
    await here.tide.realtime.revoke({ target });
    await here.rename('settlement', 's1', 'secret');
    await here.rename('settlement', 's2', 'open');
    await settle();
    expect(asked).toEqual([`ada ${target.key}`]);
    expect(ada.told()).toEqual(['ended a REVOKED', '1 open on b']);
    await close();
  });

  test('of a connection closes it, and no other', async () => {
    const { here, there, settle, close } = world();
    const [one, two] = [client(there.tide), client(there.tide)];
    await settle();
    await here.tide.realtime.revoke({ connection: one.connection.id });
    await settle();
    expect(one.closed).toEqual(['4403 The connection was revoked.']);
    expect(two.closed).toEqual([]);
    await close();
  });

  test('reaches the subscriptions of scopes as well', async () => {
    const { here, there, banned, settle, close } = world();
    const items = there.tide.scope({ principal: { name: 'ada' } }).subscribe(SETTLEMENT);
    const waiting = items.next();
    waiting.catch(() => undefined);
    await settle();
    banned.add('ada');
    await here.tide.realtime.revoke({ principal: 'ada' });
    await settle();
    await expect(waiting).rejects.toMatchObject({ code: 'REVOKED' });
    await close();
  });

  test('of nothing is refused', async () => {
    const { here, close } = world();
    await expect(here.tide.realtime.revoke({})).rejects.toMatchObject({ code: 'INVALID_OPTION' });
    await close();
  });

  test('that the bus does not take is said, and holds here', async () => {
    const { here, banned, settle, close } = world();
    const ada = client(here.tide);
    ada.connection.subscribe('a', SETTLEMENT);
    await settle();
    banned.add('ada');
    here.bus.failing.add('publish');
    await expect(here.tide.realtime.revoke({ principal: 'ada' })).rejects.toThrow('publish failed');
    await settle();
    expect(ada.told()).toEqual(['ended a REVOKED']);
    await close();
  });
});

describe('a replica that does not hear of it', () => {
  test('reads of it within a second, though the message was lost', async () => {
    const { clock, here, there, banned, close } = world();
    const ada = client(there.tide);
    ada.connection.subscribe('a', SETTLEMENT);
    await clock.advance(0);
    banned.add('ada');
    there.bus.flowing = false;
    await here.tide.realtime.revoke({ principal: 'ada' });
    there.bus.lose(REVOCATIONS);
    there.bus.flow();
    await clock.advance(1000);
    expect(ada.told()).toEqual(['ended a REVOKED']);
    await close();
  });

  test('delivers nothing from maxStalenessMs on, and everything once it knows', async () => {
    const { clock, here, there, close } = world();
    const ada = client(there.tide);
    ada.connection.subscribe('a', SETTLEMENT);
    await clock.advance(0);
    there.bus.failing.add('read');
    await clock.advance(2999);
    await here.rename('settlement', 's1', 'within');
    await clock.advance(0);
    expect(ada.told()).toEqual(['1 within on a']);
    await clock.advance(1);
    await here.rename('settlement', 's1', 'later');
    await clock.advance(60_000);
    expect(ada.told()).toEqual([]);
    there.bus.failing.delete('read');
    await clock.advance(1000);
    expect(ada.told()).toEqual(['2 later on a']);
    await close();
  });

  test('and comes back later delivers nothing that was revoked meanwhile', async () => {
    const { clock, here, there, banned, close } = world();
    const ada = client(there.tide);
    ada.connection.subscribe('a', SETTLEMENT);
    await clock.advance(0);
    there.bus.failing.add('read');
    await clock.advance(5000);
    there.bus.flowing = false;
    banned.add('ada');
    await here.tide.realtime.revoke({ principal: 'ada' });
    await here.rename('settlement', 's1', 'secret');
    there.bus.lose(REVOCATIONS);
    there.bus.flow();
    await clock.advance(5000);
    there.bus.failing.delete('read');
    await clock.advance(1000);
    expect(ada.told()).toEqual(['ended a REVOKED']);
    await close();
  });

  test('asks for everything again where history has a hole', async () => {
    for (const harm of ['wipe', 'trim', 'back'] as const) {
      const { clock, server, here, there, banned, asked, close } = world();
      const ada = client(there.tide);
      ada.connection.subscribe('a', SETTLEMENT);
      await clock.advance(0);
      // Somebody else, so that there is history.
      await here.tide.realtime.revoke({ principal: 'bob' });
      await clock.advance(0);
      there.bus.flowing = false;
      banned.add('ada');
      asked.length = 0;
      if (harm === 'back') {
        // The store loses its newest message, and the next one takes its place.
        const log = server.log(REVOCATIONS);
        log.kept.pop();
        log.top--;
      }
      await here.tide.realtime.revoke({ principal: 'ada' });
      if (harm === 'wipe') server.wipe([REVOCATIONS]);
      if (harm === 'trim') server.trim(REVOCATIONS);
      there.bus.lose(REVOCATIONS);
      there.bus.flow();
      await clock.advance(1000);
      expect([harm, ...ada.told()]).toEqual([harm, 'ended a REVOKED']);
      await close();
    }
  });

  test('puts the first question only once it hears of revocations', async () => {
    const { clock, there, asked, close } = world();
    there.bus.hold('read');
    const ada = client(there.tide);
    ada.connection.subscribe('a', SETTLEMENT);
    await clock.advance(0);
    expect(asked).toEqual([]);
    there.bus.release('read');
    await clock.advance(0);
    expect(asked).toHaveLength(1);
    await close();
  });

  test('takes a message that it cannot read for one about everybody', async () => {
    const { clock, server, there, banned, close } = world();
    const ada = client(there.tide);
    ada.connection.subscribe('a', SETTLEMENT);
    await clock.advance(0);
    banned.add('ada');
    server.append(REVOCATIONS, new Uint8Array([1, 2, 3]), 'strange');
    await clock.advance(0);
    expect(ada.told()).toEqual(['ended a REVOKED']);
    expect(there.errors.some((text) => text.startsWith(`decode a message of ${REVOCATIONS}`))).toBe(true);
    await close();
  });
});

test('nobody is followed where nobody has to be asked', async () => {
  const { clock, here, close } = world();
  const items = here.tide.subscribe(SETTLEMENT);
  await clock.advance(60_000);
  expect(here.bus.calls.filter((call) => call.endsWith(REVOCATIONS))).toEqual([]);
  const ada = client(here.tide);
  await clock.advance(0);
  expect(here.bus.listening).toContain(REVOCATIONS);
  ada.connection.end();
  await clock.advance(0);
  expect(here.bus.listening).not.toContain(REVOCATIONS);
  await items.return?.();
  await close();
});
