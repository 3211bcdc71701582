import { describe, expect, test } from 'vitest';
import { compile } from './compiler.js';

// What must not compile, with the words a person reads. Each case is a small program of its own.
const START = `import { createTidemark, defineModel, defineView, entity } from 'tidemark';
interface Kingdom { readonly id: string; readonly name: string }
interface Settlement { readonly id: string; readonly kingdomId: string; readonly x: number; readonly y: number }
interface Structure { readonly id: number; readonly settlementId: string }
const entities = {
  kingdom: entity<Kingdom>()({}),
  settlement: entity<Settlement>()({ parents: { kingdom: 'kingdomId' }, geometry: ({ x, y }) => ({ x, y }) }),
  structure: entity<Structure>()({ parseId: Number, parents: { settlement: 'settlementId' } }),
};
const model = defineModel({ entities });
const tide = createTidemark({ model, origin: {} });
const branched = defineModel({ entities, branches: { parentOf: () => undefined } });
const worlds = createTidemark({ model: branched, origin: {} });
const ruled = createTidemark({
  model: defineModel({ entities: { settlement: entity<Kingdom>()({ computed: { income: 'number' } }) } }),
  origin: {},
});
const summary = defineView(model)({ name: 'summary', load: (_read, { kingdom }: { kingdom: string }) => kingdom.length });
`;

const WRONG: readonly [name: string, code: string, says: RegExp][] = [
  [
    'a parent that is no entity of the model',
    "defineModel({ entities: { structure: entity<Structure>()({ parseId: Number, parents: { town: 'settlementId' } }) } });",
    /'town', a parent of 'structure', is no entity of this model\./,
  ],
  [
    'an option of entity() that does not exist',
    "entity<Kingdom>()({ plurals: 'kingdoms' });",
    /'plurals' does not exist/,
  ],
  [
    'an option of entity() that does not exist, from elsewhere',
    "const given = { plural: 'kingdoms', plurals: 'kingdoms' }; entity<Kingdom>()(given);",
    /'plurals' is no option of entity\(\): see EntityOptions\./,
  ],
  [
    'an option of defineModel() that does not exist',
    'defineModel({ entities, branch: {} });',
    /'branch' does not exist/,
  ],
  [
    'an option of createTidemark() that does not exist',
    'createTidemark({ model, origin: {}, ttl: 5 });',
    /'ttl' does not exist/,
  ],
  [
    'a row without an id',
    'entity<{ readonly name: string }>()({});',
    /The row has no 'id' field that is a string, number or bigint/,
  ],
  ['a number as id without parseId', 'entity<Structure>()({});', /parseId/],
  [
    'announcing a field that is not there',
    "entity<Kingdom>()({ announce: ['title'] });",
    /'"title"' is not assignable to type '"id" \| "name"'/,
  ],
  ['a parent’s field that is not there', "entity<Settlement>()({ parents: { kingdom: 'realmId' } });", /"realmId"/],
  [
    'a type that the model does not have',
    "void tide.get('village', 'v1');",
    /'"village"' is not assignable to parameter of type 'TypeName<Model<\{ kingdom: /,
  ],
  [
    'an id of another type',
    "void tide.get('structure', '7');",
    /'string' is not assignable to parameter of type 'number'/,
  ],
  ['a parent of another type', "void tide.children('structure', { kingdom: 'k1' });", /'kingdom'/],
  ['two parents at once', "void tide.children('settlement', { kingdom: 'k1', settlement: 's1' });", /'settlement'/],
  [
    'explaining a field that is not computed',
    "void ruled.rules.explain('settlement', 's1', 'name');",
    /'"name"' is not assignable to parameter of type '"income"'/,
  ],
  ['rules of no branch where the model has branches', 'void worlds.rules.list();', /Expected 1 arguments, but got 0/],
  ['no branch where the model has branches', "void worlds.get('kingdom', 'k1');", /Expected 3 arguments, but got 2/],
  ['a scope without a branch where the model has branches', 'worlds.scope();', /Expected 1 arguments, but got 0/],
  [
    'a branch where the model has none',
    "void tide.get('kingdom', 'k1', { branch: 'main' });",
    /The model declares no branches: leave this out\./,
  ],
  [
    'an option of a call that does not exist',
    "void tide.get('kingdom', 'k1', { fresh: true });",
    /'fresh' does not exist/,
  ],
  ['parameters of another view', 'void tide.view(summary, { town: 1 });', /'town' does not exist/],
  [
    'a result taken for another',
    "const n: string = await tide.view(summary, { kingdom: 'k1' });",
    /'number' is not assignable to type 'string'/,
  ],
  [
    'a field that the record does not have',
    "void tide.get('kingdom', 'k1').then((row) => row?.title);",
    /'title' does not exist/,
  ],
  ['a record taken for certain', "void tide.get('kingdom', 'k1').then((row) => row.name);", /'row' is possibly 'null'/],
  [
    'writing to a record',
    "void tide.get('kingdom', 'k1').then((row) => { if (row) row.name = 'x'; });",
    /read-only property/,
  ],
  [
    'an operation that there is not',
    "void tide.change({ type: 'kingdom', id: 'k1', op: 'upsert' });",
    /'"upsert"' is not assignable/,
  ],
  [
    'a row image of another type',
    "void tide.change({ type: 'kingdom', id: 'k1', op: 'update', after: { kingdomId: 'k' } });",
    /'kingdomId' does not exist/,
  ],
  [
    'places of a type without a geometry',
    "void tide.spatial.near('kingdom', { point: { x: 1, y: 2 }, radius: 1 });",
    /'"kingdom"' is not assignable to parameter of type '"settlement"'/,
  ],
  [
    'an origin of a type that there is not',
    'createTidemark({ model, origin: { village: { byIds: () => [] } } });',
    /'village' does not exist/,
  ],
  [
    'an origin that gives other rows',
    "createTidemark({ model, origin: { kingdom: { byIds: () => [{ id: 7, name: '' }] } } });",
    /not assignable to type 'Awaitable<OriginAnswer<string, Readonly<Kingdom>>>'/,
  ],
  [
    'children of what is no parent',
    'createTidemark({ model, origin: { structure: { byIds: () => [], childrenOf: { kingdom: () => [] } } } });',
    /is not assignable to type/,
  ],
  [
    'a subscription to a type that there is not',
    "tide.subscribe({ type: 'village' });",
    /type: string; }' is not assignable to parameter of type 'SubscribeTarget</,
  ],
];

const fileOf = (i: number): string => `wrong-${String(i)}.ts`;
const compiled = compile(
  Object.fromEntries([
    ['right.ts', START],
    ...WRONG.map(([, code], i) => [fileOf(i), `${START}${code}\nexport {};\n`] as const),
  ]),
);

describe('does not compile, and says why', () => {
  test.each(WRONG.map(([name, code, says], i) => [name, code, says, i] as const))('%s', (_, code, says, i) => {
    const errors = compiled.errorsIn(fileOf(i));
    expect(errors.join('\n'), code).toMatch(says);
    expect(errors, 'one mistake, one message').toHaveLength(1);
  });
});

test('the beginning of each program is right by itself', () => {
  expect(compiled.errorsIn('right.ts')).toEqual([]);
});
