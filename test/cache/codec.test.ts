import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { typedJson } from '../../src/cache/codec.js';
import { anyValue, inventory } from './values.js';

const roundTrip = (value: unknown): unknown => typedJson.decode(typedJson.encode(value));
const textOf = (value: unknown): string => Buffer.from(typedJson.encode(value)).toString();

describe('what goes in comes out', () => {
  test.each<[string, unknown]>([
    ['a date', new Date(1_700_000_000_000)],
    ['a date before 1970', new Date(-1)],
    ['an invalid date', new Date(Number.NaN)],
    [
      'a map',
      new Map<unknown, unknown>([
        ['a', 1],
        [{ b: 2 }, new Date(3)],
        [undefined, null],
      ]),
    ],
    ['a set', new Set<unknown>([1, '1', 1n, new Date(1)])],
    ['an empty map and set', [new Map(), new Set()]],
    ['a bigint', -(2n ** 70n)],
    ['undefined', undefined],
    ['null', null],
    ['undefined and null in a record', { a: undefined, b: null }],
    ['undefined and null in a list', [undefined, null, undefined]],
    ['numbers that JSON lacks', [Number.NaN, Infinity, -Infinity, -0, 0]],
    ['texts that look like stand-ins', ['NaN', '-0', '1', new Date(1), Number.NaN, 1n]],
    ['bytes', new Uint8Array([0, 255, 128])],
    ['a part of a larger array buffer', new Uint8Array([1, 2, 3, 4]).subarray(1, 3)],
    ['a buffer', Buffer.from('tide')],
    ['no bytes', [new Uint8Array(), Buffer.alloc(0)]],
    ['lone surrogates', { '\ud800': '\udfff', date: new Date(1), text: '\ud83d' }],
    ['a number that only looks like a date', [{ at: new Date(5) }, { at: 5 }, { at: new Date(6) }]],
    ['a null among undefined', [{ at: undefined }, { at: null }, { at: undefined }]],
    ['a list among maps', [{ x: new Map() }, { x: [] }, { x: new Map([[1, 2]]) }, { x: [[1, 2]] }]],
    ['rows by id', Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`id${i}`, { at: new Date(i) }]))],
    ['key names that mean something inside', { of: '*', in: new Date(1), '*': new Date(2), d: new Date(3) }],
  ])('%s', (_, value) => {
    expect(inventory(roundTrip(value))).toBe(inventory(value));
  });

  test('any value of supported kinds, nested in any way', () => {
    fc.assert(
      fc.property(anyValue, (value) => {
        expect(inventory(roundTrip(value))).toBe(inventory(value));
      }),
      { numRuns: 2000 },
    );
  });

  test('a row that differs from the others keeps what it holds, wherever it stands', () => {
    const cell = fc.constantFrom<unknown>(
      new Date(5),
      new Date(NaN),
      5,
      NaN,
      -0,
      null,
      undefined,
      1n,
      '1',
      'NaN',
      '',
      new Set([new Date(5)]),
      new Set(),
      new Map([[1, new Date(5)]]),
      [],
      [5],
      [null],
      [new Date(5)],
      [new Date(5), 5],
      [[1, 5]],
      [[1, new Date(5)]],
      {},
      { 0: 5 },
      { 0: new Date(5) },
      new Uint8Array([1]),
      Buffer.from('1'),
    );
    const rows = fc.array(fc.record({ x: cell, y: cell }, { requiredKeys: [] }), { minLength: 2, maxLength: 6 });
    fc.assert(
      fc.property(rows, fc.array(cell, { maxLength: 6 }), (table, list) => {
        expect(inventory(roundTrip(table))).toBe(inventory(table));
        expect(inventory(roundTrip(list))).toBe(inventory(list));
        expect(
          inventory(
            roundTrip({
              table,
              byId: Object.assign(
                {},
                table,
                table.map((row) => [row]),
              ),
            }),
          ),
        ).toEqual(
          inventory({
            table,
            byId: Object.assign(
              {},
              table,
              table.map((row) => [row]),
            ),
          }),
        );
      }),
      { numRuns: 5000 },
    );
  });

  test('a hole in an array comes back as undefined, an object without prototype as a plain one', () => {
    // eslint-disable-next-line no-sparse-arrays
    expect(inventory(roundTrip([1, , 3]))).toBe(inventory([1, undefined, 3]));
    expect(inventory(roundTrip(Object.assign(Object.create(null), { at: new Date(1) })))).toBe(
      inventory({ at: new Date(1) }),
    );
  });

  test('a value held in two places comes back as two values', () => {
    const shared = { at: new Date(1) };
    const [a, b] = roundTrip([shared, shared]) as [unknown, unknown];
    expect(a).toEqual(b);
    expect(a).not.toBe(b);
  });

  test('dates of a fake clock and values of another realm are what they seem', () => {
    vi.useFakeTimers({ now: 1000 });
    const faked = new Date();
    vi.useRealTimers();
    expect(inventory(roundTrip({ faked }))).toBe(inventory({ faked: new Date(1000) }));
    const foreign = runInNewContext('({ at: new Date(1), list: [new Map([[1, new Set([2n])]])] })') as unknown;
    expect(roundTrip(foreign)).toStrictEqual({ at: new Date(1), list: [new Map([[1, new Set([2n])]])] });
  });

  test('own keys called __proto__ stay data and reach no prototype', () => {
    const value = JSON.parse('{"__proto__":{"at":1,"polluted":true},"rows":[{"__proto__":2},{}]}') as {
      ['__proto__']: { at: unknown };
    };
    value['__proto__'].at = new Date(1);
    const result = roundTrip(value) as object;
    expect(Object.keys(result)).toEqual(['__proto__', 'rows']);
    expect(Object.getPrototypeOf(result)).toBe(Object.prototype);
    expect(inventory(Object.entries(result))).toBe(inventory(Object.entries(value)));
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    const direct = Object.defineProperty({}, '__proto__', { value: new Date(7), enumerable: true });
    expect(Object.entries(roundTrip(direct) as object)).toEqual([['__proto__', new Date(7)]]);
  });

  test('the value given is not changed, even deeply frozen', () => {
    const value = Object.freeze([
      Object.freeze({ at: new Date(1), in: Object.freeze([undefined, Object.freeze({ x: -0 })]) }),
      1,
    ]);
    const before = inventory(value);
    expect(inventory(roundTrip(value))).toBe(before);
    expect(inventory(value)).toBe(before);
  });

  test('decoding the same bytes twice gives equal values that share nothing', () => {
    const stored = typedJson.encode({ rows: [{ at: new Date(1) }], tags: new Set(['a']) });
    const copy = Buffer.from(stored);
    const first = typedJson.decode(stored) as { rows: { at: Date }[] };
    first.rows[0]?.at.setTime(2);
    expect(typedJson.decode(stored)).toEqual({ rows: [{ at: new Date(1) }], tags: new Set(['a']) });
    expect(Buffer.compare(copy, stored)).toBe(0);
  });
});

