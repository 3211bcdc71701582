import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  buildBranchPattern,
  buildCacheKey,
  buildComputedFieldsKey,
  buildEntityListKey,
  buildEntityPattern,
  buildPrefixPattern,
  buildSpatialQueryKey,
  escapePart,
  globToMatcher,
  normalizeSpatialParams,
  parseCacheKey,
  unescapePart,
} from '../../src/cache/keys.js';

// Every UTF-16 code unit on its own, so lone surrogates come up as often as pairs and plain letters.
const codeUnits = fc
  .array(
    fc.oneof(
      fc.constantFrom(...':*?[]\\%uDC0 a'),
      fc.integer({ min: 0xd800, max: 0xdfff }).map((code) => String.fromCharCode(code)),
      fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code)),
    ),
    { maxLength: 8 },
  )
  .map((units) => units.join(''));
const id = codeUnits.filter((text) => text.trim() !== '');
const tuple = fc.record({ prefix: id, parts: fc.array(id, { maxLength: 4 }), branch: id });

const thrownBy = (run: () => unknown): { code: string; message: string } => {
  try {
    run();
  } catch (error) {
    return error as { code: string; message: string };
  }
  throw new Error('nothing was thrown');
};

describe('keys of plain ids', () => {
  test.each([
    [buildComputedFieldsKey('settlement', 'settle_123', 'main'), 'computed-fields:settlement:settle_123:main'],
    [buildEntityListKey('settlements', 'kingdom', 'kingdom_456', 'main'), 'settlements:kingdom:kingdom_456:main'],
    [buildEntityListKey('structures', 'settlement', '123', 'main'), 'structures:settlement:123:main'],
    [
      buildSpatialQueryKey('settlements-in-region', ['region_789'], 'main'),
      'spatial:settlements-in-region:region_789:main',
    ],
    [buildSpatialQueryKey('all-settlements', [], 'main'), 'spatial:all-settlements:main'],
    [
      buildCacheKey('computed-fields', ['settlement', '123', 'extra', 'data'], 'alternate-timeline-1'),
      'computed-fields:settlement:123:extra:data:alternate-timeline-1',
    ],
    [buildCacheKey('events', [], 'main'), 'events:main'],
    [buildCacheKey('rows', [7, 8n, '9'], 'feature/new-timeline'), 'rows:7:8:9:feature/new-timeline'],
    [buildPrefixPattern('computed-fields'), 'computed-fields:*'],
    [buildEntityPattern('settlement', '123', 'main'), '*:settlement:123:main'],
    [buildBranchPattern('feature/new-timeline'), '*:feature/new-timeline'],
  ])('%s', (built, expected) => {
    expect(built).toBe(expected);
  });

  test('a number, a bigint and their text are the same part, and -0 is 0', () => {
    expect(buildCacheKey('rows', [7], 'main')).toBe(buildCacheKey('rows', [7n], 'main'));
    expect(buildCacheKey('rows', [-0], 'main')).toBe('rows:0:main');
  });
});

describe('escaping', () => {
  test('separators, wildcards, backslash and percent become %XX, lone surrogates %uXXXX', () => {
    expect(escapePart(':*?[]\\%')).toBe('%3A%2A%3F%5B%5D%5C%25');
    expect(escapePart('a\ud800b')).toBe('a%uD800b');
    expect(escapePart('\udfff')).toBe('%uDFFF');
  });

  test('ordinary text, accents and surrogate pairs stay as they are', () => {
    for (const text of ['settle_123', 'feature/new-timeline', 'Čeština', '日本', '🏰', 'a b', '-1.5']) {
      expect(escapePart(text)).toBe(text);
    }
  });

  test('the escaped text has no separator, no wildcard and is well formed', () => {
    fc.assert(
      fc.property(codeUnits, (text) => {
        const escaped = escapePart(text);
        expect(escaped).not.toMatch(/[:*?[\]\\]/);
        expect(Buffer.from(escaped).toString()).toBe(escaped);
        expect(unescapePart(escaped)).toBe(text);
      }),
    );
  });

  test.each(['%', '%3', '%3a', '%41', '%2F', 'a%', '%u', '%uD80', '%u0041', '%uD83D%uDE00', '%%3A'])(
    'unescapePart gives null for %s, which escapePart never writes',
    (text) => {
      expect(unescapePart(text)).toBeNull();
      expect(parseCacheKey(`rows:${text}:main`)).toBeNull();
    },
  );
});

