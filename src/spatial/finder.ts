import type { Geometry, Spatial, SpatialAsk, SpatialMatch, SpatialQuestion, SpatialSystem } from '../contract.js';
import type { AnyRow, EntityPlan, Id } from '../model.js';

/** Rows with their distances from the point asked about, null where there is none. */
export type Located = readonly { readonly row: AnyRow; readonly distance: number | null }[];

/** Answers about where entities are: the indexes of this process, or what the host keeps outside. */
export interface Finder {
  find(
    plan: EntityPlan,
    branch: string,
    ask: Pick<SpatialAsk, 'question' | 'where' | 'limit' | 'signal'>,
  ): Promise<Located>;
  distance(a: Geometry, b: Geometry): Promise<number>;
  overlaps(a: Geometry, b: Geometry): Promise<boolean>;
}

export interface OutsideOptions {
  readonly spatial: Spatial;
  readonly system: SpatialSystem;
  /** A branch and its ancestors; for one that does not exist, itself. */
  readonly chainOf: (branch: string) => readonly string[];
  /** The rows as readers of a branch see them, straight from the origin; null for what they do not. */
  readonly byIds: (branch: string, type: string, ids: readonly Id[]) => Promise<readonly (AnyRow | null)[]>;
}

/** A back end outside this process finds ids; the origin has the rows. */
export function outside({ spatial, system, chainOf, byIds }: OutsideOptions): Finder {
  return {
    find: async (plan, branch, ask) => {
      const { type } = plan;
      // What a reader does not see, say for a parent that is deleted, may be among those found: then more are asked for.
      for (let most = mostOf(ask); ; most = most === undefined ? undefined : most * 2) {
        const limited = withMost(ask, most);
        const found = await spatial.find({ ...limited, type, system, branches: chainOf(branch) });
        const located = await rowsOf(found, (ids) => byIds(branch, type, ids));
        const wanted = mostOf(ask);
        if (wanted === undefined || located.length >= wanted || found.length < (most ?? 0)) {
          return located.slice(0, wanted);
        }
      }
    },
    distance: (a, b) => spatial.distance(a, b, system),
    overlaps: (a, b) => spatial.overlaps(a, b, system),
  };
}

async function rowsOf(
  found: readonly SpatialMatch[],
  byIds: (ids: readonly Id[]) => Promise<readonly (AnyRow | null)[]>,
): Promise<Located> {
  const rows = await byIds(found.map(({ id }) => id));
  return found.flatMap(({ distance }, i) => {
    const row = rows[i];
    return row === null || row === undefined ? [] : [{ row, distance }];
  });
}

type Limited = { readonly question: SpatialQuestion; readonly limit: number | undefined };

function mostOf({ question, limit }: Limited): number | undefined {
  return question.kind === 'nearest' ? question.count : limit;
}

function withMost<Ask extends Limited>(ask: Ask, most: number | undefined): Ask {
  const { question } = ask;
  if (question.kind !== 'nearest') return { ...ask, limit: most };
  return { ...ask, question: { ...question, count: most ?? question.count } };
}
