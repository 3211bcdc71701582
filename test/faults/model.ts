import { defineModel, defineView, entity } from '../../src/index.js';

/** What the replicas under test serve. */

export interface Kingdom {
  readonly id: string;
  readonly version: number;
}

export interface Settlement {
  readonly id: string;
  readonly kingdomId: string;
  readonly version: number;
  /** `<id>#<version>`: a row put together from two versions shows. */
  readonly name: string;
  /** What makes it as large as the test wants. */
  readonly padding: string;
  /** Which version of the app wrote it: they differ in the shape of their rows. */
  readonly shape: string;
}

export const modelOf = (schema: string) =>
  defineModel({
    entities: {
      kingdom: entity<Kingdom>()({ version: 'version' }),
      settlement: entity<Settlement>()({
        version: 'version',
        parents: { kingdom: 'kingdomId' },
        announce: ['name'],
        schema,
      }),
    },
  });

/** Versions by id, through the list and the record of each. */
export const crownOf = (model: ReturnType<typeof modelOf>) =>
  defineView(model)({
    name: 'crown',
    load: async (read, params: { readonly kingdom: string }) => {
      const rows = await read.children('settlement', { kingdom: params.kingdom });
      const again = await read.getMany(
        'settlement',
        rows.map(({ id }) => id),
      );
      return rows.map(({ id, version }, i) => [id, Math.min(version, again[i]?.version ?? 0)] as const);
    },
  });
