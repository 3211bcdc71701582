import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type StoredEntry, decodeEntry, encodeEntry, subjectsOfEntry } from '../../src/cache/entry.js';
import type { SubjectKey, Token } from '../../src/contract.js';

const position = fc.nat(Number.MAX_SAFE_INTEGER);
const text = fc.string({ unit: 'grapheme' });
const token: fc.Arbitrary<Token> = fc.record({ epoch: fc.constantFrom('', 'e', 'é'), position, nonce: text });
const entry: fc.Arbitrary<StoredEntry> = fc.array(fc.tuple(text, token), { maxLength: 40 }).chain((marks) =>
  fc.record({
    subjects: fc.constant(marks.map(([subject]) => subject as SubjectKey)),
    tokens: fc.constant(marks.map(([, one]) => one)),
    late: fc.nat(marks.length),
    globs: fc.record({ epoch: fc.constantFrom('e', 'other'), position }),
    fingerprint: text,
    graceMs: fc.double({ min: 0, noNaN: true }),
    absent: fc.boolean(),
    payload: fc.uint8Array(),
  }),
);

test('an entry comes out of its bytes as it went in, wherever these lie', () => {
  fc.assert(
    fc.property(entry, fc.nat(9), (one, before) => {
      const bytes = encodeEntry(one);
      const among = new Uint8Array(before + bytes.length);
      among.set(bytes, before);
      const { payload, ...rest } = decodeEntry(among.subarray(before));
      expect({ ...rest, payload: new Uint8Array(payload) }).toEqual(one);
      expect(subjectsOfEntry(bytes)).toEqual(one.subjects);
    }),
  );
});

test('more marks than an entry can carry, or a name too long for it, are UNENCODABLE or a RangeError: nothing is cut', () => {
  const few = fc.sample(entry, 1)[0] ?? expect.fail('an entry');
  const many = Array.from({ length: 65_536 }, (_, i) => `entity:t:${String(i)}:main` as SubjectKey);
  const tokens = many.map(() => ({ epoch: 'e', position: 0, nonce: '' }));
  expect(() => encodeEntry({ ...few, subjects: many, tokens, late: 0 })).toThrow(/at most 65535 marks, got 65536/);
  expect(() => encodeEntry({ ...few, fingerprint: 'f'.repeat(65_536) })).toThrow(RangeError);
});

test('bytes that are no entry name no subjects', () => {
  expect(subjectsOfEntry(new Uint8Array([1, 2, 3]))).toEqual([]);
  expect(() => decodeEntry(new Uint8Array([1]))).toThrow(/entry of 1 bytes: not one of version 2: version 1/);
});
