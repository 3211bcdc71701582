import { describe, expect, onTestFinished, test } from 'vitest';
import { defineModel, entity, memory } from '../../src/index.js';
import { fakeClock } from '../../src/testing/index.js';
import { world } from './setup.js';

const image = (id: string, name: string) => ({ id, kingdomId: 'k0', name });
const update = {
  type: 'settlement',
  id: 's0',
  op: 'update',
  before: image('s0', 'old'),
  after: image('s0', 'new'),
} as const;

function inspected(...given: Parameters<typeof world>) {
  const own = world(...given);
  const inspection = own.tide.inspect();
  onTestFinished(() => {
    inspection.close();
  });
  return { ...own, inspection };
}

describe('tide.inspect().loads', () => {
  test('tells where each value came from, and that nothing was held before', async () => {
    const { tide, inspection } = inspected();
    await tide.get('settlement', 's0');
    await tide.get('settlement', 's0');
    expect(inspection.loads()).toMatchObject([
      {
        key: 'settlement:s0:main',
        kind: 'record',
        from: 'load',
        why: { kind: 'absent' },
        killedBy: null,
        outcome: 'kept',
      },
    ]);
    const [{ marks = [], markCount = 0 } = {}] = inspection.loads();
    expect(marks).toContain('entity:settlement:s0:main');
    expect(markCount).toBe(marks.length);
  });

  test('names the marks that moved and the change that moved them', async () => {
    const { tide, inspection } = inspected();
    await tide.get('settlement', 's0');
    const { changeId } = await tide.change(update);
    await tide.change(update);
    await tide.get('settlement', 's0');
    expect(inspection.loads().at(-1)).toMatchObject({
      why: { kind: 'changed', marks: ['entity:settlement:s0:main'] },
      killedBy: changeId,
    });
  });

  test('tells apart what had expired, what was deleted by pattern and what a reader demanded', async () => {
    const clock = fakeClock();
    const { tide, inspection } = inspected({ clock, ttlMs: 1000 });
    const why = () => inspection.loads().at(-1)?.why.kind;
    await tide.get('settlement', 's0');
    await clock.advance(1001);
    await tide.get('settlement', 's0');
    expect(why()).toBe('expired');
    await tide.cache.delPattern('settlement:*');
    await tide.get('settlement', 's0');
    expect(['deleted', 'absent']).toContain(why());
    await tide.get('settlement', 's0', { consistency: 'strong' });
    expect(why()).toBe('demanded');
  });

  test('tells of a load that failed, and of one that something overtook', async () => {
    const { tide, db, inspection } = inspected();
    db.failNext('settlement', new Error('down'));
    await expect(tide.get('settlement', 's1')).rejects.toThrow();
    expect(inspection.loads().at(-1)).toMatchObject({ key: 'settlement:s1:main', outcome: 'failed', marks: [] });
    const release = db.hold('settlement');
    const reading = tide.get('settlement', 's0');
    await expect.poll(() => db.countOf('settlement', 'byIds')).toBe(2);
    await tide.change(update);
    release();
    await reading;
    expect(inspection.loads().at(-1)).toMatchObject({ key: 'settlement:s0:main', outcome: 'overtaken' });
  });

  test('remembers no more than it says, the newest', async () => {
    const { tide, inspection } = inspected();
    for (let i = 0; i < 6000; i++) await tide.get('settlement', `s${String(i)}`);
    const loads = inspection.loads();
    expect(loads.length).toBe(inspection.bounds.loads);
    expect(loads.at(-1)?.key).toBe('settlement:s5999:main');
    for (let i = 0; i < inspection.bounds.changes + 5; i++) await tide.change(update);
    expect(inspection.changes().length).toBe(inspection.bounds.changes);
  });

  test('is kept only while somebody looks: whoever comes later finds nothing of before', async () => {
    const { tide, inspection } = inspected();
    await tide.get('settlement', 's0');
    inspection.close();
    inspection.close();
    await tide.get('settlement', 's1');
    await tide.change(update);
    const later = tide.inspect();
    expect([later.loads(), later.changes()]).toEqual([[], []]);
    later.close();
  });

  test('looking is no read: nothing is counted', async () => {
    const { tide, inspection } = inspected();
    await tide.get('settlement', 's0');
    const before = tide.stats();
    inspection.story('settlement', 's0');
    inspection.record('settlement', 's0');
    inspection.record('settlement', 's1');
    expect(tide.stats()).toEqual(before);
  });
});

