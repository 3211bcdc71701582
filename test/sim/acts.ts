import { pick } from './dice.js';
import { type ChangeRecord, type KnownBump, type ReadRecord, bumpOf } from './history.js';
import type { Step } from './plan.js';
import type { Replica } from './replica.js';
import type { Simulation } from './simulation.js';
import {
  BOXES,
  BRANCHES,
  type Commit,
  DISCS,
  IDS,
  LISTS,
  type Row,
  TYPES,
  type Type,
  type ValueName,
} from './world.js';

/** What clients of the replicas do: each request reaches its replica's process, and waits there if that is paused. */

type How = { readonly after?: never; readonly consistency?: 'strong' };
type Realm = { kingdom: Row | null; settlements: readonly Row[]; structures: readonly (readonly Row[])[] };
/** What can be asked for a value: a tide or a scope, with the branch and the rest bound. */
interface Asking {
  readonly branch: string;
  get(type: Type, id: string): Promise<Row | null>;
  children(type: Type, parent: object): Promise<readonly Row[]>;
}

export class Acts {
  readonly #sim: Simulation;
  readonly #realm: unknown;
  readonly #hot: readonly [Type, string][];
  #receipts: ChangeRecord[] = [];
  #keys = 0;
  #herds = 0;

  constructor(sim: Simulation, realm: unknown) {
    this.#sim = sim;
    this.#realm = realm;
    const { seed } = sim.plan;
    const settlement = pick(['s1', 's2'], seed);
    this.#hot = [
      ['settlement', settlement],
      ['structure', pick(['t1', 't2'], seed >> 1)],
      ['settlement', settlement],
      ['kingdom', settlement === 's1' ? 'k1' : 'k2'],
    ];
  }

  act([, what, a, b, c]: Step): boolean {
    const sim = this.#sim;
    const replica = sim.replica(a);
    const branch = pick(['main', 'main', 'main', 'main', 'draft', 'draft', ...BRANCHES.slice(2)], a >> 3);
    switch (what) {
      case 'get':
      case 'afterRead':
      case 'strongRead': {
        const [type, id] = this.#entity(b);
        const after = what === 'afterRead' ? this.#receipts.slice(-1) : [];
        if (what === 'afterRead' && after.length === 0) return true;
        const aim = what === 'afterRead' ? this.#touchedBy(after[0] as ChangeRecord, b) : null;
        this.#readValue(replica, aim ?? `${type}:${id}@${branch}`, {
          after,
          strong: what === 'strongRead',
          scope: c % 2,
        });
        return true;
      }
      case 'children': {
        const [type, parent] = pick(LISTS, b);
        this.#readValue(replica, `${type}<${parent}:${pick(IDS[parent], b >> 2)}@${branch}`, {});
        return true;
      }
      case 'box':
      case 'near':
        this.#readValue(replica, `${what}:${String(b % (what === 'box' ? BOXES : DISCS).length)}@${branch}`, {});
        return true;
      case 'everywhere': {
        const [type, id] = this.#entity(b);
        const [of, parent] = pick(LISTS, c);
        const name = c % 3 === 0 ? `${of}<${parent}:${pick(IDS[parent], c >> 2)}@${branch}` : `${type}:${id}@${branch}`;
        for (const each of sim.replicas) this.#readValue(each, name, {});
        return true;
      }
      case 'scopeRead': {
        const [type, id] = this.#entity(b);
        const [of, parent] = pick(LISTS, c);
        const name = c % 3 === 0 ? `${of}<${parent}:${pick(IDS[parent], c >> 2)}@main` : `${type}:${id}@main`;
        this.#readValue(replica, name, { inScope: true });
        return true;
      }
      case 'newScope':
        replica.scope = replica.tide.scope({ branch: 'main' });
        return true;
      case 'peek': {
        const [type, id] = this.#entity(b);
        replica.process.receive('request', () => {
          const read = this.#begin(replica, `peek ${type} ${id}`, {});
          const value = replica.tide.peek(type, id, { branch });
          if (value !== undefined) this.#judge(read, `${type}:${id}@${branch}`, value);
        });
        return true;
      }
      case 'view':
      case 'keyed':
        this.#readRealm(replica, pick(IDS.kingdom, b), what === 'view', branch);
        return true;
      case 'change':
        this.#change(replica, branch, this.#entity(b), { dice: c, laterMs: [0, 0, 0, 2, 30, 300][(c >> 7) % 6] ?? 0 });
        return true;
      case 'bulk': {
        const type = pick(TYPES, b);
        replica.process.receive('request', () => {
          const where = this.#knownBranch(branch);
          const commits = [b >> 2, c].map((dice) => this.#commit(where, [type, pick(IDS[type], dice)], dice));
          const subject = replica.tide.subject.type(type, { branch: where });
          this.#announce(replica, `bulk ${type}@${where}`, commits, bumpOf.bulk(type, where), { subjects: [subject] });
        });
        return true;
      }
      case 'reparent':
        replica.process.receive('request', () => {
          const commit = sim.world.reparent(sim.engine.now, b % 3 === 0 ? 'main' : 'draft');
          const subject = replica.tide.subject.branch('fork');
          this.#announce(replica, 'fork', [commit], bumpOf.branch('fork'), { subjects: [subject] });
        });
        return true;
      case 'transact':
        this.#transact(replica, branch, b, c);
        return true;
      case 'delPattern':
        replica.process.receive('request', () => {
          // It stands for everything committed so far: what was loaded before is gone.
          const what = { commits: [...sim.world.commits], bump: bumpOf.patterns };
          const change = sim.history.change(replica.process, 'delPattern *', what);
          sim.track(
            replica.process,
            change.label,
            () => replica.tide.cache.delPattern('*'),
            ({ success }) => {
              change.endAt = sim.engine.now;
              if (success) sim.history.resolved(change, null);
            },
          );
        });
        return true;
      case 'setKey':
      case 'delKey':
        this.#setKey(replica, `flag:${String(b % 2)}`, what === 'setKey' ? ++this.#keys : undefined);
        return true;
      case 'getKey':
        this.#getKey(replica, `flag:${String(b % 2)}`);
        return true;
      case 'herd':
        // A reply that takes longer than the whole load of another replica finds the lease given back, and loads once more.
        sim.quicken(true);
        sim.engine.at(sim.engine.now + 1200, () => {
          this.#herd();
        });
        return true;
      default:
        return false;
    }
  }

  /** Everything, on every replica. */
  audit(names: readonly ValueName[]): void {
    for (const replica of this.#sim.replicas) {
      for (const name of names) this.#readValue(replica, name, {});
      for (const key of ['flag:0', 'flag:1']) this.#getKey(replica, key);
      this.#readRealm(replica, 'k1', true, 'main');
    }
  }

  /** A subscriber that reads again what it was told of. */
  refetch(replica: Replica, type: string, id: string, branch: string): void {
    this.#readValue(replica, `${type}:${id}@${branch}`, {});
  }

  // ── Reading ───────────────────────────────────────────────────────────────────────────────────────────────────

  #entity(dice: number): readonly [Type, string] {
    if (dice % 5 < 3) return pick(this.#hot, dice >> 3);
    const type = pick(TYPES, dice >> 3);
    return [type, pick(IDS[type], dice >> 5)];
  }

  #touchedBy({ commits }: ChangeRecord, dice: number): ValueName | null {
    const [commit] = commits;
    if (commit === undefined || commit.type === null) return null;
    const list = LISTS.find(([type]) => type === commit.type);
    if (dice % 3 === 0 && list !== undefined)
      return `${list[0]}<${list[1]}:${commit.after?.parentId ?? 'k1'}@${commit.branch}`;
    return `${commit.type}:${commit.id}@${commit.branch}`;
  }

  #begin(
    replica: Replica,
    label: string,
    how: { readonly after?: readonly ChangeRecord[]; readonly strong?: boolean },
  ): ReadRecord {
    return this.#sim.history.read(replica.process, label, { ...how, last: this.#sim.world.last });
  }

  #judge(read: ReadRecord, name: ValueName, value: unknown): void {
    read.endAt = this.#sim.engine.now;
    if (!/^(box|near):/.test(name)) {
      this.#sim.reads.judge(read, name, value);
      return;
    }
    // Answers about places are kept up row by row: each is regular, all together need not be of one moment.
    const [region, branch] = name.split('@') as [string, string];
    for (const id of IDS.settlement) {
      const row = (value as readonly Row[]).find((one) => one.id === id) ?? null;
      this.#sim.reads.judge(read, `${region}/${id}@${branch}`, row);
    }
  }

  #readValue(
    replica: Replica,
    name: ValueName,
    {
      after = [],
      strong = false,
      scope = 0,
      inScope = false,
    }: { after?: readonly ChangeRecord[]; strong?: boolean; scope?: number; inScope?: boolean },
  ): void {
    const sim = this.#sim;
    replica.process.receive('request', () => {
      const receipt = after[0]?.receipt;
      const label = `read ${name}${receipt == null ? '' : ` after #${String(after[0]?.number)}`}${strong ? ' strong' : ''}`;
      const read = this.#begin(replica, label, { after: receipt == null ? [] : after, strong });
      const how = {
        ...(receipt == null ? {} : { after: scope === 1 ? receipt.toString() : receipt }),
        ...(strong ? { consistency: 'strong' as const } : {}),
      };
      sim.track(
        replica.process,
        label,
        () => this.#ask(replica, name, how as How, { scope, inScope }),
        (value) => {
          this.#judge(read, name, value);
        },
      );
    });
  }

  #ask(
    replica: Replica,
    name: ValueName,
    how: How,
    { scope, inScope }: { scope: number; inScope: boolean },
  ): Promise<unknown> {
    const { tide } = replica;
    const [what, branch] = name.split('@') as [string, string];
    const call = { branch, ...how };
    const list = /^(\w+)<(\w+):(\w+)$/.exec(what);
    if (list !== null) {
      const parent = { [list[2] as string]: list[3] } as never;
      return inScope ? replica.scope.children(list[1] as never, parent) : tide.children(list[1] as never, parent, call);
    }
    const [kind, id] = what.split(':') as [string, string];
    if (kind === 'box') return tide.spatial.inBox('settlement', BOXES[Number(id)] as (typeof BOXES)[0], call);
    if (kind === 'near') return tide.spatial.near('settlement', DISCS[Number(id)] as (typeof DISCS)[0], call);
    if (inScope) return replica.scope.get(kind as Type, id);
    return scope === 1 ? tide.scope(call).loaders[kind as Type].load(id) : tide.get(kind as Type, id, call);
  }

  #readRealm(replica: Replica, kingdom: string, asView: boolean, branch: string): void {
    const sim = this.#sim;
    replica.process.receive('request', () => {
      const label = `${asView ? 'view' : 'keyed'} realm ${kingdom}@${branch}`;
      const read = this.#begin(replica, label, {});
      const { tide } = replica;
      const load = async (reader: unknown): Promise<Realm> => realmOf(reader as Asking, kingdom);
      sim.track(
        replica.process,
        label,
        () =>
          asView
            ? tide.view<never, Realm>(this.#realm as never, { kingdom } as never, { branch })
            : tide.cache.getOrLoad(`realm:${kingdom}`, { branch }, load),
        (realm) => {
          this.#judge(read, `kingdom:${kingdom}@${branch}`, realm.kingdom);
          this.#judge(read, `settlement<kingdom:${kingdom}@${branch}`, realm.settlements);
          realm.settlements.forEach(({ id }, i) => {
            this.#judge(read, `structure<settlement:${id}@${branch}`, realm.structures[i]);
          });
        },
      );
    });
  }

  // ── Changing ──────────────────────────────────────────────────────────────────────────────────────────────────

  #commit(branch: string, [type, id]: readonly [Type, string], dice: number): Commit {
    return this.#sim.world.commit(this.#sim.engine.now, this.#knownBranch(branch), type, id, dice);
  }

  /** Nobody writes in a fork that is not there yet. */
  #knownBranch(branch: string): string {
    return branch === 'fork' && this.#sim.world.parentOf('fork') === undefined ? 'draft' : branch;
  }

  #change(
    replica: Replica,
    branch: string,
    entity: readonly [Type, string],
    { dice, laterMs }: { readonly dice: number; readonly laterMs: number },
  ): void {
    const { engine } = this.#sim;
    replica.process.receive('request', () => {
      const commit = this.#commit(branch, entity, dice);
      const announce = (): void => {
        this.#announce(replica, labelOf(commit), [commit], bumpOf.entity(commit), changeOf(commit, dice >> 3));
      };
      if (laterMs === 0) announce();
      else engine.at(engine.now + laterMs, () => replica.process.receive('request', announce));
    });
  }

  #announce(replica: Replica, label: string, commits: readonly Commit[], bump: KnownBump, change: object): void {
    const { history, changes, engine } = this.#sim;
    const record = history.change(replica.process, label, { commits, bump, isEvent: true });
    this.#sim.track(
      replica.process,
      `#${String(record.number)} ${label}`,
      () => replica.tide.change(change as never),
      (receipt) => {
        history.resolved(record, receipt);
        record.endAt = engine.now;
        changes.receipt(record);
        this.#receipts.push(record);
      },
    );
  }

  #transact(replica: Replica, branch: string, b: number, c: number): void {
    const sim = this.#sim;
    const { process, tide } = replica;
    process.receive('request', () => {
      const throws = b % 3 === 0;
      let record: ChangeRecord | undefined;
      const run = async (changes: { add(change: object): void; read: Asking }): Promise<void> => {
        const [type, id] = this.#entity(b);
        const read = this.#begin(replica, `read in a transaction ${type} ${id}`, { strong: true });
        const row = await changes.read.get(type, id);
        // It sees what is committed, past every cache: nothing older than when it began.
        if (sim.world.newestWith(`${type}:${id}@main`, JSON.stringify(row), sim.world.last) ?? -1 < read.lastAtStart) {
          this.#judge(read, `${type}:${id}@main`, row);
        }
        if (throws) {
          changes.add({ type: 'structure', id: 'ghost', op: 'update', branch: 'main' });
          throw new Error('rolled back');
        }
        const commit = this.#commit(branch, this.#entity(b), c);
        record = sim.history.change(process, `transaction ${labelOf(commit)}`, {
          commits: [commit],
          bump: bumpOf.entity(commit),
          isEvent: true,
        });
        changes.add(changeOf(commit, c >> 3));
      };
      const call = (): Promise<{ receipt: ChangeRecord['receipt'] } | null> =>
        tide.transaction(run as never, { branch: 'main', via: 'transaction' }).catch((error: unknown) => {
          if ((error as Error).message === 'rolled back') return null;
          throw error;
        });
      sim.track(process, 'transaction', call, (outcome) => {
        if (outcome === null || record === undefined) return;
        sim.history.resolved(record, outcome.receipt);
        sim.changes.receipt(record);
        this.#receipts.push(record);
      });
    });
  }

  // ── By key ────────────────────────────────────────────────────────────────────────────────────────────────────

  #setKey(replica: Replica, key: string, value: number | undefined): void {
    const sim = this.#sim;
    const { process, tide } = replica;
    process.receive('request', () => {
      const label = value === undefined ? `del ${key}` : `set ${key} = ${String(value)}`;
      const bump = value === undefined ? bumpOf.del(key) : bumpOf.set(key);
      const change = sim.history.change(process, label, { bump });
      sim.changes.set(key, value, change);
      const call = async (): Promise<void> => {
        if (value === undefined) await tide.cache.del(key);
        else await tide.cache.set(key, value);
      };
      sim.track(process, change.label, call, () => {
        sim.history.resolved(change, null);
      });
    });
  }

  #getKey(replica: Replica, key: string): void {
    const sim = this.#sim;
    replica.process.receive('request', () => {
      const read = this.#begin(replica, `get ${key}`, {});
      sim.track(
        replica.process,
        read.label,
        () => replica.tide.cache.get(key),
        (value) => {
          read.endAt = sim.engine.now;
          sim.changes.gotKey(read, key, value);
        },
      );
    });
  }

  /** Everybody asks at once for what nobody has: the origin is asked once (P4). */
  #herd(): void {
    const sim = this.#sim;
    const key = `herd:${String(++this.#herds)}`;
    const began = sim.engine.now;
    sim.engine.at(began + 500, () => {
      sim.quicken(false);
    });
    if (sim.troubledUntil + 5000 > began) return;
    // Replicas of another app version read other entries: they are a herd of their own.
    const loads = new Map<number | undefined, number>();
    for (const { index, process, tide } of sim.replicas) {
      if (process.stranger) continue;
      const schema = sim.plan.config.schemas[index];
      const load = (): Promise<number> => {
        loads.set(schema, (loads.get(schema) ?? 0) + 1);
        return sim.database.ask(process, key, { recentlyChanged: false }, () => 1, 25);
      };
      for (let i = 0; i < 2; i++) {
        process.receive('request', () => {
          sim.track(
            process,
            key,
            () => tide.cache.getOrLoad(key, { branch: 'main', ttlMs: 600_000 }, load),
            () => {},
          );
        });
      }
    }
    sim.engine.at(began + 3500, () => {
      if (sim.troubledUntil < began) for (const count of loads.values()) sim.changes.herded(key, count);
    });
  }
}

const labelOf = ({ op, type, id, branch, number }: Commit): string =>
  `${op} ${String(type)} ${id}@${branch} (${String(number)})`;

/** The change as a host announces it: sometimes without the images, sometimes with one of an older version. */
function changeOf(commit: Commit, dice: number): object {
  const { type, id, branch, op, before, after, moves } = commit;
  const named = { type, id, branch, op };
  if (after === null || before === null) return op === 'create' || dice % 2 === 0 ? { ...named, after } : named;
  if (op === 'update' && dice % 5 === 2) {
    return { ...named, before: { ...before, version: before.version - 1, parentId: 'elsewhere' }, after };
  }
  // An update without both images asserts that it moved nothing.
  if (op === 'update' && moves) return { ...named, before, after };
  return dice % 5 === 0 ? named : dice % 5 === 1 ? { ...named, after } : { ...named, before, after };
}

/** The view that the replicas have: what hangs under a kingdom, two levels deep. */
export async function realmOf(read: Asking, kingdom: string): Promise<Realm> {
  const settlements = await read.children('settlement', { kingdom });
  const structures = await Promise.all(settlements.map(({ id }) => read.children('structure', { settlement: id })));
  return { kingdom: await read.get('kingdom', kingdom), settlements, structures };
}
