import type { Receipt } from '../call.js';
import type { Id } from '../model.js';
import type { ChangeItem, SubscriptionItem } from '../watching.js';

/** What is announced of one change: an item without its place in a subscription. */
export type ChangeEvent = Omit<ChangeItem, 'kind' | 'cursor'>;

/** Plain data as bytes and back. What goes in must come out: a Date as a Date, a bigint as a bigint. */
export interface Codec {
  encode(value: unknown): Uint8Array;
  decode(bytes: Uint8Array): unknown;
}

/**
 * An id from its text, as this replica's model has it; undefined for a type that it does not know, whose ids then
 * stay what they were where the change was made.
 */
export type ParseId = (entityType: string, text: string) => Id | undefined;

/** An event, or that one is missing, with what a hub needs to deliver it once and not before its marks. */
export interface Announcement {
  readonly kind: 'event';
  readonly id: string;
  /** The topics that it was announced on, as {@link topicHash}; empty if there was just one. */
  readonly on: readonly number[];
  /** By topic, how many events of its change are announced there; empty if it is one on each. */
  readonly times: readonly number[];
  readonly changeId: string;
  /** What the change bumped; null if nobody knows. */
  readonly marks: Receipt['marks'] | null;
  /** Or why events are missing here. */
  readonly event: ChangeEvent | Reason;
}

/** The event of a change never came, whoever was to announce it; or nobody knows what was changed. */
export type Reason = 'gap' | 'epoch';

const VERSION = 1;
const OPS: readonly unknown[] = ['create', 'update', 'delete', 'restore', 'bulk'];

/**
 * A topic as 32 bits: FNV-1a over its UTF-16 units. Two topics of one hash cost a short wait, never an item: it only says
 * where a copy of an event may still come from.
 */
