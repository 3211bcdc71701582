import type { SubjectKey, Token } from '../contract.js';
import { TidemarkError, messageOf } from '../errors.js';
import { ByteReader, ByteWriter } from './bytes.js';

/** An entry of tier 2 as bytes: a header of fixed layout, big endian, as `docs/protocol.md` has it, then the value as the codec wrote it. */
export interface StoredEntry {
  /** The marks the value was computed from, taken before it was. */
  readonly marks: readonly (readonly [SubjectKey, Token])[];
  /** How many of them, the first ones, a reader cannot know of before it has the entry: a store finds those ahead. */
  readonly late: number;
  /** Where the pattern log's partition stood when the load began. */
  readonly globs: { readonly epoch: string; readonly position: number };
  /** Of the model that the writer had. */
  readonly fingerprint: string;
  /** Milliseconds of its life that were grace. */
  readonly graceMs: number;
  readonly absent: boolean;
  readonly payload: Uint8Array;
}

const VERSION = 2;
/** Marks that an entry can carry. */
const MOST_MARKS = 0xffff;

/** Throws UNENCODABLE for more marks than an entry can carry. */
export function encodeEntry(entry: StoredEntry): Uint8Array {
  const { marks, late, globs } = entry;
  if (marks.length > MOST_MARKS) {
    const message = `expected at most ${String(MOST_MARKS)} marks, got ${String(marks.length)}.`;
    throw new TidemarkError('UNENCODABLE', message);
  }
  const epochs = [...new Set([globs.epoch, ...marks.map(([, token]) => token.epoch)])];
  const header = new ByteWriter();
  header.uint8(VERSION);
  header.uint16(late);
  for (const [subject] of marks.slice(0, late)) header.text32(subject);
  header.uint16(marks.length - late);
  for (const [subject] of marks.slice(late)) header.text32(subject);
  header.uint16(epochs.length);
  for (const epoch of epochs) header.text16(epoch);
  for (const [, { epoch, position, nonce }] of marks) {
    header.uint16(epochs.indexOf(epoch));
    header.double(position);
    header.text16(nonce);
  }
  header.uint16(epochs.indexOf(globs.epoch));
  header.double(globs.position);
  header.text16(entry.fingerprint);
  header.double(entry.graceMs);
  header.uint8(entry.absent ? 1 : 0);
  return header.followedBy(entry.payload);
}

/** The subjects that an entry names; none for bytes that are no entry. */
export function subjectsOfEntry(bytes: Uint8Array): readonly SubjectKey[] {
  try {
    return decodeEntry(bytes).marks.map(([subject]) => subject);
  } catch {
    return [];
  }
}

/** Throws CORRUPT_ENTRY for bytes that are cut, or of another version. */
export function decodeEntry(bytes: Uint8Array): StoredEntry {
  try {
    const header = new ByteReader(bytes);
    const version = header.uint8();
    if (version !== VERSION) throw new Error(`version ${String(version)}`);
    const late = header.uint16();
    const subjects: string[] = [];
    for (let i = 0; i < late; i++) subjects.push(header.text32());
    for (let others = header.uint16(); others > 0; others--) subjects.push(header.text32());
    const epochs = Array.from({ length: header.uint16() }, () => header.text16());
    const epoch = (): string => {
      const found = epochs[header.uint16()];
      if (found === undefined) throw new Error('an epoch is missing');
      return found;
    };
    const token = (): Token => ({ epoch: epoch(), position: header.double(), nonce: header.text16() });
    const marks = subjects.map((subject) => [subject as SubjectKey, token()] as const);
    const globs = { epoch: epoch(), position: header.double() };
    const fingerprint = header.text16();
    const graceMs = header.double();
    if (!(graceMs >= 0)) throw new Error(`${String(graceMs)} ms of grace`);
    const absent = header.uint8() === 1;
    return { marks, late, globs, fingerprint, graceMs, absent, payload: header.rest() };
  } catch (cause) {
    const message = `entry of ${String(bytes.length)} bytes: not one of version ${String(VERSION)}: ${messageOf(cause)}.`;
    throw new TidemarkError('CORRUPT_ENTRY', message, { cause });
  }
}
