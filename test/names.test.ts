import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bufferOf, bytesOf, nameOf } from '../src/names.js';

/** Any string of UTF-16 units: half pairs too, and their neighbours. */
const names = fc.oneof(
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) }),
  fc.string({ unit: fc.constantFrom('\ud83c', '\udff0', '\ufffd', '\ud7ff', '\ue000', 'é', 'a') }),
);

test('a name has bytes from which it can be read again, so that no two names share them', () => {
  fc.assert(
    fc.property(names, (name) => {
      expect(nameOf(bufferOf(name))).toBe(name);
    }),
  );
});

test('a name without half pairs has the bytes that it has in UTF-8', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (name) => {
      expect(bytesOf(name)).toBe(name);
    }),
  );
});
