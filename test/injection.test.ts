import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createTidemark, defineModel, defineView, entity } from '../src/index.js';
import { fakeClock, seededRandom } from '../src/testing/index.js';

// Ids, branches and keys with any characters never collide, and never reach further than themselves.
interface Thing {
  readonly id: string;
  readonly ownerId: string;
}
const model = defineModel({
  entities: { owner: entity<{ id: string }>()({}), thing: entity<Thing>()({ parents: { owner: 'ownerId' } }) },
  branches: { parentOf: () => 'main' },
});

function setUp() {
  const tide = createTidemark({
    model,
    clock: fakeClock(),
    random: seededRandom(5),
    origin: {
      thing: {
        byIds: (ids, { branch }) => ids.map((id) => ({ id, ownerId: `${branch}/${id}` })),
        childrenOf: { owner: (ids, { branch }) => ids.map((id) => ({ id: `${branch}/${id}`, ownerId: id })) },
      },
    },
  });
  return tide;
}

const nasty = fc.oneof(
  fc.constantFrom(
    ':',
    '*',
    '?',
    '[a]',
    '\\',
    '%',
    '%3A',
    'a:b',
    'thing:1:main',
    'main',
    '__proto__',
    'constructor',
    'a\nb',
    'a\0b',
    '\uD800',
    '\uDC00',
    '😀',
    'é',
    'e\u0301',
    '1',
    ' 1',
    '\u200B',
  ),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 4 }),
  fc.string({ unit: fc.constantFrom(':', '*', 'a', '%', '\\'), minLength: 1, maxLength: 5 }),
);
const text = nasty.filter((value) => value.trim() !== '');
type Place = readonly [kind: 'record' | 'list', id: string, branch: string];
const place: fc.Arbitrary<Place> = fc.tuple(fc.constantFrom('record', 'list'), text, text);
const distinct = fc.tuple(place, place).filter(([a, b]) => a.join('\u0001') !== b.join('\u0001'));

describe('whatever an id or a branch is made of', () => {
  test('two places never share a value', async () => {
    await fc.assert(
      fc.asyncProperty(distinct, async (places) => {
        const tide = setUp();
        for (const [kind, id, branch] of places) {
          if (kind === 'record') {
            expect(await tide.get('thing', id, { branch })).toEqual({ id, ownerId: `${branch}/${id}` });
            expect(tide.peek('thing', id, { branch })).toEqual({ id, ownerId: `${branch}/${id}` });
          } else {
            const expected = [{ id: `${branch}/${id}`, ownerId: id }];
            expect(await tide.children('thing', { owner: id }, { branch })).toEqual(expected);
            expect(tide.peekChildren('thing', { owner: id }, { branch })).toEqual(expected);
          }
        }
      }),
      { numRuns: 500 },
    );
  });

  test('a change of one leaves every other that does not inherit from it alone', async () => {
    await fc.assert(
      fc.asyncProperty(text, text, text, async (id, other, branch) => {
        fc.pre(id !== other && branch !== 'main');
        const tide = setUp();
        await tide.get('thing', other, { branch: 'main' });
        await tide.get('thing', other, { branch });
        await tide.get('thing', id, { branch: 'main' });
        const row = { id, ownerId: 'o' };
        await tide.change({ type: 'thing', id, op: 'update', before: row, after: row, branch });
        expect(tide.peek('thing', other, { branch: 'main' })).toBeDefined();
        expect(tide.peek('thing', other, { branch })).toBeDefined();
        expect(tide.peek('thing', id, { branch: 'main' })).toBeDefined();
      }),
      { numRuns: 300 },
    );
  });

  test('a subscriber to one never hears of another', async () => {
    await fc.assert(
      fc.asyncProperty(text, text, async (id, other) => {
        fc.pre(id !== other);
        const tide = setUp();
        const heard = tide.subscribe({ type: 'thing', id }, { branch: 'main' });
        const first = heard.next();
        await tide.change({ type: 'thing', id: other, op: 'update', branch: 'main' });
        await tide.change({ type: 'thing', id, op: 'update', branch: 'main' });
        expect(await first).toMatchObject({ value: { kind: 'change', entityId: id } });
        await tide.close();
      }),
      { numRuns: 200 },
    );
  });

  test('deleting one key deletes that key', async () => {
    await fc.assert(
      fc.asyncProperty(text, text, async (key, other) => {
        fc.pre(key !== other);
        const tide = setUp();
        await tide.cache.set(key, 'key');
        await tide.cache.set(other, 'other');
        await tide.cache.del(key);
        expect([await tide.cache.get(key), await tide.cache.get(other)]).toEqual([undefined, 'other']);
      }),
      { numRuns: 500 },
    );
  });

  test('a key of a name and parameters is no pattern, and is another for other parameters', async () => {
    await fc.assert(
      fc.asyncProperty(text, text, async (a, b) => {
        fc.pre(a !== b);
        const tide = setUp();
        const [one, two] = [tide.key('n', { a }), tide.key('n', { a: b })];
        expect(one).not.toBe(two);
        await tide.cache.set(one, 1);
        await tide.cache.set(two, 2);
        await tide.cache.delPattern(one);
        expect([await tide.cache.get(one), await tide.cache.get(two)]).toEqual([undefined, 2]);
      }),
      { numRuns: 300 },
    );
  });
});

test('parameters of a view are told apart by type, and not by the order of their fields', async () => {
  const tide = setUp();
  let loads = 0;
  const view = defineView(model)({ name: 'v', load: (_, params: unknown) => [++loads, typeof params] });
  const read = (params: unknown): Promise<unknown> => tide.view(view, params as never, { branch: 'main' });
  for (const params of [1, '1', 1n, true, null, [1], ['1'], { a: 1 }, { a: '1' }, { a: { b: 1 } }]) await read(params);
  expect(loads).toBe(10);
  await read({ a: 1, b: 2 });
  await read({ b: 2, a: 1 });
  await read({ b: 2, a: 1, c: undefined });
  expect(loads).toBe(11);
});
