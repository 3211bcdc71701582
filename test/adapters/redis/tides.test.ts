import { expect, onTestFinished, test, vi } from 'vitest';
import { redis } from '../../../src/adapters/redis/index.js';
import { createTidemark, defineModel, entity } from '../../../src/index.js';
import { type Clients, describeRedis } from '../../services/redis.js';

interface Settlement {
  readonly id: string;
  readonly name: string;
  readonly version: number;
}

const model = defineModel({
  entities: { settlement: entity<Settlement>()({ version: 'version', announce: ['name'] }) },
});

describeRedis((connected) => {
  test('tides over one Redis are replicas: what one loads the other finds, what one changes the other hears', async () => {
    const { here, there, isolate } = connected();
    const { prefix, wipe } = isolate();
    const rows = new Map([['ankh', { id: 'ankh', name: 'Ankh', version: 1 }]]);
    let calls = 0;
    const origin = {
      settlement: {
        byIds: (ids: readonly string[]) => {
          calls++;
          return ids.flatMap((id) => rows.get(id) ?? []);
        },
      },
    };
    const open = (clients: Clients) => {
      const shared = redis({ ...clients, prefix });
      const tide = createTidemark({ model, origin, ...shared });
      onTestFinished(async () => {
        await tide.close();
        await Promise.all([shared.store, shared.marks, shared.bus].map((part) => part.close()));
        await wipe();
      });
      return { tide, ...shared };
    };
    const [first, second] = [open(here), open(there)];

    expect(await first.tide.get('settlement', 'ankh')).toMatchObject({ name: 'Ankh' });
    const isStored = async (): Promise<void> => {
      const stored: string[] = [];
      for await (const page of second.store.scan('tm1:m:*')) stored.push(...page);
      expect(stored).toHaveLength(1);
    };
    await vi.waitFor(isStored, { timeout: 20_000 });
    expect(await second.tide.get('settlement', 'ankh')).toMatchObject({ name: 'Ankh' });
    expect(calls).toBe(1);

    const change = (version: number) => {
      const [before, after] = [rows.get('ankh'), { id: 'ankh', name: `Ankh ${String(version)}`, version }];
      rows.set('ankh', after);
      return first.tide.change({ type: 'settlement', id: 'ankh', op: 'update', before, after });
    };
    const receipt = await change(2);
    expect(receipt.state).toBe('done');
    for (const { tide } of [first, second]) {
      for (const after of [receipt, String(receipt)])
        expect(await tide.scope({ after }).get('settlement', 'ankh')).toMatchObject({ name: 'Ankh 2' });
    }

    const items = second.tide.subscribe({ type: 'settlement', id: 'ankh' })[Symbol.asyncIterator]();
    const heard: unknown[] = [];
    void items.next().then(({ value }) => heard.push(value));
    for (let version = 3; heard.length === 0; version++) await change(version); // it begins on another connection
    expect(heard).toMatchObject([{ kind: 'change' }]);
    await items.return?.();
  });
});
