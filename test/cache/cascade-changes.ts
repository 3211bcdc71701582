import type { Tidemark } from '../../src/index.js';
import {
  BRANCHES,
  type Branch,
  IDS,
  LINKS,
  type Model,
  type Row,
  TYPES,
  type Type,
  type World,
} from './cascade-world.js';

type Tide = Tidemark<Model>;
export type Dice = (sides: number) => number;

/** One write to the world and how a host that keeps to the rules tells of it; null if it does not apply. */
export type Kind = (world: World, tide: Tide, dice: Dice) => (() => Promise<unknown>) | null;

interface Target {
  readonly branch: Branch;
  readonly type: Type;
  readonly id: string;
  readonly row: Row | undefined;
  /** The branch has a row of its own, or inherits from none. */
  readonly owns: boolean;
}

function target(world: World, dice: Dice): Target {
  const branch = BRANCHES[dice(BRANCHES.length)] as Branch;
  const type = TYPES[dice(TYPES.length)] as Type;
  const id = IDS[type][dice(IDS[type].length)] as string;
  const owns = branch === 'main' || world.own(branch, type, id) !== undefined;
  return { branch, type, id, row: world.row(branch, type, id), owns };
}

const place = (type: Type, dice: Dice): Pick<Row, 'above' | 'beside'> => {
  const [above, beside] = LINKS[type].map(([parent]) => IDS[parent][dice(IDS[parent].length)]);
  return { above: above ?? '', beside: beside ?? '' };
};
const next = (row: Row, fields: Partial<Row>): Row => ({ ...row, ...fields, version: row.version + 1 });

/** A write to a row that the branch owns, told with both images. */
const told =
  (
    applies: (row: Row) => boolean,
    op: 'update' | 'delete' | 'restore',
    fields: (type: Type, dice: Dice) => Partial<Row>,
  ): Kind =>
  (world, tide, dice) => {
    const { branch, type, id, row: before, owns } = target(world, dice);
    if (before === undefined || !owns || !applies(before)) return null;
    const after = next(before, fields(type, dice));
    world.write(branch, type, after);
    return () => tide.change({ type, id, op, before, after, branch });
  };

/** A plain update of a visible row that the branch owns, told with these images. */
const partly =
  (images: (before: Row, after: Row) => { before?: Row; after?: Row }): Kind =>
  (world, tide, dice) => {
    const { branch, type, id, row: before, owns } = target(world, dice);
    if (before === undefined || !owns || before.gone) return null;
    const after = next(before, {});
    world.write(branch, type, after);
    return () => tide.change({ type, id, op: 'update', ...images(before, after), branch });
  };

/** The first row of a branch that inherits. */
const override =
  (fields: (type: Type, dice: Dice) => Partial<Row>, op: 'update' | 'delete', withAfter: boolean): Kind =>
  (world, tide, dice) => {
    const { branch, type, id, row, owns } = target(world, dice);
    if (row === undefined || owns) return null;
    const after = next(row, fields(type, dice));
    world.write(branch, type, after);
    return () => tide.change({ type, id, op, ...(withAfter ? { after } : {}), branch });
  };

const alive = (row: Row): boolean => !row.gone;

