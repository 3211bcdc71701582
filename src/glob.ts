const GLOB_SPECIAL = /[*?[\]\\]/g;

/** The glob that matches exactly this text. */
export function escapeGlob(text: string): string {
  return text.replace(GLOB_SPECIAL, '\\$&');
}

/** One run of a glob between two stars: fixed text, or one test per byte. */
type Run = string | readonly ((byte: number) => boolean)[];

/**
 * Compiles a Redis glob (`*`, `?`, `[abc]`, `[a-z]`, `[^a]`, `\x`) to a predicate, so that tier 1 forgets exactly the
 * keys that `SCAN MATCH` finds. As there, `?` and a class stand for one byte of UTF-8, and a class left open ends with
 * the pattern.
 *
 * Each run between stars is looked for once, leftmost first, and never again: the work is at most key length ×
 * longest run, however many stars there are.
 *
 * @example
 * globToMatcher('settlements:*')('settlements:kingdom:7:main'); // true
 */
export function globToMatcher(glob: string): (key: string) => boolean {
  // UTF-8 is self-synchronising: text and stars alone match the same keys by character as by byte.
  const view = /[?[]/.test(glob) ? utf8 : (text: string) => text;
  const runs = compile(view(glob));
  const first = runs[0] ?? '';
  const last = runs.at(-1) ?? '';
  if (runs.length === 1) {
    return (key) => {
      const bytes = view(key);
      return bytes.length === first.length && runAt(first, bytes, 0);
    };
  }
  const middle = runs.slice(1, -1);
  return (key) => {
    const bytes = view(key);
    const end = bytes.length - last.length;
    if (end < first.length || !runAt(first, bytes, 0) || !runAt(last, bytes, end)) return false;
    let from = first.length;
    for (const run of middle) {
      const at = findRun(run, bytes, from);
      from = at + run.length;
      if (at < 0 || from > end) return false;
    }
    return true;
  };
}

function compile(glob: string): Run[] {
  const runs: Run[] = [];
  let tests: ((byte: number) => boolean)[] = [];
  let text: string | null = '';
  const add = (test: (byte: number) => boolean, literal: string | null): void => {
    tests.push(test);
    text = text === null || literal === null ? null : text + literal;
  };
  const endRun = (): void => {
    runs.push(text ?? tests);
    tests = [];
    text = '';
  };
  for (let i = 0; i < glob.length; i++) {
    const character = glob.charAt(i);
    if (character === '*') endRun();
    else if (character === '?') add(() => true, null);
    else if (character === '[') {
      const { test, end } = compileClass(glob, i + 1);
      add(test, null);
      i = end;
    } else {
      if (character === '\\' && i + 1 < glob.length) i++;
      const code = glob.charCodeAt(i);
      add((byte) => byte === code, glob.charAt(i));
    }
  }
  endRun();
  return runs;
}

/** Reads a class from behind its `[`. `end` is the index of its `]`, or of the last byte where there is none. */
function compileClass(glob: string, start: number): { test: (byte: number) => boolean; end: number } {
  const negated = glob.charAt(start) === '^';
  const ranges: [low: number, high: number][] = [];
  let i = negated ? start + 1 : start;
  for (; i < glob.length && glob.charAt(i) !== ']'; i++) {
    if (glob.charAt(i) === '\\' && i + 1 < glob.length) i++;
    else if (glob.charAt(i + 1) === '-' && i + 2 < glob.length) {
      // Redis takes the bound even if it is `]` or `\`, and accepts the bounds in either order.
      const [a, b] = [glob.charCodeAt(i), glob.charCodeAt(i + 2)];
      ranges.push([Math.min(a, b), Math.max(a, b)]);
      i += 2;
      continue;
    }
    ranges.push([glob.charCodeAt(i), glob.charCodeAt(i)]);
  }
  const test = (byte: number): boolean => negated !== ranges.some(([low, high]) => byte >= low && byte <= high);
  return { test, end: Math.min(i, glob.length - 1) };
}

function runAt(run: Run, text: string, at: number): boolean {
  if (typeof run === 'string') return text.startsWith(run, at);
  return run.every((test, i) => test(text.charCodeAt(at + i)));
}

function findRun(run: Run, text: string, from: number): number {
  if (typeof run === 'string') return text.indexOf(run, from);
  for (let at = from; at + run.length <= text.length; at++) if (runAt(run, text, at)) return at;
  return -1;
}

/** The UTF-8 bytes of a text, one per character; ASCII is returned as it is. */
function utf8(text: string): string {
  if (!/[\u0080-\uFFFF]/.test(text)) return text;
  let bytes = '';
  for (const byte of new TextEncoder().encode(text)) bytes += String.fromCharCode(byte);
  return bytes;
}
