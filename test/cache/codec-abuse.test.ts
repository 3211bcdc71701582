import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { typedJson } from '../../src/cache/codec.js';
import { isTidemarkError } from '../../src/errors.js';
import { anyValue } from './values.js';

class Decimal {
  readonly cents = 1;
}
class ZonedDate extends Date {
  zone(): string {
    return 'UTC';
  }
}

const roundTrip = (value: unknown): unknown => typedJson.decode(typedJson.encode(value));

function thrownBy(run: () => unknown): { code: string; message: string } {
  try {
    run();
  } catch (error) {
    if (isTidemarkError(error)) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('what is refused, with its path', () => {
  test.each<[string, unknown]>([
    [
      '$.rows[3].price: expected plain data, got an instance of Decimal.',
      { rows: [1, 2, 3, { price: new Decimal() }] },
    ],
    ['$: expected plain data, got a function.', () => 1],
    ['$.toJSON: expected plain data, got a function.', { toJSON: () => 1 }],
    ['$["a b"].c: expected plain data, got a symbol.', { 'a b': { c: Symbol('x') } }],
    ['$.a: expected plain data, got the symbol key Symbol(x).', { a: { [Symbol('x')]: 1 } }],
    ['$[0]: expected plain data, got an instance of Promise.', [Promise.resolve()]],
    ['$: expected plain data, got an instance of ZonedDate.', new ZonedDate(0)],
    ['$: expected plain data, got an instance of RegExp.', /x/],
    ['$: expected plain data, got an instance of TypeError.', new TypeError('x')],
    ['$: expected plain data, got an instance of Number.', Object(1)],
    ['$: expected plain data, got an instance of URL.', new URL('http://localhost')],
    ['$: expected plain data, got an instance of Float64Array.', new Float64Array(1)],
    ['$: expected plain data, got an instance of ArrayBuffer.', new ArrayBuffer(1)],
    ['$: expected plain data, got an instance of WeakMap.', new WeakMap()],
    ['$: expected plain data, got an instance of Rows.', new (class Rows extends Array {})()],
    ['$: expected plain data, got an instance of Table.', new (class Table extends Map {})()],
    ['$: expected plain data, got an object that inherits from another.', Object.create({})],
    ['$: expected plain data, got an object that inherits from another.', Object.create(Object.create(null) as object)],
    [
      '$.m[1][0]: expected plain data, got a function.',
      {
        m: new Map<unknown, unknown>([
          [1, 1],
          [() => 1, 1],
        ]),
      },
    ],
    ['$.s[1].f: expected plain data, got a function.', { s: new Set([1, { f: () => 1 }]) }],
  ])('%s', (message, value) => {
    expect(thrownBy(() => typedJson.encode(value))).toMatchObject({ code: 'UNENCODABLE', message });
  });

  test('symbol keys that are not enumerable are no data and do not matter', () => {
    expect(roundTrip(Object.defineProperty({ a: 1 }, Symbol('hidden'), { value: 1 }))).toEqual({ a: 1 });
  });

  test('a getter counts as its value, and one that throws is UNENCODABLE with its error as the cause', () => {
    expect(
      roundTrip({
        get at() {
          return new Date(1);
        },
      }),
    ).toEqual({ at: new Date(1) });
    const cause = new Error('no');
    const thrower = {
      get at(): never {
        throw cause;
      },
    };
    expect(thrownBy(() => typedJson.encode(thrower))).toMatchObject({ code: 'UNENCODABLE', cause });
  });

  test('a cycle is CYCLIC_VALUE and named at both ends', () => {
    const parent: Record<string, unknown> = { name: 'Port' };
    parent['rows'] = [1, { parent }];
    expect(thrownBy(() => typedJson.encode({ town: parent }))).toMatchObject({
      code: 'CYCLIC_VALUE',
      message: '$.town.rows[1].parent: expected plain data, got the value at $.town again.',
    });
    const map = new Map<string, unknown>();
    map.set('self', new Set([map]));
    expect(thrownBy(() => typedJson.encode(map)).code).toBe('CYCLIC_VALUE');
    const list: unknown[] = [];
    list.push(list);
    expect(thrownBy(() => typedJson.encode(list)).code).toBe('CYCLIC_VALUE');
  });

  test.each<[string, (inner: unknown) => unknown, number]>([
    ['arrays', (inner) => [inner], 1000],
    ['records', (inner) => ({ inner, at: new Date(1) }), 1000],
    ['sets', (inner) => new Set([inner]), 1000],
    ['maps, which count twice,', (inner) => new Map([[1, inner]]), 500],
  ])('%s may be nested 1,000 levels deep and no more', (_, wrap, most) => {
    let value: unknown = 1;
    for (let i = 0; i < most; i++) value = wrap(value);
    expect(Buffer.compare(typedJson.encode(roundTrip(value)), typedJson.encode(value))).toBe(0);
    expect(thrownBy(() => typedJson.encode(wrap(value)))).toMatchObject({
      code: 'UNENCODABLE',
      message: expect.stringContaining('more than 1,000 levels') as string,
    });
    for (let i = 0; i < 10_000; i++) value = wrap(value);
    expect(thrownBy(() => typedJson.encode(value)).code).toBe('UNENCODABLE');
  });
});

describe('bytes that are no entry', () => {
  const decode = (json: string): unknown => typedJson.decode(Buffer.from(json));
  const nested = (open: string, inner: string, close: string, depth: number): string =>
    open.repeat(depth) + inner + close.repeat(depth);

  test.each<[string, string]>([
    ['nothing', ''],
    ['a cut text', '{"a":'],
    ['an outline alone', '\t["d"]'],
    ['no outline', '\t{"a":1}'],
    ['an unknown code', '\t["?",1]'],
    ['a code of an inherited name', '\t["constructor",1]'],
    ['an outline that is a number', '\t[5,1]'],
    ['an outline that is null', '\t[null,1]'],
    ['an unknown kind', '\t[{"of":"list","in":"d"},[1]]'],
    ['a kind of an inherited name', '\t[{"of":"toString","in":"d"},[1]]'],
    ['a kind without inside', '\t[{"of":"*"},[1]]'],
    ['a date that is a text', '\t["d","2020-01-01"]'],
    ['an undefined that is a number', '\t["u",1]'],
    ['a number that is a word', '\t["f","many"]'],
    ['a bigint in hexadecimal', '\t["n","0x10"]'],
    ['a bigint that is blank', '\t["n",""]'],
    ['bytes that are no base64', '\t["b","@@@@"]'],
    ['a map of no pairs', '\t[{"of":"map","in":[]},[[1,2],[3]]]'],
    ['a map of texts', '\t[{"of":"map","in":[]},["ab"]]'],
    ['a set that is an object', '\t[{"of":"set","in":[]},{"length":1}]'],
    ['all of a number', '\t[{"of":"*","in":"d"},7]'],
    ['a field that is absent', '\t[["at","d"],{}]'],
    ['an index out of range', '\t[[7,"d"],[1]]'],
    ['a huge index', '\t[[4294967294,"d"],[1]]'],
    ['a negative index', '\t[[-1,"d"],[1]]'],
    ['a fractional index', '\t[[0.5,"d"],[1]]'],
    ['the length of an array', '\t[["length","d"],[1]]'],
    ['an index of an object', '\t[[0,"d"],{"0":1}]'],
    ['a key without outline', '\t[["at"],{"at":1}]'],
    ['the prototype', '\t[["__proto__",["polluted","d"]],{}]'],
    ['the prototype of an array', '\t[["__proto__",["polluted","d"]],[]]'],
    ['the constructor', '\t[["constructor",["prototype",["polluted","d"]]],{"a":1}]'],
    ['an outline nested too deep', `\t[${nested('[0,', '"d"', ']', 5000)},${nested('[', '1', ']', 5000)}]`],
    ['a very deep outline', `\t[${nested('{"of":"*","in":', '"d"', '}', 100_000)},${nested('[', '1', ']', 100_000)}]`],
  ])('%s is CORRUPT_ENTRY', (_, json) => {
    expect(thrownBy(() => decode(json)).code).toBe('CORRUPT_ENTRY');
  });

  test('an outline deeper than any value may be is refused before the stack is used up', () => {
    const deep = `\t[${nested('[0,', '"d"', ']', 2001)},${nested('[', '1', ']', 2001)}]`;
    expect(thrownBy(() => decode(deep)).message).toBe('A stored entry cannot be read: an outline is nested too deep.');
  });

  test('broken UTF-8 is CORRUPT_ENTRY, not a replacement character', () => {
    expect(thrownBy(() => typedJson.decode(new Uint8Array([0x22, 0xff, 0x22]))).code).toBe('CORRUPT_ENTRY');
    expect(thrownBy(() => typedJson.decode('"text"' as never)).code).toBe('CORRUPT_ENTRY');
  });

  test('a prototype that only some items name is passed over and stays as it is', () => {
    expect(
      decode('\t[{"of":"*","in":["__proto__",["polluted","d"],"constructor",["name","u"]]},[{},[],1,{"a":1}]]'),
    ).toEqual([{}, [], 1, { a: 1 }]);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('any bytes decode to a value or throw CORRUPT_ENTRY, and no prototype changes', () => {
    const before = [Object.prototype, Array.prototype, Map.prototype, Date.prototype].map(
      (prototype) => Reflect.ownKeys(prototype).length,
    );
    const decodesOrIsCorrupt = (stored: Uint8Array): void => {
      try {
        typedJson.decode(stored);
      } catch (error) {
        expect(error).toMatchObject({ name: 'TidemarkError', code: 'CORRUPT_ENTRY' });
      }
    };
    const outline = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 5 },
        fc.constantFrom('d', 'u', 'x', 'f', 'n', 'b', 'B', 'du', '', '?'),
        tie('pairs'),
        tie('whole'),
        fc.jsonValue(),
      ),
      pairs: fc.array(fc.oneof(fc.constantFrom('__proto__', 'a', 'constructor', 'length', 0, 1, -1), tie('tree')), {
        maxLength: 6,
      }),
      whole: fc.record({ of: fc.constantFrom('*', 'map', 'set', '__proto__'), in: tie('tree') }),
    })).tree;
    const data = fc.letrec((tie) => ({
      tree: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom(null, 1, '1', 'NaN', 'AA==', true),
        fc.array(tie('tree'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom('a', '__proto__', 'length'), tie('tree')),
      ),
    })).tree;
    const mutated = fc.tuple(anyValue, fc.nat(), fc.nat({ max: 255 })).map(([value, at, byte]) => {
      const stored = Uint8Array.from(typedJson.encode(value));
      stored[at % stored.length] = byte;
      return stored;
    });
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), decodesOrIsCorrupt));
    fc.assert(fc.property(mutated, decodesOrIsCorrupt), { numRuns: 1000 });
    fc.assert(
      fc.property(outline, data, (shape, value) =>
        decodesOrIsCorrupt(Buffer.from(`\t${JSON.stringify([shape, value])}`)),
      ),
      { numRuns: 3000 },
    );
    const after = [Object.prototype, Array.prototype, Map.prototype, Date.prototype].map(
      (prototype) => Reflect.ownKeys(prototype).length,
    );
    expect(after).toEqual(before);
  });
});
