import type { StoreVersion } from '../../contract.js';
import { TidemarkError } from '../../errors.js';

/** What lies under a key of a Keyv. */
export interface KeyvEntry {
  /** Null: deleted by `version`, kept for a while so that an older write does not bring the key back. */
  readonly value: Uint8Array | null;
  /** Wall-clock milliseconds of the writer. */
  readonly writtenAt: number;
  readonly ttlMs: number | undefined;
  readonly version: StoreVersion | undefined;
}

const DELETED = '-';

/**
 * Text, since every serializer, compression and storage that a Keyv can have keeps text: `1.<base64>.<json>`. The key is
 * part of it, for no more than a Keyv does to keys (sanitizers, databases that fold case, namespaces that run into each
 * other) may make one key answer for another.
 */
export function encodeEntry(key: string, { value, writtenAt, ttlMs, version }: KeyvEntry): string {
  const bytes = value === null ? DELETED : base64(value);
  return `1.${bytes}.${JSON.stringify([key, writtenAt, ttlMs ?? null, version?.epoch ?? null, version?.position ?? null])}`;
}

/** The entry and the key that it was written for; null if it is none of ours. */
export function decodeEntry(text: unknown): (KeyvEntry & { readonly key: string }) | null {
  if (typeof text !== 'string' || !text.startsWith('1.')) return null;
  const end = text.indexOf('.', 2);
  const meta = end < 0 ? null : parsed(text.slice(end + 1));
  if (meta === null) return null;
  const [key, writtenAt, ttlMs, epoch, position] = meta;
  const bytes = text.slice(2, end);
  return {
    key,
    value: bytes === DELETED ? null : Buffer.from(bytes, 'base64'),
    writtenAt,
    ttlMs: ttlMs ?? undefined,
    version: epoch === null || position === null ? undefined : { epoch, position },
  };
}

/** Throws CORRUPT_ENTRY for what is there and was not written by {@link encodeEntry}. */
export function entryFor(key: string, found: unknown): KeyvEntry | undefined {
  // Version 5 says undefined where nothing is, some storages say null.
  if (found === undefined || found === null) return undefined;
  const entry = decodeEntry(found);
  if (entry === null) {
    const got = typeof found === 'string' ? 'another text' : `a value of type ${typeof found}`;
    throw new TidemarkError('CORRUPT_ENTRY', `keyv, key ${JSON.stringify(key)}: expected what was set, got ${got}.`);
  }
  return entry.key === key ? entry : undefined;
}

/** Milliseconds left to live by this clock; undefined for until evicted. Never more than was asked for, whoever's clock is off. */
export function leftOf({ ttlMs, writtenAt }: KeyvEntry, now: number): number | undefined {
  return ttlMs === undefined ? undefined : ttlMs - Math.max(0, now - writtenAt);
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && a.every((byte, i) => byte === b[i]);
}

type Meta = readonly [string, number, number | null, string | null, number | null];

function parsed(json: string): Meta | null {
  try {
    const meta: unknown = JSON.parse(json);
    return Array.isArray(meta) && meta.length === 5 && typeof meta[0] === 'string' ? (meta as unknown as Meta) : null;
  } catch {
    return null;
  }
}

function base64({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}
