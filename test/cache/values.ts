import fc from 'fast-check';

/** A value as text, down to the differences that equality often overlooks: -0, types, the order of keys. */
export function inventory(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  if (typeof value !== 'object' || value === null) return `${typeof value} ${String(value)}`;
  if (value instanceof Date) return `Date ${String(value.getTime())}`;
  if (value instanceof Uint8Array) return `${value.constructor.name} ${[...value].join()}`;
  if (Array.isArray(value)) return `[${Array.from(value, inventory).join()}]`;
  if (value instanceof Map) return `Map${inventory([...(value as Map<unknown, unknown>)])}`;
  if (value instanceof Set) return `Set${inventory([...(value as Set<unknown>)])}`;
  return `Object${inventory(Object.entries(value))}`;
}

const text = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 4 })
  .map((units) => String.fromCharCode(...units));
const key = fc.oneof(
  text,
  fc.constantFrom('__proto__', 'constructor', 'toString', 'length', '0', '*', 'of', 'd', 'map'),
);
const instant = fc.date({ noInvalidDate: false });
const bytes = fc.uint8Array({ maxLength: 8 });
const leaf = fc.oneof(
  { weight: 4, arbitrary: fc.oneof(fc.constant(null), fc.boolean(), fc.double(), fc.integer(), text) },
  {
    weight: 4,
    arbitrary: fc.oneof(fc.constant(undefined), instant, fc.bigInt(), fc.constantFrom(NaN, Infinity, -Infinity, -0)),
  },
  {
    weight: 1,
    arbitrary: fc.oneof(
      bytes,
      bytes.map((array) => Buffer.from(array)),
      fc.constantFrom('NaN', '-0', '1', ''),
    ),
  },
);
export const { tree: anyValue } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5, depthSize: 'small', withCrossShrink: true },
    leaf,
    tie('list'),
    tie('record'),
    tie('map'),
    tie('set'),
    tie('rows'),
  ),
  list: fc.array(tie('tree'), { maxLength: 6 }),
  record: fc.dictionary(key, tie('tree'), { maxKeys: 12 }),
  map: fc.array(fc.tuple(tie('tree'), tie('tree')), { maxLength: 4 }).map((entries) => new Map(entries)),
  set: fc.array(tie('tree'), { maxLength: 4 }).map((items) => new Set(items)),
  // Rows of one table: the same columns, each of few kinds, some absent. This is where outlines are shared.
  rows: fc.array(
    fc.record({ a: leaf, b: tie('tree'), c: fc.constantFrom(null, new Date(5), 5, undefined) }, { requiredKeys: [] }),
    { maxLength: 8 },
  ),
}));
