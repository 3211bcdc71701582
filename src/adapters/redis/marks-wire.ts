import type { Bump, BumpRequest, Head, MarksRead, SubjectKey, Token } from '../../contract.js';
import type { Reply } from './client.js';

/*
 * What scripts answer and channels carry, as `docs/protocol.md` says. A message is a line, `<epoch> <prev> <position>
 * <nonce>`, and a body in JSON; one without a body says that another epoch has begun.
 */

const textOf = (reply: Reply | undefined): string => String(reply);

export function headOf(partition: number, reply: Reply | undefined): Head {
  const [epoch, head, nonce, from, fromHead] = reply as readonly Reply[];
  return {
    partition,
    epoch: textOf(epoch),
    head: Number(textOf(head)),
    nonce: textOf(nonce),
    from: from === null ? null : { epoch: textOf(from), head: Number(textOf(fromHead)) },
  };
}

export interface Minted {
  readonly token: Token;
  readonly ageMs: number;
}

/**
 * Reads the marks of one partition: a subject's is its field, null if it was never bumped in this epoch; `now` is the
 * server's time.
 */
export function minting(
  headReply: Reply | undefined,
  nowReply: Reply | undefined,
): (reply: Reply | undefined) => Minted {
  const [epochReply, , , , , since] = headReply as readonly Reply[];
  const epoch = textOf(epochReply);
  const now = Number(textOf(nowReply));
  const age = (micros: string): number => Math.max(0, (now - Number(micros)) / 1000);
  // Most have never been bumped: they share one.
  const unbumped: Minted = { token: { epoch, position: 0, nonce: '' }, ageMs: age(textOf(since)) };
  return (reply) => {
    if (reply == null) return unbumped;
    const mark = textOf(reply);
    const space = mark.indexOf(' ');
    const nonce = mark.slice(space + 1);
    return {
      token: { epoch, position: Number(mark.slice(0, space)), nonce },
      ageMs: age(nonce.slice(nonce.lastIndexOf('.') + 1)),
    };
  };
}

export function readOf(minted: readonly Minted[], heads: readonly Head[]): MarksRead {
  return { tokens: minted.map(({ token }) => token), agesMs: minted.map(({ ageMs }) => ageMs), heads };
}

/** A nonce of the caller as one word of a message's line. */
export const wordOf = (nonce: string): string => nonce.replace(/[^\w.-]/g, '_');

interface Body {
  readonly s: readonly SubjectKey[];
  readonly c: string;
  readonly g: readonly string[];
}

export function bodyOf(
  subjects: readonly SubjectKey[],
  { changeId, globs = [] }: BumpRequest,
  holdsPatterns: boolean,
): string {
  return JSON.stringify({ s: subjects, c: changeId, g: holdsPatterns ? globs : [] } satisfies Body);
}

/** The bump that these tell of: what the script answers, or the line of a message, and its body. */
export function bumpOf(partition: number, line: readonly string[], body: string): Bump {
  const [epoch = '', prev, position, nonce = ''] = line;
  const { s, c, g } = JSON.parse(body) as Body;
  return {
    ...{ partition, epoch, prev: Number(prev), position: Number(position), nonce },
    ...{ subjects: s, changeId: c, globs: g },
  };
}

/** The bump that a message tells of; null if it tells of another epoch. */
export function messageOf(partition: number, bytes: Buffer): Bump | null {
  const end = bytes.indexOf(10);
  if (end < 0) return null;
  return bumpOf(partition, bytes.toString('latin1', 0, end).split(' '), bytes.toString('utf8', end + 1));
}
