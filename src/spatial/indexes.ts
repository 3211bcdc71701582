import type { Geometry, SpatialSystem, SubjectKey } from '../contract.js';
import { TidemarkError } from '../errors.js';
import type { AnyRow, EntityPlan, Id } from '../model.js';
import { subjectParts } from '../subject.js';
import { type IndexAsk, EmbeddedIndex } from './embedded.js';
import type { Finder, Located } from './finder.js';
import { distanceBetween } from './distance.js';
import { checkedRegion } from './region.js';
import { overlaps } from './relate.js';
import { type Polygon, shapeOf } from './shape.js';

export interface IndexesOptions {
  readonly system: SpatialSystem;
  /** The branch and its ancestors; null for one that does not exist. */
  readonly chainOf: (branch: string) => readonly string[] | null;
  readonly all: (branch: string, type: string) => Promise<readonly AnyRow[]>;
  readonly byIds: (branch: string, type: string, ids: readonly Id[]) => Promise<readonly (AnyRow | null)[]>;
}

/** One embedded index per type and branch that was asked for, told of every change that is heard. */
export class Indexes implements Finder {
  readonly #options: IndexesOptions;
  readonly #indexes = new Map<string, Map<string, EmbeddedIndex>>();

  constructor(options: IndexesOptions) {
    this.#options = options;
  }

  /** What the index of a type in a branch shows once it shows everything heard so far. */
  async find(plan: EntityPlan, branch: string, ask: IndexAsk): Promise<Located> {
    const index = this.#indexes.get(plan.type)?.get(branch) ?? this.#create(plan, branch);
    await index.current();
    return index.find(ask);
  }

  async distance(a: Geometry, b: Geometry): Promise<number> {
    return distanceBetween(shapeOf(a), shapeOf(b), this.#options.system);
  }

  /** Throws UNSUPPORTED_GEOMETRY for what is no area. */
  async overlaps(a: Geometry, b: Geometry): Promise<boolean> {
    return overlaps(areasOf(a), areasOf(b));
  }

  #create(plan: EntityPlan, branch: string): EmbeddedIndex {
    const { system, chainOf, all, byIds } = this.#options;
    const index = new EmbeddedIndex(plan, system, {
      all: () => all(branch, plan.type),
      byIds: (ids) => byIds(branch, plan.type, ids),
    });
    // Of a branch that does not exist nothing is kept: names from outside must not pile up.
    if (chainOf(branch) === null) return index;
    const branches = this.#indexes.get(plan.type) ?? new Map<string, EmbeddedIndex>();
    branches.set(branch, index);
    this.#indexes.set(plan.type, branches);
    return index;
  }

  heard(subjects: readonly SubjectKey[]): void {
    if (this.#indexes.size === 0) return;
    for (const subject of subjects) {
      const [kind, type = '', id = ''] = subjectParts(subject);
      const branch = subjectParts(subject).at(-1) as string;
      if (kind === 'placed') for (const index of this.#seeing(type, branch)) index.changed(id);
      else if (kind === 'all' || kind === 'removals') for (const index of this.#seeing(type, branch)) index.lost();
      else if (kind === 'branch') for (const each of this.#indexes.keys()) this.#loseAll(each, branch);
    }
  }

  /** What was changed is not known. */
  lost(): void {
    for (const branches of this.#indexes.values()) for (const index of branches.values()) index.lost();
  }

  #loseAll(type: string, branch: string): void {
    for (const index of this.#seeing(type, branch)) index.lost();
  }

  /** The indexes of a type whose branch sees changes of this one. */
  *#seeing(type: string, branch: string): Iterable<EmbeddedIndex> {
    for (const [of, index] of this.#indexes.get(type) ?? []) {
      if (of === branch || this.#options.chainOf(of)?.includes(branch) === true) yield index;
    }
  }
}

function areasOf(geometry: Geometry): readonly Polygon[] {
  const { type } = geometry;
  if (type === 'Polygon' || type === 'MultiPolygon') return shapeOf(checkedRegion(geometry, 'overlaps')).polygons;
  throw new TidemarkError(
    'UNSUPPORTED_GEOMETRY',
    `overlaps: the embedded index compares polygons; expected two, got a ${type}. PostGIS (tidemark/postgres) compares all.`,
  );
}
