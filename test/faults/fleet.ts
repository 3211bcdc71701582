import { type Figures, type Terms, type Verdict, judge } from './checker.js';
import { Database, type Size } from './database.js';
import type { Ground } from './ground.js';
import { History } from './history.js';
import { Link } from './link.js';
import { Origin } from './origin.js';
import { Replica } from './replica.js';
import { until } from './time.js';
import type { HostOptions, Load } from './wire.js';

export interface FleetOptions extends Partial<Size> {
  readonly replicas?: number | undefined;
  readonly originDelayMs?: number | undefined;
  readonly tide?: object | undefined;
  /** Per replica. */
  readonly hosts?: readonly Partial<Omit<HostOptions, 'name' | 'connection'>>[] | undefined;
}

/** Short, so that a run in which it matters does not take long; the default is twice that. */
export const MAX_STALENESS_MS = 1500;
const SLACK_MS = 300;
const NAMES = ['a', 'b', 'c', 'd'];

/** Replicas in processes of their own, on one ground, with one database behind them and one history of it all. */
export class Fleet<G extends Ground = Ground> {
  readonly ground: G;
  readonly database: Database;
  readonly origin: Origin;
  readonly history: History;
  readonly replicas: readonly Replica[];
  readonly #writers = new Map<string, Replica>();
  #subscribed: readonly string[] = [];

  private constructor(parts: Pick<Fleet<G>, 'ground' | 'database' | 'origin' | 'history' | 'replicas'>) {
    ({
      ground: this.ground,
      database: this.database,
      origin: this.origin,
      history: this.history,
      replicas: this.replicas,
    } = parts);
    for (const replica of this.replicas) {
      replica.onReceipt = (id, version, receipt) => {
        for (const other of this.replicas) other.tell({ kind: 'receipt', id, version, receipt });
      };
    }
  }

  static async on<G extends Ground>(ground: G, options: FleetOptions = {}): Promise<Fleet<G>> {
    const { replicas: count = 2, kingdoms = 2, settlements = 8, paddingBytes = 20, originDelayMs = 5 } = options;
    const database = new Database({ kingdoms, settlements, paddingBytes });
    const origin = new Origin(database, originDelayMs);
    const history = new History(database.commits);
    const opening = await Promise.allSettled(
      NAMES.slice(0, count).map(async (name, i) => {
        const [client, subscriber] = await Promise.all([Link.to(ground.nodes), Link.to(ground.nodes)]);
        const host: HostOptions = {
          ...{ name, schema: '1', skewMs: 0 },
          ...options.hosts?.[i],
          tide: { maxStalenessMs: MAX_STALENESS_MS, ...options.tide, ...options.hosts?.[i]?.tide },
          connection: ground.connection(client, subscriber),
        };
        return Replica.open({ options: host, database, origin, history, client, subscriber });
      }),
    );
    const replicas = opening.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const fleet = new Fleet<G>({ ground, database, origin, history, replicas });
    const failed = opening.find((one) => one.status === 'rejected');
    if (failed !== undefined) {
      await fleet.close();
      throw failed.reason;
    }
    return fleet;
  }

  get a(): Replica {
    return this.replicas[0] as Replica;
  }
  get b(): Replica {
    return this.replicas[1] as Replica;
  }

  /** Every record, list and view. */
  get targets(): readonly string[] {
    const { settlements, kingdoms } = this.database;
    const records = settlements.map((id) => `record:${id}`);
    return [...records, ...kingdoms.flatMap((id) => [`list:${id}`, `view:${id}`, `key:${id}`])];
  }

  /**
   * Everything is read everywhere, each entity is changed by one replica, and everybody is subscribed to some of them.
   * Resolves once all of it has been read and every subscription has heard something.
   */
  async begin(load: Partial<Load> = {}): Promise<void> {
    const { settlements } = this.database;
    const subscribed = load.writes ?? settlements.filter((_, i) => i % 4 === 0);
    await Promise.all(this.replicas.map(({ call }) => call.subscribe(subscribed)));
    this.#subscribed = subscribed;
    await Promise.all(
      this.replicas.map(async (replica, i) => {
        const writes = subscribed.filter((_, n) => n % this.replicas.length === i);
        for (const id of writes) this.#writers.set(id, replica);
        await Promise.all(this.targets.map((target) => replica.call.read(target)));
        await replica.call.load({
          ...{ readers: 4, pauseMs: 20, targets: this.targets, writePauseMs: 50, afterShare: 0.1, strongShare: 0.02 },
          ...load,
          writes,
        });
      }),
    );
    await until('every subscription hears of a change', () =>
      this.replicas.every(({ name }) =>
        subscribed.every((id) => this.history.heard.some((one) => one.replica === name && one.id === id)),
      ),
    );
  }

