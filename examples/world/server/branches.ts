import type { TableReads } from '../data/tables.ts';
import { BRANCHES, type TypeName, type WorldRow } from '../model.ts';
import { atMost } from './limits.ts';
import type { RequestContext } from './request.ts';

/** The branches, and in which rows each differs from the one that it inherits from. */

interface Listed {
  readonly id: string;
  readonly title: string;
  readonly parent?: string;
}

export const branches = (): Listed[] => Object.entries(BRANCHES).map(([id, branch]) => ({ id, ...branch }));

export const branchFields = {
  overrides: ({ id }: Listed, _: object, { world }: RequestContext) => ownRows(world.tables, id).length,
  own: ({ id, parent }: Listed, { limit }: { readonly limit?: number | null }, { world }: RequestContext) =>
    ownRows(world.tables, id)
      .slice(0, atMost(500, limit, 100))
      .map(({ type, row }) => ({
        ...{ type, id: row.id, name: row.name },
        what: row.deleted ? 'removed' : isIn(world.tables, parent, type, row.id) ? 'changed' : 'added',
        settlementId: 'settlementId' in row ? row.settlementId : type === 'settlement' ? row.id : null,
        ...('lon' in row ? { lon: row.lon, lat: row.lat } : {}),
      })),
};

const TYPES = ['settlement', 'structure', 'kingdom', 'campaign'] as const;

/** None of the root: it inherits from nobody. */
function ownRows(tables: TableReads, branch: string): { readonly type: TypeName; readonly row: WorldRow }[] {
  if (BRANCHES[branch]?.parent === undefined) return [];
  return TYPES.flatMap((type) => tables.overrides<TypeName>(type, branch).map((row) => ({ type, row })));
}

function isIn(tables: TableReads, branch: string | undefined, type: TypeName, id: string): boolean {
  return branch !== undefined && tables.byIds(type, branch, [id]).length > 0;
}
