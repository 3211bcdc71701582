import { describe, expect, test } from 'vitest';
import { type Change, createTidemark, defineModel, defineView, entity } from '../../src/index.js';
import { fakeClock, seededRandom } from '../../src/testing/index.js';

// One campaign, two kingdoms of two settlements each, three structures in every settlement.
interface Row {
  readonly id: string;
  readonly parentId: string;
  readonly version: number;
  readonly gone: boolean;
}
const options = { version: 'version', deleted: (row: Row) => row.gone } as const;
const model = defineModel({
  entities: {
    campaign: entity<Row>()(options),
    kingdom: entity<Row>()({ ...options, parents: { campaign: 'parentId' } }),
    settlement: entity<Row>()({ ...options, parents: { kingdom: 'parentId' } }),
    structure: entity<Row>()({ ...options, parents: { settlement: 'parentId' } }),
  },
});
type Type = 'campaign' | 'kingdom' | 'settlement' | 'structure';

const summary = defineView(model)({
  name: 'summary',
  load: async (read, { settlement }: { settlement: string }) => {
    const record = await read.get('settlement', settlement);
    return [record?.version, (await read.children('structure', { settlement })).length];
  },
});
const realm = defineView(model)({
  name: 'realm',
  load: async (read, { kingdom }: { kingdom: string }) => {
    const settlements = await read.children('settlement', { kingdom });
    return Promise.all(settlements.map(({ id }) => read.children('structure', { settlement: id })));
  },
});

async function setUp() {
  const rows = new Map<Type, Map<string, Row>>();
  const put = (type: Type, id: string, parentId: string): void => {
    const table = rows.get(type) ?? new Map<string, Row>();
    rows.set(type, table.set(id, { id, parentId, version: 1, gone: false }));
  };
  put('campaign', 'c', '');
  for (const k of ['k1', 'k2']) {
    put('kingdom', k, 'c');
    for (const s of ['a', 'b']) {
      put('settlement', `${k}${s}`, k);
      for (const t of '123') put('structure', `${k}${s}${t}`, `${k}${s}`);
    }
  }
  const parentOf = { campaign: null, kingdom: 'campaign', settlement: 'kingdom', structure: 'settlement' } as const;
  const seen = (type: Type, row: Row): boolean => {
    const parent = parentOf[type];
    if (row.gone) return false;
    const above = parent === null ? undefined : rows.get(parent)?.get(row.parentId);
    return parent === null || (above !== undefined && seen(parent, above));
  };
  let calls = 0;
  const all = (type: Type): Row[] => [...(rows.get(type)?.values() ?? [])].filter((row) => seen(type, row));
  const of = (type: Type) => ({
    byIds: (ids: readonly string[]) => {
      calls++;
      return all(type).filter(({ id }) => ids.includes(id));
    },
    childrenOf: {
      [parentOf[type] ?? 'none']: (ids: readonly unknown[]) => {
        calls++;
        return all(type).filter(({ parentId }) => ids.includes(parentId));
      },
    },
  });
  const tide = createTidemark({
    model,
    clock: fakeClock(),
    random: seededRandom(1),
    origin: {
      campaign: of('campaign'),
      kingdom: of('kingdom'),
      settlement: of('settlement'),
      structure: of('structure'),
    },
  });
  const ids = (type: Type): string[] => [...(rows.get(type)?.keys() ?? [])];
  /** Every value there is, by its key. */
  const values: Record<string, { read: () => Promise<unknown>; held: () => unknown }> = {};
  for (const type of ['campaign', 'kingdom', 'settlement', 'structure'] as const) {
    for (const id of ids(type))
      values[`${type}:${id}`] = { read: () => tide.get(type, id), held: () => tide.peek(type, id) };
  }
  const list = (type: Exclude<Type, 'campaign'>): void => {
    const parent = parentOf[type];
    for (const id of ids(parent)) {
      const ref = { [parent]: id } as never;
      values[`${type}s:${parent}:${id}`] = {
        read: () => tide.children(type, ref),
        held: () => tide.peekChildren(type, ref),
      };
    }
  };
  list('kingdom');
  list('settlement');
  list('structure');
  for (const settlement of ids('settlement')) {
    values[`summary:${settlement}`] = {
      read: () => tide.view(summary, { settlement }),
      held: () => tide.peekView(summary, { settlement }),
    };
  }
  for (const kingdom of ids('kingdom')) {
    values[`realm:${kingdom}`] = {
      read: () => tide.view(realm, { kingdom }),
      held: () => tide.peekView(realm, { kingdom }),
    };
  }
  const readAll = async (): Promise<number> => {
    const before = calls;
    await Promise.all(Object.values(values).map(({ read }) => read()));
    return calls - before;
  };
  await readAll();
  const row = (type: Type, id: string): Row => rows.get(type)?.get(id) as Row;
  const write = (type: Type, id: string, fields: Partial<Row>): { before: Row; after: Row } => {
    const before = row(type, id);
    const after = { ...before, ...fields, version: before.version + 1 };
    rows.get(type)?.set(id, after);
    return { before, after };
  };
  const stale = (): string[] => Object.keys(values).filter((key) => values[key]?.held() === undefined);
  return { tide, write, row, rows, values, readAll, stale };
}
type World = Awaited<ReturnType<typeof setUp>>;

