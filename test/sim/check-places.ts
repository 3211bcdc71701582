import type { Violated } from './check.js';
import type { ReadChecker } from './check-reads.js';
import type { ReadRecord } from './history.js';
import { nearestOf, reachOf, regionOf } from './places.js';
import { IDS, type Row, type ValueName } from './world.js';

/**
 * Answers that hang on several rows at once: they are right if each row was something that the read could have given of it.
 * (An index is kept up row by row.) Of a row only those commits count that took it out of where the answer comes from, put
 * it there or changed it there, as for every question about a place: one that happened elsewhere says nothing of an earlier
 * move from there that has not been announced yet.
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
    const isRight =
      kind === 'nearest'
        ? someOf(this.#settlements(read, reachOf(Number(which), answer ?? []), branch), (rows) => {
            return JSON.stringify(nearestOf(Number(which), rows)) === JSON.stringify(answer);
          })
        : (this.#reads.allowed(read, `province:${which}@${branch}`) as (Row | null)[]).some((province) =>
            province === null || answer === null
              ? province === answer
              : isAnswer(this.#settlements(read, regionOf(province), branch), answer),
          );
    if (isRight) return;
    const shown = JSON.stringify(answer);
    this.#violated(
      'P1',
      `${read.label} on ${read.process.name}: ${name} is ${shown}, which no rows that it may see give`,
      read,
    );
  }

  /** By settlement, what the read could have found of it in a region. */
  #settlements(read: ReadRecord, region: string, branch: string): readonly (readonly (Row | null)[])[] {
    return IDS.settlement.map((id) => this.#reads.allowed(read, `${region}/${id}@${branch}`) as (Row | null)[]);
  }
}

/** Whether it is made of one from each. */
function isAnswer(settlements: readonly (readonly (Row | null)[])[], answer: readonly Row[]): boolean {
  return IDS.settlement.every((id, i) => {
    const given = JSON.stringify(answer.find((row) => row.id === id) ?? null);
    return (settlements[i] as (Row | null)[]).some((row) => JSON.stringify(row) === given);
  });
}

/** Whether it holds for some choice of one from each. */
function someOf<T>(choices: readonly (readonly T[])[], holds: (chosen: readonly T[]) => boolean): boolean {
  const [first, ...rest] = choices;
  if (first === undefined) return holds([]);
  return first.some((one) => someOf(rest, (others) => holds([one, ...others])));
}
