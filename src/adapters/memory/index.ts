import type { Bus, Fetch, Marks, Store, SubjectKey } from '../../contract.js';
import { memoryBus, type MemoryBusOptions } from './bus.js';
import { memoryMarks, type MemoryMarksOptions } from './marks.js';
import { memoryStore, type MemoryStoreOptions } from './store.js';

export { memoryBus, memoryMarks, memoryStore };
export type { MemoryBusOptions, MemoryMarksOptions, MemoryStoreOptions };

export interface MemoryOptions extends MemoryStoreOptions, MemoryMarksOptions, MemoryBusOptions {}

export interface Memory {
  readonly store: Store;
  readonly marks: Marks;
  readonly bus: Bus;
}

/**
 * Store, marks and bus in this process: the default, and what tests use. Tides that are given the same one are replicas
 * of each other; two processes know nothing of each other. Throws INVALID_OPTION for a bound that is no whole number
 * of at least 1.
 *
 * @example
 * const shared = memory({ maxEntries: 10_000 });
 * const tides = [createTidemark({ model, origin, ...shared }), createTidemark({ model, origin, ...shared })];
 */
export function memory(options: MemoryOptions = {}): Memory {
  const store = memoryStore(options);
  const marks = memoryMarks(options);
  return {
    store,
    marks: { ...marks, fetchFrom: (other, suffix = '') => (other === store ? together(store, marks, suffix) : null) },
    bus: memoryBus(options),
  };
}

/** Values first, then their marks: a mark that moves between the two is newer than the value, which then misses. */
function together(store: Store, marks: Marks, suffix: string): Fetch {
  return async (keys, predicted, subjectsOf) => {
    const entries = await store.getMany(keys);
    const subjects = new Set<SubjectKey>(predicted);
    for (const entry of entries)
      if (entry !== undefined) for (const one of subjectsOf(entry.value)) subjects.add((one + suffix) as SubjectKey);
    return { entries, subjects: [...subjects], read: await marks.read([...subjects]) };
  };
}
