import { describe, expect, test } from 'vitest';
import { TidemarkError } from '../../src/errors.js';
import type { Guard, Permission } from '../../src/realtime/authorize.js';
import { A, world } from './setup.js';

const refused = expect.objectContaining({ code: 'UNAUTHORIZED' }) as unknown;

/** An authorizer whose answers a test gives. */
function authorizer(): {
  readonly authorize: Guard;
  answer(permission: Permission): void;
  readonly asked: AbortSignal[];
} {
  const asked: AbortSignal[] = [];
  const waiting: ((permission: Permission) => void)[] = [];
  return {
    asked,
    authorize: (signal) => {
      asked.push(signal);
      return new Promise((resolve) => waiting.push(resolve));
    },
    answer: (permission) => waiting.shift()?.(permission),
  };
}

describe('before the answer', () => {
  test('nothing is delivered; after a yes, everything since subscribe()', async () => {
    const { announce, subscribe, read } = world();
    const { authorize, answer } = authorizer();
    const items = subscribe([A], { authorize });
    await announce([A], '1', '2');
    expect(await read(items)).toEqual([]);
    answer(true);
    expect(await read(items)).toEqual(['1', '2']);
  });

  test('nothing is replayed either, and resuming asks again', async () => {
    const { announce, subscribe, read, items } = world();
    await announce([A], '0');
    const first = subscribe([A], { authorize: () => true });
    await announce([A], '1', '2');
    const [one] = await items(first);
    const { authorize, answer } = authorizer();
    const resumed = subscribe([A], { authorize, since: one?.cursor });
    expect(await read(resumed)).toEqual([]);
    answer(false);
    await expect(read(resumed)).rejects.toEqual(refused);
  });

  test('nothing of history is replayed, and no more of it once the permission has run out', async () => {
    const { clock, announce, subscribe, read, items, settle } = world({ ringSize: 2 });
    await announce([A], '0');
    const first = subscribe([A]);
    await announce([A], '1');
    const [one] = await items(first);
    await announce([A], '2', '3', '4', '5', '6');
    const { authorize, answer } = authorizer();
    const resumed = subscribe([A], { authorize, since: one?.cursor });
    const given: unknown[] = [];
    void resumed.next().then(({ value }) => given.push(value));
    await settle();
    expect(given).toEqual([]);
    answer({ until: clock.wallNow() + 1000 });
    await settle();
    expect(given).toMatchObject([{ changeId: '2' }]);
    await clock.advance(1000);
    expect(await read(resumed)).toEqual([]);
    answer(false);
    await expect(read(resumed)).rejects.toEqual(refused);
  });

  test('leaving tells the authorizer that nobody waits any more', async () => {
    const { subscribe, settle } = world();
    const { authorize, answer, asked } = authorizer();
    const items = subscribe([A], { authorize });
    const waiting = items.next();
    expect(asked[0]?.aborted).toBe(false);
    await items.return?.();
    expect(asked[0]?.aborted).toBe(true);
    expect(await waiting).toEqual({ done: true });
    answer(false);
    await settle();
    expect(await items.next()).toEqual({ done: true });
  });

  test('an answer that never comes does not keep the subscription from ending', async () => {
    const { subscribe, hub } = world();
    const items = subscribe([A], { authorize: authorizer().authorize });
    const waiting = items.next();
    await hub.close();
    expect(await waiting).toEqual({ done: true });
  });
});

