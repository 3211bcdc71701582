import { type SimFault, STALE } from './fault.js';

/** Servers that do not follow the contract. */
export const SERVER_FAULTS: readonly SimFault[] = [
  {
    name: 'a bump that is sent again gets its old token',
    breaks: STALE,
    edits: [],
    rules: { tokenSentAgain: true },
  },
  {
    name: 'a snapshot is restored with its epoch kept',
    breaks: STALE,
    edits: [],
    rules: { comparesRunId: false },
  },
  {
    name: 'a lost epoch is seeded from a counter',
    breaks: STALE,
    edits: [],
    rules: { countedEpochs: true },
  },
  {
    name: "a bump's partition is where its caller says",
    breaks: STALE,
    edits: [],
    rules: { partitionFromCaller: true },
  },
  {
    name: 'replicas with different counts of partitions',
    breaks: STALE,
    edits: [],
    rules: { comparesPartitions: false },
  },
  {
    name: 'done although one partition did not answer',
    breaks: ['receipt'],
    edits: [],
    rules: { acceptsPartialBumps: true },
  },
];
