import { bufferOf } from '../../names.js';
import type { Row, Run } from './run.js';

const PAGE = 1000;
/** Keys are kept whole up to here. */
const MOST_PREFIX_BYTES = 900;

/** Rows of live keys that begin like the glob, by pages: each statement looks at 1,000 keys at most, from where the last one ended. */
export async function* scanPages(run: Run, statement: string, glob: string): AsyncIterable<readonly Row[]> {
  const prefix = bufferOf(prefixOf(glob)).subarray(0, MOST_PREFIX_BYTES);
  // No key has the byte 0xff in it.
  const end = Buffer.concat([prefix, Buffer.from([0xff])]);
  let from = prefix;
  for (;;) {
    const rows = await run(statement, [from, end, PAGE]);
    yield rows.filter(({ live }) => live === true);
    if (rows.length < PAGE) return;
    from = Buffer.concat([rows.at(-1)?.['key'] as Buffer, Buffer.from([0])]);
  }
}

/** What every key that matches a Redis glob begins with. */
export function prefixOf(glob: string): string {
  const literal = /^(?:[^*?[\\]|\\[\s\S])*/.exec(glob)?.[0] ?? '';
  return literal.replace(/\\([\s\S])/g, '$1');
}
