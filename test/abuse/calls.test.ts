import { describe, expect, test } from 'vitest';
import { createTidemark, defineModel, defineView, entity } from '../../src/index.js';
import { type Town, failureOf, model, setUp, town } from './world.js';

type Tide = Awaited<ReturnType<typeof setUp>>['tide'];
const never = (value: unknown): never => value as never;

const IDS: readonly [name: string, id: unknown][] = [
  ['blank', ''],
  ['white space', ' \t'],
  ['NaN', NaN],
  ['an object', {}],
  ['an array', ['a']],
  ['null', null],
  ['undefined', undefined],
  ['a symbol', Symbol('a')],
  ['a function', () => 'a'],
  ['true', true],
];
const VERBS: Readonly<Record<string, (tide: Tide, id: never) => unknown>> = {
  get: (tide, id) => tide.get('town', id),
  getMany: (tide, id) => tide.getMany('town', ['kept', id]),
  children: (tide, id) => tide.children('town', { kingdom: id }),
  'scope.get': (tide, id) => tide.scope().get('town', id),
  'loaders.load': (tide, id) => tide.scope().loaders.town.load(id),
  change: (tide, id) => tide.change({ type: 'town', id, op: 'update' }),
  explain: (tide, id) => tide.explain({ type: 'town', id, op: 'update' }),
  'subject.entity': (tide, id) => tide.subject.entity('town', id),
};

describe.each(Object.entries(VERBS))('an id that is none: %s', (_, verb) => {
  test.each(IDS)('%s', async (name, id) => {
    // A parent that is undefined or null is no parent at all.
    const { tide, unharmed } = await setUp();
    const { code, message } = await failureOf(() => verb(tide, never(id)));
    expect(['BLANK_ID', 'UNKNOWN_PARENT']).toContain(code);
    expect(message, name).toMatch(/expected/);
    await unharmed();
  });
});

const CALLS: readonly [name: string, call: (tide: Tide) => unknown, code: string, says: RegExp][] = [
  [
    'get of an unknown type',
    (tide) => tide.get(never('village'), never('v')),
    'UNKNOWN_TYPE',
    /kingdom, town\), got "village"/,
  ],
  [
    'children of an unknown type',
    (tide) => tide.children(never('village'), never({ kingdom: 'k' })),
    'UNKNOWN_TYPE',
    /"village"/,
  ],
  [
    'children of no parent',
    (tide) => tide.children('town', never({})),
    'UNKNOWN_PARENT',
    /expected one parent as \{ kingdom: id \}, got none/,
  ],
  [
    'children of two parents',
    (tide) => tide.children('town', never({ kingdom: 'k', town: 't' })),
    'UNKNOWN_PARENT',
    /got kingdom, town/,
  ],
  [
    'children of another type',
    (tide) => tide.children('town', never({ village: 'v' })),
    'UNKNOWN_PARENT',
    /got village/,
  ],
  [
    'children of a root',
    (tide) => tide.children(never('kingdom'), never({ town: 't' })),
    'UNKNOWN_PARENT',
    /no parents/,
  ],
  ['a change that is none', (tide) => tide.change(never(null)), 'INVALID_CHANGE', /expected an object, got null/],
  [
    'a change of an unknown type',
    (tide) => tide.change(never({ type: 'village', id: 'v', op: 'update' })),
    'UNKNOWN_TYPE',
    /"village"/,
  ],
  [
    'a change with an unknown op',
    (tide) => tide.change(never({ type: 'town', id: 'kept', op: 'upsert' })),
    'INVALID_CHANGE',
    /change\.op: expected create, update, delete, restore, got "upsert"/,
  ],
  [
    'a change whose before is text',
    (tide) => tide.change(never({ type: 'town', id: 'kept', op: 'update', before: 'x' })),
    'INVALID_CHANGE',
    /change\.before: expected a row or null, got string/,
  ],
  [
    'a change whose after is a list',
    (tide) => tide.change(never({ type: 'town', id: 'kept', op: 'update', after: [] })),
    'INVALID_CHANGE',
    /change\.after: expected a row or null, got an array/,
  ],
  [
    'a change whose after is another entity',
    (tide) => tide.change({ type: 'town', id: 'kept', op: 'update', after: town('other') }),
    'ID_MISMATCH',
    /change\.after\.id: expected "kept", the change's id, got "other"/,
  ],
  [
    'a change to a place that is none',
    (tide) => tide.change({ type: 'town', id: 'kept', op: 'update', after: town('kept', { x: NaN }) }),
    'INVALID_GEOMETRY',
    /change\.after of 'town' "kept"\.x: expected a finite number, got NaN/,
  ],
  [
    'one malformed change among others',
    (tide) => tide.change([{ type: 'town', id: 'kept', op: 'update' }, never({ type: 'town', id: '', op: 'update' })]),
    'BLANK_ID',
    /change\[1\]\.id/,
  ],
  [
    'a change of no subjects',
    (tide) => tide.change({ subjects: [] }),
    'INVALID_CHANGE',
    /expected at least one subject/,
  ],
  [
    'a change of subjects made by hand',
    (tide) => tide.change({ subjects: [never('type:town:main')] }),
    'INVALID_CHANGE',
    /expected what tide\.subject makes/,
  ],
  ['a receipt that is none', (tide) => tide.get('town', 'kept', { after: '2.zzz' }), 'INVALID_RECEIPT', /got "2\.zzz"/],
  ['a key that is none', (tide) => tide.cache.get(never(7)), 'INVALID_KEY', /expected non-blank text, got number/],
  ['a pattern that is none', (tide) => tide.cache.delPattern(''), 'INVALID_KEY', /expected a glob/],
  ['a life below 0', (tide) => tide.cache.set('k', 1, { ttlMs: -1 }), 'INVALID_OPTION', /ttlMs of key "k"/],
  [
    'a subscription to an unknown type',
    (tide) => tide.subscribe({ type: never('village') }),
    'UNKNOWN_TYPE',
    /"village"/,
  ],
  ['a cursor that is none', (tide) => tide.subscribe({ type: 'town' }, { since: 'x' }), 'INVALID_CURSOR', /expected/],
];

