import type { EntityPlan } from '../model.js';
import { escapePart } from '../subject.js';
import { buildCacheKey, buildComputedFieldsKey, buildEntityListKey } from './keys.js';
import { type RowSpace, rowSpace } from './row-space.js';
import type { Statistics } from './stats.js';
import type { Lifetime, Space } from './tier.js';

export interface SpaceOptions {
  readonly statistics: Statistics;
  readonly lifetimeOf: (kind: Space['kind']) => Lifetime;
}

/** What is cached of one entity type. */
export interface TypeSpaces {
  readonly records: RowSpace;
  /** By the type of the parent whose children they are. */
  readonly lists: ReadonlyMap<string, RowSpace>;
  readonly located: Space;
  readonly computed: Space;
}

export function spacesOf(plan: EntityPlan, { statistics, lifetimeOf }: SpaceOptions): TypeSpaces {
  const { type, plural } = plan;
  const lists = plan.parents.map((parent) => {
    const space = rowSpace(plan, parent, {
      counter: statistics.counter(plural),
      lifetime: lifetimeOf('list'),
      keyOf: (branch, id) => buildEntityListKey(plural, parent.type, String(id), branch),
    });
    return [parent.type, space] as const;
  });
  return {
    records: rowSpace(plan, null, {
      counter: statistics.counter(type),
      lifetime: lifetimeOf('record'),
      keyOf: (branch, id) => buildCacheKey(type, [String(id)], branch),
    }),
    lists: new Map(lists),
    located: {
      kind: 'spatial',
      name: type,
      counter: statistics.counter('spatial'),
      lifetime: lifetimeOf('spatial'),
      keyOf: (branch, id) => `spatial:${escapePart(plural)}-${String(id)}:${escapePart(branch)}`,
      shelves: new Map(),
    },
    computed: {
      kind: 'computed',
      name: type,
      counter: statistics.counter('computed-fields'),
      lifetime: lifetimeOf('computed'),
      keyOf: (branch, id) => buildComputedFieldsKey(type, String(id), branch),
      shelves: new Map(),
    },
  };
}

/** The rules of computed fields, by escaped type and scope. */
export function rulesSpace({ statistics, lifetimeOf }: SpaceOptions): Space {
  return {
    kind: 'computed',
    name: 'rules',
    counter: statistics.counter('rules'),
    lifetime: lifetimeOf('computed'),
    keyOf: (branch, id) => `computed-fields:rules:${String(id)}:${escapePart(branch)}`,
    shelves: new Map(),
  };
}

/** The results of one view. */
export function viewSpace(name: string, { statistics, lifetimeOf }: SpaceOptions): Space {
  return {
    kind: 'view',
    name,
    counter: statistics.counter('view'),
    lifetime: lifetimeOf('view'),
    keyOf: (branch, id) => buildCacheKey('view', [name, String(id)], branch),
    shelves: new Map(),
  };
}
