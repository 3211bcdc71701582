import { describe, expect, test } from 'vitest';
import { type BranchedChange, defineView } from '../../src/index.js';
import { type Settlement, type World, type WorldModel, kingdomOf, model, world } from './setup.js';

type Change = BranchedChange<WorldModel>;
const names = defineView(model)({
  name: 'names',
  load: async (read, { kingdom }: { kingdom: string }) =>
    (await read.children('settlement', { kingdom })).map(({ name }) => name),
});
const nested = defineView(model)({
  name: 'nested',
  load: async (read, { kingdom }: { kingdom: string }) => (await read.view(names, { kingdom })).length,
});
const image = (id: string, more: Partial<Settlement> = {}) => ({ id, kingdomId: kingdomOf(id), name: 'old', ...more });

/** What is held in tier 1 is seen by peeking, each value under the key that it has there. */
const HELD: Readonly<Record<string, (own: World) => unknown>> = Object.fromEntries<(own: World) => unknown>([
  ...['s0', 's1', 's2', 'none'].map(
    (id) => [`settlement:${id}:main`, ({ tide }: World) => tide.peek('settlement', id)] as const,
  ),
  ...['k0', 'k1'].flatMap(
    (kingdom) =>
      [
        [`kingdom:${kingdom}:main`, ({ tide }: World) => tide.peek('kingdom', kingdom)],
        [`settlements:kingdom:${kingdom}:main`, ({ tide }: World) => tide.peekChildren('settlement', { kingdom })],
        [`view:names:{"kingdom"%3A"${kingdom}"}:main`, ({ tide }: World) => tide.peekView(names, { kingdom })],
        [`view:nested:{"kingdom"%3A"${kingdom}"}:main`, ({ tide }: World) => tide.peekView(nested, { kingdom })],
      ] as const,
  ),
  ...['s0', 's1'].map(
    (settlement) =>
      [
        `structures:settlement:${settlement}:main`,
        ({ tide }: World) => tide.peekChildren('structure', { settlement }),
      ] as const,
  ),
  ['structure:t0:main', ({ tide }: World) => tide.peek('structure', 't0')],
]);
async function full(): Promise<World> {
  const own = world();
  const { tide } = own;
  await tide.getMany('settlement', ['s0', 's1', 's2', 'none']);
  await tide.getMany('kingdom', ['k0', 'k1']);
  await tide.get('structure', 't0');
  for (const kingdom of ['k0', 'k1']) await tide.view(nested, { kingdom });
  for (const settlement of ['s0', 's1']) await tide.children('structure', { settlement });
  return own;
}
const heldKeys = (own: World): string[] => Object.keys(HELD).filter((key) => HELD[key]?.(own) !== undefined);

const CHANGES: readonly [title: string, change: (own: World) => Change][] = [
  [
    'an update with both images',
    () => ({ type: 'settlement', id: 's0', op: 'update', before: image('s0'), after: image('s0', { name: 'new' }) }),
  ],
  ['an update without', () => ({ type: 'settlement', id: 's0', op: 'update' })],
  [
    'a move',
    () => ({
      type: 'settlement',
      id: 's0',
      op: 'update',
      before: image('s0'),
      after: image('s0', { kingdomId: 'k1' }),
    }),
  ],
  ['a creation', () => ({ type: 'settlement', id: 'none', op: 'create', after: image('none', { kingdomId: 'k1' }) })],
  ['a deletion', () => ({ type: 'settlement', id: 's0', op: 'delete', before: image('s0') })],
  ['a restoration', () => ({ type: 'settlement', id: 's0', op: 'restore', after: image('s0') })],
  ['the deletion of a kingdom', () => ({ type: 'kingdom', id: 'k0', op: 'delete' })],
  ['the update of a kingdom', () => ({ type: 'kingdom', id: 'k0', op: 'update' })],
  ['an update of what nobody read', () => ({ type: 'structure', id: 't7', op: 'update' })],
  ['a bulk change of a type', ({ tide }) => ({ subjects: [tide.subject.type('settlement')] })],
  ['a bulk change of a branch', ({ tide }) => ({ subjects: [tide.subject.branch('main')] })],
  ['a bulk change of a list', ({ tide }) => ({ subjects: [tide.subject.list('settlement', { kingdom: 'k0' })] })],
  ['a bulk change of an entity', ({ tide }) => ({ subjects: [tide.subject.entity('settlement', 's0')] })],
];

