import RBush from 'rbush';
import knn from 'rbush-knn';
import type { Box, Position, SpatialAsk, SpatialQuestion, SpatialSystem } from '../contract.js';
import type { AnyRow, EntityPlan, Id } from '../model.js';
import { boxesAround } from './area.js';
import { bandsOf } from './bands.js';
import { apart, distanceBetween } from './distance.js';
import type { Located } from './finder.js';
import { boundsOf, checkGeometry } from './geometry.js';
import { contains as containsPoint, covers, intersects } from './relate.js';
import { type Shape, shapeOf, shapeOfBox } from './shape.js';

/** To ask a region about so many items, nothing is made of it beforehand. */
const FEW = 16;

/** Where the index gets its rows: as readers of its branch see them, straight from the origin. */
export interface IndexSource {
  all(): Promise<readonly AnyRow[]>;
  /** One result per id, in order; null for what is not there. */
  byIds(ids: readonly Id[]): Promise<readonly (AnyRow | null)[]>;
}

export type IndexAsk = Pick<SpatialAsk, 'question' | 'where' | 'limit'>;

interface Item extends Box {
  readonly id: Id;
  readonly row: AnyRow;
  /** Undefined for a point, which is its box. */
  readonly shape: Shape | undefined;
}

/**
 * Where all entities of one type are in one branch, kept current by what is heard: a change makes one id stale, which is
 * read again before the next answer; what cannot be told apart makes everything stale.
 */
export class EmbeddedIndex {
  readonly #plan: EntityPlan;
  readonly #system: SpatialSystem;
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

  constructor(plan: EntityPlan, system: SpatialSystem, source: IndexSource) {
    this.#plan = plan;
    this.#system = system;
    this.#source = source;
  }

  get size(): number {
    return this.#items.size;
  }

  // ── Keeping up ────────────────────────────────────────────────────────────────────────────────────────────────

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
    checkGeometry(geometry, this.#system.srid, `geometry of '${this.#plan.type}' ${JSON.stringify(String(id))}`);
    const box = boundsOf(geometry);
    const isPoint = box.minX === box.maxX && box.minY === box.maxY;
    return { ...box, id, row, shape: isPoint ? undefined : shapeOf(geometry) };
  }

  // ── Answering ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** As the contract of {@link Spatial.find} has it, from what the index shows. */
  find({ question, where, limit }: IndexAsk): Located {
    const wanted = ({ row }: Item): boolean =>
      where.every(({ field, oneOf }) => oneOf.some((value) => value === (row[field] ?? null)));
    switch (question.kind) {
      case 'near':
        return this.#near(question, wanted).slice(0, limit);
      case 'nearest':
        return this.#nearest(question, wanted);
      case 'inBox': {
        const boxes = question.boxes.map((box) => ({ box, shape: shapeOfBox(box) }));
        const found = new Set(
          boxes.flatMap(({ box, shape }) =>
            this.#tree.search(box).filter((item) => item.shape === undefined || intersects(item.shape, shape)),
          ),
        );
        return byId([...found].filter(wanted)).slice(0, limit);
      }
      case 'within': {
        const region = shapeOf(question.region);
        // A region of many parts may leave most of its extent free: Russia lies on both sides of the 180th meridian.
        const near = new Set(region.boxes.flatMap((box) => this.#tree.search(box)));
        const sideIn = near.size > FEW ? region.polygons.map(bandsOf) : undefined;
        const isWithin = (item: Item): boolean => covers(region, shapeOfItem(item), question.strict, sideIn);
        return byId([...near].filter((item) => wanted(item) && isWithin(item))).slice(0, limit);
      }
      case 'containing': {
        const { point, strict } = question;
        const shape = shapeOf(point);
        const contains = (item: Item): boolean => {
          if (item.shape === undefined) return item.minX === point.x && item.minY === point.y;
          return containsPoint(item.shape, [point.x, point.y], strict);
        };
        return byId(this.#tree.search(shape.box).filter((item) => wanted(item) && contains(item))).slice(0, limit);
      }
    }
  }

  #near(
    { point, radius }: { readonly point: Position; readonly radius: number },
    wanted: (item: Item) => boolean,
  ): Located {
    const boxes =
      this.#system.distance === 'geodesic' ? boxesAround(point, radius * (1 + ROUNDING)) : boxAround(point, radius);
    const found = new Set(boxes.flatMap((box) => this.#tree.search(box)));
    return this.#byDistance(point, [...found].filter(wanted), radius);
  }

  #byDistance(
    point: Position,
    items: readonly Item[],
    most: number,
  ): { readonly row: AnyRow; readonly distance: number }[] {
    const from = shapeOf(point);
    const found: { readonly item: Item; readonly row: AnyRow; readonly distance: number }[] = [];
    for (const item of items) {
      const isPlanarPoint = item.shape === undefined && this.#system.distance === 'planar';
      const distance = isPlanarPoint
        ? apart([item.minX, item.minY], [point.x, point.y])
        : distanceBetween(from, shapeOfItem(item), this.#system);
      if (distance <= most) found.push({ item, row: item.row, distance });
    }
    return found.sort((a, b) => a.distance - b.distance || compareIds(a.item.id, b.item.id));
  }

  #nearest(
    { point, count, maxDistance = Infinity }: Extract<SpatialQuestion, { kind: 'nearest' }>,
    wanted: (item: Item) => boolean,
  ): Located {
    if (this.#system.distance === 'geodesic') return this.#nearestOnEarth(point, count, maxDistance, wanted);
    // The nearest by their boxes are no farther than the farthest of them really is: nor are the nearest.
    const candidates = knn(this.#tree, point.x, point.y, count, wanted);
    const reach = this.#byDistance(point, candidates, Infinity).at(-1)?.distance ?? 0;
    const most = candidates.length < count ? maxDistance : Math.min(reach, maxDistance);
    if (most === Infinity) return this.#byDistance(point, candidates, most);
    return this.#near({ point, radius: most }, wanted).slice(0, count);
  }

  /** Ever farther, beginning where so many would be if they were spread evenly. */
  #nearestOnEarth(point: Position, count: number, maxDistance: number, wanted: (item: Item) => boolean): Located {
    const farthest = Math.min(maxDistance, HALF_WAY_ROUND_METRES);
    for (let radius = HALF_WAY_ROUND_METRES * Math.sqrt(count / Math.max(1, this.size)); ; radius *= 2) {
      const found = this.#near({ point, radius: Math.min(radius, farthest) }, wanted);
      if (found.length >= count || radius >= farthest) return found.slice(0, count);
    }
  }
}

const HALF_WAY_ROUND_METRES = 20_040_000;
/** What is looked through is a little more than what is asked: sums are rounded. */
const ROUNDING = 1e-9;

function boxAround({ x, y }: Position, radius: number): readonly Box[] {
  const reach = radius + (radius + Math.abs(x) + Math.abs(y)) * ROUNDING;
  return [{ minX: x - reach, minY: y - reach, maxX: x + reach, maxY: y + reach }];
}

function shapeOfItem({ minX, minY, maxX, maxY, shape }: Item): Shape {
  return shape ?? shapeOfBox({ minX, minY, maxX, maxY });
}

function byId(items: readonly Item[]): Located {
  return items.toSorted((a, b) => compareIds(a.id, b.id)).map(({ row }) => ({ row, distance: null }));
}

/** Numbers by size, text by its UTF-16 units. */
function compareIds(a: Id, b: Id): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
