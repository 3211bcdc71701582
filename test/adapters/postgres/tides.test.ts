import type { Pool } from 'pg';
import { expect, onTestFinished, test, vi } from 'vitest';
import { postgres } from '../../../src/adapters/postgres/index.js';
import type { SubjectKey } from '../../../src/contract.js';
import { createTidemark, defineModel, entity } from '../../../src/index.js';
import { entitySubject } from '../../../src/subject.js';
import { fakeClock } from '../../../src/testing/index.js';
import { besideEntries } from '../../contract/beside.js';
import { type SharedDatabase, describeReplicas, recording } from '../../services/replicas.js';

interface Settlement {
  readonly id: string;
  readonly name: string;
  readonly version: number;
}

const model = defineModel({ entities: { settlement: entity<Settlement>()({ version: 'version' }) } });
const change = { changeId: 'change', nonce: 'nonce' };
const many = (count: number): SubjectKey[] =>
  Array.from({ length: count }, (_, i) => entitySubject('settlement', String(i), 'main'));

describeReplicas('tides over one Postgres', (shared: () => SharedDatabase) => {
  interface Replica {
    readonly tide: ReturnType<typeof open>;
    readonly texts: string[];
  }
  const rows = new Map<string, Settlement>();
  let calls = 0;
  const open = (parts: ReturnType<typeof postgres>, options: object = {}) =>
    createTidemark({
      ...{ model, ...parts, ...options },
      origin: {
        settlement: {
          byIds: (ids) => {
            calls++;
            return ids.flatMap((id) => rows.get(id) ?? []);
          },
        },
      },
    });
  async function replica(pool: Pool, options: object = {}): Promise<Replica> {
    const recorded = recording(pool);
    const parts = postgres({ pool: recorded.pool, schema: shared().schema });
    const tide = open(parts, options);
    onTestFinished(async () => {
      await tide.close();
      await Promise.all([parts.store.close(), parts.marks.close()]);
    });
    await tide.ready();
    return { tide, texts: recorded.texts };
  }
  const stored = async (name: string): Promise<number> => {
    const found = await shared().here.query(
      `select from ${shared().schema}.entry where strpos(encode(key, 'escape'), $1) > 0`,
      [name],
    );
    return found.rowCount ?? 0;
  };

  test('are replicas: what one loads the other finds, what one changes the other hears', async () => {
    await shared().reset();
    calls = 0;
    rows.set('ankh', { id: 'ankh', name: 'Ankh', version: 1 });
    const [here, there] = [await replica(shared().here), await replica(shared().there)];
    expect((await here.tide.get('settlement', 'ankh'))?.name).toBe('Ankh');
    await vi.waitFor(async () => {
      expect(await stored('ankh')).toBe(1);
    });
    expect((await there.tide.get('settlement', 'ankh'))?.name).toBe('Ankh');
    expect(calls).toBe(1);

    rows.set('ankh', { id: 'ankh', name: 'Ankh-Morpork', version: 2 });
    const receipt = await there.tide.change({ type: 'settlement', id: 'ankh', op: 'update' });
    expect((await here.tide.scope({ after: receipt }).get('settlement', 'ankh'))?.name).toBe('Ankh-Morpork');
    rows.set('ankh', { id: 'ankh', name: 'Morpork', version: 3 });
    await there.tide.change({ type: 'settlement', id: 'ankh', op: 'update' });
    await vi.waitFor(async () => {
      expect((await here.tide.get('settlement', 'ankh'))?.name).toBe('Morpork');
    });
  });

  test('ask one statement for what another has loaded, and one for a change', async () => {
    await shared().reset();
    for (const id of ['ankh', 'another']) rows.set(id, { id, name: id, version: 1 });
    const clock = fakeClock(); // no check of heads in between
    const [first, second] = [await replica(shared().here, { clock }), await replica(shared().there, { clock })];
    await first.tide.get('settlement', 'ankh');
    await vi.waitFor(async () => {
      expect([await stored('ankh'), await stored('tm1:l:')]).toEqual([1, 0]); // the lease is given back behind the value
    });
    await second.tide.get('settlement', 'another');
    await vi.waitFor(async () => {
      expect([await stored('another'), await stored('tm1:l:')]).toEqual([1, 0]);
    });
    second.texts.length = 0;
    calls = 0;
    expect((await second.tide.get('settlement', 'ankh'))?.name).toBe('ankh');
    expect([second.texts.length, calls]).toEqual([1, 0]);
    second.texts.length = 0;
    await second.tide.change({ type: 'settlement', id: 'ankh', op: 'update' });
    expect(second.texts).toEqual([expect.stringContaining('marks_bump')]);
  });

  test.each([1, 4])('need one statement for each verb, with partitions: %i', async (partitions) => {
    await shared().reset();
    const { pool, texts } = recording(shared().here);
    const { store, marks } = postgres({ pool, schema: shared().schema, partitions });
    onTestFinished(() => marks.close());
    const keys = Array.from({ length: 100 }, (_, i) => `key ${String(i)}`);
    const fetch = marks.fetchFrom?.(store) ?? expect.fail('a way to fetch from that store');
    const mine = new Uint8Array([1]);
    await marks.heads(); // begins the first epochs
    const verbs: readonly (readonly [what: string, run: () => Promise<unknown>])[] = [
      ['fill', () => store.setMany([{ key: 'entry', value: besideEntries.entry(many(200)) }])],
      ['fill of a hundred', () => store.setMany(keys.map((key) => ({ key, value: mine })))],
      ['change', () => marks.bump(many(40), change)],
      ['hit', () => fetch(['entry'], many(3), besideEntries.subjectsOf)],
      ['marks', () => marks.read(many(1000))],
      ['heads', () => marks.heads()],
      ['a hundred', () => store.getMany(keys)],
      ['deletion', () => store.deleteMany(keys)],
      ['lease', () => store.setIfAbsent('lease', mine, 1000)],
      ['renewal', () => store.renewIf('lease', mine, 1000)],
      ['version', () => store.setIfNewer('kept', mine, { epoch: 'e', position: 1 })],
    ];
    for (const [what, run] of verbs) {
      texts.length = 0;
      await run();
      expect([what, texts.length]).toEqual([what, 1]);
    }
    const { subjects } = await fetch(['entry'], [], besideEntries.subjectsOf);
    expect(subjects).toHaveLength(200);
  });
});
