import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Keyv as Keyv6 } from 'keyv';
import { Keyv as Keyv5 } from 'keyv-5';
import { KeyvFile } from 'keyv-file';
import { afterAll, afterEach, beforeEach, describe, test, vi } from 'vitest';
import { type KeyvClient, keyvStore } from '../../src/adapters/keyv/index.js';
import { casesFor, type Skip, storeCases } from '../../src/testing/index.js';

// @keyv/redis and @keyv/sqlite are not here: those for version 5 cannot be installed beside 6, and there are none for 6.
// @keyv/test-suite tests storages that a Keyv is given; keyvStore is given a Keyv, and is none.

const directory = mkdtempSync(join(tmpdir(), 'tidemark-keyv-'));
let files = 0;
const file = () => new KeyvFile({ filename: join(directory, `${String(files++)}.json`), writeDelay: 1 });

const uncounted: Skip = [
  'info counts keys by the text before their first colon',
  'a Keyv cannot count its keys but by reading all of them with their values; capabilities.count is false',
];
const slow = (name: string): Skip => [name, 'under Keyv 6 keyv-file writes its whole file for each key of a batch'];
const slowWithFile6 = [
  'a thousand keys are set, answered and deleted in one batch each',
  'scan gives every key of thousands, in pages',
  'scan gives every key even if each page is deleted as it comes, and others are added',
  'scan may be left before its end and begun again',
].map(slow);
const keyvs: Readonly<Record<string, () => KeyvClient>> = {
  'Keyv 5': () => new Keyv5(),
  'Keyv 5 without a namespace': () => new Keyv5({ namespace: '' }),
  'Keyv 5 with a namespace that keys begin with': () => new Keyv5({ namespace: 'a' }),
  'Keyv 5 over a file': () => new Keyv5({ store: file() }),
  'Keyv 6': () => new Keyv6(),
  'Keyv 6 with a namespace': () => new Keyv6({ namespace: 'a' }),
  'Keyv 6 that stores values as they are': () => new Keyv6({ serialization: false }),
  'Keyv 6 over a file': () => new Keyv6({ store: file() }),
};

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }));
afterEach(() => void vi.useRealTimers());
afterAll(() => rmSync(directory, { recursive: true }));

for (const [keyv, make] of Object.entries(keyvs)) {
  const skips = keyv === 'Keyv 6 over a file' ? [uncounted, ...slowWithFile6] : [uncounted];
  describe(keyv, () => {
    for (const { name, run, skip } of casesFor(storeCases, skips)) {
      test(name, { skip: skip !== undefined }, () =>
        run(() => ({ store: keyvStore(make()), elapse: (ms) => vi.setSystemTime(Date.now() + ms) })),
      );
    }
  });
}
