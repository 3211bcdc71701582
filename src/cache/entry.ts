import type { SubjectKey, Token } from '../contract.js';
import { TidemarkError } from '../errors.js';

/**
 * An entry of tier 2 as bytes: one version byte, the header's length (32 bits, big endian), the header as JSON, then
 * the value as the codec wrote it.
 */
export interface StoredEntry {
  /** The marks the value was computed from, taken before it was. */
  readonly marks: readonly (readonly [SubjectKey, Token])[];
  /** Where the pattern log's partition stood when the load began. */
  readonly globs: { readonly epoch: string; readonly position: number };
  /** Of the model that the writer had. */
  readonly fingerprint: string;
  /** Milliseconds of its life that were grace. */
  readonly graceMs: number;
  readonly absent: boolean;
  readonly payload: Uint8Array;
}

interface Header {
  readonly e: readonly string[];
  readonly m: readonly (readonly [subject: string, epoch: number, position: number, nonce: string])[];
  readonly g: readonly [epoch: number, position: number];
  readonly f: string;
  readonly r: number;
  readonly a: 0 | 1;
}

const VERSION = 1;
const PREFIX = 5;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

export function encodeEntry(entry: StoredEntry): Uint8Array {
  const epochs = [...new Set([entry.globs.epoch, ...entry.marks.map(([, token]) => token.epoch)])];
  const header: Header = {
    e: epochs,
    m: entry.marks.map(([subject, token]) => [subject, epochs.indexOf(token.epoch), token.position, token.nonce]),
    g: [epochs.indexOf(entry.globs.epoch), entry.globs.position],
    f: entry.fingerprint,
    r: entry.graceMs,
    a: entry.absent ? 1 : 0,
  };
  const text = encoder.encode(JSON.stringify(header));
  const bytes = new Uint8Array(PREFIX + text.length + entry.payload.length);
  bytes[0] = VERSION;
  new DataView(bytes.buffer).setUint32(1, text.length);
  bytes.set(text, PREFIX);
  bytes.set(entry.payload, PREFIX + text.length);
  return bytes;
}

/** The subjects that an entry names; none for bytes that are no entry. */
export function subjectsOfEntry(bytes: Uint8Array): readonly SubjectKey[] {
  try {
    return decodeEntry(bytes).marks.map(([subject]) => subject);
  } catch {
    return [];
  }
}

/** Throws CORRUPT_ENTRY for anything that {@link encodeEntry} does not write. */
export function decodeEntry(bytes: Uint8Array): StoredEntry {
  try {
    if (bytes[0] !== VERSION) throw new Error(`version ${String(bytes[0])}`);
    const end = PREFIX + new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(1);
    const { e, m, g, f, r, a } = JSON.parse(decoder.decode(bytes.subarray(PREFIX, end))) as Header;
    const epoch = (index: number): string => {
      const found = e[index];
      if (typeof found !== 'string') throw new Error('an epoch is missing');
      return found;
    };
    if (typeof f !== 'string' || typeof r !== 'number' || typeof g[1] !== 'number')
      throw new Error('a field is missing');
    return {
      marks: m.map(([subject, index, position, nonce]) => [
        String(subject) as SubjectKey,
        { epoch: epoch(index), position, nonce },
      ]),
      globs: { epoch: epoch(g[0]), position: g[1] },
      fingerprint: f,
      graceMs: r,
      absent: a === 1,
      payload: bytes.subarray(end),
    };
  } catch (cause) {
    throw new TidemarkError(
      'CORRUPT_ENTRY',
      `entry of ${String(bytes.length)} bytes: not an entry of version ${String(VERSION)}.`,
      { cause },
    );
  }
}
