import { describe, expect, test } from 'vitest';
import { memoryBus } from '../../src/adapters/memory/index.js';
import type { Bus } from '../../src/contract.js';
import { patientBus } from '../../src/realtime/patient.js';
import { fakeClock } from '../../src/testing/index.js';
import { A, replica, said } from './setup.js';

const never = new Promise<never>(() => undefined);
const bytes = new TextEncoder().encode('x');

describe('a bus that does not answer', () => {
  test('has failed to read after ten seconds', async () => {
    const clock = fakeClock();
    const bus = patientBus({ ...memoryBus(), read: () => never }, clock);
    const reading = bus.read('t', undefined, 1).catch((error: unknown) => error);
    await clock.advance(10_000);
    expect(await reading).toMatchObject({
      code: 'STORE_TIMEOUT',
      message: 'bus.read t: expected an answer within 10000 ms, got none.',
    });
    expect(clock.timers).toBe(0);
  });

  test('and subscribes after all has its subscription undone', async () => {
    const clock = fakeClock();
    const memory = memoryBus();
    let answer = (): void => undefined;
    const late = new Promise<void>((resolve) => (answer = resolve));
    const slow: Bus = { ...memory, subscribe: (...call) => late.then(() => memory.subscribe(...call)) };
    const bus = patientBus(slow, clock);
    let heard = 0;
    const subscribing = bus.subscribe('t', { onMessage: () => void heard++, onGap: () => undefined }).catch(String);
    await clock.advance(10_000);
    expect(await subscribing).toContain('bus.subscribe t');
    answer();
    await clock.advance(0);
    await memory.publish('t', bytes, { id: '1' });
    expect(heard).toBe(0);
  });

  test('is asked again: its subscribers get what comes after', async () => {
    const clock = fakeClock();
    const memory = memoryBus();
    let reads = 0;
    const bus: Bus = { ...memory, read: (...call) => (++reads === 1 ? never : memory.read(...call)) };
    const { announce, errors, subscribe } = replica(bus, clock);
    const items = subscribe([A]);
    await clock.advance(11_000);
    expect(errors).toEqual([`read ${A}: bus.read ${A}: expected an answer within 10000 ms, got none.`]);
    await announce([A], '1');
    const told = [await items.next(), await items.next()].map(({ value }) => said(value as never));
    expect(told).toEqual(['resync: gap', '1']);
  });
});