describe('tide.inspect().changes and .cascade', () => {
  test('an own change: what was changed, and why each mark was written', async () => {
    const { tide, inspection } = inspected();
    const { changeId } = await tide.change({ ...update, by: 'ada' });
    expect(inspection.changes()).toMatchObject([
      {
        ...{ changeId, own: true },
        changed: [{ type: 'settlement', id: 's0', op: 'update', branch: 'main', fields: ['name'], by: 'ada' }],
      },
    ]);
    expect(inspection.changes()[0]?.subjects).toContainEqual({
      subject: 'entity:settlement:s0:main',
      why: 'it changed',
    });
    expect(inspection.changes(inspection.changes()[0]?.number)).toEqual([]);
  });

  test('a change of another replica: what its marks tell', async () => {
    const shared = memory();
    const here = inspected({ ...shared });
    const there = world({ ...shared });
    await here.tide.get('settlement', 's0');
    const { changeId } = await there.tide.change(update);
    expect(here.inspection.changes()).toMatchObject([
      { changeId, own: false, changed: [{ type: 'settlement', id: 's0', op: null, branch: 'main' }] },
    ]);
    await here.tide.get('settlement', 's0');
    expect(here.inspection.loads().at(-1)).toMatchObject({ killedBy: changeId });
  });

  test('what went stale, what was loaded again, what stayed', async () => {
    const { tide, inspection } = inspected();
    await tide.getMany('settlement', ['s0', 's1']);
    await tide.children('settlement', { kingdom: 'k0' });
    await tide.children('settlement', { kingdom: 'k1' });
    const { changeId } = await tide.change(update);
    const keys = (values: readonly { readonly key: string }[] = []) => values.map(({ key }) => key).sort();
    const first = inspection.cascade(changeId);
    expect(keys(first?.stale)).toEqual(['settlement:s0:main', 'settlements:kingdom:k0:main']);
    expect(first?.stayed).toEqual([
      { kind: 'record', type: 'settlement', count: 1, keys: ['settlement:s1:main'] },
      { kind: 'list', type: 'settlement', count: 1, keys: ['settlements:kingdom:k1:main'] },
    ]);
    await tide.get('settlement', 's0');
    const then = inspection.cascade(changeId);
    expect(keys(then?.stale)).toEqual(['settlements:kingdom:k0:main']);
    expect(keys(then?.reloaded)).toEqual(['settlement:s0:main']);
    expect(inspection.cascade('none')).toBeNull();
  });

  test('a change before a value was loaded did nothing to it', async () => {
    const { tide, inspection } = inspected();
    const before = await tide.change(update);
    await tide.get('settlement', 's0');
    const after = await tide.change(update);
    expect(inspection.cascade(before.changeId)?.stale).toEqual([]);
    expect(inspection.cascade(after.changeId)?.stale).toHaveLength(1);
  });
});

