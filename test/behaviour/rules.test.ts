import { describe, expect, test } from 'vitest';
import {
  type FieldRule,
  type Receipt,
  type RuleSource,
  type RuleTable,
  createTidemark,
  defineModel,
  entity,
  memory,
  ruleTable,
} from '../../src/index.js';
import { fakeClock } from '../../src/testing/index.js';

interface Kingdom {
  readonly id: string;
  readonly tax: number;
}
interface Settlement {
  readonly id: string;
  readonly kingdomId: string;
  readonly level: number;
}

const model = defineModel({
  entities: {
    kingdom: entity<Kingdom>()({ computed: { wealth: 'number' } }),
    settlement: entity<Settlement>()({
      parents: { kingdom: 'kingdomId' },
      computed: { isTradeHub: 'boolean', income: 'number' },
    }),
  },
});
const branched = defineModel({
  entities: { ...model.entities },
  branches: { root: 'main', parentOf: (branch) => (branch === 'draft' ? 'main' : undefined) },
});

const rule = (id: string, expression: unknown, more: Partial<FieldRule> = {}): FieldRule => {
  const [entityType = '', field = ''] = id.split('.');
  return { id, entityType, entityId: null, field, expression, priority: 0, isActive: true, ...more };
};
const HUB = rule('settlement.isTradeHub', { '>=': [{ var: 'settlement.level' }, 3] });
const INCOME = rule('settlement.income', { '*': [{ var: 'settlement.level' }, { var: 'settlement.kingdom.tax' }] });
const WEALTH = rule('kingdom.wealth', {
  reduce: [{ var: 'kingdom.settlements' }, { '+': [{ var: 'accumulator' }, { var: 'current.income' }] }, 0],
});

const origin = {
  kingdom: { byIds: () => [{ id: 'k1', tax: 2 }] },
  settlement: {
    byIds: (ids: readonly string[]) => ids.map((id) => ({ id, kingdomId: 'k1', level: id === 's1' ? 3 : 1 })),
    childrenOf: { kingdom: () => [{ id: 's1', kingdomId: 'k1', level: 3 }] },
  },
};

function world(source: RuleSource, shared: object = {}) {
  const tide = createTidemark({ model, origin, rules: { source }, clock: fakeClock(), ...shared });
  return { tide, rules: tide.rules, s1: () => tide.computed('settlement', 's1') };
}

