import { expect, onTestFinished, test } from 'vitest';
import type { PgPool } from '../../../src/adapters/postgres/client.js';
import { postgres } from '../../../src/adapters/postgres/index.js';
import { type TideOptions, createTidemark, defineModel, entity } from '../../../src/index.js';
import { type SharedDatabase, describeReplicas } from '../../services/replicas.js';

const entities = Object.fromEntries(
  Array.from({ length: 60 }, (_, i) => [`type${String(i)}`, entity<{ readonly id: string }>()({})]),
);
const model = defineModel({ entities });

describeReplicas('a roll call over Postgres', (shared: () => SharedDatabase) => {
  const open = async (pool: PgPool, options: Partial<TideOptions<typeof model>> = {}) => {
    const parts = postgres({ pool, schema: shared().schema });
    const byIds = (ids: readonly string[]) => ids.map((id) => ({ id }));
    const origin = Object.fromEntries(Object.keys(entities).map((type) => [type, { byIds }]));
    const tide = createTidemark({ model, origin, ...parts, ...options });
    onTestFinished(async () => {
      await tide.close();
      await Promise.all([parts.store, parts.marks, parts.bus].map((part) => part.close()));
    });
    await tide.ready();
    return tide;
  };

  test('replicas know of each other when one asks, with reports of many messages, and of no other namespace', async () => {
    const { here, there } = shared();
    const [a, b, c] = [await open(here), await open(there), await open(there, { namespace: 'else' })];
    for (const type of Object.keys(entities)) await b.get(type, 'x');
    await c.get('type0', 'y');
    const merged = await a.stats({ merged: true, waitMs: 3000 });
    expect(merged).toMatchObject({ misses: 60, unreachable: null });
    expect(merged.replicas[1]?.stats.byType).toEqual(b.stats().byType);
    const health = await b.health({ merged: true, waitMs: 3000 });
    expect([health.replicas.length, health.unreachable]).toEqual([2, null]);
    expect((await c.stats({ merged: true, waitMs: 1000 })).replicas).toHaveLength(1);
  });

  test('a replica that cannot reach its database knows of itself only, and says why', async () => {
    const { here, there } = shared();
    let down = false;
    const reaching = <Arguments extends unknown[], T>(call: (...given: Arguments) => Promise<T>) => {
      return (...given: Arguments) => (down ? Promise.reject(new Error('no route')) : call(...given));
    };
    const [a, b] = [
      await open(here),
      await open({
        query: reaching((text: string, values?: readonly unknown[]) =>
          there.query<Record<string, unknown>>(text, values && [...values]),
        ),
        connect: reaching(() => there.connect()),
        on: (event, listener) => there.on(event, listener),
        off: (event, listener) => there.off(event, listener),
      }),
    ];
    down = true;
    const merged = await b.stats({ merged: true, waitMs: 500 });
    expect(merged.replicas).toMatchObject([{ own: true }]);
    expect(merged.unreachable).toMatch(/no route/);
    expect((await b.health({ merged: true, waitMs: 500 })).status).toBe('down');
    // It hears the question, and cannot answer.
    expect((await a.stats({ merged: true, waitMs: 500 })).replicas).toHaveLength(1);
  });
});
