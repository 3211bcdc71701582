import { getEventListeners } from 'node:events';
import { describe, expect, test, vi } from 'vitest';
import { defineView } from '../../src/index.js';
import { type WorldTide, model, world } from './setup.js';

const name = defineView(model)({
  name: 'name',
  load: async (read, { id }: { id: string }) => (await read.get('settlement', id))?.name,
});
type Reader = Pick<WorldTide, 'get' | 'getMany' | 'children' | 'view'>;
const reads = (from: Reader): Promise<unknown>[] => [
  from.get('settlement', 's0'),
  from.getMany('settlement', ['s0', 's1']),
  from.children('settlement', { kingdom: 'k0' }),
  from.view(name, { id: 's1' }),
];
const codes = async (promises: readonly Promise<unknown>[]): Promise<string[]> =>
  (await Promise.allSettled(promises)).map((outcome) =>
    outcome.status === 'rejected' ? (outcome.reason as { code: string }).code : 'fulfilled',
  );

test('the waiting reads of a scope reject with ABORTED and the reason; others get their answer', async () => {
  const { db, tide, clock } = world();
  const aborter = new AbortController();
  const scope = tide.scope({ signal: aborter.signal });
  const release = db.hold('settlement');
  const [own, others] = [reads(scope), reads(tide.scope())];
  const loaded = [scope.loaders.settlement.load('s0'), scope.loaders.settlement.of({ kingdom: 'k0' })];
  await clock.advance(0);
  const reason = new Error('the client went away');
  aborter.abort(reason);
  expect(await codes([...own, ...loaded])).toEqual(Array.from({ length: 6 }, () => 'ABORTED'));
  await expect(own[0]).rejects.toMatchObject({ cause: reason });
  release();
  expect(await codes(others)).toEqual(Array.from({ length: 4 }, () => 'fulfilled'));
  expect(db.countOf('settlement')).toBe(2);
});

test('the load that only an aborted scope had asked for goes on, and what it finds is kept', async () => {
  const { db, tide, clock } = world();
  const aborter = new AbortController();
  const release = db.hold('settlement');
  const reading = tide.scope({ signal: aborter.signal }).get('settlement', 's0');
  await clock.advance(0);
  aborter.abort();
  await expect(reading).rejects.toMatchObject({ code: 'ABORTED' });
  expect(db.calls[0]?.signal.aborted).toBe(false);
  release();
  await clock.advance(0);
  expect(tide.peek('settlement', 's0')).toMatchObject({ name: 'old' });
});

test('a load that fails after everybody left troubles nobody', async () => {
  const { db, tide, clock, seen } = world();
  const aborter = new AbortController();
  db.failNext('settlement', new Error('down'));
  const release = db.hold('settlement');
  const reading = tide.scope({ signal: aborter.signal }).get('settlement', 's0');
  await clock.advance(0);
  aborter.abort();
  await expect(reading).rejects.toMatchObject({ code: 'ABORTED' });
  release();
  await clock.advance(0);
  expect(seen.error).toEqual([]);
  expect(await tide.get('settlement', 's0')).toMatchObject({ name: 'old' });
});

test('with a signal that has fired, nothing is read, and nothing cached is lost', async () => {
  const { db, tide } = world();
  await tide.get('settlement', 's0');
  const calls = db.calls.length;
  const signal = AbortSignal.abort(new Error('long gone'));
  expect(await codes(reads(tide.scope({ signal })))).toEqual(Array.from({ length: 4 }, () => 'ABORTED'));
  expect(await codes([tide.get('settlement', 's0', { signal }), tide.view(name, { id: 's1' }, { signal })])).toEqual([
    'ABORTED',
    'ABORTED',
  ]);
  expect(db.calls).toHaveLength(calls);
  expect(tide.peek('settlement', 's0')).toBeDefined();
});

test('a signal given to one call ends only that call', async () => {
  const { db, tide, clock } = world();
  const aborter = new AbortController();
  const release = db.hold('settlement');
  const [ended, goesOn] = [
    tide.get('settlement', 's0', { signal: aborter.signal }),
    tide.get('settlement', 's0', { signal: new AbortController().signal }),
  ];
  await clock.advance(0);
  aborter.abort();
  await expect(ended).rejects.toMatchObject({ code: 'ABORTED' });
  release();
  expect(await goesOn).toMatchObject({ id: 's0' });
});

