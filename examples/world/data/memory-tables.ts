import { BRANCHES, type TypeName, type WorldRow } from '../model.ts';
import { BranchRows, chainOf } from './branch-rows.ts';
import { PARENT_TYPE, KINDS, TYPES, writtenBy } from './kinds.ts';
import { type Fit, type Label, NameIndex, fold } from './names.ts';
import { Conflict, type Mirror, NotFound, type SearchHit, type Words, type Write, type Written } from './tables.ts';

export interface TablesOptions {
  /** Default: the model's. One has no parent: the root. */
  readonly branches?: Readonly<Record<string, { readonly parent?: string }>>;
  /** What a search result calls a kingdom and a settlement. Default 'kingdom' and 'town'. */
  readonly words?: Words | undefined;
}

export interface TablesBuilder {
  /**
   * Adds rows as they are, parents before children. Throws NotFound for a row without its parent, Conflict for an id
   * that the branch has already.
   */
  add<T extends TypeName>(type: T, rows: Iterable<WorldRow<T>>, branch?: string): TablesBuilder;
  /** The tables, with their indexes. Once only. */
  build(): Mirror;
}

/** Begins tables in memory: `createTables().add('campaign', [...]).add(…).build()`. */
export function createTables(options: TablesOptions = {}): TablesBuilder {
  const branches = options.branches ?? BRANCHES;
  const chains = new Map(Object.keys(branches).map((branch) => [branch, chainOf(branches, branch)]));
  const root = Object.keys(branches).find((branch) => branches[branch]?.parent === undefined) ?? 'main';
  const rows: AllRows = {
    campaign: new BranchRows(KINDS.campaign, chains),
    kingdom: new BranchRows(KINDS.kingdom, chains),
    settlement: new BranchRows(KINDS.settlement, chains),
    structure: new BranchRows(KINDS.structure, chains),
  };
  const labels: Label[] = [];
  const builder: TablesBuilder = {
    add: (type, given, branch = root) => {
      checkBranch(chains, branch);
      const parentType = PARENT_TYPE[type];
      for (const row of given) {
        const parentId = rows[type].parentIdOf(row);
        if (parentType !== null && (parentId === null || rows[parentType].get(branch, parentId) === undefined)) {
          throw new NotFound(`${type} '${row.id}': its ${parentType} '${String(parentId)}' is not there.`);
        }
        if (rows[type].own(branch).has(row.id)) throw new Conflict(`${type} '${row.id}' is there already.`);
        if (rows[type].get(branch, row.id)?.name !== row.name) labels.push({ type, id: row.id, name: row.name });
        rows[type].load(branch, row);
      }
      return builder;
    },
    build: () => {
      for (const type of TYPES) rows[type].settle();
      return new MemoryTables(rows, chains, root, labels, options.words ?? { kingdom: 'kingdom', settlement: 'town' });
    },
  };
  return builder;
}

type AllRows = { readonly [T in TypeName]: BranchRows<WorldRow<T>> };

/** A search lists parents before children that fit equally well. */
const RANKS: Readonly<Record<TypeName, number>> = { campaign: 0, kingdom: 1, settlement: 2, structure: 3 };
const byName = new Intl.Collator('en').compare;

interface Candidate {
  readonly type: TypeName;
  readonly row: WorldRow;
  readonly fit: Fit;
  readonly rank: number;
  readonly weight: number;
}

class MemoryTables implements Mirror {
  readonly #rows: AllRows;
  readonly #chains: ReadonlyMap<string, readonly string[]>;
  readonly #root: string;
  readonly #names: NameIndex;
  /** Structures by folded code. Like the names, it only grows. */
  readonly #codes = new Map<string, Set<string>>();
  readonly #words: Words;
  #counts: Readonly<Record<TypeName, number>> | undefined;

  constructor(
    rows: AllRows,
    chains: ReadonlyMap<string, readonly string[]>,
    root: string,
    labels: readonly Label[],
    words: Words,
  ) {
    this.#rows = rows;
    this.#chains = chains;
    this.#root = root;
    this.#names = new NameIndex(labels);
    this.#words = words;
    for (const branch of chains.keys()) {
      for (const { id, code } of rows.structure.own(branch).values()) this.#addCode(id, code);
    }
  }

