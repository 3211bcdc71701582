import type { Row, Type } from './world.js';

export type Realm = { kingdom: Row | null; settlements: readonly Row[]; structures: readonly (readonly Row[])[] };

/** What can be asked for a value: a tide or a scope, with the branch and the rest bound. */
export interface Asking {
  readonly branch: string;
  get(type: Type, id: string): Promise<Row | null>;
  children(type: Type, parent: object): Promise<readonly Row[]>;
}

/** The view that the replicas have: what hangs under a kingdom, two levels deep. */
export async function realmOf(read: Asking, kingdom: string): Promise<Realm> {
  const settlements = await read.children('settlement', { kingdom });
  const structures = await Promise.all(settlements.map(({ id }) => read.children('structure', { settlement: id })));
  return { kingdom: await read.get('kingdom', kingdom), settlements, structures };
}
