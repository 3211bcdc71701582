import { defineModel, entity } from '../../src/index.js';
import type { FieldRule } from '../../src/rules/index.js';
import { BOXES, DISCS, isIn, outlineOf } from './places.js';

/** The database: a serial history of commits, and what every value in it was after each. */

export interface Row {
  readonly id: string;
  readonly parentId: string;
  readonly guildId: string | null;
  readonly x: number;
  readonly y: number;
  readonly version: number;
  /** The commit that wrote it: no two contents are alike by chance. */
  readonly stamp: number;
  readonly gone: boolean;
}

export type Type = 'kingdom' | 'guild' | 'settlement' | 'structure' | 'province';
/** Those that are in every world. Provinces are where somebody asks where things are. */
export const TYPES: readonly Type[] = ['kingdom', 'guild', 'settlement', 'structure'];
export const IDS: Readonly<Record<Type, readonly string[]>> = {
  kingdom: ['k1', 'k2'],
  guild: ['g1'],
  settlement: ['s1', 's2', 's3'],
  structure: ['t1', 't2', 't3'],
  province: ['p1', 'p2'],
};
export const BRANCHES = ['main', 'draft', 'fork'] as const;
/** `[type, parent type]` of every list. */
export const LISTS = [
  ['settlement', 'kingdom'],
  ['structure', 'settlement'],
  ['structure', 'guild'],
] as const;
/** The computed fields of a settlement: what a rule reads of it, above it and beneath it, and which edition of the rules gave that. */
export interface Fields {
  readonly own: Row;
  readonly above: Row | null;
  readonly below: readonly Row[];
  readonly edition: number;
}
/** What the replicas of one app version know of the model. `parentOf` may be behind the database. */
export function modelOf(schema: number, parentOf: (branch: string) => string | undefined) {
  const options = { version: 'version', deleted: (row: Row) => row.gone, schema } as const;
  return defineModel({
    entities: {
      kingdom: entity<Row>()(options),
      guild: entity<Row>()(options),
      settlement: entity<Row>()({
        ...options,
        parents: { kingdom: 'parentId' },
        geometry: ({ x, y }: Row) => ({ x, y }),
        computed: { own: 'json', above: 'json', below: 'json', edition: 'number' },
      }),
      structure: entity<Row>()({ ...options, parents: { settlement: 'parentId', guild: 'guildId' } }),
      province: entity<Row>()({ ...options, geometry: outlineOf }),
    },
    branches: { root: 'main', parentOf },
    // Small enough that things lie in cells of their own.
    spatial: { extent: { min: { x: 0, y: 0 }, max: { x: 160, y: 160 } } },
  });
}

/** What the rules of an edition say. */
export function rulesOf(edition: number): FieldRule[] {
  const expressions = {
    own: { var: 'settlement' },
    above: { var: 'settlement.kingdom' },
    below: { var: 'settlement.structures' },
    edition: { '+': [edition, 0] },
  };
  return Object.entries(expressions).map(([field, expression]) => ({
    id: field,
    entityType: 'settlement',
    entityId: null,
    field,
    expression,
    priority: 0,
    isActive: true,
  }));
}

/** `settlement:s1@main`, `settlement<kingdom:k1@main`, `edition:all@main`, `box:0@main`, `near:0@main`; of an answer about places, `box:0/s1@main`, `disc:50,50,12.5/s1@main` or `land:5,5,25,35/s1@main`. */
export type ValueName = string;

export interface Commit {
  readonly number: number;
  readonly at: number;
  readonly branch: string;
  readonly type: Type | null;
  readonly id: string;
  readonly op: 'create' | 'update' | 'delete' | 'restore';
  /** The images that a host has of this write; null where it replaced nothing of its own branch. */
  readonly before: Row | null;
  readonly after: Row | null;
  /** It hangs elsewhere now. */
  readonly moves: boolean;
}

/** A write that is not committed. */
export interface Draft {
  readonly what: Omit<Commit, 'at'>;
  /** What the branch has of the entity then; null for nothing. */
  readonly row: Row | null;
}

interface State {
  readonly rows: ReadonlyMap<string, Row>;
  readonly parents: ReadonlyMap<string, string>;
  /** Of the rules. */
  readonly edition: number;
}

export class World {
  readonly commits: Commit[] = [];
  readonly #states: State[];
  readonly #contents = new Map<ValueName, string[]>();
  readonly #ever = new Set<string>();

