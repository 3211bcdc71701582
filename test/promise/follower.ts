import type { ServerFrame } from '../../src/realtime/frames.js';
import type { Connection } from '../../src/realtime-verbs.js';
import type { Ground } from './ground.js';
import type { Told } from './judge.js';
import {
  type EntityName,
  KEYS,
  type Key,
  type Principal,
  type PromiseModel,
  type Truth,
  WATCHED,
  atFirst,
  typeOf,
} from './model.js';
import type { ClientPlan } from './plan.js';

export interface FollowerParts {
  readonly ground: Ground;
  readonly banned: ReadonlySet<string>;
  /** The next moment. */
  readonly moment: () => number;
  readonly fault: (message: string) => void;
}

/** How long a replica may go on that has not heard of a revocation: `maxStalenessMs`, and some for the timers of a busy machine. */
const REVOKED_MS = 3000 + 100;

/**
 * A client with its subscriptions, on one replica after the other: what it was told, and what it holds to be the present state,
 * from what it is told and from what it fetches when it begins or is told `resync`.
 */
export class Follower {
  readonly plan: ClientPlan;
  readonly keys: readonly Key[];
  readonly told: Record<Key, Told[]> = { one: [], all: [], list: [], room: [] };
  readonly held: Record<Key, Truth> = { one: atFirst(), all: atFirst(), list: atFirst(), room: atFirst() };
  readonly #parts: FollowerParts;
  #connection: Connection<PromiseModel, Principal> | undefined;
  /** On which replica it was last. */
  #on: number;
  #isStalled = false;
  /** Which of its connections this is: what an earlier one had under way is lost. */
  #life = 0;
  /** By the clock of the ground. */
  #bannedAt = Infinity;
  #bannedOn = -1;
  readonly #ended = new Set<Key>();
  #fetching = 0;

  constructor(plan: ClientPlan, parts: FollowerParts, from?: { readonly key: Key; readonly told: readonly Told[] }) {
    this.plan = plan;
    this.#parts = parts;
    this.#on = plan.on;
    this.keys = from === undefined ? KEYS : [from.key];
    if (from !== undefined) this.told[from.key].push(...from.told);
  }

  get on(): number {
    return this.#on;
  }

  /** Whether nothing that it asked for is under way, and everything is subscribed to. */
  get isWhole(): boolean {
    return this.#connection !== undefined && this.#ended.size === 0 && this.#fetching === 0 && !this.#isStalled;
  }

  /** Comes to a replica, with its cursors if it has any and keeps them. */
  come(on: number): void {
    this.cut();
    this.#on = on;
    this.#isStalled = false;
    const life = ++this.#life;
    const { ground, fault } = this.#parts;
    const { name, linkMs, overflow, resumes } = this.plan;
    const numbers = new Map<number, readonly [EntityName, number]>();
    const connection = (ground.tides[on] as Ground['tides'][number]).realtime.connect({
      principal: { name },
      pressure: () => (this.#isStalled ? 300_000 : 0),
      send: (frame) => {
        if (life !== this.#life) {
          fault(`${name} was sent ${frame.kind} on a link that is gone`);
          return;
        }
        this.#guard(frame);
        const moment = this.#parts.moment();
        const onWire = JSON.stringify(frame);
        ground.clock.after(linkMs, () => {
          if (life === this.#life) this.#hear(JSON.parse(onWire) as ServerFrame, moment, numbers);
        });
      },
      close: () => {
        if (life === this.#life) this.#connection = undefined;
      },
    });
    this.#connection = connection;
    this.#ended.clear();
    for (const key of this.keys) {
      const since = resumes ? this.told[key].at(-1)?.cursor : undefined;
      const { target } = WATCHED[key];
      void connection.receive({ kind: 'subscribe', key, target, overflow, ...(since === undefined ? {} : { since }) });
    }
  }

  /** The link is gone, with what was on it. */
  cut(): void {
    this.#life++;
    this.#connection?.end();
    this.#connection = undefined;
  }

  stall(): void {
    this.#isStalled = true;
  }

  drain(): void {
    this.#isStalled = false;
    this.#connection?.drained();
  }

  /** Comes back if its link was closed, or a subscription has ended. */
  back(): void {
    if (this.#connection === undefined || this.#ended.size > 0) this.come(this.#on);
  }

  /** Revoked from now on, as a replica knows. */
  ban(on: number): void {
    this.#bannedAt = this.#parts.ground.clock.now();
    this.#bannedOn = on;
  }

  pardon(): void {
    this.#bannedAt = Infinity;
  }

  /** Nothing is sent to who is banned, once its replica has heard or could have. */
  #guard(frame: ServerFrame): void {
    if (!['change', 'again', 'computed', 'resync'].includes(frame.kind)) return;
    const { ground, fault } = this.#parts;
    const late = ground.clock.now() - this.#bannedAt - (this.#on === this.#bannedOn ? 0 : REVOKED_MS);
    if (late > 0) fault(`${this.plan.name} was sent ${frame.kind} ${String(Math.round(late))} ms after the ban`);
  }

  #hear(frame: ServerFrame, at: number, numbers: Map<number, readonly [EntityName, number]>): void {
    if (frame.kind === 'ended' && frame.code !== null) this.#ended.add(frame.key as Key);
    if (!('on' in frame) || frame.kind === 'computed') return;
    if (frame.kind === 'change')
      numbers.set(frame.number, [frame.change.entityId as EntityName, Number(frame.change.version)]);
    for (const [key, cursor] of Object.entries(frame.on) as [Key, string][]) {
      if (frame.kind === 'subscribed') {
        // Who comes back with a cursor goes on from there.
        if (this.plan.resumes && this.told[key].length > 0) continue;
        this.told[key].push({ kind: 'begun', at, cursor });
        void this.#fetch(key);
      } else if (frame.kind === 'resync') {
        this.told[key].push({ kind: 'resync', at, cursor, reason: frame.reason });
        void this.#fetch(key);
      } else {
        const [entity, version] = numbers.get(frame.number) ?? [];
        if (entity === undefined || version === undefined) {
          this.#parts.fault(`${this.plan.name}: there was no number ${String(frame.number)}`);
          continue;
        }
        this.told[key].push({ kind: 'change', at, cursor, entity, version });
        this.#hold(key, entity, version);
      }
    }
  }

  /** The present state of what a subscription is about, from the replica that the client is on. */
  async #fetch(key: Key): Promise<void> {
    const { ground } = this.#parts;
    const tide = ground.tides[this.#on] as Ground['tides'][number];
    this.#fetching++;
    await Promise.all(
      WATCHED[key].entities.map(async (entity) => {
        const row = await tide.get(typeOf(entity), entity);
        this.#hold(key, entity, row?.version ?? 0);
      }),
    );
    this.#fetching--;
  }

  #hold(key: Key, entity: EntityName, version: number): void {
    this.held[key][entity] = Math.max(this.held[key][entity], version);
  }
}
