import { TidemarkError } from '../../errors.js';

/**
 * Proto3 for the messages of this folder, by hand: libraries for it make functions from text, which `--disallow-code-generation-from-strings`
 * and content security policies forbid, and weigh more than all of it.
 * https://protobuf.dev/programming-guides/encoding/
 */

type Kind = 'string' | 'bool' | 'double' | 'uint' | Message;
/** `one`: its default where absent. `maybe`: undefined. `many`: a list. Of messages only the last two. */
type Count = 'one' | 'maybe' | 'many';

export interface Field<K extends Kind = Kind, C extends Count = Count> {
  readonly number: number;
  readonly kind: K;
  readonly count: C;
}

export interface Message {
  readonly [name: string]: Field;
}

type Single<K extends Kind> = K extends 'string'
  ? string
  : K extends 'bool'
    ? boolean
    : K extends 'double' | 'uint'
      ? number
      : K extends Message
        ? ValueOf<K>
        : never;

type Held<F> =
  F extends Field<infer K, infer C>
    ? C extends 'one'
      ? Single<K>
      : C extends 'many'
        ? readonly Single<K>[]
        : Single<K> | undefined
    : never;

/** What a message holds. */
export type ValueOf<M extends Message> = { readonly [Name in keyof M]: Held<M[Name]> };

const field = <K extends Kind, C extends Count>(number: number, kind: K, count: C): Field<K, C> => ({
  number,
  kind,
  count,
});
export const text = (number: number): Field<'string', 'one'> => field(number, 'string', 'one');
export const texts = (number: number): Field<'string', 'many'> => field(number, 'string', 'many');
export const flag = (number: number): Field<'bool', 'one'> => field(number, 'bool', 'one');
export const double = (number: number): Field<'double', 'one'> => field(number, 'double', 'one');
export const maybeDouble = (number: number): Field<'double', 'maybe'> => field(number, 'double', 'maybe');
/** A whole number from 0; enums too. */
export const uint = (number: number): Field<'uint', 'one'> => field(number, 'uint', 'one');
export const nested = <M extends Message>(number: number, message: M): Field<M, 'maybe'> =>
  field(number, message, 'maybe');
export const several = <M extends Message>(number: number, message: M): Field<M, 'many'> =>
  field(number, message, 'many');

const [VARINT, FIXED64, BYTES, FIXED32] = [0, 1, 2, 5] as const;
const WIRE_TYPES: Readonly<Record<string, number>> = { string: BYTES, bool: VARINT, double: FIXED64, uint: VARINT };
const wireTypeOf = (kind: Kind): number => (typeof kind === 'string' ? (WIRE_TYPES[kind] as number) : BYTES);

// ── Writing ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** Throws INVALID_REQUEST for a text that has no UTF-8: another one would arrive. */
export function encode<M extends Message>(message: M, value: ValueOf<M>): Buffer {
  const parts: Uint8Array[] = [];
  for (const [name, one] of Object.entries(message)) {
    const held: unknown = value[name];
    const all = one.count === 'many' ? (held as readonly unknown[]) : [held];
    for (const single of all) {
      if (single === undefined || (one.count === 'one' && isDefault(single))) continue;
      parts.push(varint(one.number * 8 + wireTypeOf(one.kind)));
      pushValue(parts, one.kind, single, name);
    }
  }
  return Buffer.concat(parts);
}

// -0 is no default: it would come back as 0.
const isDefault = (value: unknown): boolean => value === '' || value === false || Object.is(value, 0);

function pushValue(parts: Uint8Array[], kind: Kind, value: unknown, name: string): void {
  if (kind === 'bool' || kind === 'uint') {
    parts.push(varint(Number(value)));
  } else if (kind === 'double') {
    const bytes = Buffer.alloc(8);
    bytes.writeDoubleLE(value as number);
    parts.push(bytes);
  } else {
    const bytes = kind === 'string' ? utf8(value as string, name) : encode(kind, value as ValueOf<Message>);
    parts.push(varint(bytes.length), bytes);
  }
}