  constructor() {
    const rows = new Map<string, Row>();
    const put = (
      type: Type,
      id: string,
      parentId: string,
      x: number,
      y: number,
      guildId: string | null = null,
    ): void => {
      rows.set(keyOf('main', type, id), { id, parentId, guildId, x, y, version: 1, stamp: 0, gone: false });
    };
    put('kingdom', 'k1', '', 0, 0);
    put('kingdom', 'k2', '', 0, 0);
    put('guild', 'g1', '', 0, 0);
    put('settlement', 's1', 'k1', 10, 10);
    put('settlement', 's2', 'k2', 60, 60);
    put('structure', 't1', 's1', 0, 0, 'g1');
    put('structure', 't2', 's1', 0, 0);
    put('province', 'p1', '', 5, 5);
    this.#states = [{ rows, parents: new Map([['draft', 'main']]), edition: 0 }];
  }

  /** The number of the last commit; 0 before the first. */
  get last(): number {
    return this.commits.length;
  }

  /** The last commit of up to then. */
  lastAt(at: number): number {
    let number = this.last;
    while (number > 0 && (this.commits[number - 1] as Commit).at > at) number--;
    return number;
  }

  /** Of a branch, as the database has it now or had it after a commit. */
  parentOf(branch: string, number = this.last): string | undefined {
    return this.#state(number).parents.get(branch);
  }

  /** Writes one entity; what is done to it is taken from `dice`. */
  commit(at: number, branch: string, type: Type, id: string, dice: number): Commit {
    const { what, row } = this.draft(branch, type, id, dice);
    return this.#write({ ...what, at }, row);
  }

  /** What such a write would be now. */
  draft(branch: string, type: Type, id: string, dice: number): Draft {
    const state = this.#state(this.last);
    const own = state.rows.get(keyOf(branch, type, id)) ?? null;
    const seen = own ?? rowIn(state, type, id, branch);
    const stamp = this.last + 1;
    const version = (seen?.version ?? 0) + 1;
    const place = { x: (dice * 7) % 100, y: (dice * 13) % 100 };
    const named = { number: stamp, branch, type, id };
    // Nothing hangs under what never was: databases refuse that.
    const above = PARENT[type];
    const parents = above === null ? [''] : IDS[above].filter((one) => rowIn(state, above, one, branch) !== null);
    const parentId = parents[dice % parents.length] as string;
    const guildId = type === 'structure' && dice % 3 !== 0 ? 'g1' : null;
    if (own !== null && branch !== 'main' && dice % 5 === 4) {
      // The override goes: what is inherited shows again. Hosts have no image of that.
      return { what: { ...named, op: 'update', before: null, after: null, moves: true }, row: null };
    }
    if (seen === null || seen.gone) {
      // An id that ever was comes back: something may hang under it.
      const op = seen === null && !this.#ever.has(`${type}/${id}`) ? 'create' : 'restore';
      const base = seen === null ? { id, parentId, guildId, ...place } : seen;
      const after = { ...base, version, stamp, gone: false };
      return { what: { ...named, op, before: own, after, moves: seen === null }, row: after };
    }
    const deletes = dice % 4 === 0;
    const moved = dice % 4 === 1 ? { parentId, guildId, ...place } : dice % 4 === 2 ? place : {};
    const after = { ...seen, ...moved, version, stamp, gone: deletes };
    const moves = after.parentId !== seen.parentId || after.guildId !== seen.guildId || own === null;
    return { what: { ...named, op: deletes ? 'delete' : 'update', before: own, after, moves }, row: after };
  }

  /** Commits a draft, unless something was committed since it was made. */
  put({ what, row }: Draft, at: number): Commit | null {
    return what.number === this.last + 1 ? this.#write({ ...what, at }, row) : null;
  }

  /** Forks `fork` from a branch, or hangs it elsewhere. */
  reparent(at: number, parent: string): Commit {
    const state = this.#state(this.last);
    this.#states.push({ ...state, parents: new Map([...state.parents, ['fork', parent]]) });
    return this.#commitNoEntity(at, 'fork');
  }

  /** Another edition of the rules, for every branch. */
  edit(at: number): Commit {
    const state = this.#state(this.last);
    this.#states.push({ ...state, edition: state.edition + 1 });
    return this.#commitNoEntity(at, '');
  }