describe('tide.rules.save', () => {
  test('stores a rule with its version, and its fields follow at once', async () => {
    const { rules, s1 } = world(ruleTable());
    expect(await s1()).toEqual({ isTradeHub: null, income: null });
    const { rule: saved, receipt } = await rules.save(HUB);
    expect([saved.version, receipt.state]).toEqual([1, 'done']);
    expect(await s1()).toEqual({ isTradeHub: true, income: null });
    const again = await rules.save({ ...saved, expression: false });
    expect(again.rule.version).toBe(2);
    expect(await s1()).toEqual({ isTradeHub: false, income: null });
    expect(await rules.list()).toEqual([{ ...HUB, expression: false, version: 2 }]);
  });

  test('is heard of by other replicas, and its receipt leads there', async () => {
    const [table, shared] = [ruleTable(), memory()];
    const [a, b] = [world(table, shared), world(table, shared)];
    expect(await b.s1()).toMatchObject({ isTradeHub: null });
    const { receipt } = await a.rules.save(HUB);
    expect(await b.tide.computed('settlement', 's1', { after: receipt })).toMatchObject({ isTradeHub: true });
  });

  test('announces who saved it, after it is stored', async () => {
    const table = ruleTable();
    const { tide, rules } = world(table);
    const items = tide.subscribe(tide.subject.rules('settlement', 'all'));
    const { receipt } = await rules.save(HUB, { by: 'ada' });
    expect((await items.next()).value).toMatchObject({ changeId: receipt.changeId, modifiedBy: 'ada', op: 'bulk' });
    await items.return?.();
  });

  test.each([
    ['one that somebody has saved since', { version: 1 }, 'expected version 1 to be there, got version 2'],
    ['one that is taken for new', { version: undefined }, 'expected none of that id to be there, got version 2'],
    ['one that is gone', { id: 'gone', version: 4 }, 'expected version 4 to be there, got none'],
  ])('refuses %s', async (_, change, message) => {
    const table = ruleTable([{ ...HUB, version: 2 }]);
    const { rules } = world(table);
    await expect(rules.save({ ...HUB, ...change })).rejects.toMatchObject({
      code: 'RULE_CONFLICT',
      message: expect.stringContaining(message) as string,
    });
    expect(await rules.list()).toEqual([{ ...HUB, version: 2 }]);
  });

  test('of two at once that saw the same version lets one pass', async () => {
    const { rules } = world(ruleTable());
    const both = await Promise.allSettled([rules.save(HUB), rules.save({ ...HUB, expression: true })]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await rules.list()).toHaveLength(1);
  });

  test.each([
    ['an operator that does not exist', { expression: { explode: [] } }, 'RULE_OPERATOR'],
    ['a field that the model does not have', { field: 'age' }, 'INVALID_RULE'],
    ['a type that it does not have', { entityType: 'planet' }, 'UNKNOWN_TYPE'],
    ['a value of another kind', { expression: 'yes' }, 'RULE_KIND'],
  ])('refuses %s, and stores nothing', async (_, change, code) => {
    const { tide, rules } = world(ruleTable());
    const changes: unknown[] = [];
    tide.on('change', (event) => changes.push(event));
    await expect(rules.save({ ...HUB, ...change })).rejects.toMatchObject({ code });
    expect([await rules.list(), changes]).toEqual([[], []]);
  });

  test('refuses a circle with its whole path, through other types too', async () => {
    const { rules } = world(ruleTable([WEALTH]));
    await expect(rules.save(rule('settlement.income', { var: 'settlement.kingdom.wealth' }))).rejects.toMatchObject({
      code: 'RULE_CYCLE',
      message:
        'rules: fields read each other in a circle: kingdom.wealth → kingdom.settlements.*.income → settlement.kingdom.wealth.',
    });
    expect(await rules.list()).toHaveLength(1);
  });

  test('does not refuse what is right because others are not', async () => {
    const broken = rule('broken', { explode: [] }, { entityType: 'kingdom', field: 'wealth' });
    const circle = [
      WEALTH,
      rule('settlement.income', { var: 'settlement.kingdom.wealth' }),
      { ...broken, isActive: false },
    ];
    const { rules } = world(ruleTable(circle));
    await rules.save(HUB);
    expect(await rules.list()).toHaveLength(4);
  });

  test('of two at once that close a circle only together takes at least one back, and whoever read it reads anew', async () => {
    const inner = ruleTable();
    const halves = [WEALTH, rule('settlement.income', { var: 'settlement.kingdom.wealth' })];
    // Both have been checked before either is stored.
    let arrived = 0;
    let go = (): void => {};
    const bothHere = new Promise<void>((resolve) => (go = resolve));
    const table: RuleTable = {
      list: (where) => inner.list(where),
      replace: async (...row) => {
        if (++arrived === 2) go();
        await bothHere;
        return inner.replace(...row);
      },
    };
    const { tide, rules, s1 } = world(table);
    const both = await Promise.allSettled(halves.map((half) => rules.save(half)));
    const refused = both.filter((one): one is PromiseRejectedResult => one.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    for (const { reason } of refused) expect(reason).toMatchObject({ code: 'RULE_CYCLE' });
    expect(await rules.list()).toHaveLength(2 - refused.length);
    await expect(s1()).resolves.toMatchObject({ income: null });
    await expect(tide.computed('kingdom', 'k1')).resolves.toBeDefined();
  });

  test('announces a rule that is stored although the table fails right after', async () => {
    const inner = ruleTable([{ ...HUB, version: 1 }]);
    let lists = 0;
    let failing = Infinity;
    const table: RuleTable = {
      list: (where) => {
        if (++lists > failing) throw new Error('the table is away');
        return inner.list(where);
      },
      replace: (...row) => inner.replace(...row),
    };
    const { rules, s1 } = world(table);
    expect(await s1()).toMatchObject({ isTradeHub: true });
    failing = lists + 1; // the look before it is stored
    await expect(rules.save({ ...HUB, version: 1, expression: false })).rejects.toThrow('the table is away');
    failing = Infinity;
    expect(await s1()).toMatchObject({ isTradeHub: false });
  });

  test('refuses everything once the tide is closed, before anything is stored', async () => {
    const table = ruleTable([HUB]);
    const { tide, rules } = world(table);
    await tide.close();
    const verbs = [
      () => rules.save(INCOME),
      () => rules.remove(HUB.id),
      () => rules.list(),
      () => rules.check(INCOME),
      () => rules.affected(INCOME),
      () => rules.explain('settlement', 's1', 'income'),
    ];
    for (const verb of verbs) await expect(verb()).rejects.toMatchObject({ code: 'CLOSED' });
    expect(table.list({ scope: 'all', branch: 'main' })).toMatchObject([{ id: HUB.id }]);
  });

  test('says so where rules come from elsewhere', async () => {
    for (const source of [[HUB], () => [HUB]]) {
      const { rules } = world(source);
      for (const doing of [rules.save(INCOME), rules.remove(HUB.id)])
        await expect(doing).rejects.toMatchObject({ code: 'INVALID_OPTION' });
      expect(await rules.list()).toEqual([HUB]);
    }
  });

  test('that cannot be announced is stored all the same, and the receipt says that it waits', async () => {
    const shared = memory();
    let down = false;
    const bump: typeof shared.marks.bump = (...call) =>
      down ? Promise.reject(new Error('refused')) : shared.marks.bump(...call);
    const { rules, s1 } = world(ruleTable(), { ...shared, marks: { ...shared.marks, bump } });
    await s1();
    down = true;
    const { receipt } = await rules.save(HUB);
    expect(receipt.state).toBe('queued');
    expect(await s1()).toMatchObject({ isTradeHub: true });
  });
});

describe('tide.rules.remove', () => {
  test('takes a rule away, and its fields follow', async () => {
    const { rules, s1 } = world(ruleTable([HUB]));
    expect(await s1()).toMatchObject({ isTradeHub: true });
    const removed: { readonly receipt: Receipt } = await rules.remove(HUB.id);
    expect(removed.receipt.state).toBe('done');
    expect(await s1()).toMatchObject({ isTradeHub: null });
    expect(await rules.list()).toEqual([]);
  });

  test('refuses one that is not there, and one that is not the one seen', async () => {
    const { rules } = world(ruleTable([{ ...HUB, version: 2 }]));
    await expect(rules.remove('nobody')).rejects.toMatchObject({ code: 'INVALID_RULE' });
    await expect(rules.remove(HUB.id, { version: 1 })).rejects.toMatchObject({ code: 'RULE_CONFLICT' });
    expect(await rules.list()).toHaveLength(1);
    await rules.remove(HUB.id, { version: 2 });
  });
});

describe('rules in branches', () => {
  const draft = { branch: 'draft' } as const;
  const inBranches = () => {
    const tide = createTidemark({ model: branched, origin, rules: { source: ruleTable([HUB]) } });
    const hubIn = async (branch: string) => (await tide.computed('settlement', 's1', { branch }))?.isTradeHub;
    return { tide, hubIn };
  };

  test('are inherited until a branch has its own of that id', async () => {
    const { tide, hubIn } = inBranches();
    expect(await hubIn('draft')).toBe(true);
    const [inherited] = await tide.rules.list(draft);
    const { rule: own } = await tide.rules.save({ ...(inherited as FieldRule), expression: false }, draft);
    expect(own.version).toBe(2);
    expect([await hubIn('draft'), await hubIn('main')]).toEqual([false, true]);
    await tide.rules.save(
      { ...HUB, version: 1, expression: { '>': [{ var: 'settlement.level' }, 2] } },
      { branch: 'main' },
    );
    expect([await hubIn('draft'), await hubIn('main')]).toEqual([false, true]);
    await tide.rules.remove(HUB.id, draft);
    expect(await hubIn('draft')).toBe(true);
  });

  test('that are inherited are switched off, not removed', async () => {
    const { tide, hubIn } = inBranches();
    await expect(tide.rules.remove(HUB.id, draft)).rejects.toMatchObject({
      code: 'INVALID_RULE',
      message: expect.stringContaining("inherits it from 'main': save it with isActive: false") as string,
    });
    await tide.rules.save({ ...HUB, version: 1, isActive: false }, draft);
    expect([await hubIn('draft'), await hubIn('main')]).toEqual([null, true]);
  });

  test('of another scope are others', async () => {
    const table = ruleTable();
    const { rules } = world(table);
    await rules.save(HUB, { scope: 'c1' });
    expect(await rules.list({ scope: 'c1' })).toHaveLength(1);
    expect(await rules.list()).toEqual([]);
    await rules.save(HUB, { scope: 'c2' });
  });
});

describe('tide.rules.check', () => {
  test('says what would be refused, and where, and throws for no rule', async () => {
    const { rules } = world([HUB, WEALTH]);
    expect(await rules.check(INCOME)).toEqual([]);
    const wrong: unknown[] = [
      rule('settlement.income', { and: [true, { explode: [] }] }),
      rule('x', 1, { entityType: 'planet' }),
      rule('settlement.isTradeHub', { '+': [1, 2] }),
      { id: 7 },
      null,
    ];
    for (const one of wrong)
      expect((await rules.check(one as FieldRule)).length, JSON.stringify(one)).toBeGreaterThan(0);
    expect(await rules.check(wrong[0] as FieldRule)).toMatchObject([
      { rule: 'settlement.income', pointer: '/and/1', code: 'RULE_OPERATOR' },
    ]);
  });

  test('takes several at once: what is wrong with each, and a circle that they close together', async () => {
    const { rules } = world([]);
    const circle = rule('settlement.income', { var: 'settlement.kingdom.wealth' });
    const problems = await rules.check([WEALTH, circle, { ...HUB, expression: 'yes' }]);
    expect(problems.map((problem) => `${problem.rule} ${problem.code}`).sort()).toEqual([
      'kingdom.wealth RULE_CYCLE',
      'settlement.income RULE_CYCLE',
      'settlement.isTradeHub RULE_KIND',
    ]);
  });
});

describe('tide.rules.graph', () => {
  test('has each field after those that it reads, with the rules for it and what they read', async () => {
    const { rules } = world([WEALTH, INCOME]);
    const graph = await rules.graph();
    expect(graph.map(({ field }) => field).filter((field) => /income|wealth/.test(field))).toEqual([
      'settlement.income',
      'kingdom.wealth',
    ]);
    const wealth = graph.find(({ field }) => field === 'kingdom.wealth');
    expect(wealth).toMatchObject({ kind: 'number', rules: [WEALTH.id] });
    expect(wealth?.reads).toContainEqual(
      expect.objectContaining({ type: 'settlement', of: 'computed', field: 'settlement.income' }),
    );
  });
});

describe('tide.rules.affected', () => {
  test('names the fields that may differ, in order, and the way to their entities', async () => {
    const { rules } = world([INCOME, WEALTH]);
    expect(await rules.affected({ ...INCOME, expression: 1 })).toEqual([
      { type: 'settlement', field: 'income', back: [] },
      { type: 'kingdom', field: 'wealth', back: [{ type: 'kingdom', to: 'parents', link: 'kingdom' }] },
    ]);
    expect(await rules.affected(HUB)).toEqual([{ type: 'settlement', field: 'isTradeHub', back: [] }]);
  });

  test('refuses what could not be saved', async () => {
    const { rules } = world([]);
    await expect(rules.affected(rule('settlement.income', { explode: [] }))).rejects.toMatchObject({
      code: 'RULE_OPERATOR',
    });
  });
});

describe('tide.rules.explain', () => {
  test('says which rule gave a value, which did not, and how', async () => {
    const own = rule('own', { '/': [1, 0] }, { entityType: 'settlement', field: 'income', entityId: 's1' });
    const { rules } = world([INCOME, own]);
    const explained = await rules.explain('settlement', 's1', 'income');
    expect(explained).toMatchObject({ value: 6, by: 'settlement.income' });
    expect(explained?.candidates.map(({ rule: { id }, outcome }) => `${id} ${outcome}`)).toEqual([
      'own failed',
      'settlement.income taken',
    ]);
    expect(explained?.trace?.root).toMatchObject({ operator: '*', value: 6 });
    expect(await rules.explain('settlement', 's2', 'income')).toMatchObject({ value: 2 });
  });

  test('reads what the value reads, and is as new as is asked', async () => {
    const table = ruleTable([INCOME]);
    const { rules } = world(table);
    expect(await rules.explain('settlement', 's1', 'income')).toMatchObject({ value: 6 });
    const { receipt } = await rules.save({ ...INCOME, version: 1, expression: 1 });
    expect(await rules.explain('settlement', 's1', 'income', { after: receipt })).toMatchObject({ value: 1 });
  });

  test('tries a rule that is not saved, with whatever that looks at', async () => {
    const { rules, s1 } = world([HUB]);
    expect(await rules.explain('settlement', 's1', 'income', { draft: INCOME })).toMatchObject({ value: 6 });
    expect(await s1()).toMatchObject({ income: null });
    const draft = rule('settlement.income', { explode: [] });
    await expect(rules.explain('settlement', 's1', 'income', { draft })).rejects.toMatchObject({
      code: 'RULE_OPERATOR',
    });
  });

  test('of an entity that is not there is null, of a field that is not an error', async () => {
    const gone = createTidemark({
      model,
      origin: { ...origin, settlement: { byIds: () => [] } },
      rules: { source: [INCOME] },
    });
    expect(await gone.rules.explain('settlement', 'none', 'income')).toBeNull();
    const { rules } = world([INCOME]);
    await expect(rules.explain('settlement', 's1', 'age' as never)).rejects.toMatchObject({ code: 'INVALID_RULE' });
  });
});