describe.each(CHANGES)('%s', (_, make) => {
  test('makes stale exactly the entries that explain() names, and its views', async () => {
    const own = await full();
    const before = heldKeys(own);
    expect(before).toHaveLength(Object.keys(HELD).length);
    const change = make(own);
    const { entries, views } = own.tide.explain(change);
    await own.tide.change(change);
    const stale = before.filter((key) => !heldKeys(own).includes(key));
    expect(entries.map(({ key }) => key).sort()).toEqual(stale.sort());
    const staleViews = stale.filter((key) => key.startsWith('view:')).map((key) => key.split(':')[1]);
    expect(views).toEqual([...new Set(staleViews)].sort());
  });

  test('bumps exactly the subjects that explain() names, each with a reason', async () => {
    const own = await full();
    const change = make(own);
    const { subjects } = own.tide.explain(change);
    await own.tide.change(change);
    expect(own.seen.change[0]?.subjects).toEqual(subjects.map(({ subject }) => subject));
    for (const { why } of subjects) expect(why).toMatch(/\w+/);
  });

  test('is only explained, not run', async () => {
    const own = await full();
    const { tide, db, seen } = own;
    const before = JSON.stringify([tide.stats(), db.calls.length, seen]);
    tide.explain(make(own));
    expect(JSON.stringify([tide.stats(), db.calls.length, seen])).toBe(before);
    expect(heldKeys(own)).toEqual(Object.keys(HELD));
  });
});

test('an entry says through which subjects it would go stale', async () => {
  const own = await full();
  const { entries } = own.tide.explain({ type: 'kingdom', id: 'k0', op: 'delete' });
  expect(entries.find(({ key }) => key === 'settlement:s0:main')).toMatchObject({
    key: 'settlement:s0:main',
    kind: 'record',
    because: ['below:kingdom:k0:main'],
  });
});

test('subscribers are those that would be told', async () => {
  const { tide } = world();
  const change: Change = { type: 'settlement', id: 's0', op: 'update', before: image('s0'), after: image('s0') };
  const told = (): Record<string, number> =>
    Object.fromEntries(tide.explain(change).subscribers.map(({ subject, count }) => [subject, count]));
  expect(told()).toEqual({});
  const items = [
    tide.subscribe({ type: 'settlement', id: 's0' }),
    tide.subscribe({ type: 'settlement', id: 's0' }),
    tide.subscribe({ type: 'settlement', id: 's1' }),
    tide.subscribe({ type: 'settlement' }),
    tide.subscribe(tide.subject.list('settlement', { kingdom: 'k0' })),
  ];
  expect(told()).toEqual({
    'entity:settlement:s0:main': 2,
    'type:settlement:main': 1,
    'list:settlement:kingdom:k0:main': 1,
  });
  for (const item of items) await item.return?.();
  expect(told()).toEqual({});
});

describe('advice', () => {
  const adviceOn = (change: Change): readonly string[] => world().tide.explain(change).advice;

  test('none for what is precise', () => {
    const precise = { type: 'settlement', id: 's0', op: 'update', before: image('s0'), after: image('s0') } as const;
    expect(adviceOn(precise)).toEqual([]);
    expect(adviceOn({ type: 'settlement', id: 's0', op: 'create', after: image('s0') })).toEqual([]);
    expect(adviceOn({ type: 'settlement', id: 's0', op: 'delete', before: image('s0') })).toEqual([]);
  });

  test('which image is missing, and what that costs', () => {
    const update = { type: 'settlement', id: 's0', op: 'update' } as const;
    expect(adviceOn(update)).toEqual([expect.stringMatching(/^Pass before and after: .*all lists of settlements/)]);
    expect(adviceOn({ ...update, after: image('s0') })).toEqual([expect.stringMatching(/^Pass before: /)]);
    expect(adviceOn({ ...update, before: image('s0') })).toEqual([expect.stringMatching(/^Pass after: /)]);
    const { id, name } = image('s0');
    expect(adviceOn({ ...update, before: { id, name }, after: image('s0') })).toEqual([
      expect.stringMatching(/do not name every parent \(kingdom\)/),
    ]);
  });

  test('none for a type that hangs under nothing', () => {
    expect(adviceOn({ type: 'kingdom', id: 'k0', op: 'update' })).toEqual([]);
  });
});

test('a malformed change is refused as change() refuses it', () => {
  const { tide } = world();
  expect(() => tide.explain({ type: 'settlement', id: ' ', op: 'update' })).toThrow(
    expect.objectContaining({ code: 'BLANK_ID' }) as Error,
  );
  expect(() => tide.explain({ subjects: [] })).toThrow(expect.objectContaining({ code: 'INVALID_CHANGE' }) as Error);
});

test('peek(), peekChildren() and peekView() never load, and give undefined for what is not held', async () => {
  const { tide, db, clock } = world();
  const peeks = () => [
    tide.peek('settlement', 's0'),
    tide.peekChildren('settlement', { kingdom: 'k0' }),
    tide.peekView(names, { kingdom: 'k0' }),
  ];
  expect(peeks()).toEqual([undefined, undefined, undefined]);
  await clock.advance(1000);
  expect([peeks(), db.calls]).toEqual([[undefined, undefined, undefined], []]);
  expect(tide.peek('settlement', ' ')).toBeUndefined();
  expect(() => tide.peek('village' as 'settlement', 's0')).toThrow(/village/);
});
