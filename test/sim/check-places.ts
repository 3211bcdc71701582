import type { Violated } from './check.js';
import type { ReadChecker } from './check-reads.js';
import type { ReadRecord } from './history.js';
import { IDS, type Row, type ValueName, liesIn, nearestOf } from './world.js';

/**
 * Answers that hang on several rows at once: they are right if each row was something that the read could have given of it.
 * (An index is kept up row by row.)
 */
export class PlacesChecker {
  readonly #reads: ReadChecker;
  readonly #violated: Violated;

  constructor(reads: ReadChecker, violated: Violated) {
    this.#reads = reads;
    this.#violated = violated;
  }

  /** `nearest:0@main`, or `in:p1@main`: null where there is no such province. */
  judge(read: ReadRecord, name: ValueName, answer: readonly Row[] | null): void {
    const [what, branch] = name.split('@') as [string, string];
    const [kind, which] = what.split(':') as [string, string];
    const settlements = IDS.settlement.map(
      (id) => this.#reads.allowed(read, `map:0/${id}@${branch}`) as (Row | null)[],
    );
    const isRight =
      kind === 'nearest'
        ? someOf(settlements, (rows) => JSON.stringify(nearestOf(Number(which), rows)) === JSON.stringify(answer))
        : (this.#reads.allowed(read, `province:${which}@${branch}`) as (Row | null)[]).some((province) =>
            isAnswerIn(province, settlements, answer),
          );
    if (isRight) return;
    const shown = JSON.stringify(answer);
    this.#violated(
      'P1',
      `${read.label} on ${read.process.name}: ${name} is ${shown}, which no rows that it may see give`,
      read,
    );
  }
}

function isAnswerIn(
  province: Row | null,
  settlements: readonly (Row | null)[][],
  answer: readonly Row[] | null,
): boolean {
  if (province === null || answer === null) return province === answer;
  return IDS.settlement.every((id, i) => {
    const given = JSON.stringify(answer.find((row) => row.id === id) ?? null);
    return (settlements[i] as (Row | null)[]).some(
      (row) => JSON.stringify(liesIn(row, province) ? row : null) === given,
    );
  });
}

/** Whether it holds for some choice of one from each. */
function someOf<T>(choices: readonly (readonly T[])[], holds: (chosen: readonly T[]) => boolean): boolean {
  const [first, ...rest] = choices;
  if (first === undefined) return holds([]);
  return first.some((one) => someOf(rest, (others) => holds([one, ...others])));
}
