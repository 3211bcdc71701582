import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { plain } from '../../src/realtime/plain.js';
import { parseRoomName, roomName } from '../../src/realtime/index.js';

test.each([
  [12n, { $bigint: '12' }],
  [new Date(0), { $date: '1970-01-01T00:00:00.000Z' }],
  [new Date(NaN), { $date: 'NaN' }],
  [NaN, { $number: 'NaN' }],
  [-Infinity, { $number: '-Infinity' }],
  [-0, { $number: '-0' }],
  [new Uint8Array([1, 2]), { $bytes: 'AQI=' }],
  [new Map([[1n, new Set([null])]]), { $map: [[{ $bigint: '1' }, { $set: [null] }]] }],
  [{ $bigint: '12' }, { $object: [['$bigint', '12']] }],
  [
    { a: undefined, b: [() => 1, 'c'], d: null },
    { b: [null, 'c'], d: null },
  ],
])('%o is sent as JSON has it', (value, expected) => {
  expect(plain(value)).toEqual(expected);
  expect(JSON.parse(JSON.stringify(plain(value)))).toEqual(expected);
});

/** What a client makes of it. */
function read(sent: unknown): unknown {
  if (Array.isArray(sent)) return sent.map(read);
  if (typeof sent !== 'object' || sent === null) return sent;
  const entries = Object.entries(sent);
  const [[mark, of] = ['', '']] = entries as [string, string][];
  switch (mark) {
    case '$bigint':
      return BigInt(of);
    case '$number':
      return Number(of);
    case '$date':
      return new Date(of);
    case '$bytes':
      return new Uint8Array(Buffer.from(of, 'base64'));
    case '$map':
      return new Map(read(of) as [unknown, unknown][]);
    case '$set':
      return new Set(read(of) as unknown[]);
    case '$object':
      return Object.fromEntries((of as unknown as [string, unknown][]).map(([name, value]) => [name, read(value)]));
    default:
      return Object.fromEntries(entries.map(([name, value]) => [name, read(value)]));
  }
}

test('a client can tell every value from every other, whatever its fields are called', () => {
  const leaf = fc.oneof(
    fc.string(),
    fc.double(),
    fc.bigInt(),
    fc.boolean(),
    fc.constant(null),
    fc.date({ noInvalidDate: true }),
    fc.uint8Array(),
  );
  const name = fc.oneof(fc.string(), fc.constantFrom('$bigint', '$object', '$map', '__proto__', 'constructor'));
  const { value } = fc.letrec<{ readonly value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      fc.array(tie('value')),
      fc.dictionary(name, tie('value'), { noNullPrototype: true }),
      fc.array(fc.tuple(tie('value'), tie('value'))).map((pairs) => new Map(pairs)),
      fc.array(tie('value')).map((values) => new Set(values)),
    ),
  }));
  fc.assert(
    fc.property(value, (given) => {
      return isDeepStrictEqual(read(JSON.parse(JSON.stringify(plain(given)))), given);
    }),
    { numRuns: 500 },
  );
});

test('a room has the name of its entity, and no two have one name', () => {
  expect(roomName('campaign', '123')).toBe('campaign:123');
  expect(roomName('settlement', 7n)).toBe('settlement:7');
  const name = fc.string({ unit: 'binary', minLength: 1 }).filter((text) => text.trim() !== '');
  fc.assert(
    fc.property(name, name, (type, id) => {
      expect(parseRoomName(roomName(type, id))).toEqual({ type, id });
    }),
  );
});

test.each(['', ' ', '\t'])('a room of a blank id %j throws, and a blank part is none', (blank) => {
  expect(() => roomName('campaign', blank)).toThrow(expect.objectContaining({ code: 'BLANK_ID' }));
  expect(() => roomName(blank, '1')).toThrow(expect.objectContaining({ code: 'BLANK_ID' }));
  expect(parseRoomName(`campaign:${blank}`)).toBeNull();
});

test.each(['', 'campaign', 'campaign:1:2', ':1', 'campaign:%zz', undefined, 7, null])(
  '%j is no name of a room',
  (name) => {
    expect(parseRoomName(name as string)).toBeNull();
  },
);
