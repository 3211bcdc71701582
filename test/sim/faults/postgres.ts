import { type SimFault, STALE } from './fault.js';

/** Ones like Postgres that do not follow the contract. */
export const POSTGRES_FAULTS: readonly SimFault[] = [
  {
    name: 'transactions do not wait for each other',
    breaks: [...STALE, 'P7'],
    edits: [],
    postgres: true,
    rules: { waitsForRows: false },
  },
  {
    name: 'a bump is notified before its marks can be seen',
    breaks: STALE,
    edits: [],
    postgres: true,
    rules: { bumpsAtOnce: false },
  },
  {
    name: 'a bump is answered before it is committed',
    breaks: [...STALE, 'receipt'],
    edits: [],
    postgres: true,
    rules: { answersAfterCommit: false },
  },
  {
    name: 'a connection that listens is made again without a word',
    breaks: STALE,
    edits: [],
    postgres: true,
    rules: { tellsOfLoss: false },
  },
];