test('a scope of an aborted signal may still announce what was committed', async () => {
  const { tide } = world();
  await tide.get('settlement', 's0');
  const scope = tide.scope({ signal: AbortSignal.abort() });
  expect((await scope.change({ type: 'settlement', id: 's0', op: 'update' })).state).toBe('done');
  expect(tide.peek('settlement', 's0')).toBeUndefined();
});

test("a scope's subscriptions end with its signal, one's own signal instead of it", async () => {
  const { tide } = world();
  const [request, own] = [new AbortController(), new AbortController()];
  const scope = tide.scope({ signal: request.signal });
  const items = scope.subscribe({ type: 'settlement', id: 's0' });
  const others = scope.subscribe({ type: 'settlement', id: 's0' }, { signal: own.signal });
  const [next, othersNext] = [items.next(), others.next()];
  request.abort();
  expect(await next).toMatchObject({ done: true });
  expect(tide.explain({ type: 'settlement', id: 's0', op: 'update' }).subscribers).not.toEqual([]);
  own.abort();
  expect(await othersNext).toMatchObject({ done: true });
  expect(tide.explain({ type: 'settlement', id: 's0', op: 'update' }).subscribers).toEqual([]);
});

describe('listeners', () => {
  /** The most listeners that any one signal had meanwhile. Above ten, Node warns of a leak: in some versions only. */
  async function mostListenersOf(run: () => Promise<void>): Promise<number> {
    const { addEventListener } = EventTarget.prototype;
    let most = 0;
    const spy = vi.spyOn(EventTarget.prototype, 'addEventListener').mockImplementation(function (
      this: EventTarget,
      ...listener
    ) {
      addEventListener.apply(this, listener);
      most = Math.max(most, getEventListeners(this, 'abort').length);
    });
    try {
      await run();
    } finally {
      spy.mockRestore();
    }
    return most;
  }

  test('the leak that these tests look for is seen by them', async () => {
    const most = await mostListenersOf(async () => {
      const { signal } = new AbortController();
      for (let i = 0; i < 11; i++) signal.addEventListener('abort', () => {});
    });
    expect(most).toBe(11);
  });

  test('1,000 reads with one signal add one to it at most', async () => {
    const { db, tide, clock } = world();
    const { signal } = new AbortController();
    const most = await mostListenersOf(async () => {
      const scope = tide.scope({ signal });
      const release = db.hold('settlement');
      const waiting = Array.from({ length: 250 }, (_, i) => scope.get('settlement', `s${String(i)}`));
      for (let i = 0; i < 250; i++) waiting.push(tide.get('settlement', `s${String(i)}`, { signal }));
      await clock.advance(0);
      release();
      await Promise.all(waiting);
      for (let i = 0; i < 500; i++) await tide.scope({ signal }).get('settlement', `x${String(i)}`);
    });
    expect(most).toBe(1);
  });

  test('100 subscriptions with one signal add one to it at most', async () => {
    const { tide } = world();
    const aborter = new AbortController();
    const most = await mostListenersOf(async () => {
      const scope = tide.scope({ signal: aborter.signal });
      const items = Array.from({ length: 100 }, () => scope.subscribe({ type: 'settlement' }));
      aborter.abort();
      for (const item of items) expect(await item.next()).toMatchObject({ done: true });
    });
    expect(most).toBe(1);
  });

  test('1,000 loads at once add one to a signal at most, and all end when the tide closes', async () => {
    const { tide, clock } = world();
    const slow = defineView(model)({ name: 'slow', load: (_, __: number) => new Promise(() => {}) });
    let loads: Promise<unknown>[] = [];
    const most = await mostListenersOf(async () => {
      loads = Array.from({ length: 500 }, (_, i) => tide.view(slow, i));
      loads.push(...Array.from({ length: 500 }, (_, i) => tide.cache.getOrLoad(`n${String(i)}`, () => i)));
      await clock.advance(0);
    });
    expect(most).toBe(1);
    await tide.close();
    const ended = await codes(loads);
    expect(ended.filter((code) => code === 'CLOSED')).toHaveLength(500);
    expect(ended.filter((code) => code === 'fulfilled')).toHaveLength(500);
    expect(clock.timers).toBe(0);
  });
});
