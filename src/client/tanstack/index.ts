/** Keeps the queries of TanStack Query at what a server announces. */
import { type SyncOptions, type SyncedCache, type SyncedType, sync } from '../sync.js';
import type { Client } from '../types.js';

export type { Followed, SyncOptions, SyncedType } from '../sync.js';

type QueryKey = readonly unknown[];

/** Without an id they give the beginning that all keys of that kind have. */
export interface TanstackType extends SyncedType {
  readonly entity?: ((id: string | undefined) => QueryKey) | undefined;
  /** By the type of the parent, of its list of children; what else a key has behind that, such as a page, is of the same list. */
  readonly lists?: Readonly<Record<string, (parentId: string | undefined) => QueryKey>> | undefined;
  /** Lists of no parent. */
  readonly queries?: readonly QueryKey[] | undefined;
}

/** A QueryClient of @tanstack/query-core 5, or of a package on top of it. */
export interface TanstackClient {
  getQueryCache(): {
    findAll(filters: { readonly queryKey: QueryKey; readonly exact?: boolean }): readonly TanstackQuery[];
    subscribe(listener: (event: { readonly query: TanstackQuery }) => void): () => void;
  };
  setQueryData(queryKey: QueryKey, data: unknown): unknown;
  invalidateQueries(filters: { readonly queryKey: QueryKey; readonly exact?: boolean }): Promise<unknown>;
}

interface TanstackQuery {
  readonly queryKey: QueryKey;
  readonly state: { readonly data: unknown; readonly fetchStatus: string; readonly isInvalidated: boolean };
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
  /** A success makes a query fresh, also one that was under way when it was told to be old: these are told when it has come. */
  const underWay = new WeakSet<TanstackQuery>();
  const invalidate = (query: TanstackQuery): void => {
    if (query.state.fetchStatus === 'fetching') underWay.add(query);
    // What it rejects with is the query's own, and shown there.
    else queries.invalidateQueries({ queryKey: query.queryKey, exact: true }).catch(() => undefined);
  };
  const refetch = (query: TanstackQuery): void => {
    if (old.size === 0) {
      queueMicrotask(() => {
        for (const query of old) invalidate(query);
        old.clear();
      });
    }
    old.add(query);
  };
  const stopCache = queries.getQueryCache().subscribe(({ query }) => {
    if (query.state.fetchStatus === 'idle' && underWay.delete(query)) refetch(query);
  });
  const refresh = (queryKey: QueryKey, exact: boolean): void => {
    for (const query of queries.getQueryCache().findAll({ queryKey, exact })) refetch(query);
  };
  const listKeys = (type: string): readonly QueryKey[] => {
    const { lists = {}, queries: others = [] } = typeOf(type);
    return [...Object.values(lists).map((keyOf) => keyOf(undefined)), ...others];
  };
  /** What is on its way may be older than the change; and what is known to be old would be fresh with what is written. */
  const write = (query: TanstackQuery, data: unknown): void => {
    const { fetchStatus, isInvalidated } = query.state;
    if (fetchStatus === 'idle' && !isInvalidated) queries.setQueryData(query.queryKey, data);
    else refetch(query);
  };
  const refreshEntity = (type: string, id: string): void => {
    const { entity } = typeOf(type);
    if (entity !== undefined) refresh(entity(id), true);
    // Copies of it in lists are old too.
    for (const queryKey of listKeys(type)) {
      for (const query of queries.getQueryCache().findAll({ queryKey })) {
        const { data } = query.state;
        if (!Array.isArray(data) || data.some(isOf(id))) refetch(query);
      }
    }
  };

  const cache: SyncedCache = {
    patch: (type, id, values) => {
      const { entity } = typeOf(type);
      const held = entity === undefined ? [] : queries.getQueryCache().findAll({ queryKey: entity(id), exact: true });
      for (const query of held) {
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
    refresh: refreshEntity,
    remove: refreshEntity,
    refreshLists: (type, parents) => {
      const { lists = {}, queries: others = [] } = typeOf(type);
      for (const { type: parent, id } of parents) {
        const keyOf = lists[parent];
        if (keyOf !== undefined) refresh(keyOf(id), false);
      }
      for (const queryKey of others) refresh(queryKey, false);
    },
    refreshAll: (type, id) => {
      if (id !== undefined) {
        refreshEntity(type, id);
        return;
      }
      const { entity } = typeOf(type);
      if (entity !== undefined) refresh(entity(undefined), false);
      for (const queryKey of listKeys(type)) refresh(queryKey, false);
    },
  };
  const stop = sync(client, cache, options);
  return () => {
    stop();
    stopCache();
  };
}

const isRecord = (data: unknown): data is object => typeof data === 'object' && data !== null && !Array.isArray(data);

const isOf =
  (id: string) =>
  (item: unknown): boolean =>
    isRecord(item) && 'id' in item && String(item.id) === id;
