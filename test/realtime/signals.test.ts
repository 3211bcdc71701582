import { describe, expect, test } from 'vitest';
import type { PlainValue, ServerFrame } from '../../src/realtime/frames.js';
import { memory } from '../../src/index.js';
import { fakeClock } from '../../src/testing/index.js';
import { client, type Principal, tideOn } from './clients.js';

const S1 = { type: 'settlement', id: 's1' } as const;
const named = (value: PlainValue, { name }: Principal): PlainValue | undefined =>
  value === 'rude' ? undefined : { name, value };

function world(more: Parameters<typeof tideOn>[2] = {}) {
  const clock = fakeClock();
  const { bus, marks } = memory({ clock });
  const [here, there] = [tideOn(bus, clock, { marks, ...more }), tideOn(bus, clock, { marks, ...more })];
  return { clock, bus, here, there, settle: () => clock.advance(0) };
}

describe('a signal', () => {
  test('reaches everybody who follows the same, on every replica, once, and nobody else', async () => {
    const { here, there, settle } = world();
    const ada = client(here.tide, { signals: named });
    const bob = client(there.tide, { signals: named, principal: { name: 'bob' } });
    const eve = client(there.tide, { signals: named, principal: { name: 'eve' } });
    ada.connection.subscribe('mine', S1);
    bob.connection.subscribe('a', S1);
    bob.connection.subscribe('b', there.tide.realtime.subjectsOf({ type: 'settlement', id: 's1' }));
    eve.connection.subscribe('other', { type: 'settlement', id: 's2' });
    await settle();
    await ada.connection.receive({ kind: 'signal', key: 'mine', value: [1, 2] });
    await settle();
    expect(bob.told()).toEqual(['{"name":"ada","value":[1,2]} in a,b']);
    expect(bob.frames).toEqual([]);
    expect(ada.told()).toEqual([]);
    expect(eve.told()).toEqual([]);
    await Promise.all([here.tide.close(), there.tide.close()]);
  });

  test('says which connection it is from', async () => {
    const { here, settle } = world();
    const [ada, bob] = [client(here.tide, { signals: named }), client(here.tide, { signals: named })];
    for (const { connection } of [ada, bob]) connection.subscribe('s', S1);
    await settle();
    bob.told();
    await ada.connection.receive({ kind: 'signal', key: 's', value: 1 });
    await settle();
    const isSignal = (frame: ServerFrame): boolean => frame.kind === 'signal' && frame.from === ada.connection.id;
    expect(bob.frames.filter(isSignal)).toHaveLength(1);
    await here.tide.close();
  });

  test.each([
    ['what the host does not let pass', { kind: 'signal', key: 's', value: 'rude' }, 'UNAUTHORIZED'],
    ['about what is not followed', { kind: 'signal', key: 't', value: 1 }, 'UNAUTHORIZED'],
    ['without a value', { kind: 'signal', key: 's' }, 'INVALID_FRAME'],
    ['of more than 4,096 bytes', { kind: 'signal', key: 's', value: 'x'.repeat(4096) }, 'LIMIT_EXCEEDED'],
  ])('%s is refused', async (_, frame, code) => {
    const { here, settle } = world();
    const [ada, bob] = [client(here.tide, { signals: named }), client(here.tide, { signals: named })];
    for (const { connection } of [ada, bob]) connection.subscribe('s', S1);
    await settle();
    await ada.connection.receive(frame);
    await settle();
    expect(ada.told()).toEqual([`refused null ${code}`]);
    expect(bob.told()).toEqual([]);
    await here.tide.close();
  });

  test('is neither said nor heard by who may not follow, from the revocation on', async () => {
    const banned = new Set<string>();
    const { here, settle } = world({ authorize: ({ name }) => !banned.has(name) });
    const ada = client(here.tide, { signals: named });
    const bob = client(here.tide, { signals: named, principal: { name: 'bob' } });
    for (const { connection } of [ada, bob]) connection.subscribe('s', S1);
    await settle();
    banned.add('bob');
    const revoked = here.tide.realtime.revoke({ principal: 'bob' });
    await ada.connection.receive({ kind: 'signal', key: 's', value: 1 });
    await bob.connection.receive({ kind: 'signal', key: 's', value: 2 });
    await revoked;
    await settle();
    expect(bob.told()).toEqual(['refused null UNAUTHORIZED', 'ended s REVOKED']);
    expect(ada.told()).toEqual([]);
    await here.tide.close();
  });

  test('is left out while the link is full', async () => {
    const { here, settle } = world();
    let bytes = 0;
    const ada = client(here.tide, { signals: named });
    const bob = client(here.tide, { signals: named, pressure: () => bytes });
    for (const { connection } of [ada, bob]) connection.subscribe('s', S1);
    await settle();
    bytes = 300_000;
    await ada.connection.receive({ kind: 'signal', key: 's', value: 1 });
    await ada.connection.receive({ kind: 'signal', key: 's', value: 2 });
    bytes = 0;
    bob.connection.drained();
    await ada.connection.receive({ kind: 'signal', key: 's', value: 3 });
    await settle();
    expect(bob.told()).toEqual(['{"name":"ada","value":1} in s', '{"name":"ada","value":3} in s']);
    await here.tide.close();
  });

  test('is listened to on the bus only by who may say some, and once per topic', async () => {
    const clock = fakeClock();
    const { bus, marks } = memory({ clock });
    const { ephemeral } = bus;
    if (ephemeral === undefined) throw new Error('expected a bus with ephemeral topics');
    let listening = 0;
    const listen: typeof ephemeral.listen = async (topic, onMessage) => {
      const end = await ephemeral.listen(topic, onMessage);
      if (topic === 'replicas') return end; // the roll call of every replica
      listening++;
      return async () => {
        listening--;
        await end();
      };
    };
    const { tide } = tideOn({ ...bus, ephemeral: { ...ephemeral, listen } }, clock, { marks });
    const silent = client(tide);
    silent.connection.subscribe('s', S1);
    await clock.advance(0);
    expect(listening).toBe(0);
    await silent.connection.receive({ kind: 'signal', key: 's', value: 1 });
    expect(silent.told()).toEqual(['refused null INVALID_FRAME']);

    const [ada, bob] = [client(tide, { signals: named }), client(tide, { signals: named })];
    for (const { connection } of [ada, bob]) connection.subscribe('s', S1);
    await clock.advance(0);
    expect(listening).toBe(1);
    ada.connection.end();
    await clock.advance(0);
    expect(listening).toBe(1);
    bob.connection.unsubscribe('s');
    await clock.advance(0);
    expect(listening).toBe(0);
    await tide.close();
  });

  test('cannot be had on a bus without ephemeral topics', async () => {
    const clock = fakeClock();
    const { bus, marks } = memory({ clock });
    const { tide } = tideOn({ ...bus, ephemeral: undefined }, clock, { marks });
    expect(() => client(tide, { signals: named })).toThrow('signals: expected a bus with ephemeral topics');
    await tide.close();
  });
});
