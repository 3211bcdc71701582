import { expect, onTestFinished, test, vi } from 'vitest';
import { redis } from '../../../src/adapters/redis/index.js';
import { type TideOptions, createTidemark, defineModel, entity } from '../../../src/index.js';
import { type Clients, describeRedis, topologies } from '../../services/redis.js';

const model = defineModel({ entities: { settlement: entity<{ readonly id: string }>()({}) } });

// The contract of the bus is for both versions of ioredis; what stands upon it, for one.
const newest = topologies.filter(({ name }) => name.endsWith('ioredis 6'));

describeRedis((connected) => {
  const open = async (clients: Clients, prefix: string, options: Partial<TideOptions<typeof model>> = {}) => {
    const shared = redis({ ...clients, prefix });
    const origin = { settlement: { byIds: (ids: readonly string[]) => ids.map((id) => ({ id })) } };
    const tide = createTidemark({ model, origin, ...shared, ...options });
    onTestFinished(async () => {
      await tide.close();
      await Promise.all([shared.store, shared.marks, shared.bus].map((part) => part.close()));
    });
    await tide.ready();
    return tide;
  };

  test('replicas over one Redis know of each other when one asks, and of no other namespace', async () => {
    const { here, there, isolate } = connected();
    const { prefix, wipe } = isolate();
    onTestFinished(wipe);
    const a = await open(here, prefix);
    const b = await open(there, prefix);
    const c = await open(there, prefix, { namespace: 'else' });
    for (const id of ['s1', 's2', 's3']) await b.get('settlement', id);
    await c.get('settlement', 's4');
    // The second one listens on another connection, sooner or later.
    const merged = await vi.waitFor(
      async () => {
        const found = await a.stats({ merged: true, waitMs: 1000 });
        expect(found.replicas).toHaveLength(2);
        return found;
      },
      { timeout: 30_000 },
    );
    expect(merged).toMatchObject({ misses: 3, unreachable: null });
    expect(merged.replicas[1]?.stats.byType).toEqual(b.stats().byType);
    for (const { unconfirmedMs } of merged.replicas) expect(unconfirmedMs).not.toBeNull();

    const [health, alone] = await Promise.all([
      b.health({ merged: true, waitMs: 2000 }),
      c.health({ merged: true, waitMs: 2000 }),
    ]);
    expect(health.replicas.map(({ id }) => id).sort()).toEqual(merged.replicas.map(({ id }) => id).sort());
    // An estimate from one page of each server, on which the keys of other tests may be too.
    expect(['settlement']).toEqual(expect.arrayContaining(Object.keys(health.metrics.keyCountByType)));
    expect(health.metrics.memoryUsageMB).toBeGreaterThan(0);
    expect([health.unreachable, alone.replicas.length]).toEqual([null, 1]);
  });

  test('a replica whose links to Redis are gone knows of itself only, and says why', async () => {
    const { here, isolate, connect } = connected();
    const { prefix } = isolate();
    const cut = connect();
    const [a, b] = [await open(here, prefix), await open(cut, prefix)];
    await a.get('settlement', 's1');
    for (const one of [cut.client, cut.subscriber]) one.disconnect();
    const merged = await b.stats({ merged: true, waitMs: 500 });
    expect(merged.replicas).toMatchObject([{ own: true }]);
    expect(merged.unreachable).toEqual(expect.any(String));
    const health = await b.health({ merged: true, waitMs: 500 });
    expect(health.status).toBe('down');
    expect(health.issues.join()).toMatch(/Unreachable replicas: .*replica [0-9a-f]{12}: Unreachable /s);
    expect((await a.stats({ merged: true, waitMs: 300 })).unreachable).toBeNull();
  });
}, newest);
