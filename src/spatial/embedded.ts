import RBush from 'rbush';
import { TidemarkError } from '../errors.js';
import type { AnyRow, EntityPlan, Id } from '../model.js';
import { type Box, boundsOf, checkGeometry } from './geometry.js';

/** Where the index gets its rows: as readers of its branch see them, straight from the origin. */
export interface IndexSource {
  all(): Promise<readonly AnyRow[]>;
  /** One result per id, in order; null for what is not there. */
  byIds(ids: readonly Id[]): Promise<readonly (AnyRow | null)[]>;
}

interface Item extends Box {
  readonly id: Id;
  readonly row: AnyRow;
}

/**
 * Where all entities of one type are in one branch, kept current by what is heard: a change makes one id stale, which is
 * read again before the next answer; what cannot be told apart makes everything stale.
 */
export class EmbeddedIndex {
  readonly #plan: EntityPlan;
  readonly #srid: number;
  readonly #source: IndexSource;
  #tree = new RBush<Item>();
  readonly #items = new Map<string, Item>();
  /** Ids, as text, that changed since they were read. */
  readonly #stale = new Set<string>();
  #allStale = true;
  /** Counts what was heard; `#covered` is how much of it the index shows. */
  #heard = 1;
  #covered = 0;
  #running: Promise<void> | null = null;

  constructor(plan: EntityPlan, srid: number, source: IndexSource) {
    this.#plan = plan;
    this.#srid = srid;
    this.#source = source;
  }

  get size(): number {
    return this.#items.size;
  }

  /** An entity changed. */
  changed(id: string): void {
    this.#heard++;
    if (!this.#allStale) this.#stale.add(id);
  }

  /** Any of them may have changed. */
  lost(): void {
    this.#heard++;
    this.#allStale = true;
    this.#stale.clear();
  }

  /** Resolves once the index shows everything heard before this call. */
  async current(): Promise<void> {
    const heard = this.#heard;
    while (this.#covered < heard) {
      this.#running ??= this.#catchUp().finally(() => {
        this.#running = null;
      });
      await this.#running;
    }
  }

  async #catchUp(): Promise<void> {
    const heard = this.#heard;
    const whole = this.#allStale;
    const ids = [...this.#stale];
    this.#allStale = false;
    this.#stale.clear();
    try {
      if (whole) this.#rebuild(await this.#source.all());
      else this.#replace(ids, await this.#source.byIds(ids.map((id) => this.#plan.parseId(id))));
      this.#covered = heard;
    } catch (error) {
      if (whole) this.lost();
      else for (const id of ids) this.changed(id);
      throw error;
    }
  }

  #rebuild(rows: readonly AnyRow[]): void {
    this.#items.clear();
    for (const row of rows) {
      const item = this.#itemOf(row);
      if (item !== null) this.#items.set(String(item.id), item);
    }
    this.#tree = new RBush<Item>().load([...this.#items.values()]);
  }

  #replace(ids: readonly string[], rows: readonly (AnyRow | null)[]): void {
    ids.forEach((id, i) => {
      const old = this.#items.get(id);
      if (old !== undefined) this.#tree.remove(old);
      this.#items.delete(id);
      const row = rows[i];
      const item = row === null || row === undefined ? null : this.#itemOf(row);
      if (item === null) return;
      this.#items.set(id, item);
      this.#tree.insert(item);
    });
  }

  #itemOf(row: AnyRow): Item | null {
    const geometry = this.#plan.geometryOf?.(row);
    if (geometry === null || geometry === undefined) return null;
    const id = row[this.#plan.idField] as Id;
    const where = `geometry of '${this.#plan.type}' ${JSON.stringify(String(id))}`;
    checkGeometry(geometry, this.#srid, where);
    const box = boundsOf(geometry);
    if (box.minX !== box.maxX || box.minY !== box.maxY) {
      throw new TidemarkError(
        'INVALID_GEOMETRY',
        `${where}: the embedded index holds points; expected one, got something larger.`,
      );
    }
    return { ...box, id, row };
  }

  /** Everything in a closed box, by id. */
  inBox(box: Box): readonly AnyRow[] {
    return this.#tree
      .search(box)
      .sort((a, b) => compareIds(a.id, b.id))
      .map(({ row }) => row);
  }

  /** Everything at most `radius` from a point, nearest first, then by id. */
  near(x: number, y: number, radius: number): readonly AnyRow[] {
    const found: { readonly item: Item; readonly distance: number }[] = [];
    for (const item of this.#tree.search({ minX: x - radius, minY: y - radius, maxX: x + radius, maxY: y + radius })) {
      const distance = Math.hypot(item.minX - x, item.minY - y);
      if (distance <= radius) found.push({ item, distance });
    }
    found.sort((a, b) => a.distance - b.distance || compareIds(a.item.id, b.item.id));
    return found.map(({ item }) => item.row);
  }
}

/** Numbers by size, text by its UTF-16 units. */
function compareIds(a: Id, b: Id): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
