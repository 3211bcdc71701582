import { type SimFault, STALE } from './fault.js';

/** The write path, and what a change bumps. */
export const CHANGE_FAULTS: readonly SimFault[] = [
  {
    name: 'done when queued',
    breaks: ['receipt'],
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
    breaks: STALE,
    edits: [['cache/marks.ts', '    for (const bump of bumps) this.#watch.hearOwn(bump, sent);\n', '']],
  },
  {
    name: 'a queued change does not make stale what it concerns',
    breaks: STALE,
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
    breaks: STALE,
    edits: [
      [
        'cache/change.ts',
        'const bumps = await table.bump(subjects, { changeId }, (late) => {',
        'await this.#announce(planned, createReceipt(changeId, []));\n    const bumps = await table.bump(subjects, { changeId }, (late) => {',
      ],
    ],
  },
  {
    name: 'a change whose event never came is not missed',
    breaks: ['P7'],
    edits: [['tidemark.ts', "if (changeId !== '') hub.bumped(changeId, subjects);", '']],
  },
  {
    name: 'without before, placement is not bumped',
    breaks: STALE,
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
    breaks: STALE,
    edits: [['cache/cascade.ts', 'return from !== undefined && to !== undefined && to !== from + 1;', 'return false;']],
  },
  {
    name: 'an override without a before hides nothing beneath it',
    breaks: STALE,
    edits: [['cache/cascade.ts', 'if (before === null) return change.inherits;', 'if (before === null) return false;']],
  },
  {
    name: 'the chain of branches is dropped',
    breaks: STALE,
    edits: [['cache/branches.ts', 'return [...chain, topology.root];', 'return chain.slice(0, 1);']],
  },
  {
    name: 'records do not carry the marks of their parents',
    breaks: STALE,
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
    breaks: STALE,
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
    breaks: STALE,
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
    breaks: STALE,
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
    breaks: STALE,
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
    breaks: STALE,
    edits: [
      [
        'cache/cascade.ts',
        'return chain.flatMap((branch) => [allSubject(type, branch), branchSubject(branch)]);',
        'return chain.flatMap((branch) => [...(type === "" ? [allSubject(type, branch)] : []), branchSubject(branch)]);',
      ],
    ],
  },
];