describe('a call that cannot be right says what was expected and what came', () => {
  test.each(CALLS)('%s', async (_, call, code, says) => {
    const { tide, unharmed } = await setUp();
    const failure = await failureOf(() => call(tide));
    expect(failure.code).toBe(code);
    expect(failure.message).toMatch(says);
    await unharmed();
  });
});

describe('a view that', () => {
  const view = (name: string, load: (...given: never[]) => unknown) => defineView(model)({ name, load: never(load) });
  const CASES: readonly [name: string, load: (...given: never[]) => unknown, code: string, says: RegExp][] = [
    [
      'throws',
      () => {
        throw new Error('boom');
      },
      'LOAD_FAILED',
      /boom/,
    ],
    [
      'throws what is no Error',
      () => {
        throw 'boom' as unknown as Error;
      },
      'LOAD_FAILED',
      /boom/,
    ],
    ['never settles', () => new Promise(() => undefined), 'ORIGIN_TIMEOUT', /within 1000 ms/],
    [
      'gives a value that contains itself',
      () => {
        const ring: unknown[] = [];
        ring.push(ring);
        return ring;
      },
      'CYCLIC_VALUE',
      /contains itself/,
    ],
  ];
  test.each(CASES)('%s', async (name, load, code, says) => {
    const { tide, clock, unharmed } = await setUp();
    const failure = await failureOf(() => tide.view(view(name, load), {}), clock);
    expect(failure.code).toBe(code);
    expect(failure.message).toMatch(says);
    await unharmed();
  });

  test('reads itself, or another that reads it', async () => {
    const { tide, clock, unharmed } = await setUp();
    type Read = { view(view: unknown, params: unknown): Promise<unknown> };
    const self: unknown = view(
      'self',
      never((read: Read) => read.view(self, {})),
    );
    const one: unknown = view(
      'one',
      never((read: Read) => read.view(two, {})),
    );
    const two: unknown = view(
      'two',
      never((read: Read) => read.view(one, {})),
    );
    for (const each of [self, one]) {
      const { code, message } = await failureOf(() => tide.view(never(each), {}), clock);
      expect(code).toBe('LOAD_FAILED');
      expect(message).toMatch(/a load waits for itself: view:/);
    }
    await unharmed();
  });

  test('has the name of another', async () => {
    const { tide, unharmed } = await setUp();
    await tide.view(
      view('same', () => 1),
      {},
    );
    const failure = await failureOf(() =>
      tide.view(
        view('same', () => 2),
        {},
      ),
    );
    expect(failure.message).toMatch(/view 'same': two views have this name/);
    await unharmed();
  });
});

