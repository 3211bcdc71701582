/** Keeps the queries of TanStack Query at what a server announces. */
import { type SyncOptions, type SyncedCache, type SyncedType, sync } from '../sync.js';
import type { Client } from '../types.js';

export type { Followed, SyncOptions, SyncedType } from '../sync.js';

type QueryKey = readonly unknown[];

/** Without an id they give the beginning that all keys of that kind have. */
export interface TanstackType extends SyncedType {
  readonly entity?: ((id: string | undefined) => QueryKey) | undefined;
  /** By the type of the parent, of its list of children. */
  readonly lists?: Readonly<Record<string, (parentId: string | undefined) => QueryKey>> | undefined;
  /** Lists of no parent. */
  readonly queries?: readonly QueryKey[] | undefined;
}

/** A QueryClient of @tanstack/query-core 5, or of a package on top of it. */
export interface TanstackClient {
  getQueryCache(): {
    findAll(filters: { readonly queryKey: QueryKey; readonly exact?: boolean }): readonly TanstackQuery[];
  };
  setQueryData(queryKey: QueryKey, data: unknown): unknown;
  invalidateQueries(filters: { readonly queryKey: QueryKey; readonly exact?: boolean }): Promise<unknown>;
}

interface TanstackQuery {
  readonly queryKey: QueryKey;
  readonly state: { readonly data: unknown; readonly fetchStatus: string };
}

/**
 * A change is written into the queries that hold its entity, alone or in an array, if all its new values were announced; else exactly
 * these are fetched again. What comes, goes or moves has the lists of its parents fetched again, and no other. After a `resync`
 * everything that was followed is. Returns the function that ends it.
 *
 * @example
 * syncTanstack(client, queryClient, {
 *   follow: [{ target: { room: 'campaign:c1' } }],
 *   types: {
 *     settlement: {
 *       links: { campaign: 'campaignId' },
 *       entity: (id) => (id === undefined ? ['settlement'] : ['settlement', id]),
 *       lists: { campaign: (id) => (id === undefined ? ['settlements'] : ['settlements', id]) },
 *     },
 *   },
 * });
 */
export function syncTanstack(
  client: Pick<Client, 'subscribe'>,
  queries: TanstackClient,
  options: SyncOptions<TanstackType>,
): () => void {
  const typeOf = (type: string): TanstackType => options.types[type] ?? {};
  /** What is to be fetched again, once for all that is told in this turn. */
  const old = new Set<TanstackQuery>();
  const refetch = (query: TanstackQuery): void => {
    if (old.size === 0) {
      queueMicrotask(() => {
        for (const { queryKey } of old) {
          // What it rejects with is the query's own, and shown there.
          queries.invalidateQueries({ queryKey, exact: true }).catch(() => undefined);
        }
        old.clear();
      });
    }
    old.add(query);
  };
  const refresh = (queryKey: QueryKey, exact = true): void => {
    for (const query of queries.getQueryCache().findAll({ queryKey, exact })) refetch(query);
  };
  const listKeys = (type: string): readonly QueryKey[] => {
    const { lists = {}, queries: others = [] } = typeOf(type);
    return [...Object.values(lists).map((keyOf) => keyOf(undefined)), ...others];
  };
  /** What has come or is on its way may be older than the change. */
  const write = (query: TanstackQuery, data: unknown): void => {
    if (query.state.fetchStatus === 'idle') queries.setQueryData(query.queryKey, data);
    else refetch(query);
  };

  const cache: SyncedCache = {
    patch: (type, id, values) => {
      const { entity } = typeOf(type);
      for (const query of entity === undefined ? [] : queries.getQueryCache().findAll({ queryKey: entity(id) })) {
        const { data } = query.state;
        if (isRecord(data)) write(query, { ...data, ...values });
        else refetch(query);
      }
      for (const queryKey of listKeys(type)) {
        for (const query of queries.getQueryCache().findAll({ queryKey })) {
          const { data } = query.state;
          if (!Array.isArray(data)) refetch(query);
          else if (data.some(isOf(id)))
            write(
              query,
              data.map((item: unknown) => (isOf(id)(item) ? { ...(item as object), ...values } : item)),
            );
        }
      }
    },
    refresh: (type, id) => {
      const { entity } = typeOf(type);
      if (entity !== undefined) refresh(entity(id));
      // Copies of it in lists are old too.
      for (const queryKey of listKeys(type)) {
        for (const query of queries.getQueryCache().findAll({ queryKey })) {
          const { data } = query.state;
          if (!Array.isArray(data) || data.some(isOf(id))) refetch(query);
        }
      }
    },
    refreshLists: (type, parents) => {
      const { lists = {}, queries: others = [] } = typeOf(type);
      for (const { type: parent, id } of parents) {
        const keyOf = lists[parent];
        if (keyOf !== undefined) refresh(keyOf(id), id !== undefined);
      }
      for (const queryKey of others) refresh(queryKey);
    },
    refreshAll: (type, id) => {
      const { entity } = typeOf(type);
      if (entity !== undefined) refresh(entity(id), id !== undefined);
      if (id === undefined) for (const queryKey of listKeys(type)) refresh(queryKey, false);
    },
  };
  return sync(client, cache, options);
}

const isRecord = (data: unknown): data is object => typeof data === 'object' && data !== null && !Array.isArray(data);

const isOf =
  (id: string) =>
  (item: unknown): boolean =>
    isRecord(item) && 'id' in item && String(item.id) === id;
