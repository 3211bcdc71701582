import { describe, expect, test } from 'vitest';
import { redis } from '../../../src/adapters/redis/index.js';
import type { RulesCall } from '../../../src/hosts/grpc/index.js';
import { type Marks, type TideOptions, memory } from '../../../src/index.js';
import { fakeClock } from '../../../src/testing/index.js';
import { clientsOf, describeOwn, ownServer } from '../../services/own.js';
import { clientOf, database, replica, rule, served, type model } from './world.js';

type Shared = Partial<TideOptions<typeof model>>;

/** Two services over one database and shared marks, and a client of each. */
async function pair(shared: () => Shared) {
  const db = database();
  const replicas = [replica(db, shared()), replica(db, shared())] as const;
  const servers = [await served(replicas[0]), await served(replicas[1])] as const;
  const clients = [clientOf([servers[0].port]), clientOf([servers[1].port])] as const;
  return { db, replicas, servers, clients };
}

const INCOME = { type: 'settlement', id: 's1', field: 'income' };
const ROUNDS = process.env['TIDEMARK_LONG'] === undefined ? 50 : 2000;

/** What one replica announces the other one knows: whoever asks with the receipt gets nothing older. */
function coherent(shared: () => Promise<() => Shared>): void {
  test('no answer is from older rules than the receipt that it was asked with, on any replica', async () => {
    const { db, replicas, clients } = await pair(await shared());
    for (const client of clients) expect(await client.evaluateCondition(INCOME)).toMatchObject({ value: 120 });
    for (let round = 1; round <= ROUNDS; round++) {
      db.rules.set('settlement.income', rule('settlement.income', round));
      const [announces] = round % 2 === 0 ? replicas : [replicas[1]];
      const { tide } = announces;
      const after = await tide.change({ subjects: [tide.subject.rules('settlement', 'all')] });
      const answers = clients.map((client) => client.evaluateCondition(INCOME, { after }));
      for (const answer of answers) expect(await answer).toMatchObject({ value: round });
    }
  });

  test('nor from older rows', async () => {
    const { db, replicas, clients } = await pair(await shared());
    for (let level = 1; level <= ROUNDS; level++) {
      const before = db.settlements.get('s1') ?? expect.fail();
      const after = { ...before, level };
      db.settlements.set('s1', after);
      const { tide } = replicas[(level % 2) as 0 | 1];
      const receipt = await tide.change({ type: 'settlement', id: 's1', op: 'update', before, after });
      const batch = [{ ...INCOME }, { type: 'kingdom', id: 'k1', field: 'wealth' }];
      for (const client of clients) {
        const { results } = await client.evaluateConditions(batch, { after: receipt, order: 'dependencies' });
        expect(results.map((one) => 'value' in one && one.value)).toEqual([level * 10, level * 10 + 30]);
      }
    }
  });

  test('an invalidation over one service reaches the other, and its order and validation too', async () => {
    const { db, clients } = await pair(await shared());
    const [one, other] = clients;
    await Promise.all(clients.map((client) => client.getEvaluationOrder()));
    db.rules.set('settlement.income', rule('settlement.income', { var: 'settlement.kingdom.wealth' }));
    const { receipt: after } = await one.invalidateCache();
    expect(await other.validateDependencies({ after })).toMatchObject({ valid: false });
    await expect(other.getEvaluationOrder({ after })).rejects.toMatchObject({ code: 'RULE_CYCLE' });
    await expect(other.evaluateCondition(INCOME, { after })).rejects.toMatchObject({ code: 'RULE_CYCLE' });
    db.rules.set('settlement.income', rule('settlement.income', 7));
    const { receipt } = await other.invalidateCache({ types: ['settlement'] });
    expect(await one.getEvaluationOrder({ after: receipt })).toMatchObject({ total: 5 });
    expect(await one.evaluateCondition(INCOME, { after: receipt })).toMatchObject({ value: 7 });
  });
}

describe('services over one memory()', () => {
  coherent(async () => {
    const shared = memory();
    return () => shared;
  });

  test('hear of a change without a receipt as well', async () => {
    const shared = memory();
    const { db, clients } = await pair(() => shared);
    for (const client of clients) await client.evaluateCondition(INCOME);
    db.rules.set('settlement.income', rule('settlement.income', 7));
    await clients[0].invalidateCache();
    for (const client of clients) expect(await client.evaluateCondition(INCOME)).toMatchObject({ value: 7 });
  });
});

/** Marks whose announcements do not arrive: what is asked for is answered, what was changed elsewhere is not heard of. */
function deaf(marks: Marks): Marks {
  return {
    partitions: marks.partitions,
    read: (...args) => marks.read(...args),
    bump: (...args) => marks.bump(...args),
    heads: () => marks.heads(),
    newEpoch: (...args) => marks.newEpoch(...args),
    watch: () => marks.watch({ onBump: () => {}, onGap: () => {} }),
    close: () => marks.close(),
  };
}

test('a service that has not heard of a change yet answers with it where the receipt is given', async () => {
  const { marks } = memory();
  const clock = fakeClock(); // stands still, so that no head check tells
  let hears = true;
  const { db, replicas, clients } = await pair(() => {
    const shared = { clock, marks: hears ? marks : deaf(marks) };
    hears = false;
    return shared;
  });
  const [, client] = clients;
  const batch = [{ ...INCOME }];
  const incomeIn = async (call: RulesCall) => [
    (await client.evaluateCondition(INCOME, call)).value,
    (await client.evaluateConditions(batch, call)).results.map((one) => 'value' in one && one.value),
    (await client.validateDependencies(call)).valid,
    await client.getEvaluationOrder(call).then(
      ({ total }) => total,
      () => 'a circle',
    ),
  ];
  expect(await incomeIn({})).toEqual([120, [120], true, 5]);
  const { tide } = replicas[0];
  const change = async (income: unknown) => {
    db.rules.set('settlement.income', rule('settlement.income', income));
    return tide.change({ subjects: [tide.subject.rules('settlement', 'all')] });
  };
  const after = await change(7);
  expect(await incomeIn({})).toEqual([120, [120], true, 5]); // it has not heard
  expect(await incomeIn({ after })).toEqual([7, [7], true, 5]);
  const circle = await change({ var: 'settlement.isTradeHub' });
  db.rules.set('settlement.isTradeHub', rule('settlement.isTradeHub', { var: 'settlement.income' }));
  const call = { after: String(circle) };
  expect(await client.validateDependencies(call)).toMatchObject({ valid: false });
  await expect(client.getEvaluationOrder(call)).rejects.toMatchObject({ code: 'RULE_CYCLE' });
});

describeOwn('services over one Redis', () => {
  coherent(async () => {
    const server = await ownServer();
    return () => redis({ ...clientsOf(server), prefix: 'rules:' });
  });
});
