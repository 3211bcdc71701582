import { BLIND_CHECK, NO_LOOSE_CELL, SMALL_QUEUE, type SimFault, STALE } from './fault.js';

/** The local table of marks, and how far it is believed. */
export const MARK_FAULTS: readonly SimFault[] = [
  {
    name: 'a reply overwrites a newer mark',
    breaks: STALE,
    edits: [
      [
        'cache/mark-cells.ts',
        'const newer = isNewer(token, cell.token);',
        'const newer = cell.token?.epoch !== token.epoch || cell.token.position !== token.position;',
      ],
    ],
  },
  {
    name: "the reply to a replica's own bump overwrites a later foreign one",
    breaks: STALE,
    edits: [
      [
        'cache/mark-cells.ts',
        'if (cell === undefined || !isNewer(token, cell.token)) continue;',
        'if (cell === undefined) continue;',
      ],
    ],
  },
  {
    name: 'marks are read before the watch is acknowledged',
    breaks: STALE,
    calm: true,
    beside: BLIND_CHECK,
    edits: [
      [
        'cache/mark-watch.ts',
        "this.#stop ??= await calls.run('watch', () =>",
        "this.#stop ??= await unawaited(calls.run('watch', () =>",
      ],
      [
        'cache/mark-watch.ts',
        '        },\n      }),\n    );\n    const sent',
        '        },\n      }),\n    ));\n    const sent',
      ],
      [
        'cache/mark-watch.ts',
        'const CHECK_LIMIT_MS = 500;',
        'const CHECK_LIMIT_MS = 500;\nconst unawaited = async (watch: Promise<unknown>) => (watch.catch(() => {}), async () => undefined);',
      ],
    ],
  },
  {
    name: 'positions of another epoch are compared',
    breaks: STALE,
    edits: [
      [
        'cache/mark-cell.ts',
        'return held === null || token.epoch !== held.epoch || token.position > held.position;',
        'return held === null || token.position > held.position;',
      ],
      ['cache/mark-cells.ts', '      cell.valid = false;\n      cell.token = null;\n', ''],
    ],
  },
  {
    name: 'a hole in the messages is not noticed',
    breaks: STALE,
    edits: [
      [
        'cache/partition.ts',
        "const found = prev === this.applied ? 'next' : 'hole';",
        "const found = 'next' as string as 'next' | 'hole';",
      ],
    ],
  },
  {
    name: 'a head check that finds more than was heard confirms',
    breaks: STALE,
    edits: BLIND_CHECK,
  },
  {
    name: 'a missing head, or one of another epoch, is read as nothing new',
    breaks: STALE,
    edits: [
      [
        'cache/partition.ts',
        "if (this.epoch !== epoch) return then?.epoch === this.epoch ? 'epoch' : 'unclear';",
        "if (this.epoch !== epoch) return 'nothing new';",
      ],
    ],
  },
  {
    name: 'trust runs from when the answer came',
    breaks: STALE,
    edits: [
      [
        'cache/mark-watch.ts',
        'partition.check(head, sent)',
        'partition.check(head, { ...sent, at: this.#on.clock.now() })',
      ],
    ],
  },
  {
    name: 'marks are trusted however old',
    breaks: STALE,
    edits: [['cache/marks.ts', 'const since = now - this.#options.maxStalenessMs;\n', 'const since = -1e15;\n']],
  },
  {
    name: 'a suspended process trusts its marks when it wakes',
    breaks: STALE,
    edits: [['tidemark.ts', 'table.distrust();', '']],
  },
  {
    name: 'the time that was read before a pause is used after it',
    breaks: STALE,
    edits: [['clock.ts', 'this.#clock.turnEnd(this.#forget);', '']],
  },
  {
    name: 'epoch ignored when positions go back',
    breaks: STALE,
    edits: [
      ['cache/partition.ts', "if (then?.epoch === epoch && head < then.applied) return 'lost';", ''],
      ['cache/mark-cells.ts', 'if (!newer && hasGoneBack(token, cell.token, before)) lost.add(cell.partition);', ''],
    ],
  },
  {
    name: "a lost branch's token is kept at an equal position",
    breaks: STALE,
    edits: [
      [
        'cache/partition.ts',
        "if (position === this.applied && this.appliedNonce !== '' && this.appliedNonce !== nonce) return 'lost';",
        '',
      ],
      [
        'cache/partition.ts',
        "if (head === this.applied && this.appliedNonce !== '' && head > 0 && this.appliedNonce !== nonce) return 'lost';",
        '',
      ],
      ['cache/mark-cells.ts', 'token.position === held.position && token.nonce !== held.nonce', 'token.position < 0'],
    ],
  },
  {
    name: 'what a store forgot is not bumped again',
    breaks: STALE,
    edits: [['cache/mark-watch.ts', 'if (clear) for (const', 'if (clear && known === -1) for (const']],
  },
  {
    name: 'only a replica that began the epoch bumps again',
    breaks: STALE,
    edits: [
      [
        'cache/mark-watch.ts',
        'await drain();\n    if (partition',
        'await drain();\n    const { mustRenew } = partition;\n    if (partition',
      ],
      ['cache/mark-watch.ts', 'if (clear) for (const', 'if (clear && mustRenew) for (const'],
    ],
  },
  {
    name: 'a mark counts as bumped so long before it was asked for as it was when it was read',
    breaks: STALE,
    edits: [['cache/mark-reads.ts', 'const answeredAt = clock.now();', 'const answeredAt = sent.at;']],
  },
  {
    name: 'marks are read again before the queue has drained',
    breaks: STALE,
    edits: [
      ['cache/mark-watch.ts', '    await drain();\n    if (partition.mustRenew', '    if (partition.mustRenew'],
      ['cache/mark-cells.ts', 'if (!this.#isHeldBack(subject) && cell', 'if (cell'],
    ],
  },
  {
    name: 'a queue that runs over drops its changes',
    breaks: [...STALE, 'receipt'],
    beside: SMALL_QUEUE,
    edits: [['cache/marks.ts', 'for (const partition of partitions) this.#watch.lost(partition);', '']],
  },
  {
    name: 'a mark evicted from the table leaves its cell alive',
    breaks: STALE,
    beside: NO_LOOSE_CELL,
    edits: [
      [
        'cache/mark-cells.ts',
        'this.#cells.delete(cell.subject);\n    cell.valid = false;',
        'this.#cells.delete(cell.subject);',
      ],
    ],
  },
];
