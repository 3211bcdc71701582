import type { Fault } from '../../plant.js';
import type { PromiseName } from '../check.js';
import type { ServerRules } from '../server-rules.js';

/** A fault of PROTOCOL.md's list, as edits of the source or as a server that does not follow the contract. */
export interface SimFault extends Fault {
  /** What it must be caught by: in a world in which the library without it keeps all of these. */
  readonly breaks: readonly PromiseName[];
  /** Guards that stand behind the one it removes, taken away too. They alone must break nothing in that world either. */
  readonly beside?: Fault['edits'];
  readonly rules?: Partial<ServerRules>;
  /** Looked for in worlds on a Postgres; the others on a Redis. */
  readonly postgres?: boolean;
  /** Looked for in worlds without faults: what a hole or an outage would hide, or show for another reason, is not there. */
  readonly calm?: boolean;
}

/** A read that is older than it may be. */
export const STALE: readonly PromiseName[] = ['P1', 'P2', 'P3', 'strong'];

/** Holes are found by the next message and by the head check: either alone hides a fault of the other. */
export const BLIND_CHECK: Fault['edits'] = [
  [
    'cache/partition.ts',
    "if (found === 'nothing new' && !this.repairing) {",
    "if (found === 'nothing new' || found === 'next') {",
  ],
  [
    'cache/partition.ts',
    "if (found !== 'next') return found;\n    // What",
    "if (found !== 'next') return found;\n    return 'nothing new';\n    // What",
  ],
];

/** A load that was overtaken is not joined, and whoever joined it earlier reads again. */
export const NOT_READ_AGAIN: Fault['edits'] = [
  [
    'cache/read.ts',
    'if (servesAll(outcome) || flight.launchedBy === request) return outcome;',
    'if (flight !== null) return outcome;',
  ],
];

export const SMALL_QUEUE: Fault['edits'] = [
  ['cache/change-queue.ts', 'const MOST_SUBJECTS = 10_000;', 'const MOST_SUBJECTS = 3;'],
];

export const NO_LOOSE_CELL: Fault['edits'] = [
  ['cache/mark-cells.ts', 'const LOOSE_KEPT = 10_000;', 'const LOOSE_KEPT = 0;'],
];
