import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createTidemark, defineModel, defineView, entity, isTidemarkError, memory } from '../../src/index.js';
import { fakeClock, seededRandom } from '../../src/testing/index.js';

interface Kingdom {
  readonly id: string;
  readonly deleted: boolean;
}
interface Town {
  readonly id: string;
  readonly kingdomId: string;
  readonly name: string;
  readonly x: number | null;
  readonly y: number | null;
  readonly deleted: boolean;
}

const BRANCHES: Readonly<Record<string, string>> = { child: 'main' };
const model = defineModel({
  entities: {
    kingdom: entity<Kingdom>()({ deleted: (row) => row.deleted }),
    town: entity<Town>()({
      parents: { kingdom: 'kingdomId' },
      deleted: (row) => row.deleted,
      geometry: ({ x, y }) => (x === null ? null : { x, y }),
    }),
  },
  branches: { parentOf: (branch) => BRANCHES[branch] },
});

/** Rows by branch: a branch sees its own, else its parent's; what hangs under a deleted kingdom is gone. */
function setUp() {
  const kingdoms = new Map([...'kl'].map((id): [string, Kingdom] => [id, { id, deleted: false }]));
  const towns = new Map<string, Map<string, Town>>([
    ['main', new Map()],
    ['child', new Map()],
  ]);
  const rowOf = (branch: string, id: string): Town | undefined =>
    towns.get(branch)?.get(id) ?? (branch === 'main' ? undefined : towns.get('main')?.get(id));
  const seen = (branch: string): Town[] =>
    [...new Set([...(towns.get('main')?.keys() ?? []), ...(towns.get(branch)?.keys() ?? [])])]
      .map((id) => rowOf(branch, id) as Town)
      .filter((row) => !row.deleted && kingdoms.get(row.kingdomId)?.deleted === false);
  const clock = fakeClock();
  const shared = memory({ clock, random: seededRandom(3) });
  const replica = () =>
    createTidemark({
      model,
      ...shared,
      clock,
      random: seededRandom(4),
      origin: {
        kingdom: { byIds: (ids) => ids.flatMap((id) => kingdoms.get(id) ?? []) },
        town: {
          byIds: (ids, { branch }) => seen(branch).filter(({ id }) => ids.includes(id)),
          all: (context) => seen(context.branch),
        },
      },
    });
  return { kingdoms, towns, rowOf, seen, tide: replica(), other: replica() };
}

const axis = fc.integer({ min: -6, max: 6 });
const step = fc.record({
  what: fc.constantFrom('put', 'put', 'put', 'move', 'move', 'vanish', 'kingdom', 'nowhere', 'bulk'),
  id: fc.constantFrom(...'abcdefgh'),
  branch: fc.constantFrom('main', 'main', 'child'),
  x: axis,
  y: axis,
  images: fc.constantFrom('both', 'both', 'none', 'after', 'partial'),
});
const query = fc.record({
  branch: fc.constantFrom('main', 'child'),
  x: axis,
  y: axis,
  size: fc.integer({ min: 0, max: 5 }),
});

