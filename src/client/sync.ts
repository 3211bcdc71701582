import type { FrameTarget } from '../realtime/frames.js';
import type { ChangeItem, ComputedItem } from '../watching.js';
import type { Client } from './types.js';

/** What is followed, for a cache of an app to keep up with. */
export interface Followed {
  readonly target: FrameTarget;
  readonly branch?: string | undefined;
}

/** What a type of entities is to a cache, whichever it is. */
export interface SyncedType {
  /** By the type of the parent, the field of the row that says which one it is. */
  readonly links?: Readonly<Record<string, string>> | undefined;
}

export interface SyncOptions<Type extends SyncedType> {
  readonly follow: readonly Followed[];
  /** By entity type; changes of others are passed over. */
  readonly types: Readonly<Record<string, Type>>;
}

/** A parent of which a list is, or every one of that type. */
export interface Parent {
  readonly type: string;
  readonly id: string | undefined;
}

/** A cache of an app, as this library wants it. Ids are texts, values as JSON has them. */
export interface SyncedCache {
  /** Writes fields of an entity wherever it is held. */
  patch(type: string, id: string, values: Readonly<Record<string, unknown>>): void;
  /** What is held of an entity is old. It still is where it is. */
  refresh(type: string, id: string): void;
  /** There is no such entity any more. */
  remove(type: string, id: string): void;
  /** The lists of children of this type are old: of these parents, and those that are of no parent. */
  refreshLists(type: string, parents: readonly Parent[]): void;
  /** Whatever is held of a type may be old; of one entity, if it is named. */
  refreshAll(type: string, id: string | undefined): void;
}

/** Tells a cache what changes, and nothing else. Returns the function that ends it. */
export function sync<Type extends SyncedType>(
  client: Pick<Client, 'subscribe'>,
  cache: SyncedCache,
  { follow, types }: SyncOptions<Type>,
): () => void {
  const stops = follow.map(({ target, branch }) =>
    client.subscribe(
      target,
      (item) => {
        if (item.kind === 'change') changed(cache, types, { item, target });
        else if (item.kind === 'computed') computed(cache, types, item);
        else if (item.kind === 'resync' || item.kind === 'ended') refreshTarget(cache, types, target);
      },
      { branch },
    ),
  );
  return () => {
    for (const stop of stops) stop();
  };
}

function changed(
  cache: SyncedCache,
  types: Readonly<Record<string, SyncedType>>,
  { item, target }: { readonly item: ChangeItem; readonly target: FrameTarget },
): void {
  const { entityType: type, entityId, op, changes } = item;
  const synced = types[type];
  if (synced === undefined) return;
  if (op === 'bulk' || entityId === null) {
    cache.refreshAll(type, undefined);
    return;
  }
  const id = String(entityId);
  const { links = {} } = synced;
  // An update is in other lists than before only where it says which link is another.
  const moved = Object.entries(links).filter(
    ([, field]) => op !== 'update' || (changes.fields?.includes(field) ?? true),
  );
  const stays = op === 'update' && changes.fields !== null && moved.length === 0;
  const patch = stays ? patchOf(item) : undefined;
  if (patch !== undefined) cache.patch(type, id, patch);
  else if (op === 'delete') cache.remove(type, id);
  else cache.refresh(type, id);
  if (stays) return;
  const parents = moved.flatMap(([parent, field]) => parentsOf(parent, field, { item, target }));
  cache.refreshLists(type, parents);
}

function computed(
  cache: SyncedCache,
  types: Readonly<Record<string, SyncedType>>,
  { entityType: type, entityId, field, after }: ComputedItem,
): void {
  if (types[type] === undefined) return;
  const value = asJson(after);
  if (value === undefined) cache.refresh(type, String(entityId));
  else cache.patch(type, String(entityId), { [field]: value });
}

function refreshTarget(cache: SyncedCache, types: Readonly<Record<string, SyncedType>>, target: FrameTarget): void {
  if ('room' in target) {
    // The entity of a room, and everything that may be in its lists.
    const [of = '', id = ''] = target.room.split(':');
    const inside = Object.keys(types).filter((type) => Object.hasOwn(types[type]?.links ?? {}, of));
    if (types[of] !== undefined) cache.refreshAll(of, decodeURIComponent(id));
    // A room that the server made up may hold anything.
    const all = types[of] === undefined && inside.length === 0 ? Object.keys(types) : inside;
    for (const type of all) cache.refreshAll(type, undefined);
  } else if (types[target.type] !== undefined) {
    cache.refreshAll(target.type, 'id' in target && typeof target.id !== 'object' ? String(target.id) : undefined);
  }
}

/** Fields with their new values; undefined if a value is not known, or JSON does not have it. */
function patchOf({ changes: { fields, values } }: ChangeItem): Record<string, unknown> | undefined {
  const patch: Record<string, unknown> = {};
  for (const field of fields ?? []) {
    const value = Object.hasOwn(values, field) ? asJson(values[field]) : undefined;
    if (value === undefined) return undefined;
    patch[field] = value;
  }
  return patch;
}

/** The parents of this type whose lists it is in, or was. Where nobody says which: all. */
function parentsOf(
  type: string,
  field: string,
  { item, target }: { readonly item: ChangeItem; readonly target: FrameTarget },
): readonly Parent[] {
  const named = 'parent' in target ? target.parent[type] : 'room' in target ? idOfRoom(type, target.room) : undefined;
  const followed = named === undefined || typeof named === 'object' ? undefined : String(named);
  const value = item.changes.values[field];
  const announced =
    typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint' ? String(value) : undefined;
  // A move is out of one list and into another, and only the second is announced; the list that is followed is one of them.
  if (item.op === 'update' && followed === undefined) return [{ type, id: undefined }];
  if (item.op === 'update') return [...new Set([followed, announced ?? followed])].map((id) => ({ type, id }));
  return value === null ? [] : [{ type, id: announced ?? followed }];
}

function idOfRoom(type: string, room: string): string | undefined {
  const [of, id = ''] = room.split(':');
  return of === type ? decodeURIComponent(id) : undefined;
}

/** As an answer of a server has it; undefined for what it cannot have. */
function asJson(value: unknown): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) {
    const items = value.map(asJson);
    return items.includes(undefined) ? undefined : items;
  }
  if (typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) return undefined;
  const entries = Object.entries(value).map(([name, of]) => [name, asJson(of)] as const);
  return entries.some(([, of]) => of === undefined) ? undefined : Object.fromEntries(entries);
}
