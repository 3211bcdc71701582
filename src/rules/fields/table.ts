import { type ValueColumn, columnOf } from './column.js';
import type { Link, TypeShape } from './schema.js';

/** The rows of one type, each at a place of its own for as long as it is there, and the values computed for them. */
export class RowTable {
  readonly shape: TypeShape;
  /** By the name of the field. */
  readonly columns: ReadonlyMap<string, ValueColumn>;
  readonly #places = new Map<string, number>();
  readonly #ids: string[] = [];
  readonly #rows: (object | undefined)[] = [];
  readonly #free: number[] = [];
  #room = 0;

  constructor(shape: TypeShape) {
    this.shape = shape;
    this.columns = new Map([...shape.computed].map(([field, kind]) => [field, columnOf(kind)]));
  }

  get places(): Iterable<number> {
    return this.#places.values();
  }

  placeOf(id: string): number | undefined {
    return this.#places.get(id);
  }

  rowAt(place: number): object | undefined {
    return this.#rows[place];
  }

  idAt(place: number): string {
    return this.#ids[place] as string;
  }

  /** Puts a row in place of the one with its id, or at a new place. */
  put(id: string, row: object): number {
    const held = this.#places.get(id);
    const place = held ?? this.#free.pop() ?? this.#rows.length;
    this.#rows[place] = row;
    if (held !== undefined) return place;
    this.#places.set(id, place);
    this.#ids[place] = id;
    if (place >= this.#room) {
      this.#room = Math.max(16, 2 * this.#room);
      for (const column of this.columns.values()) column.grow(this.#room);
    }
    return place;
  }

  /** Takes a row away, and the values computed for it. */
  remove(place: number): void {
    this.#places.delete(this.idAt(place));
    this.#rows[place] = undefined;
    this.#free.push(place);
    for (const column of this.columns.values()) column.set(place, null);
  }
}

/** The children of each parent by one link, in the order of their ids. A parent need not be there. */
export class Relation {
  readonly #link: Link;
  readonly #children: RowTable;
  readonly #byParent = new Map<string, number[]>();

  constructor(link: Link, children: RowTable) {
    this.#link = link;
    this.#children = children;
    for (const place of children.places) {
      for (const id of new Set(link.idsOf(children.rowAt(place) as object))) {
        const places = this.#byParent.get(id);
        if (places === undefined) this.#byParent.set(id, [place]);
        else places.push(place);
      }
    }
    for (const places of this.#byParent.values()) {
      places.sort((a, b) => (children.idAt(a) < children.idAt(b) ? -1 : 1));
    }
  }

  childrenOf(parent: string): readonly number[] {
    return this.#byParent.get(parent) ?? [];
  }

  add(place: number): void {
    for (const id of new Set(this.#parentsOf(place))) {
      let places = this.#byParent.get(id);
      if (places === undefined) this.#byParent.set(id, (places = []));
      places.splice(this.#find(places, place), 0, place);
    }
  }

  /** While the row is still there. */
  remove(place: number): void {
    for (const id of new Set(this.#parentsOf(place))) {
      const places = this.#byParent.get(id) as number[];
      if (places.length === 1) this.#byParent.delete(id);
      else places.splice(this.#find(places, place), 1);
    }
  }

  #parentsOf(place: number): readonly string[] {
    return this.#link.idsOf(this.#children.rowAt(place) as object);
  }

  /** Where it is, or belongs. */
  #find(places: readonly number[], place: number): number {
    const id = this.#children.idAt(place);
    let [from, to] = [0, places.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.#children.idAt(places[middle] as number) < id) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}
