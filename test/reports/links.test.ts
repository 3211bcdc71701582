import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { redis } from '../../src/adapters/redis/index.js';
import { createTidemark, defineModel, entity } from '../../src/index.js';
import { openProxy } from '../faults/proxy.js';
import { describeOwn, ownServer } from '../services/own.js';

const model = defineModel({ entities: { settlement: entity<{ readonly id: string }>()({}) } });

async function replica(port: number) {
  const connect = (): Redis => {
    const client = new Redis({ port, retryStrategy: () => 50, maxRetriesPerRequest: null });
    client.on('error', () => undefined);
    return client;
  };
  const [client, subscriber] = [connect(), connect()];
  const shared = redis({ client, subscriber });
  const tide = createTidemark({ model, ...shared, origin: { settlement: { byIds: () => [] } } });
  onTestFinished(async () => {
    await tide.close();
    await shared.bus.close();
    for (const one of [client, subscriber]) one.disconnect();
  });
  await tide.ready();
  return tide;
}

describeOwn('a roll call over links that fail', () => {
  test('a replica whose link was cut is behind while it is, alone if it asks, and answers once it is back', async () => {
    const { port } = await ownServer();
    const proxy = await openProxy({ host: '127.0.0.1', port });
    onTestFinished(() => proxy.close());
    const [here, there] = [await replica(port), await replica(proxy.port)];
    const found = async (waitMs = 300): Promise<number> => (await here.stats({ merged: true, waitMs })).replicas.length;
    await expect.poll(() => found()).toBe(2);

    await proxy.refuse();
    expect(await found()).toBe(1);
    const alone = await there.health({ merged: true, waitMs: 400 });
    expect([alone.replicas.length, alone.status, typeof alone.unreachable]).toEqual([1, 'down', 'string']);
    await expect
      .poll(async () => (await there.stats({ merged: true, waitMs: 10 })).replicas[0]?.unconfirmedMs ?? 2000, {
        timeout: 10_000,
      })
      .toBeGreaterThan(1500);

    await proxy.heal();
    await expect.poll(() => found(), { timeout: 20_000 }).toBe(2);
    await expect
      .poll(async () => (await here.stats({ merged: true, waitMs: 300 })).replicas[1]?.unconfirmedMs ?? Infinity, {
        timeout: 20_000,
      })
      .toBeLessThan(1500);
    expect((await there.health({ merged: true, waitMs: 300 })).unreachable).toBeNull();
  });
});