describe('the bytes', () => {
  const outline = (value: unknown): unknown => (JSON.parse(textOf(value)) as [unknown])[0];

  test('are plain JSON where nothing is special', () => {
    const value = { name: 'Port', tags: ['a', 1.5, true, null], at: { x: 1, y: [] }, text: 'Zürich 🏰' };
    expect(textOf(value)).toBe(JSON.stringify(value));
    expect(textOf('text')).toBe('"text"');
  });

  test('name a column of dates once, however many rows there are, absent or null in some', () => {
    const rows = (count: number): unknown[] =>
      Array.from({ length: count }, (_, id) => ({
        id,
        createdAt: new Date(id),
        ...(id % 3 && { deletedAt: id % 2 ? null : new Date(id) }),
      }));
    const expected = { of: '*', in: ['createdAt', 'd', 'deletedAt', 'd'] };
    expect(outline(rows(9))).toEqual(expected);
    expect(outline(rows(1000))).toEqual(expected);
    expect(outline(Object.fromEntries(rows(1000).map((row, i) => [`id${i}`, row])))).toEqual(expected);
    expect(outline(new Map(rows(1000).map((row, i) => [`id${i}`, row])))).toEqual({
      of: 'map',
      in: { of: '*', in: expected },
    });
    expect(outline([new Date(1), undefined, Number.NaN, true, {}])).toEqual({ of: '*', in: 'duf' });
  });

  test('name a column of sets once, though some are empty', () => {
    const rows = [new Set([new Date(1)]), new Set(), new Set([new Date(2)])].map((days) => ({ days }));
    const expected = { of: '*', in: ['days', { of: 'set', in: { of: '*', in: 'd' } }] };
    expect(outline(rows)).toEqual(expected);
    expect(outline(rows.slice(1))).toEqual(expected);
  });

  test('do not look for every key in every row where each row has keys of its own', () => {
    const rows = Array.from({ length: 200 }, (_, id) => ({ [`at${String(id)}`]: new Date(id) }));
    expect(outline(rows)).toHaveLength(400);
  });

  test('name a lone special value by its place', () => {
    const numbers: number[] = Array.from({ length: 100 }, (_, i) => i);
    numbers[40] = Number.NaN;
    expect(JSON.parse(textOf(numbers))).toEqual([[40, 'f'], numbers.with(40, 'NaN' as never)]);
  });
});
