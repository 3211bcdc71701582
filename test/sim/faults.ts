import type { Fault } from '../plant.js';
import type { ServerRules } from './server.js';

/**
 * PROTOCOL.md's list of what the simulation must catch, as edits of the source or as a server that does not follow the
 * contract. Where two guards stand behind each other, the other one is taken away too, and a control shows that this alone
 * breaks nothing in a world without faults.
 *
 * Left out, since their code comes in later steps: early cut-off that keeps an old entry valid (rules); polygon without
 * `under`, k-nearest shrunk from unread cells (spatial); the sweeper that replays an older row (Postgres outbox).
 * Left out, since nothing of that kind exists: a waiter that takes a wake-up's value (waiters look at tier 2, so the
 * fault is 'whatever its marks' below); a re-assertion with the old token (only the store mints tokens).
 */
export interface SimFault extends Fault {
  readonly rules?: Partial<ServerRules>;
  /** A world without faults: what a hole or an outage would hide, or show for another reason, is not there. */
  readonly calm?: boolean;
}

/** Holes are found by the next message and by the head check: either alone hides a fault of the other. */
const BLIND_CHECK = [
  'cache/partition.ts',
  "if (found === 'nothing new' && !this.repairing) {",
  "if (found === 'nothing new' || found === 'next') {",
] as const;
const BLIND_CHECK_ENDS = [
  'cache/partition.ts',
  "if (found !== 'next') return found;\n    // What",
  "if (found !== 'next') return found;\n    return 'nothing new';\n    // What",
] as const;
/** Joining is guarded twice: by not joining, and by reading again. */
const NOT_READ_AGAIN = [
  'cache/read.ts',
  'if (servesAll(outcome) || flight.launchedBy === request) return outcome;',
  'if (flight !== null) return outcome;',
] as const;
const SMALL_QUEUE = ['cache/change-queue.ts', 'const MOST_SUBJECTS = 10_000;', 'const MOST_SUBJECTS = 3;'] as const;
const NO_LOOSE_CELL = ['cache/mark-cells.ts', 'const LOOSE_KEPT = 10_000;', 'const LOOSE_KEPT = 0;'] as const;

/** Right, but nearer to a rare path or with one guard less: on its own each must be clean where its fault is looked for. */
export const CONTROLS: readonly SimFault[] = [
  { name: 'the head check is blind, and no message is ever lost', calm: true, edits: [BLIND_CHECK, BLIND_CHECK_ENDS] },
  { name: 'whoever joins a load does not read again', edits: [NOT_READ_AGAIN], calm: true },
  { name: 'the queue of changes holds little', edits: [SMALL_QUEUE] },
  { name: 'no loose mark is kept', edits: [NO_LOOSE_CELL] },
];