describe('an answer is what a search through every row gives', () => {
  test('after any changes, on the replica that made them and on another', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 12 }),
        fc.array(query, { minLength: 1, maxLength: 5 }),
        async (steps, queries) => {
          const { kingdoms, towns, rowOf, seen, tide, other } = setUp();
          const scale = 1_000_000;
          const check = async (): Promise<void> => {
            for (const each of [tide, other]) {
              for (const { branch, x, y, size } of queries) {
                const point = { x: x * scale, y: y * scale };
                const radius = size * scale;
                const distance = (row: Town): number =>
                  Math.hypot((row.x as number) - point.x, (row.y as number) - point.y);
                const near = seen(branch)
                  .filter((row) => row.x !== null && distance(row) <= radius)
                  .sort((a, b) => distance(a) - distance(b) || (a.id < b.id ? -1 : 1));
                expect(await each.spatial.near('town', { point, radius }, { branch })).toEqual(near);
                const min = { x: point.x - radius, y: point.y };
                const max = { x: point.x, y: point.y + radius };
                const inside = seen(branch)
                  .filter(
                    ({ x, y }) =>
                      x !== null && x >= min.x && x <= max.x && (y as number) >= min.y && (y as number) <= max.y,
                  )
                  .sort((a, b) => (a.id < b.id ? -1 : 1));
                expect(await each.spatial.inBox('town', { min, max }, { branch })).toEqual(inside);
              }
            }
          };
          await check();
          for (const { what, id, branch, x, y, images } of steps) {
            if (what === 'kingdom') {
              const before = kingdoms.get('k') as Kingdom;
              const after = { ...before, deleted: !before.deleted };
              kingdoms.set('k', after);
              await tide.change({
                type: 'kingdom',
                id: 'k',
                op: after.deleted ? 'delete' : 'restore',
                before,
                after,
                branch: 'main',
              });
            } else if (what === 'bulk') {
              for (const each of 'ab')
                towns
                  .get(branch)
                  ?.set(each, { id: each, kingdomId: 'l', name: 'bulk', x: x * scale, y: 0, deleted: false });
              await tide.change({ subjects: [tide.subject.type('town', { branch })] });
            } else {
              const before = rowOf(branch, id) ?? null;
              const at = what === 'nowhere' ? { x: null, y: null } : { x: x * scale, y: y * scale };
              const after: Town = {
                id,
                kingdomId: x % 2 === 0 ? 'k' : 'l',
                name: `${what} ${String(y)}`,
                ...at,
                deleted: what === 'vanish',
              };
              const overrides = branch === 'child' && towns.get('child')?.has(id) !== true;
              towns.get(branch)?.set(id, after);
              const moved =
                before === null ||
                before.x !== after.x ||
                before.deleted !== after.deleted ||
                before.kingdomId !== after.kingdomId;
              const given =
                images === 'both' || (images === 'after' && moved)
                  ? { before, after }
                  : images === 'partial'
                    ? { before: before === null ? null : { kingdomId: before.kingdomId, id }, after }
                    : images === 'none' && !overrides && !moved
                      ? {}
                      : { before, after };
              // The first row of a branch that inherits is an update without `before`.
              const told = overrides ? { after } : given;
              const op =
                before === null
                  ? 'create'
                  : after.deleted && !before.deleted
                    ? 'delete'
                    : before.deleted && !after.deleted
                      ? 'restore'
                      : 'update';
              await tide.change({
                type: 'town',
                id,
                op: overrides && op === 'create' ? 'create' : overrides ? 'update' : op,
                ...told,
                branch,
              });
            }
            await check();
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});

describe('what a change costs', () => {
  test('a move drops the queries it left and entered, and no others; the index asks for one row', async () => {
    const { towns, tide } = setUp();
    const rows = towns.get('main') as Map<string, Town>;
    for (let i = 0; i < 100; i++) {
      const id = `t${String(i)}`;
      rows.set(id, { id, kingdomId: 'k', name: id, x: (i % 10) * 1e6, y: Math.floor(i / 10) * 1e6, deleted: false });
    }
    const at = (x: number, y: number) =>
      tide.spatial.near('town', { point: { x: x * 1e6, y: y * 1e6 }, radius: 1000 }, { branch: 'main' });
    for (let x = 0; x < 10; x++) for (let y = 0; y < 10; y++) await at(x, y);
    const before = rows.get('t0') as Town;
    const after = { ...before, x: 9e6, y: 9e6 };
    rows.set('t0', after);
    await tide.change({ type: 'town', id: 't0', op: 'update', before, after, branch: 'main' });
    tide.resetStats();
    for (let x = 0; x < 10; x++) for (let y = 0; y < 10; y++) await at(x, y);
    const { byType, originCalls } = tide.stats();
    expect(byType['spatial']).toMatchObject({ hits: 98, misses: 2 });
    expect(originCalls).toBe(1);
    expect((await at(9, 9)).map(({ id }) => id)).toEqual(['t0', 't99']);
  });

  test('a view that reads where things are goes stale with them', async () => {
    const { towns, tide } = setUp();
    const crowd = defineView(model)({
      name: 'crowd',
      load: async (read, { x }: { x: number }) =>
        (await read.spatial.inBox('town', { min: { x, y: 0 }, max: { x: x + 10, y: 10 } })).length,
    });
    expect(await tide.view(crowd, { x: 0 }, { branch: 'child' })).toBe(0);
    const after: Town = { id: 'a', kingdomId: 'k', name: 'a', x: 5, y: 5, deleted: false };
    towns.get('main')?.set('a', after);
    await tide.change({ type: 'town', id: 'a', op: 'create', after, branch: 'main' });
    expect(await tide.view(crowd, { x: 0 }, { branch: 'child' })).toBe(1);
  });
});

type Verb = 'near' | 'inBox' | 'nearest' | 'within' | 'containing';
const polygon = (...ring: readonly number[][]): object => ({ type: 'Polygon', coordinates: [ring] });

describe('what cannot be a query says what, where and why', () => {
  const { tide } = setUp();
  const cases: readonly [name: string, verb: Verb, query: unknown, message: RegExp][] = [
    ['no query', 'near', undefined, /near: expected an object, got undefined/],
    ['no point', 'near', { radius: 1 }, /near\.point: expected \{x, y\}, got undefined/],
    [
      'degrees in a planar model',
      'near',
      { point: { lon: 1, lat: 2 }, radius: 1 },
      /expected \{x, y\}, as the model's SRID is 3857.*declare spatial/,
    ],
    ['NaN', 'near', { point: { x: NaN, y: 1 }, radius: 1 }, /near\.point\.x: expected a finite number, got NaN/],
    [
      'a radius below 0',
      'near',
      { point: { x: 0, y: 1 }, radius: -1 },
      /near\.radius: expected a finite number from 0, got -1/,
    ],
    ['an endless radius', 'near', { point: { x: 0, y: 1 }, radius: Infinity }, /near\.radius/],
    [
      'a limit of 0',
      'near',
      { point: { x: 0, y: 1 }, radius: 1, limit: 0 },
      /near\.limit: expected a whole number above 0/,
    ],
    [
      'a box inside out',
      'inBox',
      { min: { x: 1, y: 0 }, max: { x: 0, y: 1 } },
      /inBox: expected min below max on both axes/,
    ],
    ['a box without a corner', 'inBox', { min: { x: 1, y: 0 } }, /inBox\.max: expected \{x, y\}/],
    ['no k', 'nearest', { point: { x: 0, y: 0 } }, /nearest\.k: expected how many, got undefined/],
    ['a k of 0', 'nearest', { point: { x: 0, y: 0 }, k: 0 }, /nearest\.k: expected a whole number above 0, got 0/],
    [
      'an endless distance',
      'nearest',
      { point: { x: 0, y: 0 }, k: 1, maxDistance: Infinity },
      /nearest\.maxDistance: expected a finite number from 0, got Infinity/,
    ],
    ['neither region nor polygon', 'within', {}, /within: expected a region or a polygon, got neither/],
    ['both', 'within', { region: { type: 'town', id: 'a' }, polygon: {} }, /within: .* got both/],
    [
      'a region without a name',
      'within',
      { region: 'k' },
      /within\.region: expected an entity as \{ type, id \}, got string/,
    ],
    [
      'a region that is no area',
      'within',
      { polygon: { type: 'Point', coordinates: [0, 0] } },
      /expected a Polygon or a MultiPolygon, got Point/,
    ],
    [
      'an unknown shape',
      'within',
      { polygon: { type: 'Circle' } },
      /within\.polygon\.type: expected one of Point, .*got "Circle"/,
    ],
    [
      'an open ring',
      'within',
      { polygon: polygon([0, 0], [4, 0], [4, 4], [0, 4]) },
      /within\.polygon\.coordinates\[0\]: expected a closed ring.*\(0, 0\) and \(0, 4\); add the first one at its end/,
    ],
    [
      'a ring of two',
      'within',
      { polygon: polygon([0, 0], [4, 0], [0, 0]) },
      /coordinates\[0\]: expected 4 positions or more, got 3/,
    ],
    [
      'a bow-tie',
      'within',
      { polygon: polygon([0, 0], [4, 4], [4, 0], [0, 4], [0, 0]) },
      /expected a valid polygon: the ring crosses or touches itself at \(2, 2\)/,
    ],
    [
      'NaN in a ring',
      'within',
      { polygon: polygon([0, 0], [NaN, 0], [4, 4], [0, 0]) },
      /coordinates\[0\]\[1\]\[0\]: expected a finite number, got NaN/,
    ],
    ['no polygon in it', 'within', { polygon: { type: 'Polygon', coordinates: [] } }, /at least one position, got 0/],
    [
      'a strictness that is none',
      'containing',
      { point: { x: 0, y: 0 }, strict: 'yes' },
      /containing\.strict: expected true or false, got string/,
    ],
    [
      'a filter that is no value',
      'near',
      { point: { x: 0, y: 0 }, radius: 1, where: { name: {} } },
      /near\.where\.name: expected a string/,
    ],
    [
      'an option that is none',
      'near',
      { point: { x: 0, y: 0 }, radius: 1, srid: 4326 },
      /near: expected point, radius, limit, where, got "srid"/,
    ],
  ];
  test.each(cases)('%s', async (_, verb, asked, message) => {
    const failure: unknown = await tide.spatial[verb]('town', asked as never, { branch: 'main' }).catch(
      (error: unknown) => error,
    );
    expect(isTidemarkError(failure)).toBe(true);
    expect((failure as Error).message).toMatch(message);
  });

  test('a type without a geometry', async () => {
    const asked = tide.spatial.inBox(
      'kingdom' as never,
      { min: { x: 0, y: 0 }, max: { x: 1, y: 1 } },
      { branch: 'main' },
    );
    await expect(asked).rejects.toThrow(/expected a type that declares a geometry, got 'kingdom'/);
  });
});
