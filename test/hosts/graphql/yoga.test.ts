import { createPubSub as createYogaPubSub, filter, map, pipe } from '@graphql-yoga/subscription';
import { createSchema, createYoga } from 'graphql-yoga';
import { describe, expect, onTestFinished, test } from 'vitest';
import { asEventTarget, asYogaPubSub } from '../../../src/hosts/graphql/index.js';
import { DONE, standIn, world } from './setup.js';

type Topics = {
  readonly tick: [];
  readonly score: [payload: { readonly home: number }];
  readonly room: [id: string | number, payload: string];
};

function yoga(more: Parameters<typeof world>[0] = {}) {
  const errors: string[] = [];
  const onError = (error: Error, where: string): void => void errors.push(`${where}: ${error.message}`);
  const whole = world(more);
  return { ...whole, errors, yogaPubSub: asYogaPubSub<Topics>(whole.pubsub, { onError }) };
}

describe('in the place of createPubSub()', () => {
  test('publishes a payload without an id', async () => {
    const { yogaPubSub } = yoga();
    const items = yogaPubSub.subscribe('score');
    yogaPubSub.publish('score', { home: 1 });
    expect(await items.next()).toEqual({ done: false, value: { home: 1 } });
  });

  test('publishes nothing as null', async () => {
    const { yogaPubSub } = yoga();
    const items = yogaPubSub.subscribe('tick');
    yogaPubSub.publish('tick');
    expect(await items.next()).toEqual({ done: false, value: null });
  });

  test('publishes a payload by id, text or number, and to no other id nor to the topic alone', async () => {
    const { read, pubsub, yogaPubSub } = yoga();
    const [one, two, alone] = [
      yogaPubSub.subscribe('room', 'a'),
      yogaPubSub.subscribe('room', 7),
      pubsub.subscribe('room'),
    ];
    yogaPubSub.publish('room', 'a', 'for a');
    yogaPubSub.publish('room', 7, 'for 7');
    expect(await read(one)).toEqual(['for a']);
    expect(await read(two)).toEqual(['for 7']);
    expect(await read(alone)).toEqual([]);
  });

  test('subscribes when it is asked to, before the first next()', async () => {
    const { read, yogaPubSub } = yoga();
    const items = yogaPubSub.subscribe('score');
    yogaPubSub.publish('score', { home: 1 });
    yogaPubSub.publish('score', { home: 2 });
    expect(await read(items)).toEqual([{ home: 1 }, { home: 2 }]);
  });

  test('gives every subscriber everything, and ends each by itself', async () => {
    const { read, yogaPubSub } = yoga();
    const [one, two] = [yogaPubSub.subscribe('score'), yogaPubSub.subscribe('score')];
    yogaPubSub.publish('score', { home: 1 });
    expect(await read(one)).toEqual([{ home: 1 }]);
    expect(await one.return?.()).toEqual(DONE);
    yogaPubSub.publish('score', { home: 2 });
    expect(await one.next()).toEqual(DONE);
    expect(await read(two)).toEqual([{ home: 1 }, { home: 2 }]);
  });

  test('goes through the operators of @graphql-yoga/subscription', async () => {
    const { settle, yogaPubSub } = yoga();
    const doubled = pipe(
      yogaPubSub.subscribe('score'),
      filter(({ home }) => home > 1),
      map(({ home }) => home * 2),
    );
    const next = doubled.next();
    await settle();
    for (const home of [1, 2]) yogaPubSub.publish('score', { home });
    expect(await next).toEqual({ done: false, value: 4 });
    await doubled.return();
  });

  test('a thousand messages that nobody reads neither throw nor pile up', async () => {
    const { read, settle, yogaPubSub } = yoga({ ringSize: 8 });
    const items = yogaPubSub.subscribe('score');
    for (let home = 0; home < 2_000; home++) yogaPubSub.publish('score', { home });
    await settle();
    expect(await read(items)).toEqual(['resync score overflow']);
  });

  test('a publication that fails is told, and publish() returns all the same', async () => {
    const { bus, errors, settle, yogaPubSub } = yoga();
    bus.failing.add('publish');
    expect(yogaPubSub.publish('score', { home: 1 })).toBeUndefined();
    await settle();
    expect(errors).toEqual(['publish to score: publish failed']);
  });
});

