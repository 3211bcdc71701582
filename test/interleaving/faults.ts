import type { Fault } from '../plant.js';

// Faults of the marks protocol that can exist in one process. Each must be found.

/** A change that is right but brings a rare path near: on its own it must be clean. */
export const CONTROLS: readonly Fault[] = [
  {
    name: 'no loose cell is kept',
    edits: [['cache/mark-cells.ts', 'const LOOSE_KEPT = 10_000;', 'const LOOSE_KEPT = 0;']],
  },
];

/** Joining is guarded twice: by not joining, and by reading again. Either alone hides a fault of the other. */
const NOT_READ_AGAIN = [
  'cache/read.ts',
  'if (servesAll(outcome) || flight.launchedBy === request) return outcome;',
  'if (servesAll(outcome) || flight !== null) return outcome;',
] as const;

/** `rare`: found late, and so by the long command only. */
export const FAULTS: readonly (Fault & { readonly rare?: boolean })[] = [
  {
    name: 'a reply overwrites a newer mark',
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
    edits: [
      [
        'cache/mark-cells.ts',
        'if (cell === undefined || !isNewer(token, cell.token)) continue;',
        'if (cell === undefined) continue;',
      ],
    ],
  },
  {
    name: 'positions of another epoch are compared',
    rare: true,
    edits: [
      [
        'cache/mark-cell.ts',
        'return held === null || token.epoch !== held.epoch || token.position > held.position;',
        'return held === null || token.position > held.position;',
      ],
      ['cache/mark-cells.ts', 'cell.valid = false;\n      cell.token = null;\n      cell.changed = this.version;', ''],
    ],
  },
  {
    name: 'a hole in the messages is not noticed',
    edits: [
      ['cache/mark-watch.ts', "if (found === 'hole') this.gap(partition, applied);", ''],
      ['cache/mark-watch.ts', "if (found === 'hole' || found === 'unclear') this.gap(partition, applied);", ''],
    ],
  },
  {
    name: 'marks are taken after the load',
    edits: [
      [
        'cache/batch.ts',
        'cells: cells.slice(at, (at += count)), stamp });',
        'cells: cells.slice(at, (at += count)), stamp: Infinity });',
      ],
    ],
  },
  {
    name: "a late subject's mark is taken as it is after the origin answered",
    edits: [['cache/flight.ts', 'wasApplied(cell, held.applied)', 'cell.token !== null']],
  },
  {
    name: 'a nested value is kept under present marks',
    rare: true,
    edits: [
      ['cache/flight.ts', 'this.captureOwned(entry);', 'this.captureOwned({ cells: entry.cells, stamp: Infinity });'],
    ],
  },
  {
    name: 'what was built on an unstorable value is kept',
    rare: true,
    edits: [
      [
        'cache/flight.ts',
        'if (outcome.unverified === undefined) this.unstorable = true;\n      else this.#adopt',
        'if (outcome.unverified !== undefined) this.#adopt',
      ],
    ],
  },
  {
    name: 'a doomed load is joined',
    edits: [NOT_READ_AGAIN, ['cache/flight.ts', 'if (this.isOvertaken) return false;\n    // Marks', '// Marks']],
  },
  {
    name: 'a load whose nested load is doomed is joined',
    edits: [
      NOT_READ_AGAIN,
      [
        'cache/flight.ts',
        'for (const other of this.#waitsFor ?? []) if (!other.canJoin({ ...ANYTHING, after }, now)) return false;',
        '',
      ],
    ],
  },
  {
    name: 'a doomed load is kept',
    edits: [
      ['cache/read.ts', 'if (flight.isOvertaken) {', 'if (flight.unstorable) {'],
      ['cache/read.ts', 'if (!flight.isStorable() || ', 'if (flight.unverified || '],
    ],
  },
  {
    name: 'the memo repeats what a change made stale',
    edits: [['cache/loaders.ts', '!isUnmoved(entry, table) || ', '']],
  },
  {
    name: 'the memo lets a doomed load be joined',
    edits: [NOT_READ_AGAIN, ['cache/loaders.ts', 'return known.flight.canJoin(demand, now);', 'return true;']],
  },
  {
    name: 'the memo gives a later reader what the first reader of an overtaken load gets',
    edits: [['cache/loaders.ts', 'known.landed || known.heard === this.#core.reads.table.heard', 'true']],
  },
  {
    name: 'a mark evicted from the table leaves its cell alive',
    edits: [
      ['cache/mark-cells.ts', 'const LOOSE_KEPT = 10_000;', 'const LOOSE_KEPT = 0;'],
      [
        'cache/mark-cells.ts',
        'this.#cells.delete(cell.subject);\n    cell.valid = false;',
        'this.#cells.delete(cell.subject);',
      ],
    ],
  },
  {
    name: 'without before, placement is not bumped',
    edits: [
      [
        'cache/cascade.ts',
        'placementSubject(plan.type, branch),\n      images === null',
        'typeSubject(plan.type, branch),\n      images === null',
      ],
    ],
  },
  {
    name: 'a before of another version is trusted',
    rare: true,
    edits: [['cache/cascade.ts', 'return from !== undefined && to !== undefined && to !== from + 1;', 'return false;']],
  },
  {
    name: 'records do not carry the marks of their parents',
    edits: [
      [
        'cache/cascade.ts',
        'for (const branch of chain) subjects.push(belowSubject(parent.type, text, branch));',
        'void text;',
      ],
    ],
  },
  {
    name: 'a deleted parent leaves what hangs deeper',
    edits: [
      [
        'cache/cascade.ts',
        'bumps.set(allSubject(type, branch), `every ${type}: they hang deeper under ${plan.type} ${id}`);',
        '',
      ],
    ],
  },
  {
    name: 'a restored parent leaves its children absent',
    edits: [
      [
        'cache/cascade.ts',
        'bumps.set(removalsSubject(type, branch), `absent',
        'bumps.set(typeSubject(type, branch), `absent',
      ],
    ],
  },
  {
    name: 'a bulk change bumps a mark that nobody carries',
    edits: [
      [
        'cache/cascade.ts',
        'return chain.flatMap((branch) => [allSubject(type, branch), branchSubject(branch)]);',
        'return chain.flatMap((branch) => [...(type === "" ? [allSubject(type, branch)] : []), branchSubject(branch)]);',
      ],
    ],
  },
  {
    name: 'a load that began before a pattern deletion is kept',
    edits: [['cache/flight.ts', 'return this.#table.globs.deletedSince(this.globs, () => this.key);', 'return false;']],
  },
  {
    name: 'a pattern deletion lost in a hole is not noticed',
    edits: [['cache/globs.ts', 'if (last > sure) this.restart(epoch, last);', '']],
  },
  {
    name: 'an event is published before the marks are bumped',
    edits: [
      [
        'cache/change.ts',
        'const bumps = await table.bump(subjects, { changeId }, (late) => {',
        'await this.#announce(planned, createReceipt(changeId, []));\n    const bumps = await table.bump(subjects, { changeId }, (late) => {',
      ],
    ],
  },
  {
    name: 'after joins an older load',
    edits: [
      NOT_READ_AGAIN,
      [
        'cache/flight.ts',
        'return this.applied === null ? this.bypassesStore : this.#table.reached(after, this.applied);',
        'return true;',
      ],
    ],
  },
  {
    name: 'after is served from tier 1 before its change has been heard of',
    edits: [['cache/read.ts', 'if (demand.after !== null && !this.table.reached(demand.after)) return undefined;', '']],
  },
  {
    name: 'after is served from tier 2 before its change has been heard of',
    edits: [
      [
        'cache/flight.ts',
        'this.bypassesStore = demand.after !== null && !table.reached(demand.after);',
        'this.bypassesStore = false;',
      ],
    ],
  },
  {
    name: 'an entry of tier 2 is promoted whatever its marks',
    edits: [['cache/tier2.ts', '!areAll(cells, entry.tokens)', 'false']],
  },
  {
    name: 'own bumps are not applied before change() resolves',
    rare: true,
    edits: [['cache/marks.ts', 'for (const bump of bumps) this.#watch.hearOwn(bump, sent);', '']],
  },
  {
    name: 'an entry stays usable while its partition is not trusted',
    // With one partition the log of pattern deletions is in doubt just as long: a second guard.
    edits: [
      ['cache/partition.ts', 'return this.doubtedAt === null && this.confirmedAt > since;', 'return since !== 0.5;'],
      ['cache/globs.ts', 'if (this.#sureUpTo !== null && moment < this.#doubtedAt) return true;', ''],
    ],
  },
  {
    name: 'an expired value is served in grace although it changed',
    edits: [
      [
        'cache/read.ts',
        'if (entry === undefined || demand.strong || !this.tier.isFresh(entry)) return undefined;',
        'if (entry === undefined || (this.time.now() < entry.expiresAt && !this.tier.isFresh(entry))) return undefined;',
      ],
    ],
  },
];
