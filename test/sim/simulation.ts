import type { Library } from '../plant.js';
import { PROMISES, type PromiseName, type Violated, Violation } from './check.js';
import { ChangeChecker } from './check-changes.js';
import { DeliveryChecker, type Session } from './check-delivery.js';
import { FieldsChecker } from './check-fields.js';
import { PlacesChecker } from './check-places.js';
import { ReadChecker } from './check-reads.js';
import type { Overheard } from './contracts.js';
import { Database } from './database.js';
import { ids, pick, randomOf } from './dice.js';
import { Engine } from './engine.js';
import { type ChangeRecord, History, type ReadRecord } from './history.js';
import { Ledger } from './ledger.js';
import { type Plan, isLedgered, isMapped, isRuled } from './plan.js';
import { Transactions } from './postgres-server.js';
import type { Process } from './process.js';
import type { RunOptions } from './run.js';
import { type Replica, startReplica } from './replica.js';
import { Server } from './server.js';
import { RIGHT, type ServerRules } from './server-rules.js';
import type { ServerState } from './server-state.js';
import type { Trace } from './trace.js';
import { World } from './world.js';
import { labelOf } from './writers.js';

/** What the core promises, as the checks count it. */
const MAX_STALENESS_MS = 3000;
/** Replicas' clocks run at slightly different rates, and a read takes a moment to begin. */
const SLACK_MS = 30;

/** A head check, calls that are not made for a while after slow ones, and the repair over the slowest links. */
const NOTICED_WITHIN_MS = 10_000;

/** How long after a load has failed its lease may still be there: whoever waits for it fails alike. */
const FAILURE_TOLD_MS = 1200;

/** One world while it runs: servers, replicas, the database, and everything that is recorded of them. */
export class Simulation {
  readonly plan: Plan;
  readonly engine = new Engine();
  readonly world = new World();
  readonly history = new History(this.engine);
  readonly database: Database;
  readonly reads: ReadChecker;
  readonly changes: ChangeChecker;
  readonly delivery: DeliveryChecker;
  readonly fields: FieldsChecker;
  readonly places: PlacesChecker;
  /** Null in worlds without an outbox. */
  readonly ledger: Ledger | null;
  readonly replicas: Replica[] = [];
  readonly sessions: Session[] = [];
  /** Null where the server is one like Redis. */
  readonly transactions: Transactions | null;
  readonly newId: () => string;
  readonly trace: Trace | null;
  primary: Server;
  snapshot: ServerState | null = null;
  /** Of a split: which replicas are on the old side. */
  readonly routes = new Map<number, Server>();
  /** True time up to which something is or was wrong: what needs health is judged only well after it. */
  troubledUntil = 0;
  storeTroubledUntil = 0;
  violation: Violation | null = null;
  readonly #library: Library;
  readonly #rules: ServerRules;
  readonly #judged: readonly PromiseName[];
  readonly #generations: number[] = [];
  readonly #running = new Map<object, { readonly process: Process; readonly label: string }>();

