import { TidemarkError } from '../../errors.js';
import { shown } from '../site.js';
import { type Dependents, type Index, changedIn, namesSame } from './dependents.js';
import type { Facts } from './excerpt.js';
import type { Hop, Link, Shape } from './schema.js';
import { Relation, RowTable } from './table.js';

/** A row's two states; null for one that is not there. */
export interface RowChange {
  readonly type: string;
  readonly before: object | null;
  readonly after: object | null;
}

/** A change of a row as the tables have it. */
interface Step {
  readonly table: RowTable;
  readonly id: string;
  readonly held: object | undefined;
  readonly after: object | undefined;
  readonly changed: readonly Dependents[];
}

/** Told which entities of which fields may have another value than before. */
export interface Marking {
  mark(dependents: Dependents, type: string, places: readonly number[]): void;
  created(type: string, place: number): void;
  /** Before its values are gone. */
  removing(table: RowTable, places: readonly number[]): void;
}

/** Rows of all types by reference, and the links between them that some rule follows. */
export class World implements Facts<number> {
  readonly tables: ReadonlyMap<string, RowTable>;
  readonly #relations = new Map<string, Relation>();
  #links: readonly Link[] = [];

  constructor({ types }: Shape) {
    this.tables = new Map([...types].map(([type, shape]) => [type, new RowTable(shape)]));
  }

  /** Throws UNKNOWN_TYPE. */
  tableOf(type: string): RowTable {
    const table = this.tables.get(type);
    if (table !== undefined) return table;
    const known = [...this.tables.keys()].join(', ');
    throw new TidemarkError('UNKNOWN_TYPE', `expected one of ${known}, got ${shown(type)}.`);
  }

  row(place: number, type: string): object {
    return this.tableOf(type).rowAt(place) as object;
  }
  computed(place: number, type: string, field: string): unknown {
    return this.tableOf(type).columns.get(field)?.get(place);
  }
  parent(place: number, { from, to, link }: Hop): number | null {
    const [id] = link.idsOf(this.row(place, from));
    return id === undefined ? null : (this.tableOf(to).placeOf(id) ?? null);
  }
  children(place: number, { from, link }: Hop): readonly number[] {
    return this.#relations.get(link.key)?.childrenOf(this.tableOf(from).idAt(place)) ?? [];
  }

  /** Keeps these links, and no others, in both directions. */
  follow(links: ReadonlyMap<string, Link>): void {
    for (const key of this.#relations.keys()) if (!links.has(key)) this.#relations.delete(key);
    for (const [key, link] of links) {
      if (!this.#relations.has(key)) this.#relations.set(key, new Relation(link, this.tableOf(link.from)));
    }
    this.#links = [...links.values()];
  }

  /** Entities from which the hops lead to one of these. */
  back(hops: readonly Hop[], places: readonly number[]): readonly number[] {
    let at = places;
    for (let i = hops.length - 1; i >= 0; i--) at = this.#stepBack(hops[i] as Hop, at);
    return at;
  }

  #stepBack({ from, to, many, link }: Hop, places: readonly number[]): readonly number[] {
    const [below, above] = [this.tableOf(from), this.tableOf(to)];
    const reached = new Set<number>();
    for (const place of places) {
      // A row that was taken away within the same change leads nowhere.
      const row = above.rowAt(place);
      if (row === undefined) continue;
      if (many) {
        for (const id of link.idsOf(row)) {
          const parent = below.placeOf(id);
          if (parent !== undefined) reached.add(parent);
        }
      } else for (const child of this.#relations.get(link.key)?.childrenOf(above.idAt(place)) ?? []) reached.add(child);
    }
    return [...reached];
  }

  /** Applies changes at once; those of one row count as one. What depends on it is marked as it was and as it is then. */
  apply(changes: readonly RowChange[], index: Index, marking: Marking): void {
    const steps = this.#stepsOf(changes, index);
    if (steps.some((step) => this.#leaves(step))) this.#mark(steps, marking, 'held');
    for (const [table, removed] of grouped(steps.filter(({ held, after }) => held && !after))) {
      marking.removing(table, removed);
    }
    for (const step of steps) this.#do(step, marking);
    this.#mark(steps, marking, 'after');
  }

  #stepsOf(changes: readonly RowChange[], index: Index): Step[] {
    const last = new Map<string, { table: RowTable; id: string; after: object | undefined }>();
    for (const { type, before, after } of changes) {
      const table = this.tableOf(type);
      const ids = [before, after].flatMap((row) => (row === null ? [] : [table.shape.idOf(row)]));
      const [id, other] = ids;
      if (id === undefined || (other !== undefined && id !== other)) {
        const got = id === undefined ? 'none' : `'${id}' and '${String(other)}'`;
        throw new TidemarkError('INVALID_CHANGE', `${type}: expected rows of one id before and after, got ${got}.`);
      }
      last.set(JSON.stringify([type, id]), { table, id, after: after ?? undefined });
    }
    return [...last.values()].flatMap(({ table, id, after }) => {
      const place = table.placeOf(id);
      const held = place === undefined ? undefined : table.rowAt(place);
      const dependents = index.types.get(table.shape.type);
      if (held === after) return [];
      return [{ table, id, held, after, changed: dependents ? changedIn(dependents, held, after) : [] }];
    });
  }

  #leaves({ table, held, after }: Step): boolean {
    if (held === undefined || after === undefined) return held !== undefined;
    return this.#linksOf(table).some((link) => !namesSame(link, held, after));
  }

  #linksOf({ shape }: RowTable): readonly Link[] {
    return this.#links.filter(({ from }) => from === shape.type);
  }

  #do({ table, id, held, after }: Step, marking: Marking): void {
    const place = table.placeOf(id);
    const links = this.#linksOf(table).filter((link) => !(held && after && namesSame(link, held, after)));
    const relations = links.map(({ key }) => this.#relations.get(key) as Relation);
    if (place !== undefined) for (const relation of relations) relation.remove(place);
    if (after === undefined) {
      if (place !== undefined) table.remove(place);
      return;
    }
    const put = table.put(id, after);
    for (const relation of relations) relation.add(put);
    if (place === undefined) marking.created(table.shape.type, put);
  }

  /** Each group of dependents once, for all rows that concern it. */
  #mark(steps: readonly Step[], marking: Marking, state: 'held' | 'after'): void {
    const groups = new Map<Dependents, { readonly type: string; readonly places: number[] }>();
    for (const step of steps) {
      if (step[state] === undefined) continue;
      const place = step.table.placeOf(step.id) as number;
      for (const dependents of step.changed) {
        const group = groups.get(dependents);
        if (group === undefined) groups.set(dependents, { type: step.table.shape.type, places: [place] });
        else group.places.push(place);
      }
    }
    for (const [dependents, { type, places }] of groups) marking.mark(dependents, type, places);
  }
}

function grouped(steps: readonly Step[]): Map<RowTable, number[]> {
  const groups = new Map<RowTable, number[]>();
  for (const { table, id } of steps) {
    const places = groups.get(table);
    if (places === undefined) groups.set(table, [table.placeOf(id) as number]);
    else places.push(table.placeOf(id) as number);
  }
  return groups;
}