export function topicHash(topic: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < topic.length; i++) hash = Math.imul(hash ^ topic.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** Beside an item, where nobody sees it: the id of its event. */
const EVENT = Symbol('event');

/** What subscribers get of it. */
export function itemOf({ id, event }: Announcement, cursor: string): SubscriptionItem {
  if (typeof event === 'string') return Object.freeze({ kind: 'resync', cursor, reason: event });
  const item: SubscriptionItem = { kind: 'change', cursor, ...event };
  return Object.freeze(Object.defineProperty(item, EVENT, { value: id }));
}

/** The id of the event that an item tells of, the same wherever it is told; undefined for one that stands for several, or for none. */
export const eventOf = (item: SubscriptionItem): string | undefined =>
  (item as { readonly [EVENT]?: string | undefined })[EVENT];

/** The same item in another place. */
export function moved<Item extends SubscriptionItem>(item: Item, cursor: string): Item {
  const copy = { ...item, cursor };
  const event = eventOf(item);
  return Object.freeze(event === undefined ? copy : Object.defineProperty(copy, EVENT, { value: event }));
}

/** How many events of its change are announced on this topic. */
export function timesOn(topic: string, { on, times }: Announcement): number {
  if (times.length === 0) return 1;
  const hash = topicHash(topic);
  return Math.max(1, ...times.filter((_, i) => on.length === 0 || on[i] === hash));
}

/** The bytes of one message, the same on every topic. */
export function encodeAnnouncement(announcement: Omit<Announcement, 'kind'>, codec: Codec): Uint8Array {
  const { id, on, times, changeId, event } = announcement;
  // Versions that do not know this cannot read it, and take it for the hole that it is.
  if (typeof event === 'string') return codec.encode({ v: VERSION, id, on, changeId, missing: event });
  const { entityType, entityId, branch, op, changes, version, modifiedBy, modifiedAt } = event;
  return codec.encode({
    v: VERSION,
    id,
    on,
    times,
    marks: encodeMarks(announcement.marks),
    changeId,
    entityType,
    entityId: entityId === null ? null : [typeof entityId, String(entityId)],
    branch,
    op,
    fields: changes.fields,
    values: changes.values,
    version,
    modifiedBy,
    modifiedAt,
  });
}

/** Inverse of {@link encodeAnnouncement}, deep-frozen. Throws for anything that it did not write: no raw bytes are ever delivered. */
export function decodeAnnouncement(bytes: Uint8Array, codec: Codec, parseId?: ParseId): Announcement {
  const wire = codec.decode(bytes);
  if (!isObject(wire)) throw malformed('message', 'an object', wire);
  if (wire['v'] !== VERSION) throw malformed('v', String(VERSION), wire['v']);
  const { fields, values, op, version, modifiedBy, on, times = [] } = wire;
  if (!isList(on, 'number')) throw malformed('on', 'numbers', on);
  if (!isList(times, 'number')) throw malformed('times', 'numbers', times);
  const envelope = {
    kind: 'event' as const,
    id: text(wire, 'id'),
    on: on as readonly number[],
    times: times as readonly number[],
    changeId: text(wire, 'changeId'),
  };
  const { missing } = wire;
  if (missing === 'gap' || missing === 'epoch') return { ...envelope, marks: null, event: missing };
  const entityType = text(wire, 'entityType');
  if (!OPS.includes(op)) throw malformed('op', OPS.join(', '), op);
  if (fields !== null && !isList(fields, 'string')) throw malformed('fields', 'names or null', fields);
  if (!isObject(values)) throw malformed('values', 'an object', values);
  if (version !== null && typeof version !== 'number') throw malformed('version', 'a number or null', version);
  if (modifiedBy !== null && typeof modifiedBy !== 'string')
    throw malformed('modifiedBy', 'a string or null', modifiedBy);
  const event: ChangeEvent = {
    changeId: envelope.changeId,
    entityType,
    entityId: decodeId(wire['entityId'], entityType, parseId),
    branch: text(wire, 'branch'),
    op: op as ChangeEvent['op'],
    changes: { fields: fields as readonly string[] | null, values },
    version,
    modifiedBy,
    modifiedAt: text(wire, 'modifiedAt'),
  };
  freeze(event);
  return { ...envelope, marks: decodeMarks(wire['marks']), event };
}

/** `[partition, epoch, position, …]` */
const encodeMarks = (marks: Announcement['marks']): unknown =>
  marks && Object.entries(marks).flatMap(([partition, { epoch, position }]) => [Number(partition), epoch, position]);

/** Versions that said nothing of marks leave them unknown. */
function decodeMarks(wire: unknown): Announcement['marks'] {
  if (wire === undefined || wire === null) return null;
  const expected = 'partitions, epochs and positions';
  if (!Array.isArray(wire) || wire.length % 3 !== 0) throw malformed('marks', expected, wire);
  const marks: Record<number, { epoch: string; position: number }> = {};
  for (let i = 0; i < wire.length; i += 3) {
    const [partition, epoch, position] = wire.slice(i, i + 3) as readonly unknown[];
    if (!isCount(partition) || typeof epoch !== 'string' || !isCount(position))
      throw malformed('marks', expected, wire);
    marks[partition] = { epoch, position };
  }
  return marks;
}

function decodeId(wire: unknown, entityType: string, parseId: ParseId | undefined): Id | null {
  if (wire === null) return null;
  if (!isList(wire, 'string') || wire.length !== 2) throw malformed('entityId', 'a kind and a text, or null', wire);
  const [kind, id] = wire as [string, string];
  const parsed = parseId?.(entityType, id);
  if (parsed !== undefined) return parsed;
  if (kind === 'string') return id;
  if (kind === 'number') return Number(id);
  if (kind === 'bigint') return BigInt(id);
  throw malformed('entityId', 'a string, number or bigint', kind);
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isList = (value: unknown, of: 'string' | 'number'): value is readonly unknown[] =>
  Array.isArray(value) && value.every((element) => typeof element === of);

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function text(wire: Readonly<Record<string, unknown>>, name: string): string {
  const value = wire[name];
  if (typeof value !== 'string') throw malformed(name, 'a string', value);
  return value;
}

function malformed(name: string, expected: string, got: unknown): Error {
  const what = typeof got === 'object' && got !== null ? 'an object' : String(got);
  return new TypeError(`announcement.${name}: expected ${expected}, got ${what}.`);
}

/** Plain objects and arrays, all the way down: one event is shared by every subscriber of the replica. */
export function freeze(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!Array.isArray(value) && prototype !== Object.prototype && prototype !== null) return;
  Object.freeze(value);
  for (const part of Object.values(value)) freeze(part);
}
