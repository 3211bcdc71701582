import * as graphql17 from 'graphql';
import * as graphql16 from 'graphql-16';
import { expect, onTestFinished, test } from 'vitest';
import { subscriptionsOf, subscriptionsSdl } from '../../../src/hosts/graphql/index.js';
import { createTidemark } from '../../../src/index.js';
import { QUERY, type Tide, type Told, model } from './replica.js';

interface Result {
  readonly data?: Told | null;
  readonly errors?: readonly { readonly message: string }[];
}

// Types of the two versions are strangers to each other: what is called here is the same in both.
type GraphQL = typeof graphql17;

test.each([
  ['16', graphql16 as unknown as GraphQL],
  ['17', graphql17],
])('resolvers and schema serve a subscription of graphql %s', async (major, graphql) => {
  expect(graphql.version.split('.')[0]).toBe(major);
  const tide: Tide = createTidemark({ model, origin: { settlement: { byIds: () => [] } }, authorize: () => true });
  onTestFinished(() => tide.close());
  const schema = graphql.buildSchema(`type Query { ok: Boolean } ${subscriptionsSdl(model)}`);
  const resolvers = subscriptionsOf(model, { scopeOf: () => tide.scope({ principal: 'reader' }) });
  const fields = schema.getSubscriptionType()?.getFields() ?? {};
  for (const [name, field] of Object.entries(resolvers)) Object.assign(fields[name] ?? {}, field);

  const document = graphql.parse(QUERY);
  expect(graphql.validate(schema, document)).toEqual([]);
  const items = (await graphql.subscribe({ schema, document, variableValues: { id: 's1' } })) as AsyncGenerator<Result>;
  const next = async (): Promise<Told['settlementUpdated'] | undefined> => {
    const { value } = (await items.next()) as { value?: Result };
    expect(value?.errors).toBeUndefined();
    return value?.data?.settlementUpdated;
  };
  await next();
  const after = { id: 's1', name: 'Mora', version: 2 };
  await tide.change({ type: 'settlement', id: 's1', op: 'update', before: { ...after, name: '', version: 1 }, after });
  expect(await next()).toMatchObject({ kind: 'change', entityId: 's1', version: 2, fields: ['name', 'version'] });
  await items.return(undefined);
});
