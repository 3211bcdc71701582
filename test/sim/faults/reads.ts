import { NOT_READ_AGAIN, type SimFault, STALE } from './fault.js';

/** Reads, loads, and what is kept of them. */
export const READ_FAULTS: readonly SimFault[] = [
  {
    name: 'marks are taken after the load',
    breaks: STALE,
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
    breaks: STALE,
    edits: [['cache/flight.ts', 'wasApplied(cell, held.applied)', 'cell.token !== null']],
  },
  {
    name: 'a nested value is kept under present marks',
    breaks: STALE,
    edits: [
      ['cache/flight.ts', 'this.captureOwned(entry);', 'this.captureOwned({ cells: entry.cells, stamp: Infinity });'],
    ],
  },
  {
    name: 'what was built on an unstorable value is kept',
    breaks: STALE,
    edits: [
      [
        'cache/flight.ts',
        'if (outcome.unverified === undefined) this.unstorable = true;',
        'if (outcome.unverified === undefined) return;',
      ],
    ],
  },
  {
    name: 'whoever joined a load that a change proves to have overtaken does not read again',
    breaks: STALE,
    edits: NOT_READ_AGAIN,
  },
  {
    name: 'a load that a change has overtaken is joined',
    breaks: STALE,
    beside: NOT_READ_AGAIN,
    edits: [['cache/flight.ts', 'if (this.isOvertaken) return false;', '']],
  },
  {
    name: 'a load that a change has overtaken is kept',
    breaks: STALE,
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
    breaks: STALE,
    edits: [['cache/loaders.ts', 'if (!isUnmoved(entry, table) || isExpired(entry, now)) return false;', '']],
  },
  {
    name: "the memo is kept over another request's change",
    breaks: STALE,
    edits: [['cache/loaders.ts', 'known.landed || known.heard === this.#core.reads.table.heard', 'true']],
  },
  {
    name: 'a load that began before a pattern deletion is kept',
    breaks: STALE,
    edits: [['cache/flight.ts', 'return this.#table.globs.deletedSince(this.globs, () => this.key);', 'return false;']],
  },
  {
    name: 'after joins an older load',
    breaks: STALE,
    beside: NOT_READ_AGAIN,
    edits: [
      [
        'cache/flight.ts',
        'return this.applied === null ? this.bypassesStore : this.#table.reached(after, this.applied);',
        'return true;',
      ],
    ],
  },
  {
    name: 'a strong read joins an older load',
    breaks: ['strong'],
    beside: NOT_READ_AGAIN,
    edits: [
      [
        'cache/flight.ts',
        'if (strong && (this.unverified || this.readAfter !== this.#table.serial)) return false;',
        '',
      ],
    ],
  },
  {
    name: 'after is served from tier 1 before its change has been heard of',
    breaks: STALE,
    edits: [['cache/read.ts', 'if (demand.after !== null && !this.table.reached(demand.after)) return undefined;', '']],
  },
  {
    name: 'after is served from tier 2 before its change has been heard of',
    breaks: STALE,
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
    breaks: STALE,
    edits: [['cache/tier2.ts', '!areAll(cells, entry.tokens)', 'false']],
  },
  {
    name: "another's lease is deleted",
    breaks: ['P4'],
    edits: [['cache/leases.ts', 'store.deleteIf(lease, value)', 'store.deleteMany([lease])']],
  },
  {
    name: 'a replica that does not know yet where a branch hangs keeps what it reads in it',
    breaks: STALE,
    edits: [['cache/look.ts', 'if (!moveInPairs(cells)) for', 'if (cells.length === 0) for']],
  },
  {
    name: 'a refresh runs on the marks of what it replaces',
    breaks: STALE,
    edits: [
      [
        'cache/read.ts',
        'if (entry === undefined || demand.strong || !this.tier.isFresh(entry)) return undefined;',
        'if (entry === undefined || demand.strong || (this.time.now() < entry.expiresAt && !this.tier.isFresh(entry))) return undefined;',
      ],
    ],
  },
  {
    name: 'what rules give does not depend on the rules',
    breaks: STALE,
    edits: [
      ['cache/core.ts', 'also: (chain) => carriedBy(rulesSubject(type, scope, branch), topology, () => chain),', ''],
    ],
  },
  {
    name: 'rules once read are kept for good',
    breaks: STALE,
    edits: [
      [
        'fields.ts',
        'return rulesFrom(this.#options.source, { type, scope, chain, signal });',
        'return (this.#kept ??= rulesFrom(this.#options.source, { type, scope, chain, signal }));',
      ],
      [
        'fields.ts',
        'readonly #sets = new WeakMap<object, FieldSet>();',
        'readonly #sets = new WeakMap<object, FieldSet>();\n  #kept: Promise<readonly FieldRule[]> | undefined;',
      ],
    ],
  },
  {
    name: 'whoever begins before the fields are read takes them for what they were then',
    breaks: STALE,
    edits: [
      [
        'realtime/computed-subscription.ts',
        'if (began !== undefined && this.#watched.wasHeldAt(began.moment))',
        'if (began !== undefined)',
      ],
    ],
  },
  {
    name: 'a change of what computed fields look at goes unnoticed by who watches them',
    breaks: STALE,
    edits: [
      [
        'realtime/computed-watch.ts',
        'if (stale > 0) entity.isOutdated = true;\n      this.#index(entity, reading.subjects);',
        'this.#index(entity, reading.subjects.slice(0, 1));',
      ],
    ],
  },
  {
    name: 'fields are not looked at again after a gap',
    breaks: STALE,
    edits: [['realtime/hub.ts', 'look: (mayLack) => {\n      computed?.missed(mayLack);', 'look: (mayLack) => {']],
  },
];
