import type { SubjectKey } from '../../contract.js';
import { TidemarkError } from '../../errors.js';
import { bufferOf } from '../../names.js';
import { indexed } from './indexed.js';
import type { Row, Run } from './run.js';
import type { MarksStatements } from './marks-sql.js';

/** What the marks are reached by. */
export interface Partitions {
  readonly count: number;
  readonly numbers: readonly number[];
  /** On which all partitions are announced. */
  readonly channel: string;
  readonly statements: MarksStatements;
  readonly run: Run;
  /** What an epoch begins with, should a statement have to begin one. */
  readonly seed: () => string;
}

/** How often partitions are opened for one read before it fails: a server that is started again meanwhile needs one more. */
const ATTEMPTS = 3;

/**
 * Runs a statement that gives heads, once if all of these partitions are there and of this server's run; else they are opened, which
 * takes one more trip, and it is run again. Heads come in order of partition.
 */
export async function runOpened(
  partitions: Partitions,
  numbers: readonly number[],
  [text, values]: readonly [text: string, values: readonly unknown[]],
): Promise<{ readonly heads: readonly Row[]; readonly rows: readonly Row[] }> {
  const { count, run, statements, seed, channel } = partitions;
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (attempt > 0) await run(statements.open, [count, seed(), channel, numbers]);
    const rows = await run(text, values);
    const heads = rows.filter(({ kind }) => kind === 'head').sort((a, b) => Number(a['number']) - Number(b['number']));
    const held = heads.filter(({ here, partitions: held }) => here === true && held === String(count));
    if (held.length === numbers.length) return { heads, rows };
  }
  throw new TidemarkError('MARKS_UNAVAILABLE', `marks: partitions ${numbers.join(', ')} change with every read.`);
}

/** Subjects as they are looked for. */
export const subjectBytes = (subjects: readonly SubjectKey[]): Buffer[] =>
  subjects.map((subject) => indexed(bufferOf(subject)));
