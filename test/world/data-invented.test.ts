import { describe, expect, test } from 'vitest';
import { type WorldSize, inventedWorld } from '../../examples/world/data/invented.js';
import type { Tables } from '../../examples/world/data/tables.js';

const SIZES: readonly WorldSize[] = ['demo', 'guide', 'stress'];
const TYPES = ['campaign', 'kingdom', 'settlement', 'structure'] as const;

const invent = (size: WorldSize, seed = 1): Promise<Tables> => inventedWorld(size, seed).load(() => undefined);
/** Nobody writes to these. */
const worlds = { demo: invent('demo'), guide: invent('guide'), stress: invent('stress') };
const load = (size: WorldSize): Promise<Tables> => worlds[size];
const bytes = (tables: Tables, outlines: unknown): string =>
  JSON.stringify([TYPES.map((type) => tables.overrides(type, 'main')), outlines]);

/** How far the point is inside the polygon: negative outside, 0 on an edge. Counterclockwise and convex. */
function depth(corners: readonly (readonly number[])[], lon: number, lat: number): number {
  const sides = corners.slice(1).map(([x = 0, y = 0], at) => {
    const [fromX = 0, fromY = 0] = corners[at] ?? [];
    return ((x - fromX) * (lat - fromY) - (y - fromY) * (lon - fromX)) / Math.hypot(x - fromX, y - fromY);
  });
  return Math.min(...sides);
}

describe.each(SIZES)('an invented world, %s', (size) => {
  test('is the same to the byte for the same seed, and another for another', async () => {
    const world = inventedWorld(size, 7);
    const once = bytes(await invent(size, 7), world.outlines());
    expect(bytes(await invent(size, 7), inventedWorld(size, 7).outlines())).toBe(once);
    expect(bytes(await invent(size, 8), inventedWorld(size, 8).outlines())).not.toBe(once);
    expect(world.name).toBe(`${size}-7`);
  });

  test('has names that come once, kingdoms with an outline each, and levels within their range', async () => {
    const tables = await load(size);
    const rows = TYPES.flatMap((type) => tables.overrides(type, 'main'));
    expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
    const { features } = inventedWorld(size, 1).outlines();
    expect(features.map(({ id, properties: { name } }) => ({ id, name }))).toEqual(
      tables.overrides('kingdom', 'main').map(({ id, name }) => ({ id, name })),
    );
    const odd = rows.filter((row) => 'level' in row && !(row.level >= 1 && row.level <= ('kind' in row ? 5 : 10)));
    expect(odd).toEqual([]);
  });

  test('has each town inside its kingdom, but for one that is exactly on the border of two', async () => {
    const tables = await load(size);
    const { features } = inventedWorld(size, 1).outlines();
    const cornersOf = (id: string) => features.find((feature) => feature.id === id)?.geometry.coordinates[0] ?? [];
    const onBorder = tables.overrides('settlement', 'main').filter(({ kingdomId, lon, lat }) => {
      return depth(cornersOf(kingdomId), lon, lat) <= 0;
    });
    expect(onBorder).toHaveLength(1);
    const touching = features.filter(({ id }) =>
      onBorder.every(({ lon, lat }) => depth(cornersOf(String(id)), lon, lat) === 0),
    );
    expect(touching.map(({ id }) => id)).toEqual(['kingdom-1', 'kingdom:2']);
  });

  test('has ids with a colon and with a star, and one deleted town whose structure is hidden', async () => {
    const tables = await load(size);
    const towns = tables.overrides('settlement', 'main');
    expect(tables.byIds('kingdom', 'main', ['kingdom:2'])).toHaveLength(1);
    expect(tables.byIds('settlement', 'main', ['town:1:2', 'town*1*3'])).toHaveLength(2);
    expect(tables.childrenOf('structure', 'main', ['town*1*3'])[0]?.id).toContain('town*1*3/');
    const [deleted, ...others] = towns.filter((town) => town.deleted);
    expect(others).toEqual([]);
    const hidden = tables.overrides('structure', 'main').filter(({ settlementId }) => settlementId === deleted?.id);
    expect(hidden).toHaveLength(1);
    expect(
      tables.byIds(
        'structure',
        'main',
        hidden.map(({ id }) => id),
      ),
    ).toEqual([]);
  });
});

test('the three sizes show what they say', async () => {
  expect((await load('demo')).counts).toEqual({ campaign: 1, kingdom: 3, settlement: 9, structure: 27 });
  expect((await load('guide')).counts).toEqual({ campaign: 1, kingdom: 5, settlement: 100, structure: 500 });
  expect((await load('stress')).counts).toEqual({ campaign: 2, kingdom: 20, settlement: 1000, structure: 9000 });
});

test('a world of two campaigns gives each half of the kingdoms', async () => {
  const tables = await load('stress');
  for (const id of ['campaign-1', 'campaign-2']) expect(tables.childrenOf('kingdom', 'main', [id])).toHaveLength(10);
});

test('the last kingdom is no rectangle, and the second and third of the smallest world share just a corner', () => {
  const [, second, third] = inventedWorld('demo', 1)
    .outlines()
    .features.map(({ geometry }) => geometry.coordinates[0] ?? []);
  const shared = (second ?? []).filter((corner) => (third ?? []).some((other) => String(other) === String(corner)));
  expect(new Set(shared.map(String)).size).toBe(1);
  expect(third?.some(([lon, lat]) => lon === 3.5 && lat === -2.5)).toBe(true);
});

test('progress goes up to the end', async () => {
  const shares: number[] = [];
  await inventedWorld('demo', 1).load((_, share) => shares.push(share));
  expect(shares).toEqual([0, 0.5, 1]);
});
