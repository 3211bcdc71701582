import { describe, expect, test } from 'vitest';
import { compile } from './compiler.js';

const START = `import { Pool } from 'pg';
import { type Origin, createTidemark, defineModel, entity } from 'tidemark';
import { pgOrigin, postgis } from 'tidemark/postgres';
interface Kingdom { readonly id: string; readonly name: string }
interface Settlement { readonly id: string; readonly kingdomId: string; readonly name: string; readonly outline?: object }
interface Structure { readonly key: number; readonly settlementId: string; readonly level: number }
interface Account { readonly id: bigint }
const model = defineModel({ entities: {
  kingdom: entity<Kingdom>()({}),
  settlement: entity<Settlement>()({ parents: { kingdom: 'kingdomId' } }),
  structure: entity<Structure>()({ id: 'key', parseId: Number, parents: { settlement: 'settlementId' } }),
  account: entity<Account>()({ parseId: BigInt }),
} });
type Model = typeof model;
const sql = new Pool();
const kingdom = { table: 'kingdoms', id: 'id', columns: { name: 'name' } } as const;
`;

const RIGHT = `${START}
const settlement = {
  table: 'settlements', schema: 'app', id: 'id', idType: 'uuid', deletedAt: 'deleted_at', branch: 'branch', geometry: 'geom',
  columns: { kingdomId: 'kingdom_id', name: 'name', outline: { column: 'geom', as: 'geojson', optional: true } },
  parents: { kingdom: 'kingdom_id' }, orderBy: ['name', { column: 'level', descending: true }],
} as const;
const origin = pgOrigin<Model>({
  sql, replica: new Pool(), statementTimeoutMs: 5000,
  tables: {
    kingdom, settlement,
    structure: { table: 'structures', id: 'id', idType: 'number', columns: { settlementId: 's', level: { column: 'l', as: 'number' } } },
    account: { table: 'accounts', id: 'id', idType: 'bigint', columns: {} },
  },
});
const tide = createTidemark({ model, origin });
const said: Origin<Model> = origin;
const mixed = createTidemark({ model, origin: { ...origin, account: { byIds: (ids) => ids.map((id) => ({ id })) } } });
postgis({ sql, tables: { settlement } });
const level: Promise<number | undefined> = tide.get('structure', 5).then((row) => row?.level);
export { level, mixed, said };
`;

const table = (type: string, described: string): string =>
  `pgOrigin<Model>({ sql, tables: { ${type}: { ${described} } } });`;

const WRONG: readonly [name: string, code: string, says: RegExp][] = [
  ['a model that is not named', 'pgOrigin({ sql, tables: { kingdom } });', /write pgOrigin<typeof model>\(/],
  [
    'a type that the model does not have',
    table('village', "table: 't', id: 'id', columns: {}"),
    /'village' does not exist/,
  ],
  [
    'a field that the row does not have',
    table('kingdom', "table: 't', id: 'id', columns: { name: 'n', nmae: 'n' }"),
    /'nmae' does not exist/,
  ],
  ['a field without a column', table('kingdom', "table: 't', id: 'id', columns: {}"), /Property 'name' is missing/],
  [
    'a parent that is none',
    table('kingdom', "table: 't', id: 'id', columns: { name: 'n' }, parents: { settlement: 's' }"),
    /'settlement' is no parent of 'kingdom' in this model\./,
  ],
  [
    'an option that there is not',
    table('kingdom', "table: 't', id: 'id', columns: { name: 'n' }, deletedAT: 'x'"),
    /'deletedAT' does not exist/,
  ],
  [
    'number ids as text',
    table('structure', "table: 't', id: 'id', columns: { settlementId: 's', level: 'l' }"),
    /Property 'idType' is missing/,
  ],
  [
    'bigint ids as numbers',
    table('account', "table: 't', id: 'id', idType: 'number', columns: {}"),
    /'"number"' is not assignable to type '"bigint"'/,
  ],
  [
    'what a column cannot become',
    table('kingdom', "table: 't', id: 'id', columns: { name: { column: 'n', as: 'date' } }"),
    /'"date"' is not assignable/,
  ],
];

const fileOf = (i: number): string => `pg-wrong-${String(i)}.ts`;
const compiled = compile(
  Object.fromEntries([
    ['pg-right.ts', RIGHT],
    ...WRONG.map(([, code], i) => [fileOf(i), `${START}${code}\nexport {};\n`] as const),
  ]),
);

test('what fits the model compiles', () => {
  expect(compiled.errorsIn('pg-right.ts')).toEqual([]);
});

describe('does not compile, and says why', () => {
  test.each(WRONG.map(([name, code, says], i) => [name, code, says, i] as const))('%s', (_, code, says, i) => {
    const errors = compiled.errorsIn(fileOf(i));
    expect(errors.join('\n'), code).toMatch(says);
    expect(errors, 'one mistake, one message').toHaveLength(1);
  });
});
