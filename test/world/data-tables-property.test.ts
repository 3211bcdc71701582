import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTables } from '../../examples/world/data/memory-tables.js';
import type { Tables } from '../../examples/world/data/tables.js';
import type { TypeName, WorldRow } from '../../examples/world/model.js';
import { type AnyRow, NaiveTables } from './data-naive.js';

const BRANCHES = { main: {}, draft: { parent: 'main' }, 'draft of a draft': { parent: 'draft' } };
const TYPES = ['campaign', 'kingdom', 'settlement', 'structure'] as const;
const IDS = ['1', '2', 'a:*'];
/** Names and their words as typed on a plain keyboard. */
const FOLDED: Readonly<Record<string, string>> = {
  'Älva Berg': 'alva berg',
  alva: 'alva',
  'Bergen-Älva': 'bergen alva',
  'Łódź Ber': 'lodz ber',
  'san Sana': 'san sana',
  'Sana San': 'sana san',
};
const TEXTS = [
  '',
  'a',
  'alva',
  'ÄLVA',
  'ber',
  'berg',
  'Berg',
  'lodz',
  'ódz',
  'san',
  'sana',
  'san sana',
  'bergen a',
  'lva',
];
const fold = (text: string): string => FOLDED[text] ?? text.toLowerCase().replace('ä', 'a').replace('ó', 'o');

interface Write {
  readonly branch: string;
  readonly type: TypeName;
  readonly id: string;
  readonly parent: string;
  readonly name: string;
  readonly weight: number;
  readonly code: string;
  readonly deleted: boolean;
  /** Which of the fields a write of a row that is there gives. */
  readonly gives: 'all' | 'name' | 'parent' | 'deleted' | 'weight';
  /** Off by one from the present version at times; 'any': says none. */
  readonly expected: 'any' | 0 | 1 | 2;
}

/** All fields of a row, as the write has them. */
const WHOLE: { readonly [T in TypeName]: (write: Write) => Omit<WorldRow<T>, 'id' | 'version'> } = {
  campaign: ({ name, deleted }) => ({ name, deleted }),
  kingdom: ({ name, deleted, parent, weight }) => ({ name, deleted, campaignId: parent, level: weight }),
  settlement: ({ name, deleted, parent, weight }) => ({
    ...{ name, deleted, kingdomId: parent, population: weight },
    ...{ level: 1, lon: 2, lat: 3 },
  }),
  structure: ({ name, deleted, parent, weight, code }) => ({
    ...{ name, deleted, settlementId: parent, level: weight, code },
    ...{ kind: 'mill', lon: 2, lat: 3 },
  }),
};

const GIVEN: Readonly<Record<Write['gives'], readonly string[]>> = {
  all: [
    'name',
    'deleted',
    'campaignId',
    'kingdomId',
    'settlementId',
    'population',
    'level',
    'code',
    'kind',
    'lon',
    'lat',
  ],
  name: ['name', 'code'],
  parent: ['campaignId', 'kingdomId', 'settlementId'],
  deleted: ['deleted'],
  weight: ['population', 'level'],
};

const write: fc.Arbitrary<Write> = fc.record({
  branch: fc.constantFrom(...Object.keys(BRANCHES)),
  type: fc.constantFrom(...TYPES),
  id: fc.constantFrom(...IDS),
  parent: fc.constantFrom(...IDS),
  name: fc.constantFrom(...Object.keys(FOLDED)),
  weight: fc.integer({ min: 0, max: 3 }),
  code: fc.constantFrom('', 'SAN', 'ber'),
  deleted: fc.boolean(),
  gives: fc.constantFrom('all', 'name', 'parent', 'deleted', 'weight'),
  expected: fc.constantFrom<Write['expected'][]>('any', 'any', 'any', 0, 1, 2),
});

/** Two kingdoms, each with two settlements, each with a structure: some loaded, so that the index has names to go by. */
function seeded(): { tables: Tables; naive: NaiveTables } {
  const builder = createTables({ branches: BRANCHES });
  const naive = new NaiveTables(BRANCHES, fold);
  const add = <T extends TypeName>(type: T, id: string, parent: string, at: number, branch: string): void => {
    const name = Object.keys(FOLDED)[at % 6] ?? '';
    const given = { branch, type, id, parent, name, weight: at % 4, code: at % 2 === 0 ? 'SAN' : '', deleted: false };
    const fields = WHOLE[type]({ ...given, gives: 'all', expected: 'any' });
    naive.write(type, branch, id, fields);
    const [row] = naive.byIds(type, branch, [id]);
    builder.add(type, [row as unknown as WorldRow<T>], branch);
  };
  add('campaign', '1', '', 0, 'main');
  for (const at of [0, 1]) add('kingdom', IDS[at] ?? '', '1', at + 1, 'main');
  for (const at of [0, 1, 2]) add('settlement', IDS[at] ?? '', IDS[at % 2] ?? '', at + 2, 'main');
  for (const at of [0, 1]) add('structure', IDS[at] ?? '', IDS[at] ?? '', at + 3, 'main');
  add('structure', '1', 'a:*', 5, 'draft');
  return { tables: builder.build(), naive };
}

function apply<T extends TypeName>(tables: Tables, naive: NaiveTables, type: T, given: Write): void {
  const { branch, id, gives, expected } = given;
  const [present] = naive.byIds(type, branch, [id]);
  const names = GIVEN[present === undefined ? 'all' : gives];
  const whole = WHOLE[type](given);
  const fields = Object.fromEntries(Object.entries(whole).filter(([name]) => names.includes(name)));
  const version = expected === 'any' ? undefined : expected;
  const wanted = naive.write(type, branch, id, fields, version);
  const written = attempt(() => tables.write(type, branch, id, fields as Partial<WorldRow<T>>, version));
  expect(written).toEqual(wanted);
}

function attempt<Result>(run: () => Result): unknown {
  try {
    return run();
  } catch (error) {
    return (error as { code?: string }).code ?? error;
  }
}

const sorted = (rows: Iterable<AnyRow | WorldRow>): (AnyRow | WorldRow)[] =>
  [...rows].sort((a, b) => (a.id < b.id ? -1 : 1));
const PARENTS = [['1'], ['2'], ['a:*'], ['2', 'a:*', '1'], ['none'], ['1', '1']];

/** Everything that the tables can be asked. */
function answers(from: Tables | NaiveTables): unknown {
  return Object.keys(BRANCHES).map((branch) => ({
    branch,
    types: TYPES.map((type) => ({
      all: sorted(from.all(type, branch)),
      byIds: from.byIds(type, branch, ['a:*', '1', 'none', '2']),
      childrenOf: PARENTS.map((parents) => from.childrenOf(type, branch, parents)),
      overrides: sorted(from.overrides(type, branch)),
      count: from instanceof NaiveTables ? from.all(type, 'main').length : from.counts[type],
    })),
    found: TEXTS.map((text) =>
      [2, 100].map((limit) => from.search(text, branch, limit).map(({ type, id }) => type + id)),
    ),
  }));
}

test('after any writes, moves, deletions and restorations in three branches, every read agrees with brute force', () => {
  fc.assert(
    fc.property(fc.array(write, { minLength: 1, maxLength: 12 }), (writes) => {
      const { tables, naive } = seeded();
      expect(answers(tables)).toEqual(answers(naive));
      for (const given of writes) {
        apply(tables, naive, given.type, given);
        expect(answers(tables)).toEqual(answers(naive));
      }
    }),
    { numRuns: process.env['TIDEMARK_LONG'] === undefined ? 60 : 3000 },
  );
});
