import { expect, test } from 'vitest';
import { RULES, schema } from '../../examples/world/rules.js';
import { model } from '../../examples/world/model.js';
import { schemaOf } from '../../src/fields.js';
import { type FieldRule, ruleTable } from '../../src/index.js';
import { compileFields } from '../../src/rules/index.js';
import { startServer } from './server-setup.js';

interface Answered {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

async function serving(source = ruleTable(RULES)) {
  const server = await startServer({ rules: source });
  const post = async (path: string, body: object, token = 'cartographer'): Promise<Answered> => {
    const response = await fetch(`${server.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Answered['body'] };
  };
  const list = async (query = '') => {
    const response = await fetch(`${server.url}/rules${query}`);
    return { status: response.status, ...((await response.json()) as { readonly rules: readonly FieldRule[] }) };
  };
  return { server, post, list };
}
const HUB = RULES[0] as FieldRule;
const above = (people: number): FieldRule => ({
  ...HUB,
  version: 1,
  expression: { '>=': [{ var: 'settlement.population' }, people] },
});

test('what the engine can see is what the tide reads off the model', () => {
  const order = (given: typeof schema) => compileFields(RULES, given).order;
  expect(order(schema)).toEqual(order(schemaOf(model.topology)));
});

test('rules are listed, and what they say is asked for with a settlement', async () => {
  const { server, list } = await serving();
  expect((await list()).rules.map(({ field }) => field)).toEqual(['isTradeHub', 'standing', 'income']);
  const { data } = await server.query('{ settlement(id: "t0") { fields { isTradeHub standing income } } }');
  expect(data['settlement']?.['fields']).toEqual({ isTradeHub: false, standing: 'village', income: 1.3 });
});

test('one is tried: what is wrong with it, else what follows and how it comes about', async () => {
  const { post, server } = await serving();
  const wrong = await post('/rules/try', { rule: { ...HUB, expression: { sume: [] } }, settlement: 't0' });
  expect(wrong.body).toMatchObject({ problems: [{ code: 'RULE_OPERATOR', pointer: '' }] });
  const right = await post('/rules/try', { rule: above(1000), settlement: 't0' });
  expect(right.body).toMatchObject({ problems: [], affected: ['isTradeHub', 'income'], value: true, outcome: 'taken' });
  expect(right.body['trace']).toMatchObject({
    operator: '>=',
    value: 'true',
    children: [{ operator: 'var', value: '1000' }],
  });
  const nowhere = await post('/rules/try', { rule: above(1000) });
  expect(nowhere.body).toEqual({ problems: [], affected: ['isTradeHub', 'income'] });
  const { data } = await server.query('{ settlement(id: "t0") { fields { isTradeHub } } }');
  expect(data['settlement']?.['fields']).toEqual({ isTradeHub: false });
});

test('one is saved: how many settlements have another value, some of them, and what they are now', async () => {
  const { post, server, list } = await serving();
  const { body } = await post('/rules', { rule: above(999) });
  // t0, t1 and p have that many people.
  expect(body).toMatchObject({ changed: 3, of: 4, rule: { version: 2 } });
  expect(body['samples']).toContainEqual({ id: 't0', name: 'Town 0', field: 'isTradeHub', before: false, after: true });
  const { data } = await server.query('{ settlement(id: "t0") { fields { isTradeHub income } } }');
  expect(data['settlement']?.['fields']).toEqual({ isTradeHub: true, income: 1.2 * 1.3 });
  expect((await list()).rules).toContainEqual({ ...above(999), version: 2 });
});

test('a branch has rules of its own once they are saved there', async () => {
  const { post, server } = await serving();
  await post('/rules', { branch: 'open-skies', rule: above(0) });
  const hubIn = async (branch: string) =>
    (await server.query(`{ settlement(id: "t0", branch: "${branch}") { fields { isTradeHub } } }`)).data['settlement'];
  expect([await hubIn('open-skies'), await hubIn('main')]).toEqual([
    { fields: { isTradeHub: true } },
    { fields: { isTradeHub: false } },
  ]);
});

test.each([
  ['a visitor', { rule: above(1) }, 'visitor', 403],
  ['an older version', { rule: { ...above(1), version: 7 } }, 'cartographer', 409],
  ['a rule of something else', { rule: { ...above(1), entityType: 'kingdom' } }, 'cartographer', 400],
  ['no rule', {}, 'cartographer', 400],
  ['a branch that is none', { branch: 'nowhere', rule: above(1) }, 'cartographer', 404],
  ['one that cannot work', { rule: { ...above(1), expression: { sume: [] } } }, 'cartographer', 400],
])('%s is refused, and nothing is saved', async (_, body, token, status) => {
  const { post, list, server } = await serving();
  const refused = await post('/rules', body, token);
  expect([refused.status, typeof refused.body['error']]).toEqual([status, 'object']);
  expect((await list()).rules).toContainEqual({ ...HUB, version: 1 });
  expect(server.reported).toEqual([]);
});

test('where rules are not in a table they are shown and not saved', async () => {
  const { post, list } = await serving(RULES as never);
  expect((await list()).rules).toHaveLength(3);
  expect((await post('/rules', { rule: above(1) })).status).toBe(400);
});