  /**
   * Once whatever was broken is whole again: one more change of everything is `done`, seen and heard by all; then nobody
   * needs the origin any more. Ends the load.
   */
  async settle(): Promise<void> {
    const living = this.replicas.filter(({ alive }) => alive);
    await Promise.all(living.map(({ call }) => call.rest()));
    const last = new Map<string, number>();
    await Promise.all(
      [...this.#writers].map(async ([id, replica]) => {
        if (!replica.alive) return;
        await until(`a change of ${id} is done`, async () => {
          const { state, version } = await replica.call.change(id);
          last.set(id, version);
          return state === 'done';
        });
      }),
    );
    for (const replica of living) {
      for (const [id, version] of last) {
        await until(`${replica.name} serves ${id}#${String(version)}`, async () => {
          const { seen } = await replica.call.read(`record:${id}`);
          return seen?.[0]?.[1] === version;
        });
      }
    }
    await until(
      'every subscription has heard of the last change, or that it missed something',
      () =>
        living.every(({ name }) =>
          this.#subscribed.every((id) => !last.has(id) || this.#hasHeard(name, id, last.get(id) as number)),
        ),
      { limitMs: 90_000 },
    );
    // An event whose publication failed is announced as missing some seconds later. What never is, the verdict says.
    await until('what was not told is announced as missing', () => !this.#lacksEvents, { everyMs: 100 }).catch(
      () => undefined,
    );
    await Promise.all(living.map((replica) => this.#isServedFromCache(replica)));
  }

  get #lacksEvents(): boolean {
    return this.judge().violations.some((violation) => violation.includes('was never told'));
  }

  #hasHeard(replica: string, id: string, version: number): boolean {
    const resolved = this.history.changes.find((one) => one.id === id && one.version === version)?.end ?? Infinity;
    return this.history.heard.some(
      (one) =>
        one.replica === replica &&
        one.id === id &&
        (one.version === version || (one.version === null && one.at > resolved)),
    );
  }

  async #isServedFromCache({ name, call }: Replica): Promise<void> {
    await until(`${name} serves everything without the origin`, async () => {
      const before = this.origin.calls.length;
      for (const target of this.targets) await call.read(target);
      return this.origin.calls.length === before;
    });
  }

  /** What the outside checker says of it. */
  judge(terms: Partial<Terms> = {}): Verdict {
    return judge(this.history, { maxStalenessMs: MAX_STALENESS_MS, slackMs: SLACK_MS, ...terms });
  }

  /** Ends the load as it is, and gives the figures; throws for a history with violations. */
  async verdict(terms: Partial<Terms> = {}): Promise<Figures> {
    await Promise.all(this.replicas.filter(({ alive }) => alive).map(({ call }) => call.rest()));
    const { violations, figures } = this.judge(terms);
    if (violations.length === 0) return figures;
    const shown = violations.slice(0, 10).join('\n');
    throw new Error(`${String(violations.length)} violations:\n${shown}`);
  }

  /** What the tides said of themselves, for whoever looks for the reason: each sentence once, with its times. */
  get story(): string {
    const begin = this.history.reads[0]?.start ?? 0;
    const told = new Map<string, number[]>();
    for (const { replica, name, detail, at } of this.history.events) {
      if (name === 'trusted') continue;
      const sentence = `${replica} ${name} ${detail}`;
      told.set(sentence, [...(told.get(sentence) ?? []), Math.round(at - begin)]);
    }
    const changes = this.history.changes.slice(-20).map(({ replica, id, version, state, start, end }) => {
      const took = `${String(Math.round(start - begin))}…${String(Math.round(end - begin))} ms`;
      return `${took}: ${replica} changed ${id}#${String(version)}: ${String(state)}`;
    });
    const events = [...told]
      .map(([sentence, at]) => `${String(at[0])}…${String(at.at(-1))} ms, ${String(at.length)} ×: ${sentence}`)
      .slice(0, 80);
    return [...changes, ...events].join('\n');
  }

  async close(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.close()));
    await this.ground.stop();
  }
}
