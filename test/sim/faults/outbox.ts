import type { SimFault } from './fault.js';

/** Changes that are written down with the data. */
export const OUTBOX_FAULTS: readonly SimFault[] = [
  {
    name: 'the sweeper replays an older row as the newest',
    breaks: ['P8'],
    edits: [
      [
        'cache/sweeper.ts',
        "if (!together.every(({ row }) => row.isTrigger)) return 'missing';",
        "if (!together.every(({ row }) => row.isTrigger)) return 'events';",
      ],
    ],
  },
  {
    name: 'what a writer that died has committed is not swept',
    breaks: ['P8'],
    edits: [['cache/sweeper.ts', '    this.#arm(options.intervalMs);\n', '']],
  },
  {
    name: 'what a transaction added is applied without asking whether it is committed',
    breaks: ['P8'],
    edits: [
      [
        'cache/transactions.ts',
        'const committed = await this.#committed(outbox, ids);',
        'const committed = new Set(ids);',
      ],
    ],
  },
  {
    name: 'a swept row that could not be bumped counts as applied',
    breaks: ['P8'],
    edits: [
      [
        'cache/sweeper.ts',
        'failed.push({ rows: together, error: thrown as Error });',
        'applied.push(...together.map(({ row }) => row.id));',
      ],
    ],
  },
  {
    name: 'a change that waits for its marks has its row removed',
    breaks: ['P8'],
    edits: [
      [
        'cache/transactions.ts',
        'const receipt = await this.#options.changer.change(',
        'sweeper.remove(removed);\n    const receipt = await this.#options.changer.change(',
      ],
    ],
  },
];
