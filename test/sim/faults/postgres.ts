import { type SimFault, STALE } from './fault.js';

/** Ones like Postgres that do not follow the contract. */
export const POSTGRES_FAULTS: readonly SimFault[] = [
  {
    name: 'a bump is notified before its marks can be seen',
    breaks: STALE,
    edits: [],
    postgres: true,
    rules: { bumpsAtOnce: false },
  },
  {
    name: 'marks that somebody emptied keep their epoch',
    breaks: STALE,
    edits: [],
    postgres: true,
    rules: { noticesTruncation: false },
  },
  {
    name: 'a crash begins an epoch that was there before',
    breaks: STALE,
    edits: [],
    postgres: true,
    rules: { countedEpochs: true },
  },
  {
    name: 'a connection that listens is made again without a word',
    breaks: STALE,
    edits: [],
    postgres: true,
    rules: { tellsOfLoss: false },
  },
];
