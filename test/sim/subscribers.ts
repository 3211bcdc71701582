import type { SubjectKey, SubscriptionItem } from '../../src/index.js';
import { entitySubject, typeSubject } from '../../src/subject.js';
import type { Acts } from './acts.js';
import { Violation } from './check.js';
import type { Session } from './check-delivery.js';
import { pick } from './dice.js';
import type { Step } from './plan.js';
import type { Replica } from './replica.js';
import type { Simulation } from './simulation.js';
import { IDS, type Type } from './world.js';

/** How long a subscription may take until it is certainly there, on healthy connections. */
const STARTS_WITHIN_MS = 3000;

interface Running {
  readonly session: Session;
  readonly target: { readonly type: Type; readonly id?: string };
  readonly branch: string;
  iterator: AsyncIterableIterator<SubscriptionItem> | undefined;
}

/** Clients that watch, some over several replicas one after the other. */
export class Subscribers {
  readonly #sim: Simulation;
  readonly #acts: Acts;
  readonly #running: Running[] = [];

  constructor(sim: Simulation, acts: Acts) {
    this.#sim = sim;
    this.#acts = acts;
  }

  act([, what, a, b, c]: Step): boolean {
    const replica = this.#sim.replica(a);
    if (what === 'subscribe') this.#subscribe(replica, b, c);
    else if (what === 'resume') this.#resume(replica, b);
    else return false;
    return true;
  }

  #subscribe(replica: Replica, b: number, c: number): void {
    if (this.#running.length >= 4) return;
    const sim = this.#sim;
    const type = pick(['settlement', 'structure'] as const, b);
    const branch = c % 4 === 0 ? 'draft' : 'main';
    const id = c % 3 === 0 ? undefined : pick(IDS[type], b >> 1);
    const inBranch = branch === 'main' ? ['main'] : ['draft', 'main'];
    const topicIn = (name: string): SubjectKey =>
      id === undefined ? typeSubject(type, name) : entitySubject(type, id, name);
    const session: Session = {
      name: `subscriber ${String(this.#running.length + 1)} of ${type} ${id ?? '*'}@${branch}`,
      topic: topicIn(branch),
      topics: inBranch.map(topicIn),
      settlement: sim.isRuled && type === 'settlement' && id !== undefined ? `${id}@${branch}` : undefined,
      concerns: (commit) =>
        commit.type === type && (id === undefined || commit.id === id) && inBranch.includes(commit.branch),
      process: replica.process,
      cursor: undefined,
      since: Infinity,
      cameAt: -Infinity,
      until: Infinity,
      disordered: undefined,
      items: [],
    };
    const target = id === undefined ? { type } : { type, id };
    const running: Running = { session, target, branch, iterator: undefined };
    replica.process.receive('request', () => {
      this.#running.push(running);
      sim.sessions.push(session);
      this.#open(running, replica);
      this.#awaitStart(session, replica);
    });
  }

  /** From when on a change must reach it: once it has been there for a while without trouble. */
  #awaitStart(session: Session, replica: Replica): void {
    const { engine } = this.#sim;
    const began = engine.now;
    engine.at(began + STARTS_WITHIN_MS, () => {
      if (!replica.process.alive || session.process !== replica.process) return;
      const calm = [replica.client, replica.subscriber].every(
        ({ healthy, troubledAt }) => healthy && troubledAt < began,
      );
      if (calm && this.#sim.storeTroubledUntil < began) session.since = engine.now;
      else this.#awaitStart(session, replica);
    });
  }

  /** The client goes to another replica and goes on from its cursor. */
  #resume(replica: Replica, dice: number): void {
    if (this.#running.length === 0) return;
    const running = pick(this.#running, dice);
    const { session } = running;
    if (session.cursor === undefined) return;
    replica.process.receive('request', () => {
      void running.iterator?.return?.();
      session.process = replica.process;
      session.cameAt = this.#sim.engine.now;
      session.until = Infinity;
      this.#open(running, replica);
      if (session.since === Infinity) this.#awaitStart(session, replica);
    });
  }

  #open(running: Running, replica: Replica): void {
    const { session, target, branch } = running;
    const options = session.cursor === undefined ? { branch } : { branch, since: session.cursor };
    const iterator = replica.tide.subscribe(target, options);
    running.iterator = iterator;
    if (session.cursor === undefined) this.#sim.fields.looked(session);
    void this.#follow(running, iterator, replica).catch((error: unknown) => {
      this.#sim.violated(new Violation('P6', `${session.name} failed: ${String(error)}`));
    });
  }

  async #follow(running: Running, items: AsyncIterableIterator<SubscriptionItem>, replica: Replica): Promise<void> {
    const { session, branch } = running;
    const { engine, delivery, fields, history, changes } = this.#sim;
    for await (const item of items) {
      if (running.iterator !== items) return;
      session.cursor = item.cursor;
      delivery.delivered(session, item, engine.now);
      fields.delivered(session, item);
      if (item.kind !== 'change') continue;
      changes.rolledBack(String(item.entityId), 'announced');
      history.told(replica.process, item.changeId);
      if (item.entityId !== null) this.#acts.refetch(replica, item.entityType, String(item.entityId), branch);
    }
  }
}
