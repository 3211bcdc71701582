import assert from 'node:assert/strict';
import {
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLSchema,
  GraphQLString,
  execute,
  parse,
} from 'graphql';
import { createTidemark } from 'tidemark';
import * as peers from './peers.mjs';
import { TTL_MS, byId, countingOrigin, groupBy, model, settlements, structures } from './world.mjs';

const SETTLEMENTS = 20;
const STRUCTURES = 10;
const KINGDOM = 'kingdom-0';
const GROUP = `${SETTLEMENTS} settlements × ${STRUCTURES} structures`;
const REFERENCE = 'execute() over ready data';
const PEEKING = 'tide warm, resolvers peek first';
const AWAITING = 'tide warm, resolvers await';
const COLD = 'tide cold';

const document = parse('{ settlements { id name kind structures { id name kind } } }');
const towns = settlements(SETTLEMENTS).map((row) => ({ ...row, kingdomId: KINGDOM }));
const buildings = structures(SETTLEMENTS * STRUCTURES);
const townsOf = groupBy(towns, 'kingdomId');
const buildingsOf = groupBy(buildings, 'settlementId');

const fields = ['id', 'name', 'kind'];
const expected = {
  settlements: towns.map((town) => ({ ...picked(town), structures: buildingsOf.get(town.id).map(picked) })),
};

export default {
  title: 'A nested GraphQL query',
  question: 'How much does caching add to what graphql-js itself takes?',
  setting: `graphql-js \`execute()\` of a parsed query of ${SETTLEMENTS} settlements with ${STRUCTURES} structures each, three fields of each. Every query gets a new scope or new DataLoaders, as a request does. Every answer is compared with the expected one, every call of the origin counted: 0 when warm, one per level when cold.`,
  packages: ['graphql', 'dataloader', 'bentocache'],
  goals: [
    { text: 'warm ≤ 1.3 × execute(), resolvers peek first', limit: 1.3, actual: ({ ratio }) => ratio(GROUP, PEEKING) },
    { text: 'warm ≤ 2.2 × execute(), resolvers peek first', limit: 2.2, actual: ({ ratio }) => ratio(GROUP, PEEKING) },
    { text: 'warm ≤ 2.2 × execute(), resolvers await', limit: 2.2, actual: ({ ratio }) => ratio(GROUP, AWAITING) },
  ],
  groups: [
    {
      title: GROUP,
      operation: 'query',
      reference: REFERENCE,
      cases: [
        {
          name: REFERENCE,
          make: () => {
            const ready = towns.map((town) => ({ ...town, structures: buildingsOf.get(town.id) }));
            const schema = schemaOf({ settlements: () => ready, structures: (town) => town.structures });
            return querying(
              schema,
              () => ({}),
              () => 0,
            );
          },
        },
        {
          name: PEEKING,
          make: async () =>
            warmTide({
              settlements: (_, __, { scope }) =>
                scope.peekChildren('settlement', { kingdom: KINGDOM }) ??
                scope.children('settlement', { kingdom: KINGDOM }),
              structures: ({ id }, _, { scope }) =>
                scope.peekChildren('structure', { settlement: id }) ?? scope.children('structure', { settlement: id }),
            }),
        },
        { name: AWAITING, make: async () => warmTide(PLAIN) },
        {
          name: COLD,
          make: async () => {
            const { tide, origin } = newTide();
            const subjects = [tide.subject.type('settlement')]; // and structures, which hang beneath
            const { run, verify } = querying(
              schemaOf(PLAIN),
              () => ({ scope: tide.scope() }),
              () => origin.calls,
              2,
            );
            const timed = async (n, watch) => {
              let sum = 0;
              for (let i = 0; i < n; i++) {
                await tide.change({ subjects });
                watch.start();
                sum += await run(0, 1);
                watch.stop();
              }
              return sum;
            };
            return { timed, verify };
          },
        },
        {
          name: 'DataLoader per request, no cache',
          make: async () => {
            const { default: DataLoader } = await import('dataloader');
            const origin = originOf();
            const children = (load, field) =>
              new DataLoader(async (ids) => {
                const groups = groupBy(await load(ids), field);
                return ids.map((id) => groups.get(id) ?? []);
              });
            const schema = schemaOf({
              settlements: (_, __, { ofKingdom }) => ofKingdom.load(KINGDOM),
              structures: ({ id }, _, { ofSettlement }) => ofSettlement.load(id),
            });
            const context = () => ({
              ofKingdom: children(origin.settlement.underParents, 'kingdomId'),
              ofSettlement: children(origin.structure.underParents, 'settlementId'),
            });
            return querying(schema, context, () => origin.settlement.calls + origin.structure.calls, 2);
          },
        },
        {
          name: 'bentocache in memory, per list',
          make: async () => {
            const origin = originOf();
            const cache = await peers.bento(10_000);
            const cached = (key, load) => cache.getOrSet({ key, factory: load });
            const schema = schemaOf({
              settlements: () => cached(`settlements:${KINGDOM}`, () => origin.settlement.underParents([KINGDOM])),
              structures: ({ id }) => cached(`structures:${id}`, () => origin.structure.underParents([id])),
            });
            const calls = () => origin.settlement.calls + origin.structure.calls;
            await execute({ schema, document });
            const filled = calls();
            return querying(
              schema,
              () => ({}),
              () => calls() - filled,
            );
          },
        },
      ],
    },
  ],
};

