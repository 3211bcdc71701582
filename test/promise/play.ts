import * as source from '../../src/index.js';
import { pick } from '../sim/dice.js';
import type { Library } from '../plant.js';
import { Follower, type FollowerParts } from './follower.js';
import type { OpenGround } from './ground.js';
import { type Changed, judge, name, story } from './judge.js';
import { type EntityName, type Key, WATCHED, atFirst, rowOf, typeOf } from './model.js';
import { type Plan, type Step, planOf, said } from './plan.js';

/** What one seed came to. */
export interface Played {
  readonly seed: number;
  readonly faults: readonly string[];
  /** The seed and its history, in few lines. */
  readonly report: string;
  readonly changes: number;
  readonly told: number;
  readonly resyncs: number;
  readonly cursors: number;
}

/** How long after everything has healed anything may take, by the clock of the replicas. */
const SETTLES_MS = 20_000;
const FORKS = 4;

export async function play(seed: number, open: OpenGround, library: Library = source): Promise<Played> {
  const plan = planOf(seed);
  const truth = atFirst();
  const banned = new Set<string>();
  const ground = await open({ library, plan, truth, banned });
  const game = new Game({ plan, ground, truth, banned });
  try {
    await game.run();
    await game.settle();
    return game.played();
  } finally {
    game.end();
    await ground.close();
  }
}

interface GameParts {
  readonly plan: Plan;
  readonly ground: Awaited<ReturnType<OpenGround>>;
  readonly truth: ReturnType<typeof atFirst>;
  readonly banned: Set<string>;
}

/** A plan on a ground, and all that is written down. */
class Game {
  readonly #parts: GameParts;
  readonly #changes: Changed[] = [];
  readonly #faults: string[] = [];
  readonly #followers: Follower[];
  readonly #forks: Follower[] = [];
  readonly #followerParts: FollowerParts;
  /** By entity, the replica that changes it; while that has something to announce, it stays. */
  readonly #homes = new Map<EntityName, number>();
  readonly #unannounced = new Map<EntityName, number>();
  readonly #writing = new Map<EntityName, Promise<void>>();
  readonly #failed = new Set<string>();
  #moment = 0;

  constructor(parts: GameParts) {
    this.#parts = parts;
    const { plan, ground, banned } = parts;
    this.#followerParts = {
      ...{ ground, banned, moment: () => ++this.#moment },
      fault: (message) => this.#faults.push(message),
    };
    for (const tide of ground.tides)
      tide.on('error', ({ where }) => {
        if (where.startsWith('bus: change ')) this.#failed.add(where.slice('bus: change '.length));
      });
    this.#followers = plan.clients.map((one) => new Follower(one, this.#followerParts));
    for (const follower of this.#followers) follower.come(follower.plan.on);
  }

  async run(): Promise<void> {
    let now = 0;
    for (const step of this.#parts.plan.steps) {
      if (step.at > now) await this.#parts.ground.pass(step.at - now);
      now = Math.max(now, step.at);
      await this.#do(step);
    }
  }

  async #do(step: Step): Promise<void> {
    const { ground, banned } = this.#parts;
    if (step.do === 'change') {
      this.#change(step.entity, step.on);
      return;
    }
    if (step.do === 'fault') {
      await ground.strike(step.fault);
      return;
    }
    const follower = this.#followers[step.who] as Follower;
    const { name: who } = follower.plan;
    if (step.do === 'come') {
      // Banned since, it is refused here.
      follower.come(step.on);
    } else if (step.do === 'ban') {
      banned.add(who);
      // It holds on this replica, whether or not the bus takes it.
      void ground.tides[step.on]?.realtime.revoke({ principal: who }).catch(() => undefined);
      follower.ban(step.on);
    } else if (step.do === 'pardon') {
      banned.delete(who);
      follower.pardon();
      follower.back();
    } else if (step.do === 'fork') this.#fork(follower, step.on, step.dice);
    else follower[step.do]();
  }