describe('as an event target', () => {
  function target(more: { readonly onResync?: typeof standIn } = {}) {
    const errors: string[] = [];
    const onError = (error: Error, where: string): void => void errors.push(`${where}: ${error.message}`);
    const whole = world({ onResync: undefined });
    return { ...whole, target: asEventTarget(whole.pubsub, { onError, ...more }), targetErrors: errors };
  }

  test('dispatches an event with its detail to a function and to an object, until they are removed', async () => {
    const { settle, target: events } = target();
    const got: unknown[] = [];
    const one = ({ type, detail }: CustomEvent): void => void got.push([type, detail]);
    const two = { handleEvent: ({ detail }: CustomEvent): void => void got.push(detail) };
    events.addEventListener('a', one);
    events.addEventListener('a', one);
    events.addEventListener('a', two);
    events.addEventListener('a', null);
    await settle();
    expect(events.dispatchEvent(new CustomEvent('a', { detail: { n: 1 } }))).toBe(true);
    await settle();
    expect(got).toEqual([['a', { n: 1 }], { n: 1 }]);
    events.removeEventListener('a', one);
    events.removeEventListener('a', null);
    events.dispatchEvent({ type: 'a', detail: 2 });
    events.dispatchEvent({ type: 'b', detail: 3 });
    await settle();
    expect(got.slice(2)).toEqual([2]);
  });

  test('leaves the bus with the last listener, also one that was not there yet', async () => {
    const { bus, settle, target: events } = target();
    const listener = (): void => undefined;
    events.addEventListener('a', listener);
    events.removeEventListener('a', listener);
    await settle();
    expect(bus.listening).toEqual([]);
    events.addEventListener('a', listener);
    await settle();
    expect(bus.listening).toEqual(['pubsub:a']);
    events.removeEventListener('a', listener);
    await settle();
    expect(bus.listening).toEqual([]);
  });

  test('a listener that throws stops no other', async () => {
    const { errors, settle, target: events } = target();
    const got: unknown[] = [];
    events.addEventListener('a', () => {
      throw new Error('broken');
    });
    events.addEventListener('a', ({ detail }) => got.push(detail));
    await settle();
    events.dispatchEvent({ type: 'a' });
    await settle();
    expect(got).toEqual([null]);
    expect(errors).toEqual(['a listener of a: broken']);
  });

  test('a hole is an event of its own where there is a stand-in', async () => {
    const { bus, server, settle, target: events } = target({ onResync: standIn });
    const got: unknown[] = [];
    events.addEventListener('a', ({ detail }) => got.push(detail));
    await settle();
    server.wipe(['pubsub:a']);
    bus.gap();
    await settle();
    expect(got).toEqual(['resync a epoch']);
  });

  test('serves createPubSub() of graphql-yoga', async () => {
    const { settle, target: events } = target();
    const yogaPubSub = createYogaPubSub<{ room: [id: string, payload: string] }>({ eventTarget: events as never });
    const items = yogaPubSub.subscribe('room', 'a');
    const next = items.next();
    await settle();
    yogaPubSub.publish('room', 'a', 'hello');
    await settle();
    expect(await next).toEqual({ done: false, value: 'hello' });
    await items.return();
  });
});

test('a subscription of graphql-yoga, over server-sent events', async () => {
  const { settle, yogaPubSub } = yoga();
  const server = createYoga({
    logging: false,
    schema: createSchema({
      typeDefs: 'type Query { ok: Boolean } type Subscription { home: Int! }',
      resolvers: {
        Subscription: {
          home: { subscribe: () => yogaPubSub.subscribe('score'), resolve: ({ home }: { home: number }) => home },
        },
      },
    }),
  });
  const aborted = new AbortController();
  onTestFinished(() => {
    aborted.abort();
  });
  const response = await server.fetch('http://localhost/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ query: 'subscription { home }' }),
    signal: aborted.signal,
  });
  await settle();
  yogaPubSub.publish('score', { home: 3 });
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk);
    if (text.includes('event: next')) break;
  }
  expect(text).toContain('data: {"data":{"home":3}}');
});
