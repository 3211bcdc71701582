import type { SubjectKey } from '../../src/contract.js';
import type { MarksFixture } from '../../src/testing/index.js';

/** Entries that are the list of their subjects, for stores where the core's own form does not matter. */
export const besideText: Omit<NonNullable<MarksFixture['beside']>, 'store'> = {
  entry: (subjects) => new TextEncoder().encode(JSON.stringify(subjects)),
  subjectsOf: (value) => JSON.parse(new TextDecoder().decode(value)) as SubjectKey[],
};
