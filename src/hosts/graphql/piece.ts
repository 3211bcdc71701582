import { TidemarkError } from '../../errors.js';
import type { AnyModel, TypeName } from '../../model.js';

/** A part of a schema, for any server: type definitions in GraphQL's own language, and resolvers by type and field. */
export interface Piece<Resolvers extends object> {
  readonly typeDefs: string;
  readonly resolvers: Resolvers;
}

/** Those asked for. Throws UNKNOWN_TYPE. */
export function typesOf<M extends AnyModel>(
  model: M,
  types: readonly string[] = Object.keys(model.entities),
): readonly TypeName<M>[] {
  for (const type of types) {
    if (!Object.hasOwn(model.entities, type))
      throw new TidemarkError('UNKNOWN_TYPE', `types: expected types of the model, got '${type}'.`);
  }
  return types;
}
