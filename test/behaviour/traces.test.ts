import { tracingChannel } from 'node:diagnostics_channel';
import { expect, onTestFinished, test } from 'vitest';
import { OPERATIONS, type Operation } from '../../src/traces.js';
import { replicas, world } from './setup.js';

type Told = Record<string, unknown>;

/** What is told on the channels, in order: the moment, the operation, and the message as it was then. */
function told(operations: readonly Operation[] = OPERATIONS): [string, string, Told][] {
  const seen: [string, string, Told][] = [];
  for (const operation of operations) {
    const tell = (moment: string) => (message: unknown) => {
      seen.push([moment, operation, { ...(message as Told) }]);
    };
    const channel = tracingChannel(`tidemark:${operation}`);
    const listeners = {
      start: tell('start'),
      end: tell('end'),
      asyncStart: tell('asyncStart'),
      asyncEnd: tell('asyncEnd'),
      error: tell('error'),
    };
    channel.subscribe(listeners);
    onTestFinished(() => {
      channel.unsubscribe(listeners);
    });
  }
  return seen;
}

test('a load and the call of the origin in it, with what was known when', async () => {
  const { tide } = world();
  await tide.ready();
  const seen = told(['load', 'origin']);
  await tide.get('settlement', 's0');
  await tide.get('settlement', 's0');
  expect(seen.map(([moment, operation]) => `${operation} ${moment}`)).toEqual([
    ...['load start', 'load end'],
    ...['origin start', 'origin end', 'origin asyncStart', 'origin asyncEnd'],
    ...['load asyncStart', 'load asyncEnd'],
  ]);
  expect(seen[0]?.[2]).toEqual({ tide, kind: 'record', type: 'settlement' });
  expect(seen.at(-1)?.[2]).toEqual({ tide, kind: 'record', type: 'settlement', found: 'load' });
  const [, , origin] = seen[2] as [string, string, Told];
  expect(origin).toEqual({ tide, type: 'settlement', method: 'byIds', count: 1, loads: [seen.at(-1)?.[2]] });
  expect(origin['tide']).toBe(tide);
});

test('a failure is told with its error', async () => {
  const { tide, db } = world();
  const seen = told(['origin']);
  db.failNext('settlement', new Error('no'));
  await expect(tide.get('settlement', 's0')).rejects.toThrow();
  expect(seen.map(([moment]) => moment)).toEqual(['start', 'end', 'error', 'asyncStart', 'asyncEnd']);
  expect(seen[2]?.[2]).toMatchObject({ error: { code: 'ORIGIN_FAILED' } });
});

test('a change, its bump and its publication', async () => {
  const { a } = replicas();
  await a.tide.ready();
  const seen = told();
  const { changeId } = await a.rename('s0');
  const ends = seen.filter(([moment]) => moment === 'asyncEnd').map(([, operation, message]) => [operation, message]);
  expect(ends).toEqual([
    ['store', { tide: a.tide, part: 'marks', call: 'bump' }],
    ['publish', { tide: a.tide, count: 1, changeId }],
    ['change', { tide: a.tide, types: ['settlement'], count: 1, changeId, state: 'done' }],
  ]);
});

test('a value from tier 2 says where it was', async () => {
  const { a, b, clock } = replicas();
  await a.tide.get('settlement', 's0');
  await clock.advance(0);
  const seen = told(['load']);
  await b.tide.get('settlement', 's0');
  expect(seen.at(-1)?.[2]).toMatchObject({ tide: b.tide, found: 'tier2' });
});

test('listeners that are around the work are each around it, the later one outside', async () => {
  const { tide } = world();
  const order: string[] = [];
  const channel = tracingChannel('tidemark:load');
  for (const name of ['first', 'second']) {
    const start = (message: unknown): void => {
      const about = message as { within?: <Result>(work: () => Result) => Result };
      const { within } = about;
      about.within = (work) => {
        order.push(`${name} in`);
        const result = within === undefined ? work() : within(work);
        order.push(`${name} out`);
        return result;
      };
    };
    channel.start.subscribe(start);
    onTestFinished(() => {
      channel.start.unsubscribe(start);
    });
  }
  expect(await tide.get('settlement', 's0')).not.toBeNull();
  expect(order).toEqual(['second in', 'first in', 'first out', 'second out']);
});

test('while nobody listens nothing is told to who listens later', async () => {
  const { tide, db, clock } = world();
  const release = db.hold('settlement');
  const reading = tide.get('settlement', 's0');
  await clock.advance(0);
  const seen = told();
  release();
  await reading;
  // What began unheard ends unheard.
  expect(seen.filter(([, operation]) => operation !== 'store')).toEqual([]);
});
