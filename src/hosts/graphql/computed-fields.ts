import type { Scope } from '../../api.js';
import type { Awaitable } from '../../contract.js';
import { TidemarkError } from '../../errors.js';
import type { AnyModel, AnyRow, ComputedKind, Id, TypeName } from '../../model.js';
import { expectFunction, refuseOthers } from '../given.js';
import { type Piece, typesOf } from './piece.js';

export interface ComputedFieldsOptions<M extends AnyModel, Context> {
  /** The scope of the request. */
  readonly scopeOf: (context: Context) => Pick<Scope<M>, 'computed'>;
  /** Whether this client may see the computed fields of this entity, by the query: it names any. */
  readonly authorize: (
    context: Context,
    entity: { readonly type: TypeName<M>; readonly id: string },
  ) => Awaitable<boolean>;
  /** Default: all of the model that have computed fields. */
  readonly types?: readonly TypeName<M>[] | undefined;
  /** What an entity type is called in the schema. Default: its name with a capital letter. */
  readonly names?: Partial<Readonly<Record<TypeName<M>, string>>> | undefined;
}

type Values = Readonly<Record<string, unknown>> | null;

export interface ComputedResolvers<Context> {
  readonly Query: {
    readonly computedFields: (
      root: unknown,
      args: { readonly type: string; readonly id: string },
      context: Context,
    ) => Promise<Values>;
  };
  /** By the name of an entity type in the schema. */
  readonly [name: string]: Readonly<Record<string, (row: never, args: never, context: Context) => Promise<Values>>>;
}

const GRAPHQL_TYPE: Readonly<Record<ComputedKind, string>> = {
  boolean: 'Boolean',
  number: 'Float',
  string: 'String',
  json: 'ComputedJson',
};

/**
 * `computedFields` on each entity type that has some, typed as the model has them, and as a query of any entity by type and id. The
 * entity types are the host's own: they are extended. All that one request asks for are loaded together. Throws INVALID_OPTION
 * or UNKNOWN_TYPE.
 *
 * @example
 * const { typeDefs, resolvers } = computedFields(tide.model, { scopeOf: ({ scope }) => scope, authorize: ({ user }) => user !== null });
 * // { settlement(id: "s1") { name computedFields { isTradeHub income } } }
 * // { computedFields(type: "settlement", id: "s1") }
 */
export function computedFields<M extends AnyModel, Context = unknown>(
  model: M,
  options: ComputedFieldsOptions<M, Context>,
): Piece<ComputedResolvers<Context>> {
  refuseOthers(options, 'computedFields', ['scopeOf', 'authorize', 'types', 'names']);
  const { scopeOf, authorize, names } = options;
  expectFunction(authorize, 'computedFields: authorize');
  const plans = typesOf(model, options.types).flatMap((type) => {
    const plan = model.topology.types.get(type);
    const fields = Object.entries(plan?.computed ?? {});
    return plan === undefined || fields.length === 0 ? [] : [{ type, plan, fields }];
  });
  const nameOf = (type: TypeName<M>): string => names?.[type] ?? type.charAt(0).toUpperCase() + type.slice(1);
  const computed = (context: Context, type: TypeName<M>, id: Id): Promise<Values> =>
    scopeOf(context).computed(type, id as never);

  const onEntities = plans.map(({ type, plan }) => [
    nameOf(type),
    { computedFields: (row: AnyRow, _: unknown, context: Context) => computed(context, type, row[plan.idField] as Id) },
  ]);
  const Query: ComputedResolvers<Context>['Query'] = {
    computedFields: async (_, { type, id }, context) => {
      const asked = plans.find((each) => each.type === type);
      if (asked === undefined) {
        const known = plans.map((each) => each.type).join(', ');
        throw new TidemarkError('UNKNOWN_TYPE', `computedFields.type: expected one of ${known}, got '${type}'.`);
      }
      if ((await authorize(context, { type: asked.type, id })) !== true)
        throw new TidemarkError('UNAUTHORIZED', `computedFields: ${type} ${id} is not allowed to whoever asks.`);
      return computed(context, asked.type, asked.plan.parseId(id));
    },
  };
  const types = plans.map(({ type, fields }) => {
    const name = nameOf(type);
    const lines = fields.map(([field, kind]) => `  ${field}: ${GRAPHQL_TYPE[kind]}\n`);
    return `type ${name}Computed {\n${lines.join('')}}\n\nextend type ${name} {\n  "Null if there is no such entity."\n  computedFields: ${name}Computed\n}\n`;
  });
  return {
    typeDefs: `${SCALARS}\n${types.join('\n')}\n${QUERY}`,
    resolvers: { ...(Object.fromEntries(onEntities) as object), Query },
  };
}

const SCALARS = `"Any JSON."
scalar ComputedJson

"An object: by computed field its value."
scalar ComputedValues
`;

const QUERY = `extend type Query {
  "Null if there is no such entity."
  computedFields(type: String!, id: ID!): ComputedValues
}
`;