describe('a no', () => {
  test('is UNAUTHORIZED once, then done, and leaves the bus', async () => {
    const { bus, subscribe, settle } = world();
    const items = subscribe([A], { authorize: () => false });
    const [first, second] = [items.next(), items.next()];
    await expect(first).rejects.toEqual(refused);
    expect(await second).toEqual({ done: true });
    expect(await items.next()).toEqual({ done: true });
    await settle();
    expect(bus.listening).toEqual([]);
  });

  test('is told to the first next(), however late it comes', async () => {
    const { subscribe, settle } = world();
    const items = subscribe([A], { authorize: () => Promise.resolve(false) });
    await settle();
    await expect(items.next()).rejects.toEqual(refused);
    expect(await items.next()).toEqual({ done: true });
  });

  test.each([
    undefined,
    null,
    1,
    'true',
    'no',
    {},
    [],
    { until: Number.NaN },
    { until: '2099' },
    { until: 0 },
    { until: -Infinity },
  ])('is whatever is neither true nor a time to come: %o', async (answer) => {
    const { announce, subscribe } = world();
    const items = subscribe([A], { authorize: () => answer as never });
    await announce([A], '1');
    await expect(items.next()).rejects.toEqual(refused);
  });

  test('is an authorizer that throws or rejects: onError is told, the cause is kept', async () => {
    const { subscribe, errors } = world();
    const cause = new Error('no database');
    const throwing = subscribe([A], {
      authorize: () => {
        throw cause;
      },
    });
    await expect(throwing.next()).rejects.toMatchObject({ code: 'UNAUTHORIZED', cause });
    const rejecting = subscribe([A], { authorize: () => Promise.reject(cause) });
    await expect(rejecting.next()).rejects.toMatchObject({ code: 'UNAUTHORIZED', cause });
    expect(errors).toEqual([`authorize ${A}: no database`, `authorize ${A}: no database`]);
  });

  test('may be said by throwing UNAUTHORIZED, which is no failure', async () => {
    const { subscribe, errors } = world();
    const refusal = new TidemarkError('UNAUTHORIZED', 'members only');
    const items = subscribe([A], { authorize: () => Promise.reject(refusal) });
    await expect(items.next()).rejects.toBe(refusal);
    expect(errors).toEqual([]);
  });
});

describe('a yes until a time', () => {
  test('is asked again then; while the answer is pending nothing is delivered, and nothing is lost', async () => {
    const { clock, announce, subscribe, read } = world();
    const { authorize, answer, asked } = authorizer();
    const items = subscribe([A], { authorize });
    answer({ until: clock.wallNow() + 1000 });
    await announce([A], '1');
    expect(await read(items)).toEqual(['1']);
    await clock.advance(999);
    expect(asked).toHaveLength(1);
    await clock.advance(1);
    expect(asked).toHaveLength(2);
    await announce([A], '2');
    expect(await read(items)).toEqual([]);
    answer({ until: clock.wallNow() + 1000 });
    expect(await read(items)).toEqual(['2']);
    await clock.advance(1000);
    answer(false);
    await announce([A], '3');
    await expect(read(items)).rejects.toEqual(refused);
    expect(await items.next()).toEqual({ done: true });
    expect(clock.timers).toBe(0);
  });

  test('ends a subscriber who only waits', async () => {
    const { clock, subscribe } = world();
    const { authorize, answer } = authorizer();
    const items = subscribe([A], { authorize });
    answer({ until: clock.wallNow() + 1000 });
    const waiting = items.next();
    waiting.catch(() => {});
    await clock.advance(1000);
    answer(false);
    await expect(waiting).rejects.toEqual(refused);
  });

  test('does not outlive a pause of the process, though the timer is late', async () => {
    const { clock, announce, subscribe, read, settle } = world();
    const { authorize, answer, asked } = authorizer();
    const items = subscribe([A], { authorize });
    answer({ until: clock.wallNow() + 1000 });
    await settle();
    clock.shiftWall(5000);
    await announce([A], '1');
    expect(await read(items)).toEqual([]);
    expect(asked).toHaveLength(2);
    answer(true);
    expect(await read(items)).toEqual(['1']);
    await clock.advance(10_000);
    expect(asked).toHaveLength(2);
  });

  test('outlives a timer that fires early, as timers of many days do', async () => {
    const { clock, subscribe, settle } = world();
    const { authorize, answer, asked } = authorizer();
    subscribe([A], { authorize });
    answer({ until: clock.wallNow() + 1000 });
    await settle();
    clock.shiftWall(-500);
    await clock.advance(1000);
    expect(asked).toHaveLength(1);
    await clock.advance(500);
    expect(asked).toHaveLength(2);
  });

  test('leaves no timer behind', async () => {
    const { clock, subscribe, settle } = world();
    const items = subscribe([A], { authorize: () => ({ until: clock.wallNow() + 1000 }) });
    await settle();
    expect(clock.timers).toBe(1);
    await items.return?.();
    expect(clock.timers).toBe(0);
  });
});
