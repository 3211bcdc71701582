import fc from 'fast-check';

/** Random rules that nobody means well with, or that make no sense, and contexts of any shape. */

export const NAMES = [
  ...[
    'var',
    'val',
    'exists',
    'missing',
    'missing_some',
    'log',
    'preserve',
    'if',
    '?:',
    'and',
    'or',
    '!',
    '!!',
    '??',
    'try',
    'throw',
  ],
  ...[
    '<',
    '<=',
    '>',
    '>=',
    '==',
    '!=',
    '===',
    '!==',
    '+',
    '-',
    '*',
    '/',
    '%',
    'max',
    'min',
    'cat',
    'substr',
    'in',
    'merge',
  ],
  ...['map', 'filter', 'reduce', 'some', 'all', 'none'],
];

/** Names that every object inherits, and `secret`, which the test plants in Object.prototype. */
export const INHERITED = ['constructor', '__proto__', 'toString', 'valueOf', 'hasOwnProperty', 'secret'] as const;
const KEYS = ['a', 'b', 'list', 'items', 'length', '0', '1', 'index', 'current', 'accumulator', 'type', ''] as const;

const key = fc.constantFrom(...KEYS, ...INHERITED);
const path = fc.oneof(
  key,
  fc.array(key, { minLength: 2, maxLength: 4 }).map((keys) => keys.join('.')),
);
const plain = fc.oneof(
  fc.constantFrom<unknown>(null, true, false, 0, 1, -1, 2.5, 1e308, '', '3', 'x', '__proto__', 'constructor'),
  fc.integer({ min: -3, max: 60 }),
  path,
);
const climb = fc
  .tuple(fc.tuple(fc.integer({ min: -1, max: 5 })), fc.array(key, { maxLength: 2 }))
  .map(([up, keys]) => ({ val: [up, ...keys] }));

export const hostileRule: fc.Arbitrary<unknown> = fc.letrec<{ rule: unknown; args: unknown }>((tie) => ({
  rule: fc.oneof(
    { depthSize: 'large', maxDepth: 7, withCrossShrink: true },
    plain,
    fc.constantFrom({ preserve: Array.from({ length: 40 }, (_, i) => i) }, [1, 2], { var: '' }),
    path.map((dotted) => ({ var: dotted })),
    climb,
    fc.tuple(fc.constantFrom(...NAMES), tie('args')).map(([name, args]) => ({ [name]: args })),
    fc
      .tuple(fc.constantFrom('map', 'filter', 'some', 'all', 'none'), tie('rule'), tie('rule'))
      .map(([name, from, body]) => ({ [name]: [from, body] })),
    fc.tuple(tie('rule'), tie('rule'), tie('rule')).map((args) => ({ reduce: args })),
    fc.array(tie('rule'), { maxLength: 3 }),
    fc.tuple(fc.constantFrom(...INHERITED), tie('args')).map(([name, args]) => Object.fromEntries([[name, args]])),
  ),
  args: fc.oneof(tie('rule'), fc.array(tie('rule'), { maxLength: 4 })),
})).rule;

export const hostileContext: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    plain,
    fc.array(fc.integer({ min: -5, max: 5 }), { maxLength: 30 }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .array(fc.tuple(fc.constantFrom(...KEYS, 'constructor', '__proto__'), tie('value')), { maxLength: 5 })
      .map((entries) => Object.fromEntries(entries)),
  ),
})).value;
