import fc from 'fast-check';
import { expect, test } from 'vitest';
import { revive } from '../../src/client/index.js';
import { plain } from '../../src/realtime/plain.js';
import type { PlainValue } from '../../src/realtime/frames.js';

/** What fields of rows hold: everything that the server has a sign for, as deep as it likes. */
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.string(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    fc.bigInt(),
    fc.date({ noInvalidDate: false }),
    fc.uint8Array(),
    fc.array(tie('value')),
    fc.array(tie('value')).map((items) => new Set(items)),
    fc.array(fc.tuple(tie('value'), tie('value'))).map((entries) => new Map(entries)),
    fc.dictionary(
      fc
        .oneof(
          fc.string(),
          fc.string().map((name) => `$${name}`),
        )
        .filter((name) => name !== '__proto__'),
      tie('value'),
      { noNullPrototype: true },
    ),
  ),
}));

test('what a client is given is what the server had', () => {
  fc.assert(
    fc.property(value, (given) => {
      expect(revive(JSON.parse(JSON.stringify(plain(given))) as PlainValue)).toEqual(given);
    }),
    { numRuns: 1000 },
  );
});
