import type { AnyModel } from '../../model.js';
import type { Tidemark } from '../../api.js';
import { type CacheReportsOptions, cacheReports } from './cache-reports.js';
import { type ComputedFieldsOptions, type ComputedResolvers, computedFields } from './computed-fields.js';
import { type EntitySubscriptionOptions, subscriptionsOf, subscriptionsSdl } from './entities.js';
import type { ScopeContext } from './context.js';
import { expectFunction, refuseOthers } from '../given.js';
import type { Piece } from './piece.js';

export interface TidemarkSchemaOptions<M extends AnyModel, Principal, Context>
  extends
    Pick<EntitySubscriptionOptions<M, Context>, 'types' | 'filter' | 'errorOf'>,
    Pick<ComputedFieldsOptions<M, Context>, 'names'>,
    Pick<CacheReportsOptions<Context>, 'waitMs'> {
  /** Who may see how the cache is: {@link cacheReports}. */
  readonly authorizeReports: CacheReportsOptions<Context>['authorize'];
  /** Who may ask for the computed fields of an entity by its id alone: {@link computedFields}. */
  readonly authorizeComputed: ComputedFieldsOptions<M, Context>['authorize'];
  /** The scope of the request. Default: `context.scope`, where {@link scopeContext} and {@link useTidemark} put it. */
  readonly scopeOf?: ((context: Context) => ScopeContext<M, Principal>['scope']) | undefined;
  /** `'extend'` if the schema has a Subscription type of its own. Default: it is defined here. */
  readonly subscription?: 'define' | 'extend' | undefined;
}

const OPTIONS: readonly (keyof TidemarkSchemaOptions<AnyModel, unknown, unknown>)[] = [
  ...(['authorizeReports', 'authorizeComputed', 'scopeOf', 'types', 'names', 'filter', 'errorOf', 'waitMs'] as const),
  'subscription',
];

/** Resolvers by type and field, as servers take them. */
export type TidemarkResolvers<M extends AnyModel, Context> = {
  readonly Query: ReturnType<typeof cacheReports<Context>>['resolvers']['Query'] & ComputedResolvers<Context>['Query'];
  readonly Subscription: ReturnType<typeof subscriptionsOf<M, Context>>;
};

/**
 * All of this in one: `cacheStats` and `cacheHealth`, `computedFields`, and `<type>Updated` for each entity type, as plain values to merge
 * into a schema. The host's own type definitions have Query and the entity types, which are extended. Throws INVALID_OPTION or
 * UNKNOWN_TYPE.
 *
 * @example
 * const tidemark = tidemarkSchema(tide, { authorizeReports: isAdmin, authorizeComputed: isMember });
 * createSchema({ typeDefs: [typeDefs, tidemark.typeDefs], resolvers: [resolvers, tidemark.resolvers] });
 */
export function tidemarkSchema<M extends AnyModel, Principal, Context = ScopeContext<M, Principal>>(
  tide: Pick<Tidemark<M, Principal>, 'model' | 'scope' | 'stats' | 'health'>,
  options: TidemarkSchemaOptions<M, Principal, Context>,
): Piece<TidemarkResolvers<M, Context>> {
  refuseOthers(options, 'tidemarkSchema', OPTIONS);
  for (const name of ['authorizeReports', 'authorizeComputed'] as const)
    expectFunction(options[name], `tidemarkSchema: ${name}`);
  const { types, names, filter, errorOf, waitMs, subscription = 'define' } = options;
  const { scopeOf = (context: Context) => (context as ScopeContext<M, Principal>).scope } = options;
  const { model } = tide;
  const reports = cacheReports<Context>(tide, { authorize: options.authorizeReports, waitMs });
  const computed = computedFields<M, Context>(model, { authorize: options.authorizeComputed, scopeOf, types, names });
  const sdl = subscriptionsSdl(model, { types, extend: subscription === 'extend' });
  return {
    typeDefs: [reports.typeDefs, computed.typeDefs, sdl].join('\n'),
    resolvers: {
      ...computed.resolvers,
      Query: { ...reports.resolvers.Query, ...computed.resolvers.Query },
      Subscription: subscriptionsOf<M, Context>(model, { types, scopeOf, filter, errorOf }),
    },
  };
}