describe('parsing', () => {
  test('a built key parses to what it was built from, whatever its characters', () => {
    fc.assert(
      fc.property(tuple, ({ prefix, parts, branch }) => {
        expect(parseCacheKey(buildCacheKey(prefix, parts, branch))).toEqual({ prefix, parts, branch });
      }),
      { numRuns: 1000 },
    );
  });

  test('two tuples share a key only if they are the same tuple', () => {
    // A small alphabet makes near collisions likely: ['a', 'b'] against ['a:b'], '%3A' against ':'.
    const tricky = fc
      .array(fc.constantFrom('a', ':', '%', '3A', '\\', '*', '\ud83d', '\ude00', 'uD83D'), {
        minLength: 1,
        maxLength: 3,
      })
      .map((texts) => texts.join(''));
    const trickyTuple = fc.array(tricky, { minLength: 2, maxLength: 4 });
    const build = ([prefix = '', ...rest]: string[]): string =>
      buildCacheKey(prefix, rest.slice(0, -1), rest.at(-1) ?? '');
    fc.assert(
      fc.property(trickyTuple, trickyTuple, (a, b) => {
        expect(build(a) === build(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
      { numRuns: 1000 },
    );
  });

  test('distinct keys stay distinct as the UTF-8 that reaches a store', () => {
    fc.assert(
      fc.property(tuple, ({ prefix, parts, branch }) => {
        const key = buildCacheKey(prefix, parts, branch);
        expect(Buffer.from(key).toString()).toBe(key);
      }),
    );
  });

  test.each(['', 'computed-fields', '%3A'])('%j is no key', (text) => {
    expect(parseCacheKey(text)).toBeNull();
  });

  test('empty segments of a key from elsewhere are kept', () => {
    expect(parseCacheKey('test::123:main')).toEqual({ prefix: 'test', parts: ['', '123'], branch: 'main' });
    expect(parseCacheKey('a:b')).toEqual({ prefix: 'a', parts: [], branch: 'b' });
  });
});

describe('blank and unusable parts', () => {
  test.each([
    ['prefix', () => buildCacheKey('', ['1'], 'main')],
    ['parts[1]', () => buildCacheKey('rows', ['1', ' \t\n'], 'main')],
    ['branch', () => buildCacheKey('rows', ['1'], '\u00a0')],
    ['entityType', () => buildComputedFieldsKey('', '1', 'main')],
    ['entityId', () => buildComputedFieldsKey('settlement', '', 'main')],
    ['listType', () => buildEntityListKey(' ', 'kingdom', '1', 'main')],
    ['parentType', () => buildEntityListKey('settlements', '', '1', 'main')],
    ['parentId', () => buildEntityListKey('settlements', 'kingdom', '', 'main')],
    ['queryType', () => buildSpatialQueryKey('', [], 'main')],
    ['params[0]', () => buildSpatialQueryKey('near', [''], 'main')],
    ['prefix', () => buildPrefixPattern('')],
    ['entityId', () => buildEntityPattern('settlement', '', 'main')],
    ['branch', () => buildBranchPattern('')],
    ['worldId', () => normalizeSpatialParams(1, 2, 3, 3857, '')],
  ])('a blank %s throws BLANK_ID and is named', (name, run) => {
    const error = thrownBy(run);
    expect(error.code).toBe('BLANK_ID');
    expect(error.message).toContain(`${name} of a cache key`);
  });

  test.each([
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['undefined', undefined],
    ['null', null],
    ['object', {}],
  ])('a part that is %s throws INVALID_KEY and is named', (got, part) => {
    const error = thrownBy(() => buildCacheKey('rows', ['1', part as never], 'main'));
    expect(error.code).toBe('INVALID_KEY');
    expect(error.message).toBe(`parts[1] of a cache key: expected a string, bigint or finite number, got ${got}.`);
  });
});

describe('spatial parameters', () => {
  test('coordinates have six decimals, radius and SRID are in full, a world comes last', () => {
    expect(normalizeSpatialParams(1.234567, 2.345678, 1000, 3857)).toEqual(['1.234567', '2.345678', '1000', '3857']);
    expect(normalizeSpatialParams(1.23456789, 2.34567891, 0.5, 4326)).toEqual(['1.234568', '2.345679', '0.5', '4326']);
    expect(normalizeSpatialParams(1.5, -2, 1, 3857, 'world:1')).toEqual([
      '1.500000',
      '-2.000000',
      '1',
      '3857',
      'world:1',
    ]);
  });

  test('-0 and what rounds to it are 0', () => {
    expect(normalizeSpatialParams(-0, -0.0000001, -0, 3857)).toEqual(['0.000000', '0.000000', '0', '3857']);
  });

  test('no two radii share a key', () => {
    fc.assert(
      fc.property(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        (a, b) => {
          const same = normalizeSpatialParams(0, 0, a, 4326)[2] === normalizeSpatialParams(0, 0, b, 4326)[2];
          expect(same).toBe(a === b);
        },
      ),
    );
    expect(normalizeSpatialParams(0, 0, 0.1, 4326)).not.toEqual(normalizeSpatialParams(0, 0, 0.4, 4326));
  });

  test.each([
    ['x: expected a finite number, got NaN.', () => normalizeSpatialParams(Number.NaN, 0, 1, 3857)],
    ['y: expected a finite number, got -Infinity.', () => normalizeSpatialParams(0, -Infinity, 1, 3857)],
    ['radius: expected a finite number, got Infinity.', () => normalizeSpatialParams(0, 0, Infinity, 3857)],
    ['radius: expected a finite number, got string.', () => normalizeSpatialParams(0, 0, '5' as never, 3857)],
    ['srid: expected a positive whole number, got 3.14.', () => normalizeSpatialParams(0, 0, 1, 3.14)],
    ['srid: expected a positive whole number, got 0.', () => normalizeSpatialParams(0, 0, 1, 0)],
  ])('INVALID_GEOMETRY: %s', (message, run) => {
    expect(thrownBy(run)).toMatchObject({ code: 'INVALID_GEOMETRY', message });
  });
});

describe('patterns', () => {
  test('a pattern finds the keys of its own prefix, entity or branch and no other', () => {
    const exact = (pattern: string, own: string, other: string): void => {
      expect(globToMatcher(pattern)(own)).toBe(true);
      expect(globToMatcher(pattern)(other)).toBe(false);
    };
    exact(buildPrefixPattern('rows'), buildCacheKey('rows', ['1'], 'main'), buildCacheKey('rows2', ['1'], 'main'));
    exact(buildBranchPattern('main'), buildCacheKey('rows', ['1'], 'main'), buildCacheKey('rows', ['1'], 'x:main'));
    exact(
      buildEntityPattern('settlement', 'c1', 'main'),
      buildComputedFieldsKey('settlement', 'c1', 'main'),
      buildComputedFieldsKey('settlement', 'c10', 'main'),
    );
  });

  test('no id acts as a wildcard', () => {
    fc.assert(
      fc.property(id, id, (wanted, other) => {
        const matches = globToMatcher(buildEntityPattern('settlement', wanted, 'main'));
        expect(matches(buildComputedFieldsKey('settlement', wanted, 'main'))).toBe(true);
        expect(matches(buildComputedFieldsKey('settlement', other, 'main'))).toBe(wanted === other);
      }),
    );
  });
});
