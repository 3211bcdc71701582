import { TidemarkError, isTidemarkError } from '../../errors.js';
import type { AnyModel, TypeName } from '../../model.js';
import { toError } from '../../realtime/retry.js';
import type { SubscribeOptions, SubscriptionItem } from '../../watching.js';
import { typesOf } from './piece.js';
import { Ended, type EntityUpdate, NOWHERE, Updates } from './updates.js';

/** What is needed of a scope, which belongs to one request: `tide.scope({ principal, branch, signal })`. */
export interface SubscribingScope {
  readonly principal: unknown;
  subscribe(target: never, options?: SubscribeOptions): AsyncIterableIterator<SubscriptionItem>;
}

/** The arguments of a field. */
export interface UpdatedArguments {
  /** Without it every entity of the type is meant. */
  readonly id?: string | number | null | undefined;
  /** The cursor of the last update seen. */
  readonly since?: string | null | undefined;
}

export interface EntitySubscriptionOptions<M extends AnyModel, Context> {
  /** The scope of who subscribes. It must have a principal: its tide's `authorize` decides. */
  readonly scopeOf: (context: Context) => SubscribingScope;
  /** Default: all of the model. */
  readonly types?: readonly TypeName<M>[] | undefined;
  /**
   * Whether a subscriber is told of an update, on top of what it may see. Waited for, before anything is queued for the
   * client. Asked of no `resync`, which must not be lost.
   */
  readonly filter?:
    | ((
        update: EntityUpdate,
        args: UpdatedArguments,
        context: Context,
        info: unknown,
      ) => boolean | PromiseLike<boolean>)
    | undefined;
  /**
   * What clients get of an error, such as `(error) => new GraphQLError(error.message)` for servers that show no others. Default:
   * the error, its code among its extensions.
   */
  readonly errorOf?: ((error: Error) => Error) | undefined;
}

/** A field of the Subscription type, as any GraphQL server takes it. */
export interface SubscriptionField<Context> {
  subscribe(
    root: unknown,
    args: UpdatedArguments,
    context: Context,
    info?: unknown,
  ): Promise<AsyncIterableIterator<EntityUpdate | Ended, undefined>>;
  /** Throws what ended the subscription. */
  resolve(update: EntityUpdate | Ended): EntityUpdate;
}

/**
 * Resolvers of `<type>Updated(id, since)` for the types of a model, with {@link subscriptionsSdl} as their schema. The first update of
 * a subscription without `since` says that it has begun: what is fetched after that misses nothing. It rejects with
 * UNAUTHORIZED if it is not permitted; a permission that ends later ends it with that error.
 *
 * @example
 * const resolvers = { Subscription: subscriptionsOf(tide.model, { scopeOf: (context) => context.scope }) };
 */
export function subscriptionsOf<M extends AnyModel, Context = unknown>(
  model: M,
  options: EntitySubscriptionOptions<M, Context>,
): { readonly [T in TypeName<M> as `${T}Updated`]: SubscriptionField<Context> } {
  const fields = typesOf(model, options.types).map((type) => [`${type}Updated`, fieldOf(model, type, options)]);
  return Object.fromEntries(fields) as { [T in TypeName<M> as `${T}Updated`]: SubscriptionField<Context> };
}

/**
 * The type definitions of what {@link subscriptionsOf} resolves: `EntityUpdate`, and the fields as an extension of
 * Subscription, or as the type itself.
 */
export function subscriptionsSdl<M extends AnyModel>(
  model: M,
  options: { readonly types?: readonly TypeName<M>[] | undefined; readonly extend?: boolean | undefined } = {},
): string {
  const fields = typesOf(model, options.types).map((type) => `  ${type}Updated(id: ID, since: String): EntityUpdate!`);
  const extending = options.extend === true ? 'extend ' : '';
  return `${ENTITY_UPDATE}\n${extending}type Subscription {\n${fields.join('\n')}\n}\n`;
}

const ENTITY_UPDATE = `scalar EntityValues

enum EntityUpdateKind {
  change
  computed
  resync
}

type EntityUpdate {
  kind: EntityUpdateKind!
  "Where this stands: as since it goes on behind this update."
  cursor: String!
  "Not null: fetch the present state, then go on."
  resync: String
  changeId: String
  entityType: String
  entityId: ID
  branch: String
  op: String
  "Names of the fields that differ; null where they are not known."
  fields: [String!]
  "New values of the fields that may be announced."
  values: EntityValues
  version: Int
  modifiedBy: String
  modifiedAt: String
}
`;

function fieldOf<M extends AnyModel, Context>(
  model: M,
  type: string,
  { scopeOf, filter, errorOf = withCode }: EntitySubscriptionOptions<M, Context>,
): SubscriptionField<Context> {
  const plan = model.topology.types.get(type);
  return {
    subscribe: async (_, args, context, info) => {
      const { id, since } = args;
      try {
        const scope = scopeOf(context);
        if (scope.principal === undefined) {
          const message = `${type}Updated: expected a scope with a principal, got one of trusted code.`;
          throw new TidemarkError('UNAUTHORIZED', message);
        }
        const target = id == null ? { type } : { type, id: plan?.parseId(String(id)) ?? id };
        const items = scope.subscribe(target as never, { since: since ?? NOWHERE });
        const updates = new Updates(items, (update) => filter?.(update, args, context, info) ?? true);
        if (since == null) await updates.start();
        return updates;
      } catch (thrown) {
        throw errorOf(toError(thrown));
      }
    },
    resolve: (update) => {
      if (update instanceof Ended) throw errorOf(update.error);
      return update;
    },
  };
}

/** GraphQL shows the extensions of the error that was thrown. */
function withCode(error: Error): Error {
  return isTidemarkError(error) ? Object.assign(error, { extensions: { code: error.code } }) : error;
}
