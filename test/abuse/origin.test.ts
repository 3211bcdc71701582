import { describe, expect, test } from 'vitest';
import { type Answer, failureOf, setUp, town } from './world.js';

const cyclic = town('a') as unknown as Record<string, unknown>;
cyclic['self'] = cyclic;
const deep = (levels: number): unknown => {
  let value: unknown = 1;
  for (let i = 0; i < levels; i++) value = { value };
  return value;
};

// What origins have been seen to answer to `get('town', 'a')`, and what is said of it.
const CASES: readonly [name: string, answer: Answer, code: string, says: RegExp][] = [
  [
    'throws',
    () => {
      throw new Error('no connection');
    },
    'ORIGIN_FAILED',
    /origin\.town\.byIds: no connection/,
  ],
  [
    'rejects with what is no Error',
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- the case
    () => Promise.reject('nope'),
    'ORIGIN_FAILED',
    /origin\.town\.byIds: nope/,
  ],
  [
    'never settles',
    () => new Promise(() => undefined),
    'ORIGIN_TIMEOUT',
    /origin\.town\.byIds: expected an answer within 1000 ms/,
  ],
  ['gives nothing', () => undefined, 'INVALID_ROWS', /expected an array of rows or a Map by id, got undefined/],
  ['gives null', () => null, 'INVALID_ROWS', /got null/],
  ['gives one row instead of rows', () => town('a'), 'INVALID_ROWS', /got an object/],
  ['gives text', () => 'rows', 'INVALID_ROWS', /got "rows"/],
  ['gives rows that are no objects', () => [1], 'INVALID_ROWS', /expected rows that are objects, got 1/],
  [
    'gives a row that nobody asked for',
    () => [town('z')],
    'UNREQUESTED_ROW',
    /expected rows of 1 ids such as "a", got one with id "z"/,
  ],
  [
    'gives a row without an id',
    () => [{ kingdomId: 'k1', name: 'x' }],
    'ROW_WITHOUT_ID',
    /expected an id in 'id', got undefined in a row with kingdomId, name/,
  ],
  ['gives the id in another case', () => [town('A')], 'ID_MISMATCH', /asked for id "a", got a row whose id is "A"/],
  [
    'gives the id with space around it',
    () => [town(' a ')],
    'ID_MISMATCH',
    /asked for id "a", got a row whose id is " a "/,
  ],
  ['gives an Error for the id', () => new Map([['a', new Error('locked')]]), 'ORIGIN_FAILED', /id "a" failed: locked/],
  [
    'gives a map with another id',
    () => new Map([['a', town('b')]]),
    'ID_MISMATCH',
    /asked for id "a", got a row whose id is "b"/,
  ],
  ['gives a row that contains itself', () => [cyclic], 'CYCLIC_VALUE', /contains itself/],
  ['gives a row whose parent is no id', () => [town('a', { kingdomId: {} })], 'BLANK_ID', /parent 'kingdom'/],
];

describe('an origin that', () => {
  test.each(CASES)('%s', async (_, answer, code, says) => {
    const { tide, clock, unharmed } = await setUp(answer);
    const failure = await failureOf(() => tide.get('town', 'a'), clock);
    expect(failure.code).toBe(code);
    expect(failure.message).toMatch(says);
    expect(tide.peek('town', 'a'), 'a failure is not kept').toBeUndefined();
    await unharmed();
  });

  test('gives rows twice, or null among them, is understood', async () => {
    const { tide, unharmed } = await setUp(() => [town('a'), null, town('a'), undefined]);
    expect(await tide.get('town', 'a')).toEqual(town('a'));
    await unharmed();
  });

  test('gives a getter that throws fails that id alone', async () => {
    const bad = Object.defineProperty({ ...town('b') }, 'kingdomId', {
      enumerable: true,
      get: () => {
        throw new Error('lazy column');
      },
    });
    const { tide, unharmed } = await setUp((ids) => ids.map((id) => (id === 'b' ? bad : town(id))));
    const scope = tide.scope();
    const [right, wrong] = await scope.loaders.town.loadMany(['a', 'b']);
    expect(right).toEqual(town('a'));
    expect((wrong as Error).message).toMatch(/lazy column/);
    await unharmed();
  });

  test('gives names that an object already has meaning for changes no prototype', async () => {
    const row = JSON.parse(
      '{"id":"odd","kingdomId":"k1","name":"a","x":1,"y":2,"__proto__":{"admin":true},"constructor":1}',
    ) as object;
    const { tide, unharmed } = await setUp(() => [row]);
    const read = (await tide.get('town', 'odd')) as unknown as Record<string, unknown>;
    expect(read['admin']).toBeUndefined();
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
    await unharmed();
  });

  test('gives a value of 5,000 levels either hands it out or says why not', async () => {
    const { tide, unharmed } = await setUp((ids) => ids.map((id) => town(id, { deep: deep(5000) })));
    const read = await tide.get('town', 'a').then(
      () => null,
      (error: unknown) => error,
    );
    if (read !== null) expect((await failureOf(() => Promise.reject(read as Error))).code).toBe('LOAD_FAILED');
    await unharmed();
  });

  test('gives children of another parent', async () => {
    const { tide, clock, unharmed } = await setUp(undefined, () => [town('a', { kingdomId: 'k9' })]);
    const failure = await failureOf(() => tide.children('town', { kingdom: 'k2' }), clock);
    expect(failure.code).toBe('UNREQUESTED_ROW');
    expect(failure.message).toMatch(/expected rows of 1 parents such as "k2", got town "a" under "k9"/);
    await unharmed();
  });
});
