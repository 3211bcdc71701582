import { describe, expect, test } from 'vitest';
import { Breaker } from '../../../src/hosts/grpc/breaker.js';
import { fakeClock } from '../../../src/testing/index.js';

const OPEN_MS = 30_000;

function breaker() {
  const clock = fakeClock();
  const states: string[] = [];
  const one = new Breaker({
    ...{ failures: 5, openMs: OPEN_MS, now: () => clock.now() },
    onState: (state) => states.push(state),
  });
  const call = (outcome: 'answered' | 'failed' | 'none'): boolean => {
    const settle = one.take();
    settle?.(outcome);
    return settle !== null;
  };
  const failing = (times: number): void => {
    for (let i = 0; i < times; i++) call('failed');
  };
  return { clock, states, one, call, failing };
}

describe('a breaker', () => {
  test('opens at the fifth failure in a row, and not before', () => {
    const { one, call, failing } = breaker();
    failing(4);
    call('answered');
    failing(4);
    expect(one.state).toBe('closed');
    failing(1);
    expect([one.state, one.take()]).toEqual(['open', null]);
  });

  test('lets one probe through after thirty seconds, and no second one beside it', async () => {
    const { clock, one, failing } = breaker();
    failing(5);
    await clock.advance(OPEN_MS - 1);
    expect(one.take()).toBeNull();
    await clock.advance(1);
    const probe = one.take();
    expect([probe === null, one.take(), one.admits, one.state]).toEqual([false, null, false, 'half-open']);
  });

  test('closes when the probe is answered, and counts from nothing', async () => {
    const { clock, one, states, call, failing } = breaker();
    failing(5);
    await clock.advance(OPEN_MS);
    call('answered');
    failing(4);
    expect(one.state).toBe('closed');
    expect(states).toEqual(['open', 'half-open', 'closed']);
  });

  test('opens for as long again when the probe fails', async () => {
    const { clock, one, call, failing } = breaker();
    failing(5);
    await clock.advance(OPEN_MS);
    call('failed');
    await clock.advance(OPEN_MS - 1);
    expect(one.take()).toBeNull();
    await clock.advance(1);
    expect(call('answered')).toBe(true);
  });

  test('lets another probe through if one was given up', async () => {
    const { clock, one, call, failing } = breaker();
    failing(5);
    await clock.advance(OPEN_MS);
    call('none');
    expect([one.state, call('answered'), one.state]).toEqual(['half-open', true, 'closed']);
  });

  test('hears nothing of calls from before: neither does a late failure open it, nor a late answer close it', async () => {
    const { clock, one, call, failing } = breaker();
    const early = [one.take(), one.take()];
    failing(5);
    early[0]?.('answered');
    expect(one.state).toBe('open');
    await clock.advance(OPEN_MS);
    const probe = one.take();
    early[1]?.('failed');
    expect([one.state, one.admits]).toEqual(['half-open', false]);
    probe?.('answered');
    expect([one.state, call('answered')]).toEqual(['closed', true]);
  });
});
