import * as graphql17 from 'graphql';
import * as graphql16 from 'graphql-16';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  cacheReports,
  clientError,
  computedFields,
  formatError,
  scopeContext,
  tidemarkSchema,
} from '../../../src/hosts/graphql/index.js';
import { TidemarkError, memory } from '../../../src/index.js';
import { type App, type Context, type User, app, joined, model } from './app.js';

// Types of the two versions are strangers to each other: what is called here is the same in both.
type GraphQL = typeof graphql17;
interface Answer {
  readonly data?: Record<string, never> | null;
  readonly errors?: readonly graphql17.GraphQLError[];
}

const ADMIN: User = { name: 'ada', role: 'admin' };

describe.each([
  ['16', graphql16 as unknown as GraphQL],
  ['17', graphql17],
])('under graphql %s', (major, graphql) => {
  test('is what is tested', () => {
    expect(graphql.version.split('.')[0]).toBe(major);
  });

  function executable(typeDefs: readonly string[], resolvers: Record<string, Record<string, object>>) {
    const schema = graphql.buildSchema(typeDefs.join('\n'));
    for (const [type, fields] of Object.entries(resolvers)) {
      const known = (schema.getType(type) as graphql17.GraphQLObjectType).getFields();
      for (const [name, resolve] of Object.entries(fields)) {
        const field = known[name];
        if (field === undefined) throw new Error(`${type}.${name} is in no type definition`);
        Object.assign(field, typeof resolve === 'function' ? { resolve } : resolve);
      }
    }
    return schema;
  }

  /** Answers queries of one replica as a server does, with a scope for each. */
  function serve(one: App) {
    const { tide, typeDefs, resolvers, tidemark } = one;
    onTestFinished(() => tide.close());
    const schema = executable([typeDefs, tidemark.typeDefs], joined({ resolvers }, tidemark));
    return async (source: string, user = ADMIN): Promise<Answer> => {
      const scope = tide.scope({ principal: user });
      const contextValue: Context = { scope, loaders: scope.loaders };
      return (await graphql.graphql({ schema, source, contextValue })) as Answer;
    };
  }

  const STATS = `hits misses hitRate sets deletes loads joined tier2Hits doomed patternDeletes originCalls changes startTime enabled
    byType { type hits misses } tier1 { entries bytes marks }`;

  test('nested fields cost the origin one call for each step, however many entities there are', async () => {
    const one = app();
    const ask = serve(one);
    const { data, errors } = await ask(`{ kingdoms { name settlements { name kingdom { id }
      structures { id settlement { name } computedFields { cost } } computedFields { isTradeHub income title facts } } } }`);
    expect(errors).toBeUndefined();
    const [first] = data?.['kingdoms'] as unknown as {
      settlements: { structures: object[]; computedFields: object }[];
    }[];
    expect(first?.settlements.map(({ structures }) => structures.length)).toEqual([2, 2, 2]);
    expect(first?.settlements[2]?.computedFields).toEqual({
      ...{ isTradeHub: true, income: 4e9, title: null },
      facts: [1, 'town 4'],
    });
    // One of each: 6 settlements and 12 structures are asked for together, and nothing twice.
    expect(one.db.calls.map(({ type, kind, ids }) => `${String(ids.length)} ${type} ${kind}`)).toEqual([
      '2 kingdom byIds',
      '2 settlement childrenOf',
      '6 structure childrenOf',
      '6 settlement byIds',
      '12 structure byIds',
    ]);
  });

  test('counts are what they are: zero is no null, and above 2^31 they go on', async () => {
    const { tide } = app();
    const huge = { ...tide.stats(), hits: 2 ** 40, byType: { 'a b': { ...tide.stats(), hits: 2 ** 33 } } };
    const piece = cacheReports({ stats: (() => huge) as never, health: tide.health }, { authorize: () => true });
    const schema = executable(['type Query { ok: Boolean }', piece.typeDefs], joined(piece));
    const source = `{ cacheStats { ${STATS} replicas { id } unreachable } }`;
    const { data, errors } = (await graphql.graphql({ schema, source })) as Answer;
    expect(errors).toBeUndefined();
    expect(data?.['cacheStats']).toMatchObject({
      ...{
        hits: 2 ** 40,
        misses: 0,
        hitRate: 0,
        sets: 0,
        changes: 0,
        enabled: true,
        replicas: null,
        unreachable: null,
      },
      startTime: tide.stats().startTime.toISOString(),
      byType: [{ type: 'a b', hits: 2 ** 33, misses: 0 }],
      tier1: { entries: 0, bytes: 0 },
    });
    await tide.close();
  });

  test('statistics are of this replica, or of all', async () => {
    const shared = memory();
    const [here, there] = [app(shared), app(shared)];
    const [ask, elsewhere] = [serve(here), serve(there)];
    await elsewhere('{ kingdoms { name } }');
    const own = await ask(`{ cacheStats { ${STATS} } }`);
    expect(own.data?.['cacheStats']).toMatchObject({ misses: 0, originCalls: 0, byType: [] });
    await here.tide.ready();
    const { data, errors } = await ask(
      `{ cacheStats(merged: true) { ${STATS} unreachable replicas { id own version startTime unconfirmedMs health { status } stats { ${STATS} } } } }`,
    );
    expect(errors).toBeUndefined();
    expect(data?.['cacheStats']).toMatchObject({
      ...{ misses: 2, originCalls: 1, unreachable: null, byType: [{ type: 'kingdom', misses: 2 }] },
      replicas: [
        { own: true, health: null, stats: { misses: 0 } },
        { own: false, version: '0.1.0', health: null, stats: { misses: 2, byType: [{ type: 'kingdom' }] } },
      ],
    });
  });

  test('health is of this replica, or of all', async () => {
    const shared = memory();
    const [here, there] = [app(shared), app(shared)];
    const ask = serve(here);
    const HEALTH = `status issues thresholds { minHitRate maxMemory maxLatency }
      metrics { hitRate redisPingMs memoryUsageMB keyCountByType { type count } outbox { waiting } }`;
    await Promise.all([here.tide.ready(), there.tide.ready()]);
    const own = await ask(`{ cacheHealth { ${HEALTH} replicas { id } } }`);
    expect(own).toMatchObject({
      data: {
        cacheHealth: {
          ...{ status: 'up', issues: [], replicas: null },
          thresholds: { minHitRate: 0.5, maxMemory: 512, maxLatency: 50 },
          metrics: { hitRate: null, redisPingMs: 0, keyCountByType: [], outbox: null },
        },
      },
    });
    const all = await ask(
      `{ cacheHealth(merged: true) { ${HEALTH} unreachable replicas { own stats { hits } health { ${HEALTH} } } } }`,
    );
    expect(all.errors).toBeUndefined();
    expect(all.data?.['cacheHealth']).toMatchObject({
      ...{ status: 'up', unreachable: null },
      replicas: [
        { own: true, health: { status: 'up' } },
        { own: false, stats: { hits: 0 }, health: { status: 'up' } },
      ],
    });
    await there.tide.close();
  });

  test('who may not see reports is refused, and nothing is counted or asked for them', async () => {
    const ask = serve(app());
    for (const field of ['cacheStats { hits }', 'cacheHealth(merged: true) { status }']) {
      const { data, errors } = await ask(`{ ${field} }`, { name: 'bob', role: 'member' });
      expect(data).toBeNull();
      expect(errors?.map(({ message, originalError }) => [message, (originalError as { code?: string }).code])).toEqual(
        [[expect.stringMatching(/^cache\w+: it is not allowed to whoever asks\.$/), 'UNAUTHORIZED']],
      );
    }
    const { tide } = app();
    for (const answer of [undefined, null, 1, {}] as unknown as boolean[]) {
      const { resolvers } = cacheReports(tide, { authorize: () => answer });
      await expect(resolvers.Query.cacheStats(null, {}, null)).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
    }
  });

  test('computed fields are to be had by type and id, of who may, and of no type without any', async () => {
    const ask = serve(app());
    const { data } = await ask(`{
      town: computedFields(type: "settlement", id: "s3") mill: computedFields(type: "structure", id: "5")
      none: computedFields(type: "settlement", id: "s99") }`);
    expect(data).toEqual({
      town: { isTradeHub: true, income: 3e9, title: null, facts: [1, 'town 3'] },
      ...{ mill: { cost: 7 }, none: null },
    });
    const refused = await ask('{ computedFields(type: "settlement", id: "s3") }', { name: 'eve', role: 'stranger' });
    expect(refused.errors?.[0]?.originalError).toMatchObject({ code: 'UNAUTHORIZED' });
    for (const type of ['kingdom', '__proto__', '']) {
      const unknown = await ask(`{ computedFields(type: "${type}", id: "k0") }`);
      expect(unknown.errors?.[0]?.originalError).toMatchObject({ code: 'UNKNOWN_TYPE' });
    }
  });

  test('a date that comes from the shared store is the date that it was', async () => {
    const shared = memory();
    const [here, there] = [app(shared), app(shared)];
    const [first, second] = [serve(here), serve(there)];
    const query = '{ settlement(id: "s1") { foundedAt } }';
    const answers = [await first(query)];
    await new Promise((resolve) => setImmediate(resolve));
    answers.push(await second(query), await second(query));
    for (const answer of answers)
      expect(answer).toEqual({ data: { settlement: { foundedAt: '2020-02-03T04:05:06.007Z' } } });
    expect(there.tide.stats()).toMatchObject({ tier2Hits: 1, originCalls: 0 });
  });

  test('pieces fit a schema that has a Subscription, types of other names, and a choice of types', () => {
    const { tide } = app();
    const piece = tidemarkSchema(tide, {
      ...{ authorizeReports: () => true, authorizeComputed: () => true },
      types: ['settlement'],
      names: { settlement: 'Town' },
      subscription: 'extend',
    });
    const own = 'type Query { ok: Boolean } type Subscription { tick: Int } type Town { id: ID! }';
    const schema = executable([own, piece.typeDefs], joined(piece));
    expect(Object.keys(piece.resolvers.Subscription)).toEqual(['settlementUpdated']);
    expect(graphql.printSchema(schema)).toMatch(/type Town \{\n {2}id: ID!\n[^}]*computedFields: TownComputed\n\}/);
  });
});

