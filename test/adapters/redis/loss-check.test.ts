import { expect, test } from 'vitest';
import { lossCheck } from '../../../src/adapters/redis/loss-check.js';
import { fakeClock } from '../../../src/testing/index.js';

const at = (offset: number, epoch = 'e') => ({ epoch, offset });

function setting() {
  const clock = fakeClock();
  const tops = new Map([['t', at(0)]]);
  const check = lossCheck(async (topic) => tops.get(topic) ?? Promise.reject(new Error('no connection')), clock);
  let gaps = 0;
  return { clock, tops, check, onGap: () => void gaps++, gaps: () => gaps };
}

const CHECK_MS = 30_000;

test('what was heard is not lost', async () => {
  const { clock, tops, check, onGap, gaps } = setting();
  check.follow('t', at(0), onGap);
  for (let offset = 1; offset <= 5; offset++) {
    tops.set('t', at(offset));
    check.reached('t', at(offset));
    await clock.advance(CHECK_MS);
  }
  expect(gaps()).toBe(0);
});

test('a message that is not heard from one check to the next is lost, and said to be once', async () => {
  const { clock, tops, check, onGap, gaps } = setting();
  check.follow('t', at(0), onGap);
  tops.set('t', at(1));
  await clock.advance(CHECK_MS);
  expect(gaps()).toBe(0);
  await clock.advance(CHECK_MS);
  expect(gaps()).toBe(1);
  await clock.advance(10 * CHECK_MS);
  expect(gaps()).toBe(1);
});

test('a message that is still on its way at a check is not lost', async () => {
  const { clock, tops, check, onGap, gaps } = setting();
  check.follow('t', at(0), onGap);
  tops.set('t', at(1));
  await clock.advance(CHECK_MS);
  check.reached('t', at(1));
  await clock.advance(10 * CHECK_MS);
  expect(gaps()).toBe(0);
});

test('another epoch that nobody was told of is a loss', async () => {
  const { clock, tops, check, onGap, gaps } = setting();
  check.follow('t', at(7), onGap);
  tops.set('t', at(0, 'another'));
  await clock.advance(2 * CHECK_MS);
  expect(gaps()).toBe(1);
});

test('a check that fails is made again, and one listener that throws keeps nothing from the others', async () => {
  const { clock, tops, check, onGap, gaps } = setting();
  check.follow('t', at(0), () => expect.fail('thrown by a listener'));
  check.follow('t', at(0), onGap);
  tops.delete('t');
  await clock.advance(CHECK_MS);
  tops.set('t', at(1));
  await clock.advance(2 * CHECK_MS);
  expect(gaps()).toBe(1);
});

test('nothing is asked of topics that nobody follows any more, and no timer is left', async () => {
  const { clock, tops, check, onGap, gaps } = setting();
  const end = check.follow('t', at(0), onGap);
  const other = check.follow('t', at(0), onGap);
  expect(clock.timers).toBe(1);
  end();
  end();
  expect(clock.timers).toBe(1);
  other();
  tops.set('t', at(1));
  await clock.advance(3 * CHECK_MS);
  expect([gaps(), clock.timers]).toEqual([0, 0]);
});
