import type { Excerpt } from './excerpt.js';
import type { Field } from './field.js';
import type { Hop } from './schema.js';

/** What has to be loaded before fields of an entity are evaluated. */
export interface FieldNeeds {
  readonly type: string;
  /** Computed fields whose values are needed. Of the entity itself there are none: they are evaluated with it. */
  readonly computed: readonly string[];
  readonly hops: { readonly [hop: string]: HopNeeds };
}

export interface HopNeeds extends FieldNeeds {
  /** A list of child rows, not one parent. */
  readonly many: boolean;
}

interface Growing {
  readonly type: string;
  readonly computed: Set<string>;
  readonly hops: Map<string, Growing & { readonly many: boolean }>;
}

export function needsOf(type: string, fields: readonly Field[]): FieldNeeds {
  const root = growing(type);
  for (const { all } of fields) {
    for (const { rule, excerpt } of all) if (rule.isActive) for (const hop of excerpt.hops) add(root, hop);
  }
  return finished(root);
}

function growing(type: string): Growing {
  return { type, computed: new Set(), hops: new Map() };
}

function add(to: Growing, [hop, excerpt]: readonly [Hop, Excerpt]): void {
  let beyond = to.hops.get(hop.name);
  if (beyond === undefined) to.hops.set(hop.name, (beyond = { ...growing(hop.to), many: hop.many }));
  for (const field of excerpt.computed) beyond.computed.add(field);
  for (const further of excerpt.hops) add(beyond, further);
}

function finished({ type, computed, hops }: Growing): FieldNeeds {
  const entries = [...hops].sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    type,
    computed: [...computed].sort(),
    hops: Object.fromEntries(entries.map(([name, one]) => [name, { ...finished(one), many: one.many }])),
  };
}