test('types that the model does not have are refused', () => {
  const options = { scopeOf: () => ({}) as never, authorize: () => true, types: ['city' as 'settlement'] };
  expect(() => computedFields(model, options)).toThrow(/types: expected types of the model, got 'city'/);
});

describe('options that cannot work', () => {
  const { tide } = app();
  const whole = { authorizeReports: () => true, authorizeComputed: () => true };

  test('are refused where they are given: unknown names, and no say in who may see what', () => {
    expect(() => tidemarkSchema(tide, { ...whole, authorise: 1 } as typeof whole)).toThrow(
      /^tidemarkSchema: expected .*got 'authorise'/,
    );
    // @ts-expect-error: who may see reports must be said.
    expect(() => tidemarkSchema(tide, { authorizeComputed: () => true })).toThrow(
      'tidemarkSchema: authorizeReports: expected a function, got undefined.',
    );
    // @ts-expect-error: and who may see computed fields.
    expect(() => tidemarkSchema(tide, { authorizeReports: () => true })).toThrow(
      'authorizeComputed: expected a function',
    );
    // @ts-expect-error: also of each part by itself.
    expect(() => cacheReports(tide, {})).toThrow('cacheReports: authorize: expected a function, got undefined.');
    expect(() => cacheReports(tide, { authorize: () => true, waitMs: 0 })).toThrow(/^waitMs: expected a whole number/);
    expect(() => cacheReports(tide, null as never)).toThrow('cacheReports: expected an object, got null.');
    // @ts-expect-error: likewise.
    expect(() => computedFields(model, { scopeOf: () => tide.scope() })).toThrow('computedFields: authorize: expected');
  });

  test('of a scope: who asks must be said', () => {
    // @ts-expect-error: a scope without a principal is trusted code.
    scopeContext(tide, () => ({ after: 'x' }));
    expect(scopeContext(tide, () => ({ principal: { name: 'ada', role: 'admin' } }))).toBeTypeOf('function');
  });
});

