import { describe, expect, test } from 'vitest';
import { createTidemark, defineModel, entity, memory } from '../../src/index.js';
import { fakeClock } from '../../src/testing/index.js';

/** What went wrong in the system that this one follows: each a case that would show it again. (Lost index and mixed SRIDs: test/adapters/postgres.) */

interface Place {
  readonly id: string;
  readonly worldId: string;
  readonly tag: string;
  readonly at: { readonly lon: number; readonly lat: number };
  readonly deleted: boolean;
}

const model = defineModel({
  entities: {
    place: entity<Place>()({ geometry: ({ at }) => at, deleted: (row) => row.deleted }),
    region: entity<{ id: string; outline: object }>()({ geometry: ({ outline }) => outline }),
  },
  branches: { parentOf: (branch) => (branch === 'c0ffee' ? 'main' : undefined) },
  spatial: { srid: 4326 },
});

const square = {
  type: 'Polygon',
  coordinates: [
    [
      [0, 0],
      [4, 0],
      [4, 4],
      [0, 4],
      [0, 0],
    ],
  ],
};

function world() {
  const rows = new Map<string, Map<string, Place>>([
    ['main', new Map()],
    ['c0ffee', new Map()],
  ]);
  const seen = (branch: string): Place[] => [
    ...new Map([...(rows.get('main') ?? []), ...(rows.get(branch) ?? [])]).values(),
  ];
  const shared = memory();
  const clock = fakeClock();
  const replica = () =>
    createTidemark({
      model,
      ...shared,
      clock,
      origin: {
        place: {
          byIds: (ids, { branch }) => seen(branch).filter(({ id }) => ids.includes(id)),
          all: ({ branch }) => seen(branch),
        },
        region: { byIds: () => [{ id: 'r1', outline: square }], all: () => [{ id: 'r1', outline: square }] },
      },
    });
  const [tide, other] = [replica(), replica()];
  const put = async (id: string, lon: number, lat: number, beside: Partial<Place> = {}, branch = 'main') => {
    const before = rows.get(branch)?.get(id) ?? null;
    const after = { id, worldId: 'w1', tag: 'town', at: { lon, lat }, deleted: false, ...beside };
    rows.get(branch)?.set(id, after);
    const op = before === null ? (branch === 'main' ? 'create' : 'update') : after.deleted ? 'delete' : 'update';
    await tide.change({ type: 'place', id, op, before, after, branch });
  };
  const near = async (of: typeof tide, radius: number, more: object = {}, branch = 'main') =>
    (await of.spatial.near('place', { point: { lon: 1, lat: 1 }, radius, ...more }, { branch })).map(({ id }) => id);
  return { tide, other, put, near };
}

describe('of the source system', () => {
  test('1: an edit in a branch is seen in that branch, whatever it is called, and not in its parent', async () => {
    const { tide, put, near } = world();
    await put('a', 1, 1);
    expect([await near(tide, 1), await near(tide, 1, {}, 'c0ffee')]).toEqual([['a'], ['a']]);
    await put('a', 3, 3, {}, 'c0ffee');
    expect([await near(tide, 1), await near(tide, 1, {}, 'c0ffee')]).toEqual([['a'], []]);
  });

  test('2: what is created is found at once, what is deleted softly is gone at once', async () => {
    const { tide, put, near } = world();
    expect(await near(tide, 1)).toEqual([]);
    await put('a', 1, 1);
    expect(await near(tide, 1)).toEqual(['a']);
    await put('a', 1, 1, { deleted: true });
    expect(await near(tide, 1)).toEqual([]);
  });

  test('3: no two radii share an answer, degrees or not', async () => {
    const { tide, put, near } = world();
    await put('a', 1.3, 1);
    expect([await near(tide, 0.1), await near(tide, 0.4)]).toEqual([[], ['a']]);
  });

  test('6: the border counts, in every question alike, unless a strict answer is asked for', async () => {
    const { tide, put } = world();
    await put('corner', 0, 4);
    const [point, main] = [{ lon: 0, lat: 4 }, { branch: 'main' }];
    const region = { type: 'region', id: 'r1' } as const;
    const counts = async (strict: boolean): Promise<number[]> => [
      (await tide.spatial.within('place', { region, strict }, main)).length,
      (await tide.spatial.within('place', { polygon: square as never, strict }, main)).length,
      (await tide.spatial.containing('region', { point, strict }, main)).length,
    ];
    expect([await counts(false), await counts(true)]).toEqual([
      [1, 1, 1],
      [0, 0, 0],
    ]);
  });

  test('7: another replica hears of a change; filters filter', async () => {
    const { tide, other, put, near } = world();
    await put('a', 1, 1);
    await put('b', 1, 1.1, { tag: 'ruin' });
    expect(await near(other, 1, { where: { tag: 'ruin' } })).toEqual(['b']);
    await put('a', 1, 1, { tag: 'ruin' });
    expect([await near(tide, 1, { where: { tag: 'ruin' } }), await near(other, 1, { where: { tag: 'ruin' } })]).toEqual(
      [
        ['a', 'b'],
        ['a', 'b'],
      ],
    );
    expect(await near(other, 1, { where: { tag: ['ruin', 'town'] }, limit: 1 })).toEqual(['a']);
    await expect(near(tide, 1, { tags: ['ruin'] })).rejects.toThrow(
      /near: expected point, radius, limit, where, got "tags"/,
    );
  });

  test('8: a question may be about one world', async () => {
    const { tide, put, near } = world();
    await put('a', 1, 1);
    await put('b', 1, 1, { worldId: 'w2' });
    expect([await near(tide, 1, { where: { worldId: 'w2' } }), await near(tide, 1)]).toEqual([['b'], ['a', 'b']]);
  });

  test('27: what is asked of an unknown entity is an error, and no distance of 0', async () => {
    const { tide, put } = world();
    await put('a', 1, 1);
    const [a, none, main] = [{ type: 'place', id: 'a' }, { type: 'place', id: 'zz' }, { branch: 'main' }] as const;
    await expect(tide.spatial.distance(a, none, main)).rejects.toThrow(
      /distance\[1\]: expected 'place' "zz" to have a geometry; there is no such entity/,
    );
    expect(await tide.spatial.distance(a, { lon: 4, lat: 5 }, main)).toBe(5);
  });
});
