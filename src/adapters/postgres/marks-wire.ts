import type { Bump, BumpRequest, Head, MarksRead, SubjectKey, Token } from '../../contract.js';
import type { Row } from './run.js';

/*
 * What statements answer and the channel carries, as `docs/protocol.md` says. A message is a line, `<partition> <epoch> <prev>
 * <position> <nonce> <part>/<parts>`, and a body in JSON; one of partition and epoch alone says that another epoch has begun.
 */

export function headOf({ number, epoch, position, nonce, from_epoch, from_head }: Row): Head {
  return {
    ...{ partition: Number(number), epoch: String(epoch), head: Number(position), nonce: String(nonce) },
    from: typeof from_epoch === 'string' ? { epoch: from_epoch, head: Number(from_head) } : null,
  };
}

export interface Minted {
  readonly token: Token;
  readonly ageMs: number;
}

/** Reads the marks of one partition: a subject's has position and nonce, null if it was never bumped in this epoch. */
export function minting(head: Row): (mark: Row | undefined) => Minted {
  const [epoch, now] = [String(head['epoch']), Number(head['now'])];
  const age = (micros: unknown): number => Math.max(0, (now - Number(micros)) / 1000);
  // Most have never been bumped: they share one.
  const unbumped: Minted = { token: { epoch, position: 0, nonce: '' }, ageMs: age(head['since']) };
  return (mark) => {
    if (mark === undefined || mark['position'] === null) return unbumped;
    const nonce = String(mark['nonce']);
    const token = { epoch, position: Number(mark['position']), nonce };
    return { token, ageMs: age(nonce.slice(nonce.lastIndexOf('.') + 1)) };
  };
}

export function readOf(minted: readonly Minted[], heads: readonly Head[]): MarksRead {
  return { tokens: minted.map(({ token }) => token), agesMs: minted.map(({ ageMs }) => ageMs), heads };
}

/** A nonce of the caller as one word of a message's line. */
export const wordOf = (nonce: string): string => nonce.replace(/[^\w.-]/g, '_').slice(0, 64);

interface Body {
  readonly s: readonly SubjectKey[];
  readonly c: string;
  readonly g: readonly string[];
}

/** In ASCII, which NOTIFY carries whatever the encoding of the database, and counts in bytes. */
export function bodyOf(
  subjects: readonly SubjectKey[],
  { changeId, globs = [] }: BumpRequest,
  holdsPatterns: boolean,
): string {
  const body: Body = { s: subjects, c: changeId, g: holdsPatterns ? globs : [] };
  return JSON.stringify(body).replace(/[\u007f-\uffff]/g, (one) => {
    return `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** The bump that a row of the bump statement tells of, and its body. */
export function bumpOf({ number, epoch, prev, position, nonce }: Row, body: string): Bump {
  const { s, c, g } = JSON.parse(body) as Body;
  return {
    ...{ partition: Number(number), epoch: String(epoch), prev: Number(prev), position: Number(position) },
    ...{ nonce: String(nonce), subjects: s, changeId: c, globs: g },
  };
}

/** What a message means: a bump, the first parts of one (null), or that messages of a partition, or of any, may be missing. */
export type Told = { readonly bump: Bump } | { readonly gap: number | undefined } | null;

const MESSAGE = /^(\d+) (\S+)(?: (\d+) (\d+) (\S*) (\d+)\/(\d+)\n([\s\S]*))?$/;

/** Reads the messages of one channel in order, and puts the parts of long ones together. */
export function messageReader(): { readonly read: (payload: string) => Told; readonly forget: () => void } {
  let begun: { readonly of: string; readonly bodies: string[] } | undefined;

  const read = (payload: string): Told => {
    const [, number, epoch, prev, position, nonce, part, parts, body = ''] = MESSAGE.exec(payload) ?? [];
    const earlier = begun;
    begun = undefined;
    if (number === undefined) return { gap: undefined };
    const partition = Number(number);
    if (part === undefined) return { gap: partition };
    const of = [number, epoch, prev, position, nonce, parts].join(' ');
    if (earlier !== undefined && earlier.of !== of) return { gap: undefined };
    const bodies = [...(earlier?.bodies ?? []), body];
    if (bodies.length !== Number(part)) return { gap: partition };
    if (part !== parts) {
      begun = { of, bodies };
      return null;
    }
    try {
      return { bump: bumpOf({ number, epoch, prev, position, nonce }, bodies.join('')) };
    } catch {
      return { gap: partition };
    }
  };
  return {
    read,
    forget: () => {
      begun = undefined;
    },
  };
}
