import type { SubjectKey, Token } from '../contract.js';
import { TidemarkError, messageOf } from '../errors.js';
import { ByteReader, ByteWriter } from './bytes.js';

/** An entry of tier 2 as bytes: a header of fixed layout, big endian, as `docs/protocol.md` has it, then the value as the codec wrote it. */
export interface StoredEntry {
  /** What the value was computed from, and the marks of these, one each, taken before it was. */
  readonly subjects: readonly SubjectKey[];
  readonly tokens: readonly Token[];
  /** How many of the subjects, the first ones, a reader cannot know of before it has the entry: a store looks for those. */
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
  const { subjects, tokens, late, globs } = entry;
  if (subjects.length > MOST_MARKS) {
    const message = `expected at most ${String(MOST_MARKS)} marks, got ${String(subjects.length)}.`;
    throw new TidemarkError('UNENCODABLE', message);
  }
  const epochs = [...new Set([globs.epoch, ...tokens.map(({ epoch }) => epoch)])];
  const header = new ByteWriter();
  header.uint8(VERSION);
  header.uint16(late);
  for (const subject of subjects.slice(0, late)) header.text32(subject);
  header.uint16(subjects.length - late);
  for (const subject of subjects.slice(late)) header.text32(subject);
  header.uint16(epochs.length);
  for (const epoch of epochs) header.text16(epoch);
  for (const { epoch, position, nonce } of tokens) {
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
    return decodeEntry(bytes).subjects;
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
    const subjects: SubjectKey[] = [];
    for (let i = 0; i < late; i++) subjects.push(header.text32() as SubjectKey);
    for (let others = header.uint16(); others > 0; others--) subjects.push(header.text32() as SubjectKey);
    const epochs: Token[] = [];
    for (let left = header.uint16(); left > 0; left--) epochs.push({ epoch: header.text16(), position: 0, nonce: '' });
    const tokens: Token[] = [];
    while (tokens.length < subjects.length) tokens.push(tokenIn(header, epochs));
    const globs = { epoch: epochIn(header, epochs).epoch, position: header.double() };
    const fingerprint = header.text16();
    const graceMs = header.double();
    if (!(graceMs >= 0)) throw new Error(`${String(graceMs)} ms of grace`);
    const absent = header.uint8() === 1;
    return { subjects, tokens, late, globs, fingerprint, graceMs, absent, payload: header.rest() };
  } catch (cause) {
    const message = `entry of ${String(bytes.length)} bytes: not one of version ${String(VERSION)}: ${messageOf(cause)}.`;
    throw new TidemarkError('CORRUPT_ENTRY', message, { cause });
  }
}

/** `unbumped`: of each epoch that occurs the token of what was not bumped in it, which most marks are. */
function tokenIn(header: ByteReader, unbumped: readonly Token[]): Token {
  const first = epochIn(header, unbumped);
  const position = header.double();
  const nonce = header.text16();
  return position === 0 && nonce === '' ? first : { epoch: first.epoch, position, nonce };
}

function epochIn(header: ByteReader, unbumped: readonly Token[]): Token {
  const found = unbumped[header.uint16()];
  if (found === undefined) throw new Error('an epoch is missing');
  return found;
}
