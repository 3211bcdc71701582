import { expect, test } from 'vitest';
import { type OriginContext, createTidemark, defineModel, entity } from '../../src/index.js';
import { branchedWorld } from './setup.js';

test('the origin is told the reader’s branch and those that it inherits from, nearest first', async () => {
  const { tide, db, parents } = branchedWorld();
  const asked = async (branch: string): Promise<readonly (readonly string[])[]> => {
    const before = db.calls.length;
    await tide.get('settlement', 's0', { branch });
    await tide.children('settlement', { kingdom: 'k0' }, { branch });
    await tide.transaction(async ({ read }) => read.get('settlement', 's1'), { branch });
    await tide.transaction(async ({ read }) => read.children('settlement', { kingdom: 'k0' }), { branch });
    return db.calls.slice(before).map(({ branches }) => branches);
  };
  expect(await asked('feature')).toEqual(Array.from({ length: 4 }, () => ['feature', 'dev', 'main']));
  expect(await asked('other')).toEqual(Array.from({ length: 4 }, () => ['other', 'main']));
  expect(await asked('main')).toEqual(Array.from({ length: 4 }, () => ['main']));
  expect(await asked('nowhere')).toEqual(Array.from({ length: 4 }, () => ['nowhere']));
  parents.set('feature', 'other');
  await tide.change({ subjects: [tide.subject.branch('feature')] });
  expect(await asked('feature')).toEqual(Array.from({ length: 4 }, () => ['feature', 'other', 'main']));
});

test('without branches there is one name', async () => {
  const told: unknown[] = [];
  const model = defineModel({ entities: { place: entity<{ id: string }>()({}) } });
  const byIds = (ids: readonly string[], { branch, branches }: OriginContext) => {
    told.push([branch, branches]);
    return ids.map((id) => ({ id }));
  };
  const tide = createTidemark({ model, origin: { place: { byIds } } });
  await tide.get('place', 'p1');
  expect(told).toEqual([['main', ['main']]]);
});

test('and where all rows are read for an index', async () => {
  const told: (readonly string[])[] = [];
  const model = defineModel({
    entities: { place: entity<{ id: string; x: number; y: number }>()({ geometry: ({ x, y }) => ({ x, y }) }) },
    branches: { parentOf: (branch) => ({ feature: 'dev', dev: 'main' })[branch] },
  });
  const all = (_: unknown, branches: readonly string[]) => (told.push(branches), [{ id: 'p', x: 0, y: 0 }]);
  const tide = createTidemark({
    model,
    origin: { place: { byIds: () => [{ id: 'p', x: 0, y: 0 }], all: ({ branch, branches }) => all(branch, branches) } },
  });
  await tide.spatial.near('place', { point: { x: 0, y: 0 }, radius: 1 }, { branch: 'feature' });
  expect(told).toEqual([['feature', 'dev', 'main']]);
});
