import { TidemarkError } from '../errors.js';
import type { SubjectKey } from '../contract.js';
import type { AnyRow, EntityPlan, Id, Topology } from '../model.js';
import { type Footprint, subjectParts } from '../subject.js';
import { footprintOf } from './cells.js';
import { EmbeddedIndex } from './embedded.js';
import { type Box, boxOf, extentOf, pointOf } from './geometry.js';

/** A checked query: its name, where on the map its answer comes from, and how an index answers it. */
export interface SpatialQuery {
  /** Unique within the type: what the answer is kept under. */
  readonly text: string;
  readonly footprint: Footprint;
  readonly answer: (index: EmbeddedIndex) => readonly AnyRow[];
}

/** Throws INVALID_GEOMETRY or INVALID_OPTION. */
export function inBoxQuery({ srid }: Topology, query: unknown): SpatialQuery {
  const { limit: given } = objectOf(query, 'inBox') as { limit?: unknown };
  const box = boxOf(query, srid, 'inBox');
  const limit = limitOf(given, 'inBox');
  return {
    text: named('in-box', [box.minX, box.minY, box.maxX, box.maxY, srid, limit]),
    footprint: footprintOf(box, extentOf(srid)),
    answer: (index) => index.inBox(box).slice(0, limit),
  };
}

/** Throws INVALID_GEOMETRY or INVALID_OPTION. */
export function nearQuery({ srid }: Topology, query: unknown): SpatialQuery {
  const { point, radius, limit: given } = objectOf(query, 'near') as Record<string, unknown>;
  const { x, y } = pointOf(point, srid, 'near.point');
  if (typeof radius !== 'number' || !Number.isFinite(radius) || radius < 0) {
    throw new TidemarkError(
      'INVALID_GEOMETRY',
      `near.radius: expected a finite number from 0, got ${typeof radius === 'number' ? String(radius) : typeof radius}.`,
    );
  }
  const limit = limitOf(given, 'near');
  // Two ways to compute one distance differ in the last bit: what is marked is a little more than what is asked.
  const reach = radius * (1 + 1e-9);
  const disc: Box = { minX: x - reach, minY: y - reach, maxX: x + reach, maxY: y + reach };
  return {
    text: named('near', [x, y, radius, srid, limit]),
    footprint: footprintOf(disc, extentOf(srid)),
    answer: (index) => index.near(x, y, radius).slice(0, limit),
  };
}

function named(name: string, numbers: readonly (number | undefined)[]): string {
  return [name, ...numbers.filter((number) => number !== undefined).map((number) => String(number + 0))].join(':');
}

function objectOf(query: unknown, verb: string): object {
  if (typeof query === 'object' && query !== null) return query;
  throw new TidemarkError('INVALID_GEOMETRY', `${verb}: expected an object, got ${String(query)}.`);
}

function limitOf(limit: unknown, verb: string): number | undefined {
  if (limit === undefined || (Number.isSafeInteger(limit) && (limit as number) > 0)) return limit as number | undefined;
  throw new TidemarkError(
    'INVALID_OPTION',
    `${verb}.limit: expected a whole number above 0, got ${typeof limit === 'number' ? String(limit) : typeof limit}.`,
  );
}

// ── The indexes ─────────────────────────────────────────────────────────────────────────────────────────────────

export interface IndexesOptions {
  readonly topology: Topology;
  /** The branch and its ancestors; null for one that does not exist. */
  readonly chainOf: (branch: string) => readonly string[] | null;
  readonly all: (branch: string, type: string) => Promise<readonly AnyRow[]>;
  readonly byIds: (branch: string, type: string, ids: readonly Id[]) => Promise<readonly (AnyRow | null)[]>;
}

/** One embedded index per type and branch that was asked for, told of every change that is heard. */
export class Indexes {
  readonly #options: IndexesOptions;
  readonly #indexes = new Map<string, Map<string, EmbeddedIndex>>();

  constructor(options: IndexesOptions) {
    this.#options = options;
  }

  /** The index of a type in a branch, showing everything heard so far. Throws INVALID_GEOMETRY for a type without. */
  async current(plan: EntityPlan, branch: string): Promise<EmbeddedIndex> {
    const index = this.#indexes.get(plan.type)?.get(branch) ?? this.#create(plan, branch);
    await index.current();
    return index;
  }

  #create(plan: EntityPlan, branch: string): EmbeddedIndex {
    const { topology, chainOf, all, byIds } = this.#options;
    const index = new EmbeddedIndex(plan, topology.srid, {
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
      if (kind === 'entity') for (const index of this.#seeing(type, branch)) index.changed(id);
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
