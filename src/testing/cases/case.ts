import assert from 'node:assert/strict';
import type { Awaitable } from '../../contract.js';

/** One sentence of behaviour that every implementation keeps. Rejects with an AssertionError if this one does not. */
export interface ContractCase<Fixture> {
  readonly name: string;
  /** `make` gives a fresh, empty instance with what the case needs around it; a case calls it once. */
  run(make: () => Awaitable<Fixture>): Promise<void>;
}

/** A case that an implementation does not keep, and why. */
export type Skip = readonly [name: string, reason: string];

export interface RunnableCase<Fixture> extends ContractCase<Fixture> {
  /** Why this case is not to be run; undefined if it is. */
  readonly skip: string | undefined;
}

/**
 * The cases with the reasons why some are not run. Throws if a skip names no case, so that it cannot outlive a renaming.
 *
 * @example
 * for (const { name, run, skip } of casesFor(storeCases, [['renews …', 'this server cannot']])) {
 *   test(name, { skip: skip !== undefined }, () => run(make));
 * }
 */
export function casesFor<Fixture>(
  cases: readonly ContractCase<Fixture>[],
  skips: readonly Skip[] = [],
): readonly RunnableCase<Fixture>[] {
  const reasons = new Map(skips);
  for (const name of reasons.keys()) {
    assert.ok(
      cases.some((one) => one.name === name),
      `skips: '${name}' is the name of no case.`,
    );
  }
  return cases.map(({ name, run }) => ({ name, run, skip: reasons.get(name) }));
}

/** What lets time pass: a fake clock moves, in front of a real server the test waits. */
export type Elapse = (ms: number) => Awaitable<unknown>;

const PATIENCE_MS = 5000;

/** Waits until `said` gives as many items as expected, then a little more for any that should not come; asserts equality. */
export async function eventually<Item>(
  elapse: Elapse,
  said: () => readonly Item[],
  expected: readonly Item[],
): Promise<void> {
  for (let waitedMs = 0; said().length < expected.length && waitedMs < PATIENCE_MS; waitedMs += 10) await elapse(10);
  await elapse(50);
  assert.deepEqual(said(), expected);
}

/** Long lists are equal. Names the first difference only: a diff of thousands of lines takes gigabytes. */
export function assertSameList(actual: readonly string[], expected: readonly string[]): void {
  const differs = expected.findIndex((item, i) => actual[i] !== item);
  assert.equal(actual[differs], expected[differs], `the first difference is at ${String(differs)}`);
  assert.equal(actual.length, expected.length);
}

/** Bytes as plain numbers, so that a Buffer and a Uint8Array of the same content are equal. */
export const plain = (bytes: Uint8Array | undefined): readonly number[] | undefined => bytes && [...bytes];

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What breaks text that should have been bytes: all values, nothing at all, zeros, broken UTF-8, a view into more. */
export const awkwardBytes: readonly Uint8Array[] = [
  Uint8Array.from({ length: 256 }, (_, i) => i),
  new Uint8Array(0),
  new Uint8Array([0, 0, 0]),
  new Uint8Array([0xff, 0xfe, 0xc3, 0x28, 0xed, 0xa0, 0x80, 0x00]),
  utf8('\r\n$-1\r\n*0\r\n'),
  Uint8Array.from({ length: 64 }, (_, i) => i).subarray(13, 29),
  Buffer.from('a view of a pooled buffer'),
];

/** What breaks names that were glued together, quoted wrongly or taken for a property. */
export const awkwardNames: readonly string[] = [
  'plain',
  ' ',
  'a b\tc\r\nd',
  '{tag}:x',
  '}{',
  'it\'s "quoted" `so`',
  '__proto__',
  'constructor',
  'toString',
  '*',
  'a*b?c[d]e\\f',
  '%00%25',
  '\u0000',
  'a\u0000b',
  'Zürich · 東京 · 🏰',
  'e\u0301',
  '\u00e9',
  '-1',
  '0',
  "'; DROP TABLE t; --",
  'x'.repeat(1000),
];
