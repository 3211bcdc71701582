import { type SimFault, STALE } from './fault.js';

/** Ones like Postgres that do not follow the contract. */
export const POSTGRES_FAULTS: readonly SimFault[] = [
  {
    name: 'bumps of a partition do not wait for each other',
    breaks: STALE,
    edits: [],
    postgres: true,
    rules: { waitsForRows: false },
  },
  {
    name: 'a bump is notified before it can be seen',
    breaks: STALE,
    edits: [],
    postgres: true,
    rules: { notifiesAtCommit: false },
  },
  {
    name: 'a bump is answered before it is committed',
    breaks: [...STALE, 'receipt'],
    edits: [],
    postgres: true,
    rules: { answersAfterCommit: false },
  },
  {
    name: 'a publication that is sent again, since its reply was lost, counts twice',
    breaks: ['P7'],
    edits: [],
    postgres: true,
    rules: { publishesOnce: false },
  },
  {
    name: 'a connection that listens is made again without a word',
    breaks: STALE,
    edits: [],
    postgres: true,
    rules: { tellsOfLoss: false },
  },
];