  constructor(library: Library, plan: Plan, { rules, trace, judged }: RunOptions = {}) {
    this.plan = plan;
    this.trace = trace ?? null;
    this.#judged = judged ?? PROMISES;
    this.#library = library;
    this.#rules = { ...RIGHT, comparesRunId: plan.config.comparesRunId, ...rules };
    this.newId = ids(randomOf(plan.seed, 'ids'));
    const { engine, world, history } = this;
    this.transactions = plan.config.postgres
      ? new Transactions({ engine, random: randomOf(plan.seed, 'transactions'), rules: this.#rules })
      : null;
    const violated: Violated = (rule, message, read) => {
      this.violated(new Violation(rule, message, read));
    };
    this.database = new Database({
      engine,
      world,
      random: randomOf(plan.seed, 'database'),
      lagMs: plan.config.lagMs,
      note: this.note,
    });
    const { lagMs, comparesRunId: runIdsCompared } = plan.config;
    const boundMs = MAX_STALENESS_MS + SLACK_MS + lagMs;
    this.reads = new ReadChecker({ world, history, violated, boundMs, lagMs, runIdsCompared });
    this.changes = new ChangeChecker({ history, reads: this.reads, violated, runIdsCompared });
    this.ledger = isLedgered(plan)
      ? new Ledger({ engine, world, history, database: this.database, violated, labelOf })
      : null;
    this.delivery = new DeliveryChecker({ history, violated, runIdsCompared, ledger: this.ledger });
    const begin = (process: Process, label: string): ReadRecord => this.begin(process, label);
    this.fields = new FieldsChecker({ world, reads: this.reads, violated, begin });
    this.places = new PlacesChecker(this.reads, violated);
    this.primary = this.addServer(plan.config.partitions);
    for (let index = 0; index < plan.config.replicas; index++) this.start(index);
  }

  readonly note = (what: string, from: string, to: string, since: number): void => {
    this.trace?.message(what, from, to, since, this.engine.now);
  };

  violated(violation: Violation): void {
    if (this.violation !== null || !this.#judged.includes(violation.rule)) return;
    this.violation = violation;
    this.engine.stop();
  }

  /** Replicas have rules: somebody edits them, or looks at what they say. */
  get isMapped(): boolean {
    return isMapped(this.plan);
  }

  get isRuled(): boolean {
    return isRuled(this.plan);
  }

  /** Connections without slow messages, or as they were. */
  quicken(quick: boolean): void {
    const { slowShare } = this.plan.config;
    for (const { pace } of this.replicas) pace.slowShare = quick ? 0 : slowShare;
  }

  /** Another server, with this state or with nothing. */
  addServer(state: number | ServerState): Server {
    const { engine, newId, history } = this;
    const server = new Server(`S${String(history.servers.length + 1)}`, {
      engine,
      newId,
      rules: this.#rules,
      observer: {
        executed: (bump) => {
          history.executed(bump);
        },
        published: (topic, id, position) => {
          this.delivery.published(topic, id, position);
        },
      },
      state,
    });
    history.servers.push(server);
    return server;
  }

  /** A replica, or the next one in the place of one that crashed. */
  start(index: number): Replica {
    const generation = (this.#generations[index] ?? 0) + 1;
    this.#generations[index] = generation;
    const { engine, database, note } = this;
    const { seed, config } = this.plan;
    const replica = startReplica(index, generation, {
      library: this.#library,
      engine,
      seed,
      config,
      rules: this.#rules,
      transactions: this.transactions,
      isRuled: this.isRuled,
      database,
      ledger: this.ledger,
      route: () => this.routes.get(index) ?? this.primary,
      overheard: (process) => this.#overheardOf(process),
      note,
    });
    this.replicas[index] = replica;
    this.trouble(0);
    return replica;
  }

  /** By the lowest bits: the others choose a branch. */
  replica(dice: number): Replica {
    return pick(this.replicas, dice & 7);
  }

  /** A read begins. */
  begin(
    process: Process,
    label: string,
    how: { readonly after?: readonly ChangeRecord[]; readonly strong?: boolean } = {},
  ): ReadRecord {
    return this.history.read(process, label, { ...how, last: this.world.last });
  }

  /** Something is wrong for that long. */
  trouble(ms: number): void {
    this.troubledUntil = Math.max(this.troubledUntil, this.engine.now + ms);
  }

  storeTrouble(ms: number): void {
    this.trouble(ms);
    this.storeTroubledUntil = Math.max(this.storeTroubledUntil, this.engine.now + ms);
  }

  /**
   * The server has an older copy. Without run ids its replicas must notice by themselves, by a head below what they know or
   * another nonce at an equal one, as far as they can: then nobody goes on in the old epoch.
   */
  wentBack(server: Server): void {
    if (this.plan.config.comparesRunId) return;
    const { engine } = this;
    this.delivery.wentBack(engine.now);
    engine.at(engine.now + NOTICED_WITHIN_MS, () => {
      if (!server.alive) return;
      for (const { process, client } of this.replicas) {
        const calmSince = Math.max(
          client.troubledAt,
          process.pausedUntil,
          this.storeTroubledUntil,
          server.refusesUntil,
        );
        if (!process.alive || !client.healthy || calmSince > engine.now - 3000) continue;
        for (const [number, { epoch, head, nonce }] of server.state.partitions.entries()) {
          const known = this.history.reachedBy(process, number, epoch);
          if (known === null || known.position < head) continue;
          if (known.position === head && known.nonce === nonce) continue;
          const what = `partition ${String(number)} went back to ${String(head)}, ${process.name} knew ${String(known.position)}`;
          this.violated(new Violation('P2', `${what}, and it goes on in its old epoch`));
        }
      }
    });
  }

  /** Calls have not come to an end. */
  get isBusy(): boolean {
    return this.violation === null && [...this.#running.values()].some(({ process }) => process.alive);
  }

  /** A call that must come to an end, if its process lives. */
  track<T>(process: Process, label: string, call: () => Promise<T>, done: (value: T) => void): void {
    const token = {};
    const began = this.engine.now;
    this.#running.set(token, { process, label });
    const settle = (act: () => void): void => {
      this.#running.delete(token);
      this.trace?.op(process.name, label, began, this.engine.now);
      act();
    };
    call().then(
      (value) => {
        settle(() => {
          done(value);
        });
      },
      (error: unknown) => {
        settle(() => {
          this.changes.failed(`${label} on ${process.name}`, error, {
            originFaulty: this.database.faultyUntil + FAILURE_TOLD_MS >= began,
            storeFaulty: this.storeTroubledUntil + 5000 > began,
            stoodStill: process.pausedUntil >= began,
          });
        });
      },
    );
  }

  /** At rest: everything that was promised for later. */
  finish(): void {
    for (const { process, label } of this.#running.values()) {
      if (process.alive) this.violated(new Violation('P6', `${label} on ${process.name} never settled`));
    }
    for (const change of this.history.changes) this.changes.finish(change);
    this.ledger?.finish((record, bumpedBy) => this.changes.isForgotten(record, bumpedBy));
    for (const session of this.sessions) {
      this.delivery.finish(session);
      this.fields.finish(session);
    }
  }

  #overheardOf(process: Process): Overheard {
    const { history, changes } = this;
    return {
      watching: () => {
        process.watchedAt = Math.min(process.watchedAt, this.engine.now);
      },
      bumping: (groups, changeId) => {
        for (const group of groups.values()) changes.rolledBack([...group].join(' '), 'bumped');
        this.ledger?.bumping(process, changeId);
        history.bumping(process, groups, changeId);
      },
      bumped: (bump) => {
        history.bumped(bump);
      },
      heard: (bump, accepted) => {
        history.knows(process, bump);
        history.heard(process, bump.partition, accepted);
      },
      reconnected: (server) => {
        history.reconnected(process, server);
      },
    };
  }
}
