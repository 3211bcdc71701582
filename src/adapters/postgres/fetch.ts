import type { Fetch, SubjectKey } from '../../contract.js';
import { bufferOf, nameOf } from '../../names.js';
import { partitionOf } from '../../subject.js';
import { indexed } from './indexed.js';
import { headOf, minting, readOf } from './marks-wire.js';
import { type Partitions, runOpened, subjectBytes } from './partitions.js';
import type { Row } from './run.js';
import { storedOf } from './store.js';

/** Values, and all marks that they name, by one statement. */
export function fetchTogether(partitions: Partitions, suffix: string): Fetch {
  const { count, numbers, statements } = partitions;
  return async (keys, predicted) => {
    const asked = [...new Set(predicted)];
    const values = [
      keys.map((key) => indexed(bufferOf(key))),
      bufferOf(suffix),
      subjectBytes(asked),
      asked.map((subject) => partitionOf(subject, count)),
      numbers,
    ];
    const { heads, rows } = await runOpened(partitions, numbers, [statements.fetch, values]);
    const marks = new Map<SubjectKey, Row | undefined>(asked.map((subject) => [subject, undefined]));
    for (const row of rows) {
      if (row['kind'] !== 'mark') continue;
      const { name, at } = row;
      const subject = name === null ? asked[Number(at) - 1] : nameOf(name as Buffer);
      marks.set(subject as SubjectKey, row);
    }
    const mints = heads.map(minting);
    const touched = new Set<number>();
    const minted = [...marks].map(([subject, mark]) => {
      const partition = partitionOf(subject, count);
      touched.add(partition);
      return (mints[partition] as ReturnType<typeof minting>)(mark);
    });
    const entries = rows.filter(({ kind }) => kind === 'entry');
    return {
      entries: storedOf(keys.length, entries),
      subjects: [...marks.keys()],
      read: readOf(minted, heads.filter(({ number }) => touched.has(Number(number))).map(headOf)),
    };
  };
}
