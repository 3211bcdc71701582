import { type Scope, type Tidemark, type TideOptions, defineModel, entity } from '../../../src/index.js';

export interface Settlement {
  readonly id: string;
  readonly name: string;
}
export interface Structure {
  readonly id: string;
  readonly settlementId: string;
}
export interface User {
  readonly name: string;
}

export const model = defineModel({
  entities: {
    settlement: entity<Settlement>()({ announce: ['name'] }),
    structure: entity<Structure>()({ parents: { settlement: 'settlementId' } }),
  },
});
export type Tide = Tidemark<typeof model, User>;
export type World = Scope<typeof model, User>;

/** Rows that a test holds, and what was asked of them: ids, one text for each call. */
export function rows() {
  const settlements = new Map<string, Settlement>([
    ['s1', { id: 's1', name: 'Harrow' }],
    ['s2', { id: 's2', name: 'Mora' }],
  ]);
  const structures: Structure[] = [
    { id: 'a', settlementId: 's1' },
    { id: 'b', settlementId: 's1' },
  ];
  const asked: string[] = [];
  /** What a test lets go on. */
  const gate = { wait: (): Promise<unknown> => Promise.resolve() };
  const options: TideOptions<typeof model, User> = {
    model,
    origin: {
      settlement: {
        byIds: async (ids, { signal }) => {
          asked.push(ids.join());
          await gate.wait();
          signal.throwIfAborted();
          return ids.flatMap((id) => settlements.get(id) ?? []);
        },
      },
      structure: {
        byIds: (ids) => structures.filter(({ id }) => ids.includes(id)),
        childrenOf: {
          settlement: (ids) => {
            asked.push(`of ${ids.join()}`);
            return structures.filter(({ settlementId }) => ids.includes(settlementId));
          },
        },
      },
    },
    authorize: ({ name }) => name !== 'Mallory',
  };
  const rename = (tide: Pick<Tide, 'change'>, id: string, name: string) => {
    const before = settlements.get(id);
    const after = { id, name };
    settlements.set(id, after);
    return tide.change({ type: 'settlement', id, op: 'update', before, after });
  };
  return { options, asked, settlements, rename, gate };
}

/** How long to poll on a machine that is shared with other tests. */
export const PATIENT = { timeout: 60_000 };
