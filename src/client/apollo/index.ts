/** Keeps the cache of Apollo Client at what a server announces. */
import { type SyncOptions, type SyncedCache, type SyncedType, sync } from '../sync.js';
import type { Client } from '../types.js';

export type { Followed, SyncOptions, SyncedType } from '../sync.js';

export interface ApolloType extends SyncedType {
  /** As `__typename` has it. */
  readonly typename: string;
  /** By the type of the parent, its `__typename` and the fields that list its children. */
  readonly lists?:
    Readonly<Record<string, { readonly typename: string; readonly fields: readonly string[] }>> | undefined;
  /** Fields of Query that list entities of the type. */
  readonly queries?: readonly string[] | undefined;
}

/** An InMemoryCache of @apollo/client 3 or 4. */
export interface ApolloCache {
  identify(object: { readonly __typename: string; readonly id: string }): string | undefined;
  modify(options: { readonly id: string; readonly fields: Readonly<Record<string, () => unknown>> | Dropped }): boolean;
  evict(options: { readonly id: string; readonly fieldName?: string }): boolean;
  gc(): unknown;
  extract(): object;
  /** Tells those who watch once, when it is done. */
  batch(options: { readonly update: () => void }): unknown;
}

type Dropped = (value: unknown, details: { readonly fieldName: string; readonly DELETE: unknown }) => unknown;

const ROOT = 'ROOT_QUERY';

/**
 * All fields but those that make a reference to it. Apollo leaves an entity that is not there out of every list, and asks nobody; one
 * of which fields are missing is asked for.
 */
const dropFields: Dropped = (value, { fieldName, DELETE }) =>
  fieldName === '__typename' || fieldName === 'id' ? value : DELETE;

/**
 * A change is written into its entity in the cache if all its new values were announced; else the fields of exactly that entity are
 * dropped, so that queries which show it ask again, and one that is gone is evicted. What comes, goes or moves evicts the fields that
 * list it, of its parents, and no other. After a `resync` the same is done to everything that was followed. Returns the function that
 * ends it.
 *
 * @example
 * syncApollo(client, apollo.cache, {
 *   follow: [{ target: { room: 'campaign:c1' } }],
 *   types: {
 *     settlement: {
 *       typename: 'Settlement',
 *       links: { campaign: 'campaignId' },
 *       lists: { campaign: { typename: 'Campaign', fields: ['settlements'] } },
 *     },
 *   },
 * });
 */
export function syncApollo(
  client: Pick<Client, 'subscribe'>,
  cache: ApolloCache,
  options: SyncOptions<ApolloType>,
): () => void {
  /** Of one entity, or of all that are held. */
  const keysOf = (typename: string, id: string | undefined): readonly string[] => {
    if (id === undefined)
      return Object.entries(cache.extract()).flatMap(([key, held]) => (isOf(typename, held) ? [key] : []));
    const key = cache.identify({ __typename: typename, id });
    return key === undefined ? [] : [key];
  };
  const together = (update: () => void): void => {
    cache.batch({ update });
    cache.gc();
  };
  const evictLists = (
    type: string,
    parents: readonly { readonly type: string; readonly id: string | undefined }[],
  ): void => {
    const { lists = {}, queries = [] } = options.types[type] as ApolloType;
    for (const { type: parent, id } of parents) {
      const { typename = '', fields = [] } = lists[parent] ?? {};
      for (const key of keysOf(typename, id)) for (const fieldName of fields) cache.evict({ id: key, fieldName });
    }
    for (const fieldName of queries) cache.evict({ id: ROOT, fieldName });
  };
  const typenameOf = (type: string): string => (options.types[type] as ApolloType).typename;
  const drop = (type: string, id: string | undefined): void => {
    for (const key of keysOf(typenameOf(type), id)) cache.modify({ id: key, fields: dropFields });
  };

  const synced: SyncedCache = {
    patch: (type, id, values) => {
      const fields = Object.fromEntries(Object.entries(values).map(([field, value]) => [field, () => value]));
      for (const key of keysOf(typenameOf(type), id)) cache.modify({ id: key, fields });
    },
    refresh: (type, id) => {
      together(() => {
        drop(type, id);
      });
    },
    remove: (type, id) => {
      together(() => {
        for (const key of keysOf(typenameOf(type), id)) cache.evict({ id: key });
      });
    },
    refreshLists: (type, parents) => {
      together(() => {
        evictLists(type, parents);
      });
    },
    refreshAll: (type, id) => {
      together(() => {
        drop(type, id);
        if (id !== undefined) return;
        const { lists = {} } = options.types[type] as ApolloType;
        evictLists(
          type,
          Object.keys(lists).map((parent) => ({ type: parent, id: undefined })),
        );
      });
    },
  };
  return sync(client, synced, options);
}

const isOf = (typename: string, held: unknown): boolean =>
  typeof held === 'object' && held !== null && (held as { readonly __typename?: unknown }).__typename === typename;
