import { describe, expect, test } from 'vitest';
import { fakeClock } from '../../src/testing/index.js';
import { client, tideOn } from './clients.js';
import { FakeServer } from './fake-bus.js';

function world(more: Parameters<typeof tideOn>[2] = {}) {
  const clock = fakeClock();
  const server = new FakeServer();
  const bus = server.connect();
  const settle = (): Promise<void> => clock.advance(0);
  return { clock, server, bus, settle, ...tideOn(bus, clock, more) };
}

describe('a connection', () => {
  test('says who it is, that a subscription is permitted, and what changes', async () => {
    const { tide, settle, rename } = world();
    const { connection, frames } = client(tide);
    connection.subscribe('a', { type: 'settlement', id: 's1' });
    await settle();
    await rename('settlement', 's1', 'Mora');
    await settle();
    expect(frames).toMatchObject([
      { kind: 'welcome', connection: connection.id, until: null },
      { kind: 'subscribed', on: { a: expect.any(String) as string } },
      { kind: 'change', number: 1, change: { entityId: 's1', changes: { values: { name: 'Mora' } } }, on: {} },
    ]);
    await tide.close();
  });

  test('tells a change once, however many subscriptions it concerns', async () => {
    const { tide, settle, rename } = world();
    const { connection, told } = client(tide);
    connection.subscribe('one', { type: 'settlement', id: 's1' });
    connection.subscribe('all', { type: 'settlement' });
    connection.subscribe('list', tide.subject.list('settlement', { kingdom: 'k1' }));
    await settle();
    await rename('settlement', 's1', 'Mora');
    await rename('settlement', 's2', 'Falun');
    await settle();
    expect(told()).toEqual(['1 Mora on all,list,one', '2 Falun on all,list']);
    await tide.close();
  });

  test('tells nothing more of what the client has unsubscribed', async () => {
    const { tide, settle, rename } = world();
    const { connection, told } = client(tide);
    connection.subscribe('a', { type: 'settlement', id: 's1' });
    await settle();
    expect(connection.unsubscribe('a')).toBe(true);
    expect(connection.unsubscribe('a')).toBe(false);
    await rename('settlement', 's1', 'Mora');
    await settle();
    expect(told()).toEqual(['ended a null']);
    expect(connection.keys).toEqual([]);
    await tide.close();
  });
});
