import fc from 'fast-check';
import { expect, test } from 'vitest';
import { nameOf, slotOf, tagOf } from '../../../src/adapters/redis/names.js';

/** Any string of UTF-16 units: half pairs too, and what escapes are made of. */
const names = fc.oneof(
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)) }),
  fc.string({ unit: fc.constantFrom('\ud83c', '\udff0', '\ufffd', '{', '}', '~', '7', 'e', 'd', '8', '0', ':', 'é') }),
);

test('different names have different tags, and a key is in the slot of its tag', () => {
  fc.assert(
    fc.property(names, names, (a, b) => {
      expect(tagOf(a) === tagOf(b)).toBe(a === b);
      expect(nameOf(tagOf(a))).toBe(a);
      expect(Buffer.from(tagOf(a)).toString()).toBe(tagOf(a));
      expect(slotOf(`before:${tagOf(a)}:after`)).toBe(slotOf(tagOf(a).slice(1, -1)));
    }),
  );
});

test.each([
  ['123456789', 0x31c3],
  ['', 0],
  ['{user1000}.following', slotOf('user1000')],
  ['foo{}{bar}', slotOf(Buffer.from('foo{}{bar}'))],
  ['foo{{bar}}zap', slotOf('{bar')],
  ['foo{bar}{zap}', slotOf('bar')],
  ['{open', slotOf(Buffer.from('{open'))],
])('the slot of %j is %i, as the specification says', (key, slot) => {
  expect(slotOf(key)).toBe(slot);
});
