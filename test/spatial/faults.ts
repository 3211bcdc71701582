import type { Fault } from '../plant.js';

/** What would let an answer survive that should not, or be wrong from the start. */
export const FAULTS: readonly Fault[] = [
  {
    name: 'the disc of an answer is open',
    edits: [
      [
        'spatial/area.ts',
        'distanceBetween(centre, other, system) <= reach',
        'distanceBetween(centre, other, system) < radius',
      ],
    ],
  },
  {
    name: 'fewer than k nearest depend on the disc to the last of them',
    edits: [['spatial/area.ts', 'distances[count - 1] ?? maxDistance', 'distances.at(-1) ?? maxDistance']],
  },
  {
    name: 'the k nearest depend on a disc that ends before the last of them',
    edits: [
      ['spatial/area.ts', 'distances[count - 1] ?? maxDistance', 'distances[Math.max(0, count - 2)] ?? maxDistance'],
    ],
  },
  {
    name: 'only where it is now is marked',
    edits: [
      [
        'cache/change.ts',
        'for (const [name, row] of Object.entries(images)) {\n      if (row === null) continue;',
        "for (const [name, row] of Object.entries(images)) {\n      if (row === null || (name === 'before' && images['after'])) continue;",
      ],
    ],
  },
  {
    name: 'only where it was is marked',
    edits: [
      [
        'cache/change.ts',
        'for (const [name, row] of Object.entries(images)) {\n      if (row === null) continue;',
        "for (const [name, row] of Object.entries(images)) {\n      if (row === null || (name === 'after' && images['before'])) continue;",
      ],
    ],
  },
  {
    name: 'of a move only the first place is known exactly',
    edits: [['cache/change.ts', 'places.map(({ shape }) => shape)', 'places.slice(0, 1).map(({ shape }) => shape)']],
  },
  {
    name: 'an answer within a region does not depend on the region',
    edits: [
      [
        'cache/core.ts',
        'question.answer(branch, reader)',
        'question.answer(branch, new BoundReader(this, { branch, demand: this.demand, into: null }, { signal: undefined }))',
      ],
    ],
  },
  {
    name: 'what is found with the answer is not marked',
    edits: [
      [
        'cache/core.ts',
        'late: (chain) => (answer?.footprint ?',
        'late: (chain) => (false as boolean && answer?.footprint ?',
      ],
    ],
  },
  {
    name: 'large things are asked for without `under`',
    edits: [['cache/cascade.ts', '...ancestors.map((cell) => underSubject(type, cell, branch)),', '']],
  },
  {
    name: 'large things are marked in the cells above their cover only',
    edits: [
      [
        'cache/cascade.ts',
        '    bumps.set(underSubject(type, cell, branch), `spatial answers within cell ${cell}`);\n',
        '',
      ],
      [
        'cache/moves.ts',
        'if (shapes.length === 0) this.#floors.set(key, version);',
        'if (shapes.length === 0) continue;',
      ],
    ],
  },
  {
    name: 'the map ends at its edge',
    edits: [
      ['spatial/cells.ts', 'x === 0 ? -Infinity :', ''],
      ['spatial/cells.ts', 'x === count - 1 ? Infinity :', ''],
      ['spatial/cells.ts', 'y === 0 ? -Infinity :', ''],
      ['spatial/cells.ts', 'y === count - 1 ? Infinity :', ''],
    ],
  },
  {
    name: 'an answer is spared by what says nothing of where',
    edits: [
      [
        'cache/moves.ts',
        'this.#floor > since || !moved.every(({ subject }) => isOfCell(subject))',
        'this.#floor > since',
      ],
    ],
  },
  {
    name: 'the latest move is looked over',
    edits: [
      ['cache/moves.ts', 'for (let i = log.length - 1; i >= 0; i--)', 'for (let i = log.length - 2; i >= 0; i--)'],
    ],
  },
  {
    name: 'what others changed lies in the middle of its cell',
    edits: [
      [
        'tidemark.ts',
        'shapeOfBox(boxOfCell(cell, frame.extent))',
        '((box) => shapeOfBox({ minX: (box.minX + box.maxX) / 2, maxX: (box.minX + box.maxX) / 2, minY: (box.minY + box.maxY) / 2, maxY: (box.minY + box.maxY) / 2 }))(boxOfCell(cell, frame.extent))',
      ],
    ],
  },
  {
    name: 'a strict question has the answer of one that is not',
    edits: [['spatial/ask.ts', "...(strict ? ['strict'] : [])", '']],
  },
  {
    name: 'a filter is no part of what is asked',
    edits: [['spatial/ask.ts', ', ...filterText(where)]', ']']],
  },
];