export const KINDS: Readonly<Record<string, Kind>> = {
  update: told(alive, 'update', () => ({})),
  move: told(alive, 'update', place),
  delete: told(alive, 'delete', () => ({ gone: true })),
  restore: told(
    ({ gone }) => gone,
    'restore',
    () => ({ gone: false }),
  ),
  'restore elsewhere': told(
    ({ gone }) => gone,
    'restore',
    (type, dice) => ({ gone: false, ...place(type, dice) }),
  ),
  'deleted flips by an update': told(
    () => true,
    'update',
    () => ({ gone: true }),
  ),
  'back by an update': told(
    ({ gone }) => gone,
    'update',
    () => ({ gone: false }),
  ),
  'update without before': partly((_, after) => ({ after })),
  'update without after': partly((before) => ({ before })),
  'update without either': partly(() => ({})),
  'delete without either': (world, tide, dice) => {
    const { branch, type, id, row, owns } = target(world, dice);
    if (row === undefined || !owns || row.gone) return null;
    world.write(branch, type, next(row, { gone: true }));
    return () => tide.change({ type, id, op: 'delete', branch });
  },
  'a move told with an older before': (world, tide, dice) => {
    const { branch, type, id, row, owns } = target(world, dice);
    if (row === undefined || !owns || row.gone) return null;
    const after = next(row, place(type, dice));
    world.write(branch, type, after);
    const before = { ...row, ...place(type, dice), version: row.version - 1 };
    return () => tide.change({ type, id, op: 'update', before, after, branch });
  },
  create: (world, tide, dice) => {
    const { branch, type, id, row } = target(world, dice);
    if (row !== undefined) return null;
    const after: Row = { id, ...place(type, dice), version: 1, gone: false };
    world.write(branch, type, after);
    return () => tide.change({ type, id, op: 'create', after, branch });
  },
  override: override(() => ({}), 'update', false),
  'override told with after': override(() => ({}), 'update', true),
  'override elsewhere': override(place, 'update', true),
  tombstone: override(() => ({ gone: true }), 'delete', true),
  'un-override': (world, tide, dice) => {
    const { branch, type, id } = target(world, dice);
    if (branch === 'main' || world.own(branch, type, id) === undefined || world.chain(branch).length < 2) return null;
    world.remove(branch, type, id);
    // Nothing inherited beneath: the id is gone from the branch.
    const op = world.row(branch, type, id) === undefined ? 'delete' : 'update';
    return () => tide.change({ type, id, op, branch });
  },
  'un-override told as a deletion': (world, tide, dice) => {
    const { branch, type, id } = target(world, dice);
    const before = world.own(branch, type, id);
    if (branch === 'main' || before === undefined) return null;
    world.remove(branch, type, id);
    return () => tide.change({ type, id, op: 'delete', before, branch });
  },
  'any write, told as the entity': (world, tide, dice) => {
    const { branch, type, id, row } = target(world, dice);
    if (row === undefined) return null;
    world.write(branch, type, next(row, { ...place(type, dice), gone: dice(3) === 0 }));
    return () => tide.change({ subjects: [tide.subject.entity(type, id, { branch })] });
  },
  'bulk by type': (world, tide, dice) => {
    const { branch, type } = target(world, dice);
    for (const id of IDS[type]) {
      const row = world.row(branch, type, id) ?? { id, above: '', beside: '', version: 0, gone: false };
      if (dice(2) === 0) world.write(branch, type, next(row, { ...place(type, dice), gone: dice(3) === 0 }));
    }
    return () => tide.change({ subjects: [tide.subject.type(type, { branch })] });
  },
  'bulk by branch': (world, tide, dice) => {
    const { branch } = target(world, dice);
    for (const type of TYPES) {
      for (const id of IDS[type]) {
        const row = world.row(branch, type, id);
        if (row !== undefined && dice(2) === 0) world.write(branch, type, next(row, { gone: dice(2) === 0 }));
      }
    }
    return () => tide.change({ subjects: [tide.subject.branch(branch)] });
  },
  'a branch gets another parent': (world, tide, dice) => {
    const branch: Branch = dice(2) === 0 ? 'deep' : 'side';
    const choices = (branch === 'deep' ? ['plan', 'side', 'main'] : ['main', 'plan']).filter(
      (parent) => parent !== world.parents.get(branch),
    );
    world.parents.set(branch, choices[dice(choices.length)] as string);
    // What inherits from it has another chain too.
    return () => tide.change({ subjects: ['deep', 'side'].map((each) => tide.subject.branch(each)) });
  },
  'two changes at once': (world, tide, dice) => {
    const both = [target(world, dice), target(world, dice)];
    if (both[0]?.id === both[1]?.id || !both.every(({ row, owns }) => row?.gone === false && owns)) return null;
    const changes = both.map(({ branch, type, id, row }) => {
      const before = row as Row;
      const after = next(before, place(type, dice));
      world.write(branch, type, after);
      return { type, id, op: 'update' as const, before, after, branch };
    });
    return () => tide.change(changes);
  },
};
