import { TidemarkError } from '../../errors.js';
import type { Facts } from './excerpt.js';
import type { Hop, Shape, TypeShape } from './schema.js';

/** An entity and what its rules look at, loaded before. What has to be there is what `needs()` names. */
export interface EntityFacts {
  readonly row: object;
  /** Values of computed fields; for one that failed, its error. */
  readonly computed?: Readonly<Record<string, unknown>> | undefined;
  /** By the name of the hop: the parent or null; the child rows, in any order. */
  readonly hops?: { readonly [hop: string]: EntityFacts | readonly EntityFacts[] | null } | undefined;
}

/** Facts of one entity whose own computed fields are being evaluated. Throws FACTS_MISSING for what was not loaded. */
export function givenFacts(root: EntityFacts, values: ReadonlyMap<string, unknown>, shape: Shape): Facts<EntityFacts> {
  return {
    row: ({ row }) => row,
    computed: (entity, type, field) => {
      if (entity === root) return values.get(field) ?? null;
      const value = entity.computed?.[field];
      if (value === undefined) throw missing(type, entity, `the value of '${field}'`, shape);
      return value;
    },
    parent: (entity, hop) => {
      const parent = beyond(entity, hop);
      if (Array.isArray(parent)) throw missing(hop.from, entity, `one row at '${hop.name}'`, shape);
      return parent as EntityFacts | null;
    },
    children: (entity, hop) => {
      const children = beyond(entity, hop);
      if (!Array.isArray(children)) throw missing(hop.from, entity, `a list of rows at '${hop.name}'`, shape);
      return byId(children as readonly EntityFacts[], shape.types.get(hop.to) as TypeShape);
    },
  };

  function beyond(entity: EntityFacts, hop: Hop): EntityFacts | readonly EntityFacts[] | null {
    const found = entity.hops?.[hop.name];
    if (found === undefined) throw missing(hop.from, entity, `'${hop.name}'`, shape);
    return found;
  }
}

function byId(entities: readonly EntityFacts[], shape: TypeShape): readonly EntityFacts[] {
  const ids = entities.map(({ row }) => shape.idOf(row));
  if (ids.every((id, i) => i === 0 || (ids[i - 1] as string) <= id)) return entities;
  const order = [...entities.keys()].sort((a, b) => ((ids[a] as string) < (ids[b] as string) ? -1 : 1));
  return order.map((i) => entities[i] as EntityFacts);
}

function missing(type: string, { row }: EntityFacts, expected: string, { types }: Shape): TidemarkError {
  const id = types.get(type)?.idOf(row) ?? '';
  return new TidemarkError(
    'FACTS_MISSING',
    `facts of ${type} '${id}': expected ${expected}, as needs() says, got none.`,
  );
}
