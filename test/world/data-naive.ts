import type { TypeName, WorldRow } from '../../examples/world/model.js';

/** What the tables should do, by brute force: every row of every branch in one list, walked for every question. */

export type AnyRow = Record<string, unknown> &
  Pick<WorldRow, 'id' | 'name' | 'version' | 'deleted'> & { readonly code?: string };

export interface NaiveHit {
  readonly type: TypeName;
  readonly id: string;
}

const PARENTS: Readonly<Record<TypeName, readonly [TypeName, string] | null>> = {
  campaign: null,
  kingdom: ['campaign', 'campaignId'],
  settlement: ['kingdom', 'kingdomId'],
  structure: ['settlement', 'settlementId'],
};
const TYPES = Object.keys(PARENTS) as TypeName[];

export class NaiveTables {
  readonly #rows: { branch: string; type: TypeName; row: AnyRow }[] = [];
  readonly #parents: Readonly<Record<string, { readonly parent?: string }>>;
  readonly #fold: (text: string) => string;

  constructor(branches: Readonly<Record<string, { readonly parent?: string }>>, fold: (text: string) => string) {
    this.#parents = branches;
    this.#fold = fold;
  }

  /** The error's code, or the images. */
  write(
    type: TypeName,
    branch: string,
    id: string,
    fields: Record<string, unknown>,
    expected?: number,
  ): { before: AnyRow | null; after: AnyRow } | string {
    const before = this.#see(type, branch, id);
    if (expected !== undefined && expected !== (before?.version ?? 0)) return 'CONFLICT';
    const after = { ...before, ...fields, id, version: (before?.version ?? 0) + 1 } as AnyRow;
    const parent = PARENTS[type];
    if (parent !== null && !this.#shows(parent[0], branch, String(after[parent[1]]))) return 'NOT_FOUND';
    const at = this.#rows.findIndex((own) => own.branch === branch && own.type === type && own.row.id === id);
    this.#rows.splice(at < 0 ? this.#rows.length : at, at < 0 ? 0 : 1, { branch, type, row: after });
    return { before, after };
  }

  byIds(type: TypeName, branch: string, ids: readonly string[]): AnyRow[] {
    return ids.flatMap((id) => {
      const row = this.#see(type, branch, id);
      return row !== null && this.#parentShows(type, branch, row) ? [row] : [];
    });
  }

  all(type: TypeName, branch: string): AnyRow[] {
    const ids = new Set(this.#rows.filter((own) => own.type === type).map(({ row }) => row.id));
    return this.byIds(type, branch, [...ids].sort()).filter(({ deleted }) => !deleted);
  }

  childrenOf(type: TypeName, branch: string, parentIds: readonly string[]): AnyRow[] {
    const parent = PARENTS[type];
    if (parent === null) return [];
    return this.all(type, branch)
      .filter((row) => parentIds.includes(String(row[parent[1]])))
      .sort(
        (a, b) =>
          Number(b['population'] ?? 0) - Number(a['population'] ?? 0) ||
          a.name.localeCompare(b.name, 'en') ||
          (a.id < b.id ? -1 : 1),
      );
  }

  overrides(type: TypeName, branch: string): AnyRow[] {
    return this.#rows.filter((own) => own.branch === branch && own.type === type).map(({ row }) => row);
  }

  search(text: string, branch: string, limit: number): NaiveHit[] {
    const wanted = this.#fold(text);
    if (wanted === '') return [];
    const fitOf = (row: AnyRow): number => {
      const words = this.#fold(row.name).split(' ');
      const starts = words.findIndex((_, at) => words.slice(at).join(' ').startsWith(wanted));
      if (words.join(' ') === wanted || this.#fold(row.code ?? '') === wanted) return 0;
      return starts < 0 ? Infinity : Math.min(starts + 1, 2);
    };
    return TYPES.flatMap((type, rank) => this.all(type, branch).map((row) => ({ type, rank, row, fit: fitOf(row) })))
      .filter(({ fit }) => fit < Infinity)
      .sort(
        (a, b) =>
          a.fit - b.fit ||
          a.rank - b.rank ||
          weightOf(b.row) - weightOf(a.row) ||
          a.row.name.localeCompare(b.row.name, 'en') ||
          (a.row.id < b.row.id ? -1 : 1),
      )
      .slice(0, limit)
      .map(({ type, row }) => ({ type, id: row.id }));
  }

  #see(type: TypeName, branch: string, id: string): AnyRow | null {
    for (let at: string | undefined = branch; at !== undefined; at = this.#parents[at]?.parent) {
      const own = this.#rows.find((other) => other.branch === at && other.type === type && other.row.id === id);
      if (own !== undefined) return own.row;
    }
    return null;
  }

  #shows(type: TypeName, branch: string, id: string): boolean {
    const row = this.#see(type, branch, id);
    return row !== null && !row.deleted && this.#parentShows(type, branch, row);
  }

  #parentShows(type: TypeName, branch: string, row: AnyRow): boolean {
    const parent = PARENTS[type];
    return parent === null || this.#shows(parent[0], branch, String(row[parent[1]]));
  }
}

function weightOf(row: AnyRow): number {
  return Number(row['population'] ?? row['level'] ?? 0);
}