  #commitNoEntity(at: number, branch: string): Commit {
    const nothing = { type: null, id: '', op: 'update', before: null, after: null, moves: false } as const;
    const commit = { ...nothing, number: this.last + 1, at, branch };
    this.commits.push(commit);
    return commit;
  }

  #write(commit: Commit, row: Row | null): Commit {
    const state = this.#state(this.last);
    const next = new Map(state.rows);
    const key = keyOf(commit.branch, commit.type as Type, commit.id);
    if (row === null) next.delete(key);
    else next.set(key, row);
    this.#ever.add(`${String(commit.type)}/${commit.id}`);
    this.#states.push({ ...state, rows: next });
    this.commits.push(commit);
    return commit;
  }

  // ── What was where ────────────────────────────────────────────────────────────────────────────────────────────

  record(type: Type, id: string, branch: string, number = this.last): Row | null {
    return visible(this.#state(number), type, id, branch);
  }

  children(type: Type, parent: Type, parentId: string, branch: string, number = this.last): Row[] {
    const state = this.#state(number);
    return IDS[type].flatMap((id) => {
      const row = visible(state, type, id, branch);
      return row !== null && (parent === 'guild' ? row.guildId : row.parentId) === parentId ? [row] : [];
    });
  }

  edition(number = this.last): number {
    return this.#state(number).edition;
  }

  all(type: Type, branch: string, number = this.last): Row[] {
    const state = this.#state(number);
    return IDS[type].flatMap((id) => visible(state, type, id, branch) ?? []);
  }

  /** The value after this commit, as text to compare. */
  contentAt(name: ValueName, number: number): string {
    let contents = this.#contents.get(name);
    if (contents === undefined) this.#contents.set(name, (contents = []));
    return (contents[number] ??= JSON.stringify(this.#valueAt(name, number)));
  }

  /** The newest commit after which the value had this content, at most `last`; null if it never had. */
  newestWith(name: ValueName, content: string, last: number): number | null {
    for (let number = last; number >= 0; number--) if (this.contentAt(name, number) === content) return number;
    return null;
  }

  touches(commit: Commit, name: ValueName): boolean {
    return this.contentAt(name, commit.number) !== this.contentAt(name, commit.number - 1);
  }

  #valueAt(name: ValueName, number: number): unknown {
    const [what, branch] = name.split('@') as [string, string];
    const list = /^(\w+)<(\w+):(\w+)$/.exec(what);
    if (list !== null) return this.children(list[1] as Type, list[2] as Type, list[3] as string, branch, number);
    const [kind, which] = what.split(':') as [string, string];
    if (kind === 'edition') return this.edition(number);
    if (which.includes('/')) {
      const [region, id] = which.split('/') as [string, string];
      const row = this.record(typeOfId(id), id, branch, number);
      return row !== null && isIn(row, `${kind}:${region}`) ? row : null;
    }
    return this.record(kind as Type, which, branch, number);
  }

  #state(number: number): State {
    return this.#states[number] as State;
  }
}

/** Of which type an entity's tree parent is. */
export const PARENT: Readonly<Record<Type, Type | null>> = {
  kingdom: null,
  guild: null,
  settlement: 'kingdom',
  structure: 'settlement',
  province: null,
};

/** Of what an answer about places may hold. */
export const typeOfId = (id: string): Type => (id.startsWith('p') ? 'province' : 'settlement');

const keyOf = (branch: string, type: Type, id: string): string => `${branch}/${type}/${id}`;

function chainIn(state: State, branch: string): readonly string[] | null {
  const chain = [branch];
  for (let at = branch; at !== 'main';) {
    const parent = state.parents.get(at);
    if (parent === undefined) return null;
    chain.push(parent);
    at = parent;
  }
  return chain;
}

function rowIn(state: State, type: Type, id: string, branch: string): Row | null {
  for (const each of chainIn(state, branch) ?? []) {
    const row = state.rows.get(keyOf(each, type, id));
    if (row !== undefined) return row;
  }
  return null;
}

/** What the database answers: a deleted parent, of any kind, hides what hangs beneath it. */
function visible(state: State, type: Type, id: string, branch: string): Row | null {
  const row = rowIn(state, type, id, branch);
  if (row === null || row.gone) return null;
  const parent = PARENT[type];
  if (parent !== null && visible(state, parent, row.parentId, branch) === null) return null;
  if (row.guildId !== null && visible(state, 'guild', row.guildId, branch) === null) return null;
  return row;
}

/** The names of all values of a branch. */
export function valuesOf(branch: string): ValueName[] {
  return [
    ...TYPES.flatMap((type) => IDS[type].map((id) => `${type}:${id}@${branch}`)),
    ...LISTS.flatMap(([type, parent]) => IDS[parent].map((id) => `${type}<${parent}:${id}@${branch}`)),
    ...BOXES.map((_, i) => `box:${String(i)}@${branch}`),
    ...DISCS.map((_, i) => `near:${String(i)}@${branch}`),
  ];
}
