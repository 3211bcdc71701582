import assert from 'node:assert/strict';
import { describe, expect, test } from 'vitest';
import {
  busCases,
  casesFor,
  localStoreCases,
  marksCases,
  outboxCases,
  spatialCases,
  storeCases,
  type ContractCase,
} from '../../src/testing/index.js';
import type { Broken } from './broken/broken.js';
import { brokenBuses } from './broken/bus.js';
import { brokenLocalStores } from './broken/local-store.js';
import { brokenMarks } from './broken/marks.js';
import { brokenOutboxes } from './broken/outbox.js';
import { brokenSpatial } from './broken/spatial.js';
import { brokenStores } from './broken/store.js';

/** Cases for which no broken double has been found yet that only they catch. */
const UNPROVEN = new Set([
  'of many newEpoch at once exactly one moves the epoch, and all hear the same',
  'topics of any characters are kept apart',
]);

function suiteCanFail<Fixture>(
  suite: string,
  cases: readonly ContractCase<Fixture>[],
  doubles: readonly Broken<Fixture>[],
): void {
  describe(suite, () => {
    for (const [fault, caughtBy, make] of doubles) {
      test(`'${fault}' is caught: ${caughtBy}`, async () => {
        const named = cases.find(({ name }) => name === caughtBy);
        assert.ok(named, 'a case of that name');
        await expect(named.run(make)).rejects.toThrow();
      });
    }
    test('every case catches some fault, and no two cases have one name', () => {
      const names = cases.map(({ name }) => name).filter((name) => !UNPROVEN.has(name));
      expect(names.toSorted()).toEqual([...new Set(doubles.map(([, caughtBy]) => caughtBy))].toSorted());
    });
  });
}

suiteCanFail('local stores', localStoreCases, brokenLocalStores);
suiteCanFail('stores', storeCases, brokenStores);
suiteCanFail('marks', marksCases, brokenMarks);
suiteCanFail('buses', busCases, brokenBuses);
suiteCanFail('outboxes', outboxCases, brokenOutboxes);
suiteCanFail('spatial back ends', spatialCases, brokenSpatial);

test('a skip keeps its case in the list with the reason, and a skip of no case is refused', () => {
  const [first, ...others] = localStoreCases.map(({ name }) => name) as [string, ...string[]];
  const cases = casesFor(localStoreCases, [[first, 'because']]);
  expect(cases.map(({ name, skip }) => [name, skip])).toEqual([
    [first, 'because'],
    ...others.map((name) => [name, undefined]),
  ]);
  expect(() => casesFor(localStoreCases, [['a case renamed since', 'because']])).toThrow(/is the name of no case/);
});
