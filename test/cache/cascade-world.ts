import { type Origin, defineModel, entity } from '../../src/index.js';

/**
 * A small world held in a map, and what every value in it is by looking at every row: guilds and persons, memberships
 * that hang under one of each, tokens under memberships, in four branches. A row of a branch overrides the inherited one.
 */
export interface Row {
  readonly id: string;
  /** Of a membership: its guild and its person. Of a token: its membership, and ''. */
  readonly above: string;
  readonly beside: string;
  readonly version: number;
  readonly gone: boolean;
}

export const TYPES = ['guild', 'person', 'membership', 'token'] as const;
export type Type = (typeof TYPES)[number];

export const IDS: Readonly<Record<Type, readonly string[]>> = {
  guild: ['g:1', 'g2', 'gone'],
  person: ['p1', 'p2'],
  membership: ['m1', 'm2', 'm*'],
  token: ['t1', 't2', 't3'],
};

export const BRANCHES = ['main', 'plan', 'deep', 'side'] as const;
export type Branch = (typeof BRANCHES)[number];

/** By type, where its rows name parents. */
export const LINKS: Readonly<Record<Type, readonly (readonly [parent: Type, field: 'above' | 'beside'])[]>> = {
  guild: [],
  person: [],
  membership: [
    ['guild', 'above'],
    ['person', 'beside'],
  ],
  token: [['membership', 'above']],
};

const options = { version: 'version', deleted: (row: Row) => row.gone } as const;

/** The model over branches that may be re-parented. */
export const modelOver = (parents: ReadonlyMap<string, string>) =>
  defineModel({
    entities: {
      guild: entity<Row>()(options),
      person: entity<Row>()(options),
      membership: entity<Row>()({ ...options, parents: { guild: 'above', person: 'beside' } }),
      token: entity<Row>()({ ...options, parents: { membership: 'above' } }),
    },
    branches: { parentOf: (branch) => parents.get(branch) },
  });
export type Model = ReturnType<typeof modelOver>;

export class World {
  readonly parents = new Map<string, string>([
    ['plan', 'main'],
    ['deep', 'plan'],
    ['side', 'main'],
  ]);
  readonly #rows = new Map<Branch, Map<string, Row>>(BRANCHES.map((branch) => [branch, new Map()]));
  /** Whether the host hides what hangs under something deleted; both kinds of hosts exist. */
  readonly #hides: boolean;

  constructor(hides: boolean) {
    this.#hides = hides;
    const put = (type: Type, id: string, above: string, beside: string): void => {
      this.write('main', type, { id, above, beside, version: 1, gone: false });
    };
    put('guild', 'g:1', '', '');
    put('guild', 'g2', '', '');
    this.write('main', 'guild', { id: 'gone', above: '', beside: '', version: 1, gone: true });
    put('person', 'p1', '', '');
    put('person', 'p2', '', '');
    put('membership', 'm1', 'g:1', 'p1');
    put('membership', 'm2', 'g2', 'p1');
    put('token', 't1', 'm1', '');
    put('token', 't2', 'm2', '');
  }

  chain(branch: Branch): Branch[] {
    const parent = this.parents.get(branch) as Branch | undefined;
    return parent === undefined ? [branch] : [branch, ...this.chain(parent)];
  }

  own(branch: Branch, type: Type, id: string): Row | undefined {
    return this.#rows.get(branch)?.get(`${type}/${id}`);
  }

  /** The row as the branch sees it, deleted ones included. */
  row(branch: Branch, type: Type, id: string): Row | undefined {
    for (const each of this.chain(branch)) {
      const row = this.own(each, type, id);
      if (row !== undefined) return row;
    }
    return undefined;
  }

  write(branch: Branch, type: Type, row: Row): void {
    this.#rows.get(branch)?.set(`${type}/${row.id}`, row);
  }

  remove(branch: Branch, type: Type, id: string): void {
    this.#rows.get(branch)?.delete(`${type}/${id}`);
  }

  visible(branch: Branch, type: Type, id: string): Row | null {
    const row = this.row(branch, type, id);
    if (row === undefined || row.gone) return null;
    if (!this.#hides) return row;
    return LINKS[type].every(([parent, field]) => this.visible(branch, parent, row[field]) !== null) ? row : null;
  }

  all(branch: Branch, type: Type): Row[] {
    return IDS[type].flatMap((id) => this.visible(branch, type, id) ?? []);
  }

  children(branch: Branch, type: Type, parent: Type, parentId: string): Row[] {
    const field = LINKS[type].find(([link]) => link === parent)?.[1] as 'above' | 'beside';
    return this.all(branch, type).filter((row) => row[field] === parentId);
  }

  origin(): Origin<Model> {
    const of = (type: Type) => ({
      byIds: (ids: readonly string[], { branch }: { readonly branch: string }) =>
        ids.flatMap((id) => this.visible(branch as Branch, type, id) ?? []),
      childrenOf: Object.fromEntries(
        LINKS[type].map(([parent]) => [
          parent,
          (ids: readonly unknown[], { branch }: { readonly branch: string }) =>
            ids.flatMap((id) => this.children(branch as Branch, type, parent, id as string)),
        ]),
      ),
    });
    return { guild: of('guild'), person: of('person'), membership: of('membership'), token: of('token') };
  }
}
