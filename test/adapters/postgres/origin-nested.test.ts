import { type GraphQLFieldResolver, buildSchema, execute, parse } from 'graphql';
import { beforeAll, expect, test } from 'vitest';
import { pgOrigin } from '../../../src/adapters/postgres/index.js';
import { createTidemark } from '../../../src/index.js';
import { describePostgis } from '../../services/postgres.js';
import { type Model, createTables, model, recorded, tablesIn } from './origin-world.js';

const schema = buildSchema(`
  type Query { campaign(id: String!): Campaign }
  type Campaign { title: String kingdoms: [Kingdom!]! }
  type Kingdom { name: String settlements: [Settlement!]! }
  type Settlement { name: String structures: [Structure!]! }
  type Structure { kind: String }
`);
const document = parse('{ campaign(id: "1") { title kingdoms { name settlements { name structures { kind } } } } }');

describePostgis('a nested query', (database) => {
  beforeAll(async () => {
    await createTables(database().pool, database().schema);
    const { pool, schema: own } = database();
    await pool.query(`
      insert into ${own}.kingdoms select gen_random_uuid(), 1, 'K' || i, false from generate_series(1, 5) i;
      insert into ${own}.settlements (key, kingdom_id, name, people)
        select k.id || '-' || i, k.id, 'S' || i, i from ${own}.kingdoms k, generate_series(1, 4) i where k.campaign_id = 1;
      insert into ${own}.structures select row_number() over () + 100, s.key, 'mill'
        from ${own}.settlements s, generate_series(1, 3)`);
  });

  test('is one statement per level cold, and none warm', async () => {
    const sql = recorded(database().pool);
    const tide = createTidemark({ model, origin: pgOrigin<Model>({ sql, tables: tablesIn(database().schema) }) });
    const children =
      (type: 'kingdom' | 'settlement' | 'structure', parent: string): GraphQLFieldResolver<{ id: unknown }, Context> =>
      ({ id }, _, { scope }) =>
        scope.children(type, { [parent]: id } as never);
    type Context = { readonly scope: ReturnType<typeof tide.scope> };
    const fields = {
      Campaign: { kingdoms: children('kingdom', 'campaign') },
      Kingdom: { settlements: children('settlement', 'kingdom') },
      Settlement: { structures: children('structure', 'settlement') },
    };
    const query = async () =>
      execute({
        ...{ schema, document, contextValue: { scope: tide.scope() } },
        rootValue: { campaign: ({ id }: { id: string }, { scope }: Context) => scope.get('campaign', BigInt(id)) },
        fieldResolver: (source: Readonly<Record<string, unknown>>, args, context: Context, info) => {
          const resolve = (
            fields as Readonly<Record<string, Readonly<Record<string, GraphQLFieldResolver<never, Context>>>>>
          )[info.parentType.name]?.[info.fieldName];
          if (resolve !== undefined) return resolve(source as never, args, context, info);
          const value = source[info.fieldName];
          return typeof value === 'function' ? (value as (...given: unknown[]) => unknown)(args, context) : value;
        },
      });
    const cold = await query();
    expect(cold.errors).toBeUndefined();
    const { kingdoms } = cold.data?.['campaign'] as { kingdoms: { settlements: { structures: unknown[] }[] }[] };
    expect(kingdoms).toHaveLength(6);
    expect(kingdoms.flatMap(({ settlements }) => settlements).length).toBe(26);
    expect(kingdoms.flatMap(({ settlements }) => settlements.flatMap(({ structures }) => structures)).length).toBe(81);
    const from = (text: string): string | undefined => /from "\w+"\."(\w+)"/.exec(text)?.[1];
    expect(sql.reads.map(from)).toEqual(['campaigns', 'kingdoms', 'settlements', 'structures']);
    expect(sql.texts).toHaveLength(5);
    expect(await query()).toEqual(cold);
    expect(sql.texts).toHaveLength(5);
    await tide.change({ subjects: [tide.subject.type('structure')] });
    expect(await query()).toEqual(cold);
    expect(sql.texts.slice(5).map(from)).toEqual(['structures']);
    await tide.close();
  });
});