describe('tide.inspect().story', () => {
  test('of an entity: its own values first, what depends on it, and what became of them', async () => {
    const { tide, inspection } = inspected();
    await tide.get('settlement', 's0');
    await tide.children('structure', { settlement: 's0' });
    await tide.children('settlement', { kingdom: 'k0' });
    await tide.get('settlement', 's1');
    const { changeId } = await tide.change(update);
    await tide.get('settlement', 's0');
    const { values, changes } = inspection.story('settlement', 's0');
    expect(values.map(({ key, own }) => [key, own])).toEqual([
      ['settlement:s0:main', true],
      ['structures:settlement:s0:main', true],
      ['settlements:kingdom:k0:main', false],
    ]);
    const [record, structures, list] = values;
    expect(record?.held).toMatchObject({ stale: null });
    expect(record?.loads.map(({ why }) => why.kind)).toEqual(['absent', 'changed']);
    expect(structures?.held).toMatchObject({ stale: null, killedBy: null });
    expect(list?.held).toMatchObject({ stale: { kind: 'changed' }, killedBy: changeId });
    expect(list?.held?.marks).toContainEqual({ subject: 'list:settlement:kingdom:k0:main', moved: true });
    expect(changes.map((change) => change.changeId)).toEqual([changeId]);
  });

  test('of one value, by its key', async () => {
    const { tide, inspection } = inspected();
    await tide.get('settlement', 's0');
    expect(inspection.value('settlement:s0:main')).toMatchObject({
      entity: { type: 'settlement', id: 's0', branch: 'main' },
      held: { stale: null },
      loads: [{ why: { kind: 'absent' } }],
    });
    expect(inspection.value('settlement:s1:main')).toBeNull();
  });

  test('refuses a type and an id that are none', () => {
    const { inspection } = inspected();
    expect(() => inspection.story('planet', 'p')).toThrow(/expected an entity type of the model/);
    expect(() => inspection.story('settlement', ' ')).toThrow(/non-blank id/);
  });
});

describe('tide.inspect(): places and subscriptions', () => {
  const places = defineModel({
    entities: {
      city: entity<{ id: string; lon: number; lat: number }>()({ geometry: ({ lon, lat }) => ({ lon, lat }) }),
      note: entity<{ id: string }>()({}),
    },
    spatial: { srid: 4326 },
  });

  test('the map has the places that are held, and the cells that an answer carries', async () => {
    const { createTidemark } = await import('../../src/index.js');
    const rows = [
      { id: 'rome', lon: 12.5, lat: 41.9 },
      { id: 'oslo', lon: 10.7, lat: 59.9 },
    ];
    const all = async function* () {
      yield* rows;
    };
    const byIds = (ids: readonly string[]) => rows.filter(({ id }) => ids.includes(id));
    const tide = createTidemark({ model: places, origin: { city: { byIds, all } } });
    onTestFinished(() => tide.close());
    const inspection = tide.inspect();
    await tide.spatial.inBox('city', { min: { lon: 0, lat: 50 }, max: { lon: 20, lat: 70 } });
    const map = inspection.map('city');
    expect(map.places).toEqual([{ id: 'oslo', minX: 10.7, maxX: 10.7, minY: 59.9, maxY: 59.9 }]);
    expect(map.answers).toMatchObject([{ fresh: true }]);
    const cells = map.answers[0]?.cells ?? [];
    expect(
      cells.some(({ minX, maxX, minY, maxY }) => minX <= 10.7 && 10.7 <= maxX && minY <= 59.9 && 59.9 <= maxY),
    ).toBe(true);
    expect(() => inspection.map('note')).toThrow(/a type with a geometry/);
  });

  test('subscriptions are told by what they are about, with how far the last of them is behind', async () => {
    const { tide, inspection } = inspected();
    const [one, two] = [0, 1].map(() => tide.subscribe({ type: 'settlement', id: 's0' }));
    const next = one?.next();
    await tide.change(update);
    await next;
    expect(inspection.subscriptions()).toEqual([{ target: 'entity:settlement:s0:main', count: 2, behind: 1 }]);
    await Promise.all([one?.return?.(), two?.return?.()]);
    expect(inspection.subscriptions()).toEqual([]);
  });

  test('entries are counted by type of key', async () => {
    const { tide, inspection } = inspected();
    await tide.getMany('settlement', ['s0', 's1']);
    await tide.children('settlement', { kingdom: 'k0' });
    expect(inspection.entriesByType()).toEqual({ settlement: 2, settlements: 1 });
  });
});
