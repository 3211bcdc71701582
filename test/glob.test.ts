import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { escapeGlob, globToMatcher } from '../src/glob.js';

/** Redis' stringmatchlen, by the book and exponential: the star tries every length. */
function redisMatches(glob: string, key: string): boolean {
  if (glob === '') return key === '';
  const head = glob.charAt(0);
  if (head === '*') return redisMatches(glob.slice(1), key) || (key !== '' && redisMatches(glob, key.slice(1)));
  if (key === '') return false;
  if (head === '?') return redisMatches(glob.slice(1), key.slice(1));
  if (head === '\\' && glob.length > 1)
    return glob.charAt(1) === key.charAt(0) && redisMatches(glob.slice(2), key.slice(1));
  if (head !== '[') return head === key.charAt(0) && redisMatches(glob.slice(1), key.slice(1));
  let rest = glob.slice(1);
  const negated = rest.startsWith('^');
  if (negated) rest = rest.slice(1);
  let hit = false;
  while (rest !== '' && !rest.startsWith(']')) {
    if (rest.startsWith('\\') && rest.length >= 2) {
      hit ||= rest.charAt(1) === key.charAt(0);
      rest = rest.slice(2);
    } else if (rest.length >= 3 && rest.charAt(1) === '-') {
      const [low = '', high = ''] = [rest.charAt(0), rest.charAt(2)].sort();
      hit ||= key.charAt(0) >= low && key.charAt(0) <= high;
      rest = rest.slice(3);
    } else {
      hit ||= rest.charAt(0) === key.charAt(0);
      rest = rest.slice(1);
    }
  }
  return hit !== negated && redisMatches(rest.slice(1), key.slice(1));
}

describe('globs', () => {
  test('a matcher agrees with the recursive definition on any glob and key', () => {
    const glob = fc.array(fc.constantFrom('*', '*', '?', '[', ']', '^', '-', '\\', 'a', 'b', 'c', ':'), {
      maxLength: 9,
    });
    const key = fc.array(fc.constantFrom('a', 'b', 'c', ':', ']', '-', '\\', '^'), { maxLength: 7 });
    fc.assert(
      fc.property(glob, key, (globTexts, keyTexts) => {
        expect(globToMatcher(globTexts.join(''))(keyTexts.join(''))).toBe(
          redisMatches(globTexts.join(''), keyTexts.join('')),
        );
      }),
      { numRuns: 5000 },
    );
  });

  test.each([
    ['h?llo', 'hallo', true],
    ['h?llo', 'hllo', false],
    ['h[ae]llo', 'hillo', false],
    ['h[^e]llo', 'hello', false],
    ['h[z-a]llo', 'hello', true],
    ['h[ae', 'ha', true],
    ['h\\*llo', 'h*llo', true],
    ['h\\*llo', 'hallo', false],
    ['a\\', 'a\\', true],
    ['*', '', true],
    ['ab*bc', 'abc', false],
    ['a*b*b', 'ab', false],
    ['a*b*b', 'abb', true],
    ['**a**', 'bab', true],
    ['🏰*', '🏰:main', true],
    // The server counts bytes: é is two of them.
    ['caf?', 'café', false],
    ['caf??', 'café', true],
    ['caf[^x]*', 'café', true],
  ])('%s against %s is %s', (glob, key, matches) => {
    expect(globToMatcher(glob)(key)).toBe(matches);
  });

  test('many stars cost no more than the length of the key for each', () => {
    // The recursive definition would need more steps here than there are atoms.
    const stars = 'a*'.repeat(60);
    const key = 'a'.repeat(20_000);
    expect(globToMatcher(`${stars}b`)(key)).toBe(false);
    expect(globToMatcher(`${stars}?*b`)(key)).toBe(false);
    expect(globToMatcher(`${stars}[ab]`)(key)).toBe(true);
  });

  test('an escaped text matches itself and nothing else', () => {
    const text = fc
      .array(fc.constantFrom('*', '?', '[', ']', '^', '-', '\\', 'a', 'é', '🏰'))
      .map((units) => units.join(''));
    fc.assert(
      fc.property(text, text, (own, other) => {
        expect(globToMatcher(escapeGlob(own))(own)).toBe(true);
        expect(globToMatcher(escapeGlob(own))(other)).toBe(own === other);
      }),
    );
  });
});