/** By kind of change: what is written, and exactly what is stale afterwards. */
const CASES: readonly [name: string, change: (world: World) => Change<typeof model>, stale: readonly string[]][] = [
  [
    'a structure changes: itself, its settlement’s list, and what read it',
    ({ write }) => ({ type: 'structure', id: 'k1a1', op: 'update', ...write('structure', 'k1a1', {}) }),
    ['structure:k1a1', 'structures:settlement:k1a', 'summary:k1a', 'realm:k1'],
  ],
  [
    'a settlement changes: itself, its kingdom’s list, and what read it; no structures',
    ({ write }) => ({ type: 'settlement', id: 'k1a', op: 'update', ...write('settlement', 'k1a', {}) }),
    ['settlement:k1a', 'settlements:kingdom:k1', 'summary:k1a', 'realm:k1'],
  ],
  [
    'a kingdom changes: itself and its campaign’s list',
    ({ write }) => ({ type: 'kingdom', id: 'k1', op: 'update', ...write('kingdom', 'k1', {}) }),
    ['kingdom:k1', 'kingdoms:campaign:c'],
  ],
  [
    'a settlement is deleted: besides, its own structures and their list; another settlement’s structures stay',
    ({ write }) => ({ type: 'settlement', id: 'k1a', op: 'delete', ...write('settlement', 'k1a', { gone: true }) }),
    [
      'settlement:k1a',
      'structure:k1a1',
      'structure:k1a2',
      'structure:k1a3',
      'settlements:kingdom:k1',
      'structures:settlement:k1a',
      'summary:k1a',
      'realm:k1',
    ],
  ],
  [
    'a structure moves: both settlements’ lists, and what read them',
    ({ write }) => ({
      type: 'structure',
      id: 'k1a1',
      op: 'update',
      ...write('structure', 'k1a1', { parentId: 'k2b' }),
    }),
    [
      'structure:k1a1',
      'structures:settlement:k1a',
      'structures:settlement:k2b',
      'summary:k1a',
      'summary:k2b',
      'realm:k1',
      'realm:k2',
    ],
  ],
  [
    'a structure is deleted: as when it changes',
    ({ write }) => ({ type: 'structure', id: 'k1a1', op: 'delete', ...write('structure', 'k1a1', { gone: true }) }),
    ['structure:k1a1', 'structures:settlement:k1a', 'summary:k1a', 'realm:k1'],
  ],
  [
    'a structure is created: its settlement’s list, and what read that',
    ({ rows }) => {
      const after: Row = { id: 'new', parentId: 'k1a', version: 1, gone: false };
      rows.get('structure')?.set('new', after);
      return { type: 'structure', id: 'new', op: 'create', after };
    },
    ['structures:settlement:k1a', 'summary:k1a', 'realm:k1'],
  ],
  [
    'a structure changes and nobody says from what: every list of structures, and what read one',
    ({ write }) => {
      write('structure', 'k1a1', {});
      return { type: 'structure', id: 'k1a1', op: 'update' };
    },
    [
      'structure:k1a1',
      ...['k1a', 'k1b', 'k2a', 'k2b'].map((id) => `structures:settlement:${id}`),
      ...['k1a', 'k1b', 'k2a', 'k2b'].map((id) => `summary:${id}`),
      'realm:k1',
      'realm:k2',
    ],
  ],
  [
    'every structure may have changed: all of them, all their lists, and what read one',
    ({ tide }) => ({ subjects: [tide.subject.type('structure')] }),
    [
      ...['k1a', 'k1b', 'k2a', 'k2b'].flatMap((id) => [1, 2, 3].map((n) => `structure:${id}${String(n)}`)),
      ...['k1a', 'k1b', 'k2a', 'k2b'].map((id) => `structures:settlement:${id}`),
      ...['k1a', 'k1b', 'k2a', 'k2b'].map((id) => `summary:${id}`),
      'realm:k1',
      'realm:k2',
    ],
  ],
];

describe('what is stale after a change is exactly this', () => {
  test.each(CASES)('%s', async (_, change, expected) => {
    const world = await setUp();
    const { tide, stale, readAll } = world;
    const count = Object.keys(world.values).length;
    expect([count, stale(), await readAll()]).toEqual([32, [], 0]);
    const made = change(world);
    const explained = tide.explain(made);
    expect(stale(), 'explaining runs nothing').toEqual([]);
    await tide.change(made);
    expect(stale()).toEqual(Object.keys(world.values).filter((key) => expected.includes(key)));
    expect(explained.entries).toHaveLength(expected.length);
    // One call for the records and lists of a type, however many are stale; a view's own function costs none of them.
    const loads = new Set(
      expected.map((key) => key.split(':')[0]).filter((kind) => kind !== 'summary' && kind !== 'realm'),
    );
    expect(await readAll()).toBe(loads.size);
    expect(stale()).toEqual([]);
  });
});