/** Resolvers as one writes them without thinking of speed. */
const PLAIN = {
  settlements: (_, __, { scope }) => scope.children('settlement', { kingdom: KINGDOM }),
  structures: ({ id }, _, { scope }) => scope.children('structure', { settlement: id }),
};

function schemaOf(resolve) {
  const text = { type: new GraphQLNonNull(GraphQLString) };
  const own = { id: text, name: text, kind: text };
  const structure = new GraphQLObjectType({ name: 'Structure', fields: { ...own, level: { type: GraphQLInt } } });
  const listOf = (type) => new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(type)));
  const settlement = new GraphQLObjectType({
    name: 'Settlement',
    fields: { ...own, structures: { type: listOf(structure), resolve: resolve.structures } },
  });
  const query = new GraphQLObjectType({
    name: 'Query',
    fields: { settlements: { type: listOf(settlement), resolve: resolve.settlements } },
  });
  return new GraphQLSchema({ query });
}

/** `calls` counts what the origin was asked; `perQuery` is what it should have been. */
function querying(schema, contextOf, calls, perQuery = 0) {
  let queries = 0;
  return {
    run: async (from, to) => {
      let sum = 0;
      for (let i = from; i < to; i++) {
        const answer = execute({ schema, document, contextValue: contextOf() });
        const { data } = answer instanceof Promise ? await answer : answer;
        sum += data.settlements.at(-1).structures.length;
        queries++;
      }
      return sum;
    },
    verify: async () => {
      assert.equal(calls(), queries * perQuery);
      const { data, errors } = await execute({ schema, document, contextValue: contextOf() });
      queries += perQuery === 0 ? 0 : calls() / perQuery - queries;
      assert.equal(errors, undefined);
      assert.deepEqual(JSON.parse(JSON.stringify(data)), expected);
    },
  };
}

async function warmTide(resolvers) {
  const { tide, origin } = newTide();
  const schema = schemaOf(resolvers);
  await execute({ schema, document, contextValue: { scope: tide.scope() } });
  assert.equal(origin.calls, 2);
  return querying(
    schema,
    () => ({ scope: tide.scope() }),
    () => origin.calls - 2,
  );
}

function newTide() {
  const { settlement, structure } = originOf();
  const tide = createTidemark({
    model,
    origin: {
      settlement: { childrenOf: { kingdom: settlement.underParents } },
      structure: { childrenOf: { settlement: structure.underParents } },
    },
    ttlMs: TTL_MS,
  });
  const origin = {
    get calls() {
      return settlement.calls + structure.calls;
    },
  };
  return { tide, origin };
}

function originOf() {
  return {
    settlement: countingOrigin({ byId: byId(towns), byParent: townsOf }),
    structure: countingOrigin({ byId: byId(buildings), byParent: buildingsOf }),
  };
}

function picked(row) {
  return Object.fromEntries(fields.map((field) => [field, row[field]]));
}