describe('a model or an option that cannot work is refused at once', () => {
  const CASES: readonly (readonly [name: string, make: () => unknown, code: string, says: RegExp])[] = [
    ['no entities', () => defineModel({ entities: {} }), 'INVALID_MODEL', /at least one entity type/],
    [
      'an unknown parent',
      () => defineModel({ entities: never({ a: entity<Town>()({ parents: { b: 'kingdomId' } }) }) }),
      'UNKNOWN_PARENT',
      /entities\.a\.parents: 'b' is no entity type; known: a/,
    ],
    [
      'types in a circle',
      () =>
        defineModel({
          entities: {
            a: entity<Town>()({ parents: { b: 'kingdomId' } }),
            b: entity<Town>()({ parents: { a: 'kingdomId' } }),
          },
        }),
      'CYCLIC_PARENTS',
      /the cycle b → a → b|the cycle a → b → a/,
    ],
    [
      'two types with one prefix',
      () => defineModel({ entities: { town: entity<Town>()({}), towns: entity<Town>()({}) } }),
      'INVALID_MODEL',
      /'towns' begins its keys/,
    ],
    ['a reserved word', () => defineModel({ entities: { view: entity<Town>()({}) } }), 'INVALID_MODEL', /reserved/],
    [
      'an SRID that is none',
      () => defineModel({ entities: { town: entity<Town>()({}) }, spatial: { srid: -1 } }),
      'INVALID_MODEL',
      /spatial\.srid/,
    ],
    [
      'a view without a name',
      () => defineView(model)({ name: ' ', load: () => 1 }),
      'INVALID_MODEL',
      /expected a name/,
    ],
    [
      'an origin of no type',
      () => createTidemark({ model, origin: never({ village: {} }) }),
      'UNKNOWN_TYPE',
      /origin\.village/,
    ],
    ...(
      [
        'graceMs',
        'absentTtlMs',
        'originTimeoutMs',
        'storeTimeoutMs',
        'maxEntries',
        'maxBytes',
        'maxMarks',
        'maxEntryBytes',
        'maxBatchSize',
        'ringSize',
        'ttlMs',
      ] as const
    ).map(
      (name) =>
        [
          `${name}: -1`,
          () => createTidemark({ model, origin: {}, [name]: -1 }),
          'INVALID_OPTION',
          new RegExp(`^${name}: expected a number of at least [01], got -1`),
        ] as const,
    ),
    [
      'ttlMs of a kind: text',
      () => createTidemark({ model, origin: {}, ttlMs: never({ record: '5' }) }),
      'INVALID_OPTION',
      /ttlMs\.record: expected a number of at least 0, got string/,
    ],
  ];
  test.each(CASES)('%s', async (_, make, code, says) => {
    const failure = await failureOf(make);
    expect(failure.code).toBe(code);
    expect(failure.message).toMatch(says);
  });

  test('branches in a circle, when they are met', async () => {
    const parents = new Map([
      ['a', 'b'],
      ['b', 'a'],
    ]);
    const branched = defineModel({
      entities: { town: entity<Town>()({}) },
      branches: { parentOf: (branch) => parents.get(branch) },
    });
    const tide = createTidemark({ model: branched, origin: { town: { byIds: () => [] } } });
    const failure = await failureOf(() => tide.get('town', 't', { branch: 'a' }));
    expect(failure.code).toBe('BRANCH_CYCLE');
    expect(failure.message).toMatch(/a → b → a/);
    await tide.close();
  });
});

test('after close() every verb says so, and closing again is nothing', async () => {
  const { tide } = await setUp();
  const receipt = await tide.change({ type: 'town', id: 'z', op: 'update' });
  await tide.close();
  await tide.close();
  const verbs: readonly (() => unknown)[] = [
    () => tide.get('town', 'new'),
    () => tide.getMany('town', ['new']),
    () => tide.children('town', { kingdom: 'k2' }),
    () => tide.get('town', 'new', { after: receipt }),
    () => tide.scope(),
    () => tide.change({ type: 'town', id: 'z', op: 'update' }),
    () => tide.transaction(() => Promise.resolve()),
    () => tide.subscribe({ type: 'town' }),
    () => tide.cache.get('mine'),
    () => tide.cache.set('mine', 1),
    () => tide.cache.del('mine'),
    () => tide.cache.delPattern('*'),
    () => tide.cache.getOrLoad('mine', () => 1),
    () => tide.spatial.near('town', { point: { x: 1, y: 1 }, radius: 1 }),
    () => tide.ready(),
  ];
  for (const verb of verbs) expect((await failureOf(verb)).code).toBe('CLOSED');
});
