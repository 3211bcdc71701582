import { createTidemark } from 'tidemark';
import { fakeClock } from 'tidemark/testing';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { inventedWorld } from '../../examples/world/data/invented.js';
import { worldOrigin } from '../../examples/world/data/origin.js';
import { type TypeName, type WorldModel, type WorldRow, model } from '../../examples/world/model.js';
import type { RecordOf } from '../../src/index.js';

const main = { branch: 'main' } as const;

async function world() {
  const tables = await inventedWorld('demo', 1).load(() => undefined);
  const origin = worldOrigin(tables);
  return { tables, origin, tide: createTidemark({ model, origin }) };
}

test('the rows of the tables are the rows of the model', () => {
  expectTypeOf<{ [T in TypeName]: WorldRow<T> }>().toEqualTypeOf<{ [T in TypeName]: RecordOf<WorldModel, T> }>();
});

describe('the tables as an origin', () => {
  test('answer every link of the model, and count each kind of call', async () => {
    const { tables, tide, origin } = await world();
    const [kingdom] = await tide.children('kingdom', { campaign: 'campaign-1' }, main);
    const towns = await tide.children('settlement', { kingdom: kingdom?.id ?? '' }, main);
    expect(towns).toEqual(tables.childrenOf('settlement', 'main', [kingdom?.id ?? '']));
    for (const town of towns) {
      expect(await tide.children('structure', { settlement: town.id }, main)).toHaveLength(3);
      expect(await tide.get('settlement', town.id, main)).toEqual(town);
    }
    expect(origin.calls).toEqual({
      'kingdom.childrenOf.campaign': 1,
      'settlement.childrenOf.kingdom': 1,
      'structure.childrenOf.settlement': towns.length,
      'settlement.byIds': towns.length,
    });
    await tide.close();
  });

  test('hold ids with colons and stars apart', async () => {
    const { tide } = await world();
    expect((await tide.get('settlement', 'town:1:2', main))?.id).toBe('town:1:2');
    expect((await tide.get('settlement', 'town*1*3', main))?.id).toBe('town*1*3');
    expect(await tide.get('settlement', 'town*1*2', main)).toBeNull();
    await tide.close();
  });

  test('let a write be announced with the images that it returned, so that a read after it is fresh', async () => {
    const { tables, tide } = await world();
    const draft = { branch: 'rising-seas' } as const;
    const count = async (id: string, where: { readonly branch: string }): Promise<number> =>
      (await tide.children('settlement', { kingdom: id }, where)).length;
    expect([await count('kingdom-1', draft), await count('kingdom:2', draft)]).toEqual([4, 3]);
    const written = tables.write('settlement', 'rising-seas', 'town:1:2', { kingdomId: 'kingdom:2' });
    await tide.change({ type: 'settlement', id: 'town:1:2', op: 'update', ...written, ...draft });
    expect([await count('kingdom-1', draft), await count('kingdom:2', draft)]).toEqual([3, 4]);
    expect([await count('kingdom-1', main), await count('kingdom:2', main)]).toEqual([4, 3]);
    await tide.close();
  });

  test('fill the spatial index with what the branch shows', async () => {
    const { tables, tide, origin } = await world();
    const everywhere = { min: { lon: -180, lat: -90 }, max: { lon: 180, lat: 90 } };
    tables.write('structure', 'rising-seas', 'town:1:2/1', { deleted: true });
    const found = await tide.spatial.inBox('structure', everywhere, { branch: 'rising-seas' });
    expect(found).toHaveLength(26);
    const shown = [...tables.all('structure', 'rising-seas')].map(({ id }) => id);
    expect(found.map(({ id }) => id)).toEqual(shown.sort());
    expect(origin.calls['structure.all']).toBe(1);
    await tide.close();
  });

  test('take their time when asked to, and read half-way through it', async () => {
    const { tables } = await world();
    const clock = fakeClock();
    const origin = worldOrigin(tables, { latencyMs: 20, clock });
    const context = {
      branch: 'main',
      branches: ['main'],
      signal: new AbortController().signal,
      recentlyChanged: false,
    };
    let answer: unknown;
    void Promise.resolve(origin.kingdom?.byIds(['kingdom-1'], context)).then((rows) => (answer = rows));
    await clock.advance(9);
    tables.write('kingdom', 'main', 'kingdom-1', { name: 'In time' });
    await clock.advance(1);
    tables.write('kingdom', 'main', 'kingdom-1', { name: 'Too late' });
    await clock.advance(9);
    expect(answer).toBeUndefined();
    await clock.advance(1);
    expect(answer).toMatchObject([{ name: 'In time' }]);
  });
});