  // ── Changing ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** One at a time of each entity, so that it is known in which order they are announced. */
  #change(entity: EntityName, wished: number): void {
    if (this.#writing.has(entity)) return;
    const home = (this.#unannounced.get(entity) ?? 0) > 0 ? (this.#homes.get(entity) ?? wished) : wished;
    this.#homes.set(entity, home);
    const writing = this.#write(entity, home).finally(() => this.#writing.delete(entity));
    this.#writing.set(entity, writing);
  }

  async #write(entity: EntityName, on: number): Promise<void> {
    const { ground, truth } = this.#parts;
    const before = rowOf(entity, truth[entity]);
    const version = ++truth[entity];
    const change: Changed = { entity, version, start: ++this.#moment, announced: Infinity };
    this.#changes.push(change);
    this.#unannounced.set(entity, (this.#unannounced.get(entity) ?? 0) + 1);
    const after = rowOf(entity, version);
    const receipt = await (ground.tides[on] as (typeof ground.tides)[number]).change({
      ...{ type: typeOf(entity), id: entity, op: 'update', before, after },
    } as never);
    if (receipt.state !== 'done' || this.#failed.has(receipt.changeId)) return;
    change.announced = ++this.#moment;
    this.#unannounced.set(entity, (this.#unannounced.get(entity) ?? 1) - 1);
  }

  // ── From any cursor ───────────────────────────────────────────────────────────────────────────────────────────

  /** Somebody else goes on from a cursor that a client was given once. */
  #fork({ plan, keys, told }: Follower, on: number, dice: number): void {
    const key = pick(keys, dice);
    const given = told[key];
    if (given.length === 0) return;
    const from = { key, told: given.slice(0, 1 + ((dice >>> 3) % given.length)) };
    const forked = { ...plan, name: `${plan.name}+${String(this.#forks.length)}`, resumes: true, on };
    const fork = new Follower(forked, this.#followerParts, from);
    this.#forks.push(fork);
    fork.come(on);
  }

  // ── At rest ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** Everything is healed, everybody is back, and as long as there is anything to wait for, it is waited for. */
  async settle(): Promise<void> {
    const { ground, banned, plan } = this.#parts;
    await ground.heal();
    banned.clear();
    for (const follower of this.#everybody) {
      follower.pardon();
      follower.drain();
    }
    await this.#rest();
    for (let dice = plan.seed, i = 0; i < FORKS; i++) {
      dice = (Math.imul(dice, 1_103_515_245) + 12_345) >>> 0;
      this.#fork(pick(this.#followers, dice >>> 8), (dice >>> 16) % plan.replicas, dice >>> 5);
    }
    await this.#rest();
    this.#faults.push(...this.#everybody.flatMap((follower) => this.#faultsOf(follower)));
  }

  async #rest(): Promise<void> {
    const { ground } = this.#parts;
    for (let waited = 0; waited < SETTLES_MS; waited += 100) {
      for (const follower of this.#everybody) follower.back();
      await ground.pass(100);
      if (this.#writing.size > 0) continue;
      if (this.#everybody.every((one) => one.isWhole && this.#faultsOf(one).length === 0)) return;
    }
  }

  /** Nobody listens any more. */
  end(): void {
    for (const follower of this.#everybody) follower.cut();
  }

  get #everybody(): readonly Follower[] {
    return [...this.#followers, ...this.#forks];
  }

  #faultsOf(follower: Follower): string[] {
    const { plan, keys, told, held } = follower;
    const where = (key: Key): string => `${plan.name} on ${String(follower.on)}, ${key}`;
    const faults = keys.flatMap((key) => {
      const { entities, ordered } = WATCHED[key];
      const terms = { entities, ordered, coalesced: plan.overflow === 'coalesce' };
      const found = judge(told[key], this.#changes, terms);
      if (!this.#forks.includes(follower)) {
        const behind = entities.filter((entity) => held[key][entity] < this.#parts.truth[entity]);
        found.push(
          ...behind.map((entity) => `${name({ entity, version: held[key][entity] })} is what it holds at the end`),
        );
      }
      return found.map((fault) => `${where(key)}: ${fault}`);
    });
    return follower.isWhole ? faults : [...faults, `${plan.name} on ${String(follower.on)} is not whole`];
  }

  played(): Played {
    const { plan } = this.#parts;
    const told = this.#everybody.flatMap((one) => one.keys.flatMap((key) => one.told[key]));
    return {
      seed: plan.seed,
      faults: this.#faults,
      report: this.#report(),
      changes: this.#changes.length,
      told: told.length,
      resyncs: told.filter(({ kind }) => kind === 'resync').length,
      cursors: this.#forks.length,
    };
  }

  #report(): string {
    if (this.#faults.length === 0) return '';
    const steps = this.#parts.plan.steps.filter(({ do: what }) => what !== 'change').map(said);
    const [first = ''] = this.#faults;
    const whose = this.#everybody.find(({ plan }) => first.startsWith(`${plan.name} `));
    const key = whose?.keys.find((one) => first.includes(`, ${one}:`)) ?? whose?.keys[0];
    const lines = [
      `seed ${String(this.#parts.plan.seed)}: ${this.#faults.slice(0, 5).join('; ')}`,
      `steps: ${steps.join(', ')}`,
      `changes: ${this.#changes.map(name).join(' ')}`,
    ];
    if (whose !== undefined && key !== undefined) lines.push(`${whose.plan.name} ${key}: ${story(whose.told[key])}`);
    return lines.join('\n');
  }
}
