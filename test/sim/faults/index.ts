import { CHANGE_FAULTS } from './changes.js';
import { BLIND_CHECK, NO_LOOSE_CELL, SMALL_QUEUE, type SimFault } from './fault.js';
import { MARK_FAULTS } from './marks.js';
import { OUTBOX_FAULTS } from './outbox.js';
import { PLACE_FAULTS } from './places.js';
import { POSTGRES_FAULTS } from './postgres.js';
import { READ_FAULTS } from './reads.js';
import { SERVER_FAULTS } from './servers.js';

export type { SimFault } from './fault.js';

/** What the simulation must catch: PROTOCOL.md's list, and what was found on the way. */
export const FAULTS: readonly SimFault[] = [
  ...SERVER_FAULTS,
  ...MARK_FAULTS,
  ...CHANGE_FAULTS,
  ...READ_FAULTS,
  ...PLACE_FAULTS,
  ...OUTBOX_FAULTS,
  ...POSTGRES_FAULTS,
];

/** Of that list, what cannot be planted yet or at all, and why. */
export const NOT_PLANTED: Readonly<Record<string, string>> = {
  'early cut-off keeps an old entry valid': 'nothing cuts off: an entry is judged by its marks, whatever its value',
  'a re-assertion with the old token': 'only the store mints tokens; sent again in one epoch: see the first fault',
  "a waiter takes a wake-up's value": 'a wake-up carries none; whoever waited looks at tier 2: see promotion',
};

/** Right, but nearer to a rare path or with one guard less: on its own each must be clean where its fault is looked for. */
export const CONTROLS: readonly Pick<SimFault, 'name' | 'edits' | 'calm'>[] = [
  { name: 'the head check is blind, and no message is ever lost', calm: true, edits: BLIND_CHECK },
  { name: 'the queue of changes holds little', edits: SMALL_QUEUE },
  { name: 'no loose mark is kept', edits: NO_LOOSE_CELL },
];
