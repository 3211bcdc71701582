import type { memory } from '../../../src/index.js';
import { type Origin, createTidemark, defineModel, entity } from '../../../src/index.js';
import { type EntityUpdate, type Piece, type ScopeContext, tidemarkSchema } from '../../../src/hosts/graphql/index.js';
import { fakeOrigin } from '../../../src/testing/index.js';

export interface User {
  readonly name: string;
  readonly role: 'admin' | 'member' | 'stranger';
}
type Kingdom = { id: string; name: string };
type Settlement = { id: string; kingdomId: string; name: string; population: number; foundedAt: Date };
type Structure = { id: number; settlementId: string; kind: string };

export const model = defineModel({
  entities: {
    kingdom: entity<Kingdom>()({}),
    settlement: entity<Settlement>()({
      parents: { kingdom: 'kingdomId' },
      computed: { isTradeHub: 'boolean', income: 'number', title: 'string', facts: 'json' },
      announce: ['name'],
    }),
    structure: entity<Structure>()({
      parseId: Number,
      parents: { settlement: 'settlementId' },
      computed: { cost: 'number' },
    }),
  },
});

const FOUNDED = new Date('2020-02-03T04:05:06.007Z');

function tables() {
  const settlements = Array.from({ length: 6 }, (_, i): Settlement => ({
    ...{ id: `s${String(i)}`, kingdomId: `k${String(i % 2)}`, name: `town ${String(i)}`, foundedAt: FOUNDED },
    population: i * 1000,
  }));
  const structures = Array.from({ length: 12 }, (_, i): Structure => ({
    ...{ id: i, settlementId: `s${String(i % 6)}`, kind: 'mill' },
  }));
  return fakeOrigin({
    kingdom: { rows: ['k0', 'k1'].map((id): Kingdom => ({ id, name: `kingdom ${id}` })) },
    settlement: { rows: settlements, parents: { kingdom: 'kingdomId' } as const },
    structure: { rows: structures, parents: { settlement: 'settlementId' } as const },
  });
}

const rule = (entityType: string, field: string, expression: unknown) => ({
  ...{ id: `${entityType} ${field}`, entityType, entityId: null, field, expression, priority: 0, isActive: true },
});
const rules = [
  rule('settlement', 'isTradeHub', { '>=': [{ var: 'settlement.population' }, 3000] }),
  rule('settlement', 'income', { '*': [{ var: 'settlement.population' }, 1e6] }),
  rule('settlement', 'facts', { merge: [1, { var: 'settlement.name' }] }),
  rule('structure', 'cost', 7),
];

/** The host's own part of the schema, as people write it. */
const typeDefs = `
  scalar DateTime
  type Query { kingdoms: [Kingdom!]! settlement(id: ID!): Settlement broken: String town(id: ID!): Settlement }
  type Mutation { rename(id: ID!, name: String!): Renamed! }
  type Renamed { settlement: Settlement! receipt: String! }
  type Kingdom { id: ID! name: String! settlements: [Settlement!]! }
  type Settlement { id: ID! name: String! foundedAt: DateTime! kingdom: Kingdom! structures: [Structure!]! }
  type Structure { id: ID! kind: String! settlement: Settlement! }
  extend type EntityUpdate { settlement: Settlement }
`;

export type Context = ScopeContext<typeof model, User>;
export type App = ReturnType<typeof app>;

/** One replica of an app. */
export function app(shared: Partial<ReturnType<typeof memory>> = {}, db = tables()) {
  const tide = createTidemark({
    ...{ model, ...shared, rules: { source: rules } },
    origin: db.origin as unknown as Origin<typeof model>,
    authorize: (user: User) => user.role !== 'stranger',
    principalId: ({ name }) => name,
  });
  /** Of the requests that asked for a town. */
  const scopes: Context['scope'][] = [];
  const resolvers = {
    Query: {
      kingdoms: (_: unknown, __: unknown, { scope }: Context) => scope.getMany('kingdom', ['k0', 'k1']),
      settlement: (_: unknown, { id }: { id: string }, { loaders }: Context) => loaders.settlement.load(id),
      broken: () => {
        throw new Error('a secret of the database');
      },
      town: (_: unknown, { id }: { id: string }, { scope }: Context) => {
        scopes.push(scope);
        return scope.get('settlement', id);
      },
    },
    Mutation: {
      rename: async (_: unknown, { id, name }: { id: string; name: string }, { scope }: Context) => {
        const before = await scope.get('settlement', id);
        if (before === null) throw new Error('none');
        const after = { ...before, name };
        db.put('settlement', after);
        const receipt = await scope.change({ type: 'settlement', id, op: 'update', before, after });
        return { settlement: after, receipt: String(receipt) };
      },
    },
    Kingdom: {
      settlements: ({ id }: Kingdom, _: unknown, { loaders }: Context) => loaders.settlement.of({ kingdom: id }),
    },
    Settlement: {
      foundedAt: ({ foundedAt }: Settlement) => foundedAt.toISOString(),
      kingdom: ({ kingdomId }: Settlement, _: unknown, { loaders }: Context) => loaders.kingdom.load(kingdomId),
      structures: ({ id }: Settlement, _: unknown, { loaders }: Context) => loaders.structure.of({ settlement: id }),
    },
    EntityUpdate: {
      settlement: ({ entityId }: EntityUpdate, _: unknown, { loaders }: Context) =>
        entityId === null ? null : loaders.settlement.load(entityId),
    },
    Structure: {
      settlement: ({ settlementId }: Structure, _: unknown, { loaders }: Context) =>
        loaders.settlement.load(settlementId),
    },
  };
  const tidemark = tidemarkSchema(tide, {
    authorizeReports: ({ scope }) => scope.principal?.role === 'admin',
    authorizeComputed: ({ scope }) => scope.principal?.role !== 'stranger',
    waitMs: 200,
  });
  return { tide, db, scopes, typeDefs, resolvers, tidemark };
}

/** A user as requests of tests name one: `ada admin`. */
export function userOf(header: string | null | undefined): User {
  const [name = 'nobody', role = 'stranger'] = (header ?? '').split(' ');
  return { name, role: role as User['role'] };
}

/** Resolvers of several pieces as one. */
export function joined(...pieces: readonly Pick<Piece<object>, 'resolvers'>[]): Record<string, Record<string, object>> {
  const all: Record<string, Record<string, object>> = {};
  for (const { resolvers } of pieces)
    for (const [type, fields] of Object.entries(resolvers as typeof all)) all[type] = { ...all[type], ...fields };
  return all;
}