export const FAULTS: readonly SimFault[] = [
  // ── The servers ───────────────────────────────────────────────────────────────────────────────────────────────
  { name: 'a bump that is sent again gets its old token', edits: [], rules: { tokenSentAgain: true } },
  { name: 'a snapshot is restored with its epoch kept', edits: [], rules: { comparesRunId: false } },
  { name: 'a lost epoch is seeded from a counter', edits: [], rules: { countedEpochs: true } },
  { name: "a bump's partition is where its caller says", edits: [], rules: { partitionFromCaller: true } },
  { name: 'replicas with different counts of partitions', edits: [], rules: { comparesPartitions: false } },
  { name: 'done although one partition did not answer', edits: [], rules: { acceptsPartialBumps: true } },
  // ── Marks ─────────────────────────────────────────────────────────────────────────────────────────────────────
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
    name: 'marks are read before the watch is acknowledged',
    calm: true,
    edits: [
      BLIND_CHECK,
      BLIND_CHECK_ENDS,
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
    edits: [
      [
        'cache/partition.ts',
        "const found = prev === this.applied ? 'next' : 'hole';",
        "const found = 'next' as string as 'next' | 'hole';",
      ],
    ],
  },
  { name: 'a head check that finds more than was heard confirms', edits: [BLIND_CHECK, BLIND_CHECK_ENDS] },
  {
    name: 'a missing head, or one of another epoch, is read as nothing new',
    edits: [
      [
        'cache/partition.ts',
        "if (this.epoch !== epoch) return 'epoch';\n    if (head",
        "if (this.epoch !== epoch) return 'nothing new';\n    if (head",
      ],
    ],
  },
  {
    name: 'trust runs from when the answer came',
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
    edits: [['cache/marks.ts', 'const since = now - this.#options.maxStalenessMs;\n', 'const since = -1e15;\n']],
  },
  {
    name: 'a suspended process trusts its marks when it wakes',
    edits: [['tidemark.ts', 'table.distrust();', '']],
  },
  {
    name: 'the time that was read before a pause is used after it',
    edits: [['clock.ts', 'this.#clock.turnEnd(this.#forget);', '']],
  },
  {
    name: 'epoch ignored when positions go back',
    edits: [
      ['cache/partition.ts', "if (then?.epoch === epoch && head < then.applied) return 'lost';", ''],
      ['cache/mark-cells.ts', 'if (!newer && hasGoneBack(token, cell.token, before)) lost.add(cell.partition);', ''],
    ],
  },
  {
    name: "a lost branch's token is kept at an equal position",
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
    edits: [['cache/mark-watch.ts', 'if (clear) for (const', 'if (clear && known === -1) for (const']],
  },
  {
    name: 'only a replica that began the epoch bumps again',
    edits: [['cache/mark-watch.ts', 'if (clear) for (const', 'if (clear && known === 0) for (const']],
  },
  {
    name: 'marks are read again before the queue has drained',
    edits: [
      ['cache/mark-watch.ts', '    await drain();\n    if (partition.mustRenew)', '    if (partition.mustRenew)'],
      ['cache/mark-cells.ts', 'if (!this.#isHeldBack(subject) && !cell', 'if (!cell'],
    ],
  },
  {
    name: 'a queue that runs over drops its changes',
    edits: [SMALL_QUEUE, ['cache/marks.ts', 'for (const partition of partitions) this.#watch.lost(partition);', '']],
  },
  {
    name: 'a mark evicted from the table leaves its cell alive',
    edits: [
      NO_LOOSE_CELL,
      [
        'cache/mark-cells.ts',
        'this.#cells.delete(cell.subject);\n    cell.valid = false;',
        'this.#cells.delete(cell.subject);',
      ],
    ],
  },
  // ── Changes ───────────────────────────────────────────────────────────────────────────────────────────────────
  {
    name: 'done when queued',
    edits: [
      [
        'cache/change.ts',
        "if (bumps === 'queued') return queuedReceipt(changeId);",
        "if (bumps === 'queued') return createReceipt(changeId, []);",
      ],
    ],
  },
  {
    name: 'own bumps are not applied before change() resolves',
    edits: [
      [
        'cache/marks.ts',
        '      for (const bump of bumps) this.#watch.hearOwn(bump);\n      return bumps;',
        '      return bumps;',
      ],
    ],
  },
  {
    name: 'a queued change does not make stale what it concerns',
    edits: [
      [
        'cache/mark-cells.ts',
        '      cell.valid = false;\n      cell.changed = this.version;\n      return cell;',
        '      return cell;',
      ],
    ],
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
  // ── The cascade ───────────────────────────────────────────────────────────────────────────────────────────────
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
    edits: [['cache/cascade.ts', 'return from !== undefined && to !== undefined && to !== from + 1;', 'return false;']],
  },
  {
    name: 'an override without a before hides nothing beneath it',
    edits: [['cache/cascade.ts', 'if (before === null) return change.inherits;', 'if (before === null) return false;']],
  },
  {
    name: 'the chain of branches is dropped',
    edits: [['cache/branches.ts', 'return [...chain, topology.root];', 'return chain.slice(0, 1);']],
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
    name: "a deleted parent leaves its children's records",
    edits: [
      [
        'cache/cascade.ts',
        'bumps.set(belowSubject(plan.type, id, branch), `what hangs under ${plan.type} ${id}`);',
        '',
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
    name: 'a second parent that goes leaves lists as they were',
    edits: [
      [
        'cache/cascade.ts',
        'return plan.parents.length > 1 ? [...subjects, ...absentSubjects(plan.type, chain)] : subjects;',
        'return subjects;',
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
  // ── Reads and loads ───────────────────────────────────────────────────────────────────────────────────────────
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
    edits: [['cache/flight.ts', 'token.position <= then.applied)', 'token.position >= 0)']],
  },
  {
    name: 'a nested value is kept under present marks',
    edits: [
      ['cache/flight.ts', 'this.captureOwned(entry);', 'this.captureOwned({ cells: entry.cells, stamp: Infinity });'],
    ],
  },
  {
    name: 'what was built on an unstorable value is kept',
    edits: [
      [
        'cache/flight.ts',
        'if (outcome.unverified === undefined) this.unstorable = true;',
        'if (outcome.unverified === undefined) return;',
      ],
    ],
  },
  {
    name: 'a load that a change has overtaken is joined',
    edits: [NOT_READ_AGAIN, ['cache/flight.ts', 'if (this.isOvertaken) return false;', '']],
  },
  {
    name: 'a load that a change has overtaken is kept',
    edits: [
      ['cache/read.ts', 'if (flight.isOvertaken) {', 'if (flight.unstorable) {'],
      [
        'cache/flight.ts',
        'if (this.unverified || this.isOvertaken) return false;',
        'if (this.unverified) return false;',
      ],
    ],
  },
  {
    name: 'the memo repeats what a change made stale',
    edits: [['cache/loaders.ts', 'if (!isUnmoved(entry, table) || isExpired(entry, now)) return false;', '']],
  },
  {
    name: "the memo is kept over another request's change",
    edits: [['cache/loaders.ts', 'known.landed || known.heard === this.#core.reads.table.heard', 'true']],
  },
  {
    name: 'a load that began before a pattern deletion is kept',
    edits: [['cache/flight.ts', 'return this.#table.globs.deletedSince(this.globs, () => this.key);', 'return false;']],
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
    name: 'a strong read joins an older load',
    edits: [
      NOT_READ_AGAIN,
      ['cache/flight.ts', 'if (strong && !(this.demand.strong && this.applied === null)) return false;', ''],
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
    edits: [['cache/tier2.ts', 'sameToken(cell.token as Token, (entry.marks[i] as [SubjectKey, Token])[1])', 'true']],
  },
  {
    name: 'a refresh runs on the marks of what it replaces',
    edits: [
      [
        'cache/read.ts',
        'if (entry === undefined || demand.strong || !this.tier.isFresh(entry)) return undefined;',
        'if (entry === undefined || demand.strong || (this.time.now() < entry.expiresAt && !this.tier.isFresh(entry))) return undefined;',
      ],
    ],
  },
];
