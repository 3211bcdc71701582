import { Keyv } from 'keyv';
import { afterEach, expect, test } from 'vitest';
import { keyvStore } from '../../src/adapters/keyv/index.js';
import { createTidemark, defineModel, entity, memory } from '../../src/index.js';
import { fakeOrigin } from '../../src/testing/index.js';
import { BatchStorage, Storage } from './keyv-storage.js';

const model = defineModel({ entities: { kingdom: entity<{ id: string; name: string }>()({}) } });
const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const tide of opened.splice(0)) await tide.close();
});
function replicas(storage: Storage) {
  const { marks, bus } = memory();
  const db = fakeOrigin({ kingdom: { rows: [{ id: 'k1', name: 'North' }] } });
  const make = () => {
    const store = keyvStore(new Keyv({ store: storage }));
    const tide = createTidemark({ model, origin: db.origin, store, marks, bus });
    opened.push(tide);
    return tide;
  };
  return { db, one: make(), other: make() };
}
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('one replica reads what another has loaded, and a change makes it stale', async () => {
  const { db, one, other } = replicas(new BatchStorage());
  expect(await one.get('kingdom', 'k1')).toMatchObject({ name: 'North' });
  await settled();
  expect(await other.get('kingdom', 'k1')).toMatchObject({ name: 'North' });
  expect(db.calls).toHaveLength(1);
  db.put('kingdom', { id: 'k1', name: 'South' });
  await one.change({ type: 'kingdom', id: 'k1', op: 'update' });
  expect(await other.get('kingdom', 'k1')).toMatchObject({ name: 'South' });
});

test('hand-set values are set, deleted by key and by pattern', async () => {
  const storage = new BatchStorage();
  const { one, other } = replicas(storage);
  await one.cache.set('report:1', 'first');
  await one.cache.set('report:2', 'second');
  await settled();
  expect(await other.cache.get('report:1')).toBe('first');
  await one.cache.del('report:1');
  expect(await other.cache.get('report:1')).toBeUndefined();
  expect(await one.cache.delPattern('report:*')).toEqual({ success: true, keysDeleted: 1 });
  expect(await other.cache.get('report:2')).toBeUndefined();
});

test('over a storage that cannot list its keys a pattern makes stale what it cannot delete, and says so', async () => {
  const storage = new Storage();
  const { one, other } = replicas(storage);
  await one.cache.set('report:1', 'first');
  await settled();
  expect(await other.cache.get('report:1')).toBe('first');
  const deleted = await one.cache.delPattern('report:*');
  expect(deleted).toMatchObject({ success: false, error: expect.stringContaining('list its keys') as string });
  expect([await one.cache.get('report:1'), await other.cache.get('report:1')]).toEqual([undefined, undefined]);
  expect(storage.map.size).toBe(1);
});

test('a storage that fails is an event, and the read goes to the origin', async () => {
  const storage = new BatchStorage();
  const { one } = replicas(storage);
  const said: string[] = [];
  one.on('error', ({ error }) => void said.push((error as { code?: string }).code ?? error.message));
  storage.left = 0;
  expect(await one.get('kingdom', 'k1')).toMatchObject({ name: 'North' });
  await settled();
  expect(said).toEqual(['STORE_FAILED', 'STORE_FAILED']);
  expect((await one.health()).status).toBe('down');
});
