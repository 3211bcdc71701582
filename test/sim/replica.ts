import type * as Tidemark from '../../src/index.js';
import type { Library } from '../plant.js';
import { Connection, type Pace } from './connection.js';
import { type Overheard, contractsOver } from './contracts.js';
import type { Database } from './database.js';
import { randomOf } from './dice.js';
import type { Engine } from './engine.js';
import type { Ledger } from './ledger.js';
import type { Config } from './plan.js';
import type { Transactions } from './postgres-server.js';
import { Process } from './process.js';
import type { Server } from './server.js';
import type { ServerRules } from './server-rules.js';
import { modelOf } from './world.js';

export type SimModel = ReturnType<typeof modelOf>;
export type Tide = Tidemark.Tidemark<SimModel>;

export interface Replica {
  readonly index: number;
  readonly process: Process;
  readonly client: Connection;
  readonly subscriber: Connection;
  readonly pace: Pace;
  readonly tide: Tide;
  /** What it knows of the tree of branches, if that is more than what has got around: up to which commit. */
  readonly tree: { known: number };
  /** Partitions of which it said that it must read their marks again, and not yet that it has. */
  readonly doubted: ReadonlySet<number>;
  scope: Tidemark.Scope<SimModel>;
}

export interface ReplicaParts {
  readonly library: Library;
  readonly engine: Engine;
  readonly seed: number;
  readonly config: Config;
  readonly rules: ServerRules;
  /** Where the server is one like Postgres. */
  readonly transactions: Transactions | null;
  /** Its computed fields have rules. */
  readonly isRuled: boolean;
  readonly database: Database;
  /** Where there is an outbox. */
  readonly ledger: Ledger | null;
  readonly route: () => Server;
  readonly overheard: (process: Process) => Overheard;
  readonly note: (what: string, from: string, to: string, since: number) => void;
}

/** A process with the real library in it, its two connections and its part of the origin. */
export function startReplica(index: number, generation: number, parts: ReplicaParts): Replica {
  const { engine, seed, config, library, database } = parts;
  const name = 'ABCDE'.charAt(index) + (generation === 1 ? '' : String(generation));
  const random = (of: string) => randomOf(seed, `${name} ${of}`);
  const process = new Process(name, {
    engine,
    random: random('process'),
    rate: config.rates[index] as number,
    stranger: config.stranger === index,
  });
  const pace: Pace = { usualMs: 1.2, slowMs: config.slowMs, slowShare: config.slowShare };
  const connect = (role: 'client' | 'subscriber'): Connection =>
    new Connection({
      ...parts,
      random: random(role),
      process,
      role,
      pace,
      resends: config.resends[index] as boolean,
      postgres: config.postgres,
      startsAt: role === 'subscriber' ? engine.now + (config.startsMs[index] as number) : engine.now,
    });
  const client = connect('client');
  const subscriber = connect('subscriber');
  const contracts = contractsOver({
    client,
    subscriber,
    partitions: process.stranger ? 1 : config.partitions,
    fetches: config.fetches,
    transactions: parts.transactions,
    rules: parts.rules,
    overheard: parts.overheard(process),
  });
  const tree = { known: 0 };
  const { world } = database;
  const model = modelOf(config.schemas[index] as number, (branch) => {
    const told = world.lastAt(engine.now - (config.treeLagsMs[index] as number));
    return world.parentOf(branch, Math.max(told, tree.known));
  });
  const tide: Tide = library.createTidemark({
    model,
    origin: database.originFor(process),
    ...(parts.isRuled ? { rules: { source: database.rulesFor(process) } } : {}),
    ...contracts,
    ...(parts.ledger === null ? {} : { outbox: parts.ledger.outboxFor(process), outboxIntervalMs: 200 }),
    clock: process.clock,
    random: random('core'),
    ttlMs: config.ttlMs,
    graceMs: config.graceMs,
    absentTtlMs: config.ttlMs,
    maxEntries: config.maxEntries,
    maxBatchSize: 3,
    ...({ originLagMs: config.lagMs === 0 ? 0 : config.lagMs + 50 } as object),
  });
  const doubted = new Set<number>();
  tide.on('gap', ({ partition }) => doubted.add(partition));
  tide.on('trusted', ({ partition }) => doubted.delete(partition));
  return { index, process, client, subscriber, pace, tide, tree, doubted, scope: tide.scope({ branch: 'main' }) };
}
