import { describe, expect, test } from 'vitest';
import { A, B, said, world } from './setup.js';

const done = { done: true, value: undefined };

describe('pulling', () => {
  test('several next() at once get the items in the order of the calls', async () => {
    const { announce, subscribe } = world();
    const items = subscribe([A]);
    const early = [items.next(), items.next()];
    await announce([A], '1', '2', '3', '4');
    const late = [items.next(), items.next()];
    const results = await Promise.all([...early, ...late]);
    expect(results.map(({ value }) => said(value as never))).toEqual(['1', '2', '3', '4']);
  });

  test('a for await loop that is left unsubscribes', async () => {
    const { announce, bus, subscribe } = world();
    const items = subscribe([A]);
    await announce([A], '1', '2', '3');
    const got: string[] = [];
    for await (const item of items) {
      got.push(said(item));
      if (got.length === 2) break;
    }
    expect(got).toEqual(['1', '2']);
    expect(bus.listening).toEqual([]);
  });
});

describe('ending', () => {
  test('return() ends every next() that waits, and may be called again', async () => {
    const { subscribe, bus, settle } = world();
    const items = subscribe([A]);
    await settle();
    const waiting = [items.next(), items.next()];
    expect(await items.return?.()).toEqual(done);
    expect(await items.return?.()).toEqual(done);
    expect(await Promise.all(waiting)).toEqual([done, done]);
    expect(bus.listening).toEqual([]);
  });

  test('next() after return() is done and never hangs, even with items left', async () => {
    const { announce, subscribe } = world();
    const items = subscribe([A]);
    await announce([A], '1');
    await items.return?.();
    expect(await items.next()).toEqual(done);
    expect(await items.next()).toEqual(done);
  });

  test('the signal ends it, whether somebody waits or not', async () => {
    const { subscribe, bus, hub, settle } = world();
    const controller = new AbortController();
    const [one, two] = [subscribe([A], { signal: controller.signal }), subscribe([B], { signal: controller.signal })];
    const waiting = one.next();
    controller.abort();
    expect(await waiting).toEqual(done);
    expect(await two.next()).toEqual(done);
    await settle();
    expect(bus.listening).toEqual([]);
    expect(hub.counts().size).toBe(0);
  });

  test('a signal that has fired already gives a subscription that is done', async () => {
    const { subscribe, bus, settle } = world();
    const items = subscribe([A], { signal: AbortSignal.abort() });
    expect(await items.next()).toEqual(done);
    await settle();
    expect(bus.listening).toEqual([]);
  });

  test('who is left does not notice that others have gone', async () => {
    const { announce, subscribe, read } = world();
    const [gone, stays] = [subscribe([A]), subscribe([A])];
    await announce([A], '1');
    await gone.return?.();
    await announce([A], '2');
    expect(await read(stays)).toEqual(['1', '2']);
  });
});

describe('falling behind', () => {
  const numbers = (from: number, to: number): string[] =>
    Array.from({ length: to - from + 1 }, (_, i) => String(from + i));

  test('the newest ringSize items wait for a slow reader', async () => {
    const { announce, subscribe, read } = world({ ringSize: 4 });
    const items = subscribe([A]);
    await announce([A], ...numbers(1, 4));
    expect(await read(items)).toEqual(numbers(1, 4));
  });

  test('one more, and it gets one resync and goes on with the newest', async () => {
    const { announce, subscribe, read } = world({ ringSize: 4 });
    const items = subscribe([A]);
    await announce([A], ...numbers(1, 5));
    expect(await read(items)).toEqual(['resync: overflow']);
    await announce([A], '6');
    expect(await read(items)).toEqual(['6']);
  });

  test('the cursor of that resync continues after it', async () => {
    const { announce, subscribe, read, items } = world({ ringSize: 2 });
    const slow = subscribe([A]);
    await announce([A], ...numbers(1, 5));
    const [resync] = await items(slow);
    await announce([A], '6');
    expect(await read(subscribe([A], { since: resync?.cursor }))).toEqual(['6']);
  });

  test("with overflow 'disconnect' it is told once, then done; others go on", async () => {
    const { announce, subscribe, read, bus } = world({ ringSize: 2 });
    const [slow, quick] = [subscribe([A], { overflow: 'disconnect' }), subscribe([A])];
    await announce([A], '1', '2');
    expect(await read(quick)).toEqual(['1', '2']);
    await announce([A], '3');
    const [first, second] = [slow.next(), slow.next()];
    await expect(first).rejects.toMatchObject({ code: 'OVERFLOW' });
    expect(await second).toEqual(done);
    expect(await slow.next()).toEqual(done);
    expect(await read(quick)).toEqual(['3']);
    expect(bus.listening).toEqual([A]);
  });
});
