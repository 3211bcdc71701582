import assert from 'node:assert/strict';
import { encodeEntry } from '../../src/cache/entry.js';
import type { SubjectKey } from '../../src/contract.js';
import type { MarksFixture } from '../../src/testing/index.js';

type Beside = Omit<NonNullable<MarksFixture['beside']>, 'store'>;

/** Entries that are the list of their subjects, for stores where the core's own form does not matter. */
export const besideText: Beside = {
  entry: (subjects) => new TextEncoder().encode(JSON.stringify(subjects)),
  subjectsOf: (value) => JSON.parse(new TextDecoder().decode(value)) as SubjectKey[],
};

/** Entries in the core's own form, for stores that look into them. */
export const besideEntries: Beside = {
  entry: (subjects) =>
    encodeEntry({
      subjects,
      tokens: subjects.map(() => ({ epoch: 'e', position: 1, nonce: 'n' })),
      ...{ globs: { epoch: 'e', position: 0 }, fingerprint: 'f', graceMs: 0, absent: false, late: subjects.length },
      payload: new Uint8Array([0, 255, 10]),
    }),
  subjectsOf: () => assert.fail('the server reads it where the value is'),
};
