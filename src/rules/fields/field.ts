import { type Candidate, before } from './rule.js';
import type { FieldRead } from './reads.js';
import type { FieldKind } from './schema.js';

/** A computed field of a type, with the rules for it. */
export interface Field {
  /** 'settlement.income' */
  readonly key: string;
  readonly type: string;
  readonly name: string;
  readonly kind: FieldKind;
  /** In the order in which they are asked, inactive ones among them. */
  readonly all: readonly Candidate[];
  /** The active ones for all entities. */
  readonly general: readonly Candidate[];
  /** The active ones for one entity, by its id. */
  readonly single: ReadonlyMap<string, readonly Candidate[]>;
  /** Of all active ones. */
  readonly reads: readonly FieldRead[];
}

export interface FieldName {
  readonly type: string;
  readonly name: string;
  readonly kind: FieldKind;
}

export function keyOf(type: string, field: string): string {
  return `${type}.${field}`;
}

export function fieldOf({ type, name, kind }: FieldName, candidates: readonly Candidate[]): Field {
  const all = [...candidates].sort(before);
  const active = all.filter(({ rule }) => rule.isActive);
  const single = new Map<string, Candidate[]>();
  for (const candidate of active) {
    const { entityId } = candidate.rule;
    if (entityId === null) continue;
    const same = single.get(entityId);
    if (same === undefined) single.set(entityId, [candidate]);
    else same.push(candidate);
  }
  const reads = new Map<string, FieldRead>();
  for (const candidate of active) {
    for (const read of candidate.reads) {
      reads.set(JSON.stringify([read.of, read.hops.map((hop) => hop.name), read.path]), read);
    }
  }
  return {
    ...{ key: keyOf(type, name), type, name, kind, all, single },
    general: active.filter(({ rule }) => rule.entityId === null),
    reads: [...reads.values()],
  };
}

/** The active rules for one entity, in the order in which they are asked. */
export function candidatesFor({ general, single }: Field, id: string): readonly Candidate[] {
  const own = single.get(id);
  return own === undefined ? general : [...own, ...general];
}
