import assert from 'node:assert/strict';
import type { Store } from '../../contract.js';
import type { ContractCase, Elapse } from './case.js';

export interface StoreFixture {
  /** Empty. With room for 5,000 entries. */
  readonly store: Store;
  readonly elapse: Elapse;
}

export type StoreCase = ContractCase<StoreFixture>;

/** The values of these keys as text. */
export async function textsOf(store: Store, ...keys: readonly string[]): Promise<(string | undefined)[]> {
  const answers = await store.getMany(keys);
  assert.equal(answers.length, keys.length, 'one answer per key');
  return answers.map((answer) => answer && new TextDecoder().decode(answer.value));
}
