import { type EntityOrigin, type OriginContext, defineModel, entity } from '../../src/index.js';

/** A small database with a serial history, and what every value in it was after each commit. */

export interface Row {
  readonly id: string;
  readonly parentId: string;
  readonly version: number;
  readonly gone: boolean;
}

export type Type = 'kingdom' | 'settlement' | 'structure';

const options = { version: 'version', deleted: (row: Row) => row.gone } as const;

export const model = defineModel({
  entities: {
    kingdom: entity<Row>()(options),
    settlement: entity<Row>()({ ...options, parents: { kingdom: 'parentId' } }),
    structure: entity<Row>()({ ...options, parents: { settlement: 'parentId' } }),
  },
});

export const IDS: Readonly<Record<Type, readonly string[]>> = {
  kingdom: ['k1', 'k2'],
  settlement: ['s1', 's2'],
  structure: ['t1', 't2', 't3'],
};
/** Of which type an entity's parent is. */
export const PARENT: Readonly<Record<Type, Type | null>> = {
  kingdom: null,
  settlement: 'kingdom',
  structure: 'settlement',
};

export interface Commit {
  readonly number: number;
  readonly type: Type;
  readonly id: string;
  readonly op: 'create' | 'update' | 'delete' | 'restore';
  readonly before: Row | null;
  readonly after: Row;
  /** Values whose content this commit changed. */
  readonly touched: ReadonlySet<string>;
  /** True once a read that begins on the tested replica must see it. */
  binding: boolean;
}

/** `settlement:s1` for a record, `settlement<k1` for the list of settlements of k1. */
export type ValueName = string;

export class World {
  readonly commits: Commit[] = [];
  readonly #rows = new Map<string, Row>();
  readonly #history = new Map<ValueName, { readonly commit: number; readonly content: string }[]>();

  constructor() {
    this.#write('kingdom', { id: 'k1', parentId: '', version: 1, gone: false });
    this.#write('kingdom', { id: 'k2', parentId: '', version: 1, gone: false });
    this.#write('settlement', { id: 's1', parentId: 'k1', version: 1, gone: false });
    this.#write('settlement', { id: 's2', parentId: 'k2', version: 1, gone: false });
    this.#write('structure', { id: 't1', parentId: 's1', version: 1, gone: false });
    this.#write('structure', { id: 't2', parentId: 's1', version: 1, gone: false });
    this.#write('structure', { id: 't3', parentId: 's2', version: 1, gone: false });
    this.#remember(0);
  }

  row(type: Type, id: string): Row | null {
    return this.#rows.get(`${type}:${id}`) ?? null;
  }

  /** Toggles, moves or touches an entity; the choice is taken from `dice`. */
  commit(type: Type, id: string, dice: number): Commit {
    const before = this.row(type, id);
    const parents = PARENT[type] === null ? [''] : IDS[PARENT[type]];
    const moved = parents[dice % parents.length] as string;
    const version = (before?.version ?? 0) + 1;
    const [op, after]: [Commit['op'], Row] =
      before === null
        ? ['create', { id, parentId: moved, version, gone: false }]
        : before.gone
          ? ['restore', { ...before, version, gone: false }]
          : dice % 4 === 0
            ? ['delete', { ...before, version, gone: true }]
            : dice % 4 === 1
              ? ['update', { ...before, version, parentId: moved }]
              : ['update', { ...before, version }];
    const seen = new Map([...this.#history].map(([name, contents]) => [name, contents.at(-1)?.content]));
    this.#write(type, after);
    const number = this.commits.length + 1;
    this.#remember(number);
    const touched = new Set(
      [...this.#history]
        .filter(([name, contents]) => contents.at(-1)?.content !== seen.get(name))
        .map(([name]) => name),
    );
    const commit: Commit = { number, type, id, op, before, after, touched, binding: false };
    this.commits.push(commit);
    return commit;
  }

  /** The number of the last binding commit that changed this value: reads that begin now must not be older. */
  bindingFor(name: ValueName): number {
    let last = 0;
    // An entity that moved without anybody saying so: nobody can know what a change of its new parent means for it.
    let lost = false;
    for (const commit of this.commits) {
      const itself = name === `${commit.type}:${commit.id}`;
      if (itself) lost = !commit.binding && (lost || commit.before?.parentId !== commit.after.parentId);
      if (commit.binding && commit.touched.has(name) && !lost) last = commit.number;
    }
    return last;
  }

  /** Whether the value had this content after commit `since`, or after any later one. */
  wasEver(name: ValueName, content: unknown, since: number): boolean {
    const text = JSON.stringify(content);
    const contents = this.#history.get(name) ?? [];
    const from = contents.findLastIndex(({ commit }) => commit <= since);
    return contents.slice(Math.max(0, from)).some((one) => one.content === text);
  }

  now(name: ValueName): string {
    return this.#history.get(name)?.at(-1)?.content ?? '';
  }

  /** What the origin would answer now: a deleted ancestor hides everything beneath it. */
  visible(type: Type, id: string): Row | null {
    const row = this.row(type, id);
    if (row === null || row.gone) return null;
    const parent = PARENT[type];
    return parent === null || this.visible(parent, row.parentId) !== null ? row : null;
  }

  children(type: Type, parentId: string): Row[] {
    return IDS[type].flatMap((id) => {
      const row = this.visible(type, id);
      return row?.parentId === parentId ? [row] : [];
    });
  }

  names(): ValueName[] {
    return [...this.#history.keys()];
  }

  #write(type: Type, row: Row): void {
    this.#rows.set(`${type}:${row.id}`, row);
  }

  #remember(commit: number): void {
    const note = (name: ValueName, value: unknown): void => {
      const contents = this.#history.get(name) ?? [];
      const content = JSON.stringify(value);
      if (contents.at(-1)?.content !== content) contents.push({ commit, content });
      this.#history.set(name, contents);
    };
    for (const type of ['kingdom', 'settlement', 'structure'] as const) {
      const parent = PARENT[type];
      for (const id of IDS[type]) note(`${type}:${id}`, this.visible(type, id));
      if (parent !== null) for (const id of IDS[parent]) note(`${type}<${id}`, this.children(type, id));
    }
  }
}

/** An origin that reads the world when it is asked and answers when the test says so. */
export function gatedOrigin(world: World): { origin: Origins; waiting: (() => void)[] } {
  const waiting: (() => void)[] = [];
  const later = <T>(answer: T): Promise<T> =>
    new Promise((resolve) => {
      waiting.push(() => {
        resolve(answer);
      });
    });
  return { waiting, origin: originOf(world, later) };
}

/** An origin that answers at once. */
export function openOrigin(world: World): Origins {
  return originOf(world, (answer) => Promise.resolve(answer));
}

type Origins = Record<Type, EntityOrigin<string, Row>>;

function originOf(world: World, later: <T>(answer: T) => Promise<T>): Origins {
  const of = (type: Type): EntityOrigin<string, Row> => {
    const parent = PARENT[type];
    const byIds = (ids: readonly string[]): Promise<Row[]> => later(ids.flatMap((id) => world.visible(type, id) ?? []));
    if (parent === null) return { byIds };
    const childrenOf = (ids: readonly unknown[], context: OriginContext): Promise<Row[]> => {
      void context;
      return later(ids.flatMap((id) => world.children(type, id as string)));
    };
    return { byIds, childrenOf: { [parent]: childrenOf } };
  };
  return { kingdom: of('kingdom'), settlement: of('settlement'), structure: of('structure') };
}