describe('an error as a client sees it', () => {
  const located = (original: Error): graphql17.GraphQLError =>
    new graphql17.GraphQLError(original.message, { originalError: original, path: ['a', 1] });

  test('has the code of ours, wherever it lies in errors of GraphQL, and the message if that is the client’s', () => {
    const ours = new TidemarkError('BLANK_ID', 'settlement: expected an id, got a blank one.');
    for (const error of [located(ours), located(located(ours))]) {
      expect(clientError(error).toJSON()).toEqual({
        ...{ message: ours.message, path: ['a', 1] },
        extensions: { code: 'BLANK_ID' },
      });
      expect(clientError(error).originalError).toBeUndefined();
    }
    const failed = new TidemarkError('ORIGIN_FAILED', 'settlement.byIds: password=hunter2');
    expect(clientError(located(failed)).toJSON()).toMatchObject({
      ...{ message: 'The server could not do this.', extensions: { code: 'ORIGIN_FAILED' } },
    });
    expect(formatError({ message: 'x', extensions: { stacktrace: ['hunter2'] } }, located(failed))).toEqual({
      ...{ message: 'The server could not do this.', extensions: { code: 'ORIGIN_FAILED' } },
    });
  });

  test('of anybody else is left as it is', () => {
    for (const error of [located(new Error('theirs')), new graphql17.GraphQLError('a'), new Error('b')])
      expect(clientError(error)).toBe(error);
    const formatted = { message: 'a' };
    for (const error of [null, undefined, 'x', new Error('b')]) expect(formatError(formatted, error)).toBe(formatted);
  });
});
