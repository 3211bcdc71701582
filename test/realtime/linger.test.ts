import { expect, test } from 'vitest';
import { A, B, world } from './setup.js';

test('a topic is followed for five seconds more; who comes back meanwhile goes on without asking the bus', async () => {
  const { bus, clock, announce, subscribe, items, read } = world({ lingerMs: 5000 });
  const first = subscribe([A]);
  await announce([A], '1');
  const [one] = await items(first);
  await first.return?.();
  await clock.advance(4999);
  await announce([A], '2');
  const { length } = bus.calls;
  const back = subscribe([A], { since: one?.cursor });
  expect(await read(back)).toEqual(['2']);
  await clock.advance(60_000);
  await announce([A], '3');
  expect(await read(back)).toEqual(['3']);
  expect(bus.calls.slice(length)).toEqual([`publish ${A}`]);
});

test('then it is left, and who comes back goes on from history', async () => {
  const { bus, clock, announce, subscribe, items, read, hub } = world({ lingerMs: 5000 });
  const first = subscribe([A]);
  await announce([A], '1');
  const [one] = await items(first);
  await first.return?.();
  expect(hub.counts()).toEqual(new Map());
  await clock.advance(5000);
  expect(bus.listening).toEqual([]);
  await announce([A], '2');
  expect(await read(subscribe([A], { since: one?.cursor }))).toEqual(['2']);
});

test('a hub that closes leaves at once', async () => {
  const { bus, clock, subscribe, hub, settle } = world({ lingerMs: 5000 });
  const first = subscribe([A, B]);
  await settle();
  await first.return?.();
  await hub.close();
  expect(bus.listening).toEqual([]);
  expect(clock.timers).toBe(0);
});
