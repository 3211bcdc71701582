import type { Bump, BumpRequest, Marks, Store, SubjectKey, Token } from '../../contract.js';
import { entitySubject, listSubject, typeSubject } from '../../subject.js';
import type { ContractCase, Elapse } from './case.js';

export interface MarksFixture {
  /** Nothing was ever bumped. */
  readonly marks: Marks;
  /** The same marks as another replica reaches them, over connections of its own where there are any. */
  readonly peer: Marks;
  readonly elapse: Elapse;
  /** Makes the store lose everything, as a flush or a restart does. Left out where nothing can: skip the case. */
  readonly wipe?: (() => Promise<void>) | undefined;
  /** The same marks as a replica sees them that was configured with another number of partitions. */
  readonly miscounted?: (() => Marks) | undefined;
  /** A store that lies beside the marks, and an entry as bytes that names these subjects. */
  readonly beside?:
    | {
        readonly store: Store;
        readonly entry: (subjects: readonly SubjectKey[]) => Uint8Array;
        readonly subjectsOf: (value: Uint8Array) => readonly SubjectKey[];
      }
    | undefined;
}

export type MarksCase = ContractCase<MarksFixture>;

export const ankh = entitySubject('settlement', 'ankh', 'main');
export const bree = entitySubject('settlement', 'bree', 'main');
/** Subjects enough that every one of a few partitions has some. */
export const many = (count: number): readonly SubjectKey[] =>
  Array.from({ length: count }, (_, i) => {
    const id = String(i);
    if (i % 3 === 0) return entitySubject('settlement', id, 'main');
    return i % 3 === 1 ? listSubject('structure', 'settlement', id, 'main') : typeSubject(`type ${id}`, 'main');
  });

export const request = (changeId = 'change 1', nonce = 'nonce'): BumpRequest => ({ changeId, nonce });

/** A token as text, for sets. */
export const tokenText = ({ epoch, position, nonce }: Token): string => `${epoch} ${String(position)} ${nonce}`;

/** The token that a bump gave its subjects. */
export const tokenOf = ({ epoch, position, nonce }: Bump): Token => ({ epoch, position, nonce });

export async function tokenIn(marks: Marks, subject: SubjectKey): Promise<Token> {
  const { tokens } = await marks.read([subject]);
  return tokens[0] as Token;
}
