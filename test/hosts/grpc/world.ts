import { onTestFinished } from 'vitest';
import {
  type RulesEngine,
  type ServeRulesOptions,
  type RemoteRulesOptions,
  localRules,
  remoteRules,
  serveRules,
} from '../../../src/hosts/grpc/index.js';
import { type TideOptions, createTidemark, defineModel, entity } from '../../../src/index.js';
import type { FieldRule } from '../../../src/rules/index.js';

/** A small world with rules, in as many replicas as a test wants. */

export interface Settlement {
  readonly id: string;
  readonly kingdomId: string;
  readonly level: number;
}

export const model = defineModel({
  entities: {
    kingdom: entity<{ id: string; tax: number }>()({ computed: { wealth: 'number' } }),
    settlement: entity<Settlement>()({
      parents: { kingdom: 'kingdomId' },
      computed: { income: 'number', isTradeHub: 'boolean', report: 'json' },
    }),
    structure: entity<{ id: number; settlementId: string }>()({
      parseId: Number,
      parents: { settlement: 'settlementId' },
      computed: { worth: 'number' },
    }),
  },
});
type Model = typeof model;

export const rule = (place: string, expression: unknown, more: Partial<FieldRule> = {}): FieldRule => {
  const [entityType, field] = place.split('.') as [string, string];
  return { id: place, entityType, entityId: null, field, expression, priority: 0, isActive: true, ...more };
};
export const RULES: readonly FieldRule[] = [
  rule('settlement.isTradeHub', { '>=': [{ var: 'settlement.income' }, 100] }),
  rule('settlement.income', { '*': [{ var: 'settlement.level' }, { var: 'settlement.kingdom.tax' }] }),
  rule('kingdom.wealth', {
    reduce: [{ var: 'kingdom.settlements' }, { '+': [{ var: 'accumulator' }, { var: 'current.income' }] }, 0],
  }),
  rule('structure.worth', { '+': [{ var: 'structure.id' }, 1] }),
];

/** What all replicas of a world read: the database. */
export function database() {
  const settlements = new Map<string, Settlement>([
    ['s1', { id: 's1', kingdomId: 'k1', level: 12 }],
    ['s2', { id: 's2', kingdomId: 'k1', level: 3 }],
  ]);
  const rules = new Map(RULES.map((one) => [one.id, one]));
  const state: { down: Error | null; gate: Promise<unknown> | null } = { down: null, gate: null };
  const answer = async <T>(rows: T): Promise<T> => {
    await state.gate;
    if (state.down !== null) throw state.down;
    return rows;
  };
  const options = {
    model,
    origin: {
      kingdom: { byIds: (ids) => answer(ids.map((id) => ({ id, tax: 10 }))) },
      settlement: {
        byIds: (ids) => answer(ids.flatMap((id) => settlements.get(id) ?? [])),
        childrenOf: {
          kingdom: (ids) => answer([...settlements.values()].filter((row) => ids.includes(row.kingdomId))),
        },
      },
      structure: { byIds: (ids) => answer(ids.map((id) => ({ id, settlementId: 's1' }))) },
    },
    rules: { source: () => answer([...rules.values()]) },
  } satisfies TideOptions<Model>;
  return { settlements, rules, state, options };
}
export type Database = ReturnType<typeof database>;

/** A tide of its own over a database, and over what else is given (shared marks, a clock). */
export function replica(db: Database, more: Partial<TideOptions<Model>> = {}) {
  const options = { ...db.options, ...more };
  const tide = createTidemark(options);
  onTestFinished(() => tide.close());
  return { tide, rules: options.rules, local: localRules({ tide, rules: options.rules }) };
}
export type Replica = ReturnType<typeof replica>;

export async function served({ tide, rules }: Replica, more: Partial<ServeRulesOptions<Model>> = {}) {
  const server = await serveRules({ tide, rules, port: 0, drainMs: 500, ...more });
  onTestFinished(() => server.close());
  return server;
}

/** A client of servers on this machine. */
export function clientOf(ports: readonly number[], more: RemoteRulesOptions = {}) {
  const client = remoteRules({ addresses: ports.map((port) => `127.0.0.1:${String(port)}`), ...more });
  onTestFinished(() => {
    client.close();
  });
  return client;
}

/** A server over a tide, and a client of it. */
export async function world(server: Partial<ServeRulesOptions<Model>> = {}, client: RemoteRulesOptions = {}) {
  const db = database();
  const one = replica(db);
  const running = await served(one, server);
  return { db, ...one, server: running, remote: clientOf([running.port], client) };
}

/** An engine that says who was asked. */
export function spyOn(engine: Partial<RulesEngine>): {
  readonly engine: Partial<RulesEngine>;
  readonly asked: string[];
} {
  const asked: string[] = [];
  const spied = Object.entries(engine).map(([name, method]) => [
    name,
    (...args: readonly unknown[]) => {
      asked.push(name);
      return (method as (...given: readonly unknown[]) => unknown)(...args);
    },
  ]);
  return { engine: Object.fromEntries(spied) as Partial<RulesEngine>, asked };
}
