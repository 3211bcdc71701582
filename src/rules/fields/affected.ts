import type { StepBack } from './readers.js';
import type { FieldRule } from './rule.js';
import type { FieldSet } from './set.js';

/** A field whose values may differ when a rule does. */
export interface AffectedField {
  readonly type: string;
  readonly field: string;
  /** A way from an entity of the rule's field to the entities whose field this is; empty: the same. */
  readonly back: readonly StepBack[];
}

/** The field of a rule, and whatever depends on it through other fields; each once, in the order of evaluation. */
export function affectedBy(set: FieldSet, { entityType, field }: FieldRule): readonly AffectedField[] {
  const key = ({ type, field: name }: { readonly type: string; readonly field: string }): string => `${type}.${name}`;
  const first: AffectedField = { type: entityType, field, back: [] };
  const found = new Map([[key(first), first]]);
  for (const affected of found.values()) {
    for (const { type, field: name, back } of set.readersOf(affected.type, affected.field)) {
      const reader = { type, field: name, back: [...affected.back, ...back] };
      if (!found.has(key(reader))) found.set(key(reader), reader);
    }
  }
  return set.order.flatMap((name) => found.get(name) ?? []);
}