function utf8(value: string, name: string): Buffer {
  if (/\p{Surrogate}/u.test(value)) throw invalid(`${name}: expected a text that has UTF-8, got half a surrogate pair`);
  return Buffer.from(value, 'utf8');
}

function varint(value: number): Uint8Array {
  if (!Number.isSafeInteger(value) || value < 0)
    throw invalid(`expected a whole number from 0 to 2^53 - 1, got ${String(value)}`);
  const bytes: number[] = [];
  let left = value;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) | 128);
  bytes.push(left);
  return Uint8Array.from(bytes);
}

// ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────

interface Cursor {
  readonly bytes: Buffer;
  at: number;
  readonly end: number;
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Passes over fields that it does not know, as newer versions may send. Throws INVALID_REQUEST for bytes that are no message. */
export function decode<M extends Message>(message: M, bytes: Uint8Array): ValueOf<M> {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return decodeAt(message, { bytes: buffer, at: 0, end: buffer.length }) as ValueOf<M>;
}

function decodeAt(message: Message, cursor: Cursor): Record<string, unknown> {
  const value: Record<string, unknown> = {};
  const byNumber = new Map<number, readonly [string, Field]>();
  for (const [name, one] of Object.entries(message)) {
    value[name] = absent(one);
    byNumber.set(one.number, [name, one]);
  }
  while (cursor.at < cursor.end) {
    const tag = readVarint(cursor);
    const wireType = tag % 8;
    const [name, one] = byNumber.get(Math.floor(tag / 8)) ?? [];
    if (name === undefined || one === undefined || wireTypeOf(one.kind) !== wireType) {
      skip(cursor, wireType);
      continue;
    }
    const single = readValue(cursor, one.kind);
    if (one.count === 'many') (value[name] as unknown[]).push(single);
    else value[name] = single;
  }
  return value;
}

function absent({ kind, count }: Field): unknown {
  if (count === 'many') return [];
  if (count === 'maybe') return undefined;
  return kind === 'string' ? '' : kind === 'bool' ? false : 0;
}

function readValue(cursor: Cursor, kind: Kind): unknown {
  if (kind === 'uint') return readVarint(cursor);
  if (kind === 'bool') return readVarint(cursor) !== 0;
  if (kind === 'double') return take(cursor, 8).readDoubleLE();
  const bytes = take(cursor, readVarint(cursor));
  if (kind !== 'string') return decodeAt(kind, { bytes, at: 0, end: bytes.length });
  try {
    return decoder.decode(bytes);
  } catch {
    throw invalid('expected UTF-8, got other bytes');
  }
}

function readVarint(cursor: Cursor): number {
  let value = 0;
  for (let factor = 1; ; factor *= 128) {
    const byte = cursor.at < cursor.end ? (cursor.bytes[cursor.at++] as number) : undefined;
    if (byte === undefined) throw invalid('expected a whole message, got a part of one');
    value += (byte & 127) * factor;
    if (value > Number.MAX_SAFE_INTEGER || factor > 2 ** 56) throw invalid('expected a number below 2^53, got more');
    if (byte < 128) return value;
  }
}

function take(cursor: Cursor, length: number): Buffer {
  if (length > cursor.end - cursor.at) throw invalid('expected a whole message, got a part of one');
  cursor.at += length;
  return cursor.bytes.subarray(cursor.at - length, cursor.at);
}

function skip(cursor: Cursor, wireType: number): void {
  if (wireType === VARINT) skipVarint(cursor);
  else if (wireType === FIXED64) take(cursor, 8);
  else if (wireType === BYTES) take(cursor, readVarint(cursor));
  else if (wireType === FIXED32) take(cursor, 4);
  else throw invalid(`expected fields of wire type 0, 1, 2 or 5, got ${String(wireType)}`);
}

/** A number of a field that is not known may be a negative one, of ten bytes. */
function skipVarint(cursor: Cursor): void {
  for (let left = 10; left > 0; left--) if ((take(cursor, 1)[0] as number) < 128) return;
  throw invalid('expected a number of ten bytes at most, got more');
}

function invalid(said: string): TidemarkError {
  return new TidemarkError('INVALID_REQUEST', `message: ${said}.`);
}