  byIds<T extends TypeName>(type: T, branch: string, ids: readonly string[]): WorldRow<T>[] {
    checkBranch(this.#chains, branch);
    const beneathShown = this.#beneathShown(type, branch);
    return ids.flatMap((id) => {
      const row = this.#rows[type].get(branch, id);
      return row !== undefined && beneathShown(row) ? [row] : [];
    });
  }

  childrenOf<T extends TypeName>(type: T, branch: string, parentIds: readonly string[]): WorldRow<T>[] {
    checkBranch(this.#chains, branch);
    const parentType = PARENT_TYPE[type];
    if (parentType === null) return [];
    const shown = new Set(parentIds.filter((id) => this.#shows(parentType, branch, id)));
    return this.#rows[type].children(branch, shown).filter(({ deleted }) => !deleted);
  }

  *all<T extends TypeName>(type: T, branch: string): Generator<WorldRow<T>> {
    checkBranch(this.#chains, branch);
    const beneathShown = this.#beneathShown(type, branch);
    for (const row of this.#rows[type].seen(branch)) if (!row.deleted && beneathShown(row)) yield row;
  }

  overrides<T extends TypeName>(type: T, branch: string): readonly WorldRow<T>[] {
    checkBranch(this.#chains, branch);
    return [...this.#rows[type].own(branch).values()];
  }

  write<T extends TypeName>(
    type: T,
    branch: string,
    id: string,
    fields: Partial<WorldRow<T>>,
    expectedVersion?: number,
  ): Written<T> {
    checkBranch(this.#chains, branch);
    const rows = this.#rows[type];
    const before = rows.get(branch, id) ?? null;
    const written = writtenBy(type, { id, before, fields, expectedVersion });
    const { after } = written;
    const parentType = PARENT_TYPE[type];
    const parentId = rows.parentIdOf(after);
    if (parentType !== null && (parentId === null || !this.#shows(parentType, branch, parentId))) {
      throw new NotFound(`${type} '${id}': its ${parentType} '${String(parentId)}' is not there.`);
    }
    this.#set(type, branch, after, before);
    return written;
  }

  transaction<Result>(work: (write: Write) => Promise<Result>): Promise<Result> {
    return work(async (...given) => this.write(...given));
  }

  put<T extends TypeName>(type: T, branch: string, row: WorldRow<T>): void {
    checkBranch(this.#chains, branch);
    const rows = this.#rows[type];
    const known = rows.own(branch).get(row.id);
    if (known === undefined || known.version < row.version)
      this.#set(type, branch, row, rows.get(branch, row.id) ?? null);
  }

  beneathShown<T extends TypeName>(type: T, branch: string): (row: WorldRow<T>) => boolean {
    checkBranch(this.#chains, branch);
    return this.#beneathShown(type, branch);
  }

  search(text: string, branch: string, limit: number): SearchHit[] {
    checkBranch(this.#chains, branch);
    const wanted = fold(text);
    if (wanted === '' || !(limit >= 1)) return [];
    const best: Candidate[] = [];
    const offer = (type: TypeName, id: string, fit: Fit, isCurrent: (row: WorldRow) => boolean): void => {
      const last = best.length < limit ? undefined : best[best.length - 1];
      const rank = RANKS[type];
      if (last !== undefined && (fit > last.fit || (fit === last.fit && rank > last.rank))) return;
      const row = this.#rows[type].get(branch, id);
      if (row === undefined || !isCurrent(row)) return;
      const candidate = { type, row, fit, rank, weight: weightOf(row) };
      if (last !== undefined && compareCandidates(candidate, last) >= 0) return;
      if (best.some((other) => other.row === row && other.fit <= fit) || !this.#shows(type, branch, id)) return;
      const others = best.filter((other) => other.row !== row);
      const at = others.findIndex((other) => compareCandidates(candidate, other) < 0);
      others.splice(at < 0 ? others.length : at, 0, candidate);
      best.splice(0, best.length, ...others.slice(0, limit));
    };
    for (const id of this.#codes.get(wanted) ?? []) {
      offer('structure', id, 0, (row) => 'code' in row && fold(row.code) === wanted);
    }
    this.#names.find(wanted, ({ type, id, name }, fit) => {
      offer(type, id, fit, (row) => row.name === name);
    });
    return best.map(({ type, row }) => this.#hit(type, branch, row));
  }

  get counts(): Readonly<Record<TypeName, number>> {
    const count = (type: TypeName): number => {
      let rows = 0;
      for (const _ of this.all(type, this.#root)) rows++;
      return rows;
    };
    this.#counts ??= {
      campaign: count('campaign'),
      kingdom: count('kingdom'),
      settlement: count('settlement'),
      structure: count('structure'),
    };
    return this.#counts;
  }

  #hit(type: TypeName, branch: string, { id, name, ...row }: WorldRow): SearchHit {
    const nameOf = (parent: TypeName, parentId: string): string => this.#rows[parent].get(branch, parentId)?.name ?? '';
    const words = this.#words;
    const where =
      'settlementId' in row
        ? `${row.kind}, ${nameOf('settlement', row.settlementId)}`
        : 'kingdomId' in row
          ? `${words.settlement} in ${nameOf('kingdom', row.kingdomId)}`
          : 'campaignId' in row
            ? words.kingdom
            : 'campaign';
    return { type, id, name, where, lon: 'lon' in row ? row.lon : null, lat: 'lat' in row ? row.lat : null };
  }

  #set<T extends TypeName>(type: T, branch: string, row: WorldRow<T>, before: WorldRow<T> | null): void {
    const { id, name } = row;
    this.#rows[type].put(branch, row);
    if (before?.name !== name) this.#names.add({ type, id, name });
    if (type === 'structure') this.#addCode(id, this.#rows.structure.get(branch, id)?.code ?? '');
    if (branch === this.#root) this.#counts = undefined;
  }

  #addCode(id: string, code: string): void {
    const folded = fold(code);
    if (folded === '') return;
    const known = this.#codes.get(folded);
    if (known === undefined) this.#codes.set(folded, new Set([id]));
    else known.add(id);
  }

  /** Whether the entity and all that it hangs beneath are there and not deleted. */
  #shows<T extends TypeName>(type: T, branch: string, id: string): boolean {
    const row = this.#rows[type].get(branch, id);
    if (row === undefined || row.deleted) return false;
    const parentType = PARENT_TYPE[type];
    const parentId = this.#rows[type].parentIdOf(row);
    return parentType === null || (parentId !== null && this.#shows(parentType, branch, parentId));
  }

  /** Tells of rows of a type whether all that they hang beneath shows; asks about each parent once. */
  #beneathShown<T extends TypeName>(type: T, branch: string): (row: WorldRow<T>) => boolean {
    const parentType = PARENT_TYPE[type];
    if (parentType === null) return () => true;
    const known = new Map<string, boolean>();
    return (row) => {
      const parentId = this.#rows[type].parentIdOf(row);
      if (parentId === null) return false;
      const answer = known.get(parentId) ?? this.#shows(parentType, branch, parentId);
      known.set(parentId, answer);
      return answer;
    };
  }
}

/** The larger comes first among what fits equally well: a settlement by its people, else by level. */
function weightOf(row: WorldRow): number {
  return 'population' in row ? row.population : 'level' in row ? row.level : 0;
}

function compareCandidates(a: Candidate, b: Candidate): number {
  return (
    a.fit - b.fit ||
    a.rank - b.rank ||
    b.weight - a.weight ||
    byName(a.row.name, b.row.name) ||
    (a.row.id < b.row.id ? -1 : a.row.id > b.row.id ? 1 : 0)
  );
}

function checkBranch(chains: ReadonlyMap<string, unknown>, branch: string): void {
  if (!chains.has(branch)) throw new NotFound(`No branch '${branch}'; known: ${[...chains.keys()].join(', ')}.`);
}
