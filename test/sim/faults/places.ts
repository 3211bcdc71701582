import { STALE, type SimFault } from './fault.js';

/** Of answers about where things are. */
export const PLACE_FAULTS: readonly SimFault[] = [
  {
    name: 'a polygon is asked for without `under`',
    breaks: STALE,
    edits: [['cache/cascade.ts', '...ancestors.map((cell) => underSubject(type, cell, branch)),', '']],
  },
  {
    name: 'k-nearest is shrunk from cells that were not read',
    breaks: STALE,
    edits: [
      [
        'cache/derive.ts',
        'for (const cell of cells) flight.captureLate(cell, { known, stamp, applied: flight.applied ?? [] });\n  return cells;',
        'flight.capture({ cells, stamp });\n  return cells;',
      ],
    ],
  },
  {
    name: 'what is found with the answer is not marked',
    breaks: STALE,
    edits: [
      [
        'cache/core.ts',
        'late: (chain) => (answer?.footprint ?',
        'late: (chain) => (this === null && answer?.footprint ?',
      ],
    ],
  },
  {
    name: 'an answer is spared by moves that nobody saw',
    breaks: STALE,
    edits: [['cache/moves.ts', '    this.#floor = version;\n    this.#logs.clear();', '']],
  },
  {
    name: 'an answer is spared by what says nothing of where',
    breaks: STALE,
    edits: [
      [
        'cache/moves.ts',
        'this.#floor > since || !moved.every(({ subject }) => isOfCell(subject))',
        'this.#floor > since',
      ],
    ],
  },
  {
    name: 'a strong read is answered from an index that has not been read again',
    breaks: STALE,
    edits: [
      [
        'cache/derive.ts',
        'what.unheard?.(flight.bypassesStore || flight.demand.strong)',
        'what.unheard?.(flight.bypassesStore)',
      ],
    ],
  },
];
