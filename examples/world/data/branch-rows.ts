import type { WorldRow } from '../model.ts';
import { Conflict, NotFound } from './tables.ts';

/** What sets one entity type apart for its rows: the parent that they hang beneath, and the order of a list. */
export interface RowOrder<Row extends WorldRow> {
  readonly parentIdOf: (row: Row) => string | null;
  /** Total: 0 for a row and itself only. */
  readonly compare: (a: Row, b: Row) => number;
}

/** The rows that one branch holds of its own. */
interface Level<Row> {
  readonly rows: Map<string, Row>;
  /** By parent, each list in order. */
  readonly children: Map<string, Row[]>;
}

/**
 * The rows of one entity type in all branches. A branch sees its own rows and, where it has none, its parent's: a row
 * that is moved in a branch is listed by its new parent there, and the row that it hides is listed no more.
 */
export class BranchRows<Row extends WorldRow> {
  readonly #order: RowOrder<Row>;
  readonly #levels = new Map<string, Level<Row>>();
  /** By branch: its level, its parent's, … to the root's. */
  readonly #chains = new Map<string, readonly Level<Row>[]>();

  /** `chains`: each branch with its ancestors, nearest first, itself included. */
  constructor(order: RowOrder<Row>, chains: ReadonlyMap<string, readonly string[]>) {
    this.#order = order;
    for (const branch of chains.keys()) this.#levels.set(branch, { rows: new Map(), children: new Map() });
    for (const [branch, chain] of chains) {
      this.#chains.set(
        branch,
        chain.map((name) => this.#level(name)),
      );
    }
  }

  parentIdOf(row: Row): string | null {
    return this.#order.parentIdOf(row);
  }

  compare(a: Row, b: Row): number {
    return this.#order.compare(a, b);
  }

  own(branch: string): ReadonlyMap<string, Row> {
    return this.#level(branch).rows;
  }

  get(branch: string, id: string): Row | undefined {
    for (const { rows } of this.#chain(branch)) {
      const row = rows.get(id);
      if (row !== undefined) return row;
    }
    return undefined;
  }

  /** Rows that name one of these parents, deleted ones included. */
  children(branch: string, parentIds: ReadonlySet<string>): Row[] {
    const nearer: Level<Row>[] = [];
    let found: readonly Row[] = [];
    for (const level of this.#chain(branch)) {
      for (const parentId of parentIds) {
        const list = level.children.get(parentId) ?? [];
        found = this.#merge(found, nearer.length === 0 ? list : list.filter((row) => !isOwn(nearer, row)));
      }
      if (level.rows.size > 0) nearer.push(level);
    }
    return [...found];
  }

  /** Every row, deleted ones included, in no order. */
  *seen(branch: string): Generator<Row> {
    const nearer: Level<Row>[] = [];
    for (const level of this.#chain(branch)) {
      for (const row of level.rows.values()) {
        if (!isOwn(nearer, row)) yield row;
      }
      if (level.rows.size > 0) nearer.push(level);
    }
  }

  /** Sets the branch's own row. */
  put(branch: string, row: Row): void {
    const level = this.#level(branch);
    const old = level.rows.get(row.id);
    if (old !== undefined) this.#unlist(level, old);
    level.rows.set(row.id, row);
    const siblings = this.#siblings(level, row);
    siblings?.splice(this.#place(siblings, row), 0, row);
  }

  /** Sets rows that the branch has none of yet; `settle()` puts the lists in order, once, when all are there. */
  load(branch: string, row: Row): void {
    const level = this.#level(branch);
    level.rows.set(row.id, row);
    this.#siblings(level, row)?.push(row);
  }

  settle(): void {
    for (const { children } of this.#levels.values()) {
      for (const list of children.values()) list.sort(this.#order.compare);
    }
  }

  /** One ordered list of two: sorting them would compare each row with its neighbour again. */
  #merge(a: readonly Row[], b: readonly Row[]): readonly Row[] {
    const [many, few] = a.length < b.length ? [b, a] : [a, b];
    const merged: Row[] = [];
    let taken = 0;
    for (const row of few) {
      for (let next = many[taken]; next !== undefined && this.#order.compare(next, row) < 0; next = many[++taken]) {
        merged.push(next);
      }
      merged.push(row);
    }
    return few.length === 0 ? many : merged.concat(many.slice(taken));
  }

  #unlist(level: Level<Row>, row: Row): void {
    const siblings = this.#siblings(level, row);
    siblings?.splice(this.#place(siblings, row), 1);
  }

  #siblings(level: Level<Row>, row: Row): Row[] | undefined {
    const parentId = this.#order.parentIdOf(row);
    if (parentId === null) return undefined;
    const known = level.children.get(parentId);
    if (known !== undefined) return known;
    const list: Row[] = [];
    level.children.set(parentId, list);
    return list;
  }

  /** Where the row is in an ordered list, or belongs. */
  #place(list: readonly Row[], row: Row): number {
    let low = 0;
    let high = list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = list[middle];
      if (other !== undefined && this.#order.compare(other, row) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #level(branch: string): Level<Row> {
    const level = this.#levels.get(branch);
    if (level === undefined) throw new RangeError(`No branch '${branch}'.`);
    return level;
  }

  #chain(branch: string): readonly Level<Row>[] {
    const chain = this.#chains.get(branch);
    if (chain === undefined) throw new RangeError(`No branch '${branch}'.`);
    return chain;
  }
}

function isOwn<Row extends WorldRow>(levels: readonly Level<Row>[], { id }: Row): boolean {
  for (const { rows } of levels) if (rows.has(id)) return true;
  return false;
}

/** The branch, its parent, … the root. Throws NotFound for a branch that is none. */
export function chainOf(branches: Readonly<Record<string, { readonly parent?: string }>>, branch: string): string[] {
  const chain: string[] = [];
  for (let at: string | undefined = branch; at !== undefined; at = branches[at]?.parent) {
    if (branches[at] === undefined) throw new NotFound(`Branch '${branch}' descends from '${at}', which is none.`);
    if (chain.includes(at)) throw new Conflict(`Branch '${branch}' descends from itself.`);
    chain.push(at);
  }
  return chain;
}
