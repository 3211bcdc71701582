import type { Fetch, Marks, Store, SubjectKey } from '../../contract.js';
import { bytesOf } from '../../names.js';
import { partitionOf } from '../../subject.js';
import type { Reply } from './client.js';
import { FETCH } from './marks-scripts.js';
import { headOf, minting, readOf } from './marks-wire.js';
import type { Partitions } from './partitions.js';
import { storedOf } from './store.js';

/** On one server: values and all marks that they name by one script. */
export function fetchTogether(
  partitions: Partitions,
  storageKey: (key: string) => string | Buffer,
  suffix: string,
): Fetch {
  const { count, keyOf, numbers, run } = partitions;
  return async (keys, predicted) => {
    if (count > 1) await partitions.confirm();
    const asked = [...new Set(predicted)];
    const args = [keys.length, suffix, ...asked.map(bytesOf)];
    const [now, values, lives, added, ...answers] = await run(
      FETCH,
      [...keys.map(storageKey), ...numbers.map(keyOf)],
      args,
    );
    const subjects = [...asked, ...(added as readonly Buffer[]).map((subject) => String(subject) as SubjectKey)];
    const touched = new Set<number>();
    const mints = numbers.map((partition) => minting(answers[2 * partition], now));
    const minted = subjects.map((subject, i) => {
      const partition = partitionOf(subject, count);
      touched.add(partition);
      return (mints[partition] as (typeof mints)[0])((answers[2 * partition + 1] as readonly Reply[])[i]);
    });
    const heads = [...touched].sort((a, b) => a - b).map((partition) => headOf(partition, answers[2 * partition]));
    return { entries: storedOf(values, lives), subjects, read: readOf(minted, heads) };
  };
}

/** In a cluster: values and the marks asked for at once, each from its node. What else the values name takes another trip. */
export function fetchApart(store: Store, marks: Marks): Fetch {
  return async (keys, predicted) => {
    const subjects = [...new Set(predicted)];
    const [entries, read] = await Promise.all([store.getMany(keys), marks.read(subjects)]);
    return { entries, subjects, read };
  };
}
