import { branchAt, entityOf } from './cast.js';
import { pick } from './dice.js';
import type { ChangeRecord, ReadRecord } from './history.js';
import type { Step } from './plan.js';
import { type Asking, type Realm, realmOf } from './realm.js';
import type { Replica } from './replica.js';
import type { Simulation } from './simulation.js';
import { BOXES, DISCS, NEAREST, SPOT } from './places.js';
import { type Fields, IDS, LISTS, type Row, type Type, type ValueName } from './world.js';

type How = { readonly after?: never; readonly consistency?: 'strong' };

/** Clients that read. */
export class Readers {
  readonly #sim: Simulation;
  readonly #realm: unknown;

  constructor(sim: Simulation, realm: unknown) {
    this.#sim = sim;
    this.#realm = realm;
  }

  act([, what, a, b, c]: Step): boolean {
    const sim = this.#sim;
    const replica = sim.replica(a);
    const branch = branchAt(a);
    const [type, id] = entityOf(sim.plan.seed, b);
    switch (what) {
      case 'get':
      case 'strongRead':
        this.read(replica, `${type}:${id}@${branch}`, { strong: what === 'strongRead', scope: c % 2 });
        return true;
      case 'afterRead': {
        const change = sim.history.lastWithReceipt;
        if (change === null) return true;
        const aim = this.#touchedBy(change, b) ?? `${type}:${id}@${branch}`;
        this.read(replica, aim, { after: [change], scope: c % 2 });
        return true;
      }
      case 'children':
        this.read(replica, listAt(b, branch));
        return true;
      case 'box':
      case 'near':
        this.read(replica, `${what}:${String(b % (what === 'box' ? BOXES : DISCS).length)}@${branch}`);
        return true;
      case 'where':
        this.read(replica, `${pick(PLACES, b)}@${branch}`, { strong: c % 8 === 0 });
        return true;
      case 'everywhere':
        for (const each of sim.replicas) {
          this.read(each, c % 3 === 0 ? listAt(c / 3, branch) : `${type}:${id}@${branch}`);
        }
        return true;
      case 'scopeRead':
        this.read(replica, c % 3 === 0 ? listAt(c / 3, 'main') : `${type}:${id}@main`, { inScope: true });
        return true;
      case 'newScope':
        replica.scope = replica.tide.scope({ branch: 'main' });
        return true;
      case 'peek':
        replica.process.receive('request', () => {
          const read = sim.begin(replica.process, `peek ${type} ${id}`);
          const value = replica.tide.peek(type, id, { branch });
          if (value !== undefined) this.#judge(read, `${type}:${id}@${branch}`, value);
        });
        return true;
      case 'fields':
        this.readFields(replica, pick(IDS.settlement, b), branch, { strong: c % 8 === 0, inScope: c % 4 === 1 });
        return true;
      case 'view':
      case 'keyed':
        this.readRealm(replica, pick(IDS.kingdom, b), what === 'view', branch);
        return true;
      default:
        return false;
    }
  }

  #touchedBy({ commits }: ChangeRecord, dice: number): ValueName | null {
    const [commit] = commits;
    if (commit === undefined || commit.type === null) return null;
    const list = LISTS.find(([type]) => type === commit.type);
    if (dice % 3 === 0 && list !== undefined)
      return `${list[0]}<${list[1]}:${commit.after?.parentId ?? 'k1'}@${commit.branch}`;
    return `${commit.type}:${commit.id}@${commit.branch}`;
  }

  #judge(read: ReadRecord, name: ValueName, value: unknown): void {
    read.endAt = this.#sim.engine.now;
    const [region, branch] = name.split('@') as [string, string];
    const kind = region.split(':')[0] as string;
    if (kind === 'nearest' || kind === 'in') {
      this.#sim.places.judge(read, name, value as readonly Row[] | null);
      return;
    }
    if (!['box', 'near', 'holding'].includes(kind)) {
      this.#sim.reads.judge(read, name, value);
      return;
    }
    // Answers about places are kept up row by row: each is regular, all together need not be of one moment.
    for (const id of IDS[kind === 'holding' ? 'province' : 'settlement']) {
      const row = (value as readonly Row[]).find((one) => one.id === id) ?? null;
      this.#sim.reads.judge(read, `${region}/${id}@${branch}`, row);
    }
  }

  readPlaces(replica: Replica, branch: string): void {
    for (const place of new Set(PLACES)) this.read(replica, `${place}@${branch}`);
  }

  read(
    replica: Replica,
    name: ValueName,
    {
      after = [],
      strong = false,
      scope = 0,
      inScope = false,
    }: { after?: readonly ChangeRecord[]; strong?: boolean; scope?: number; inScope?: boolean } = {},
  ): void {
    const sim = this.#sim;
    replica.process.receive('request', () => {
      const receipt = after[0]?.receipt;
      const label = `read ${name}${receipt == null ? '' : ` after #${String(after[0]?.number)}`}${strong ? ' strong' : ''}`;
      const read = sim.begin(replica.process, label, { after: receipt == null ? [] : after, strong });
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
    if (kind === 'nearest') return tide.spatial.nearest('settlement', NEAREST[Number(id)] as (typeof NEAREST)[0], call);
    if (kind === 'holding') return tide.spatial.containing('province', { point: SPOT }, call);
    if (kind === 'in') return within(tide.spatial.within('settlement', { region: { type: 'province', id } }, call));
    if (inScope) return replica.scope.get(kind as Type, id);
    return scope === 1 ? tide.scope(call).loaders[kind as Type].load(id) : tide.get(kind as Type, id, call);
  }

  /** Each of the fields shows a value that is judged for itself. */
  readFields(replica: Replica, id: string, branch: string, { strong = false, inScope = false } = {}): void {
    const sim = this.#sim;
    replica.process.receive('request', () => {
      const label = `fields of settlement:${id}@${branch}${strong ? ' strong' : ''}`;
      const read = sim.begin(replica.process, label, { strong });
      const call = { branch, ...(strong ? { consistency: 'strong' as const } : {}) };
      sim.track(
        replica.process,
        label,
        (): Promise<unknown> =>
          inScope
            ? replica.tide.scope(call).loaders.settlement.computed(id)
            : replica.tide.computed('settlement', id, call),
        (value) => {
          const fields = value as Fields | null;
          this.#judge(read, `settlement:${id}@${branch}`, fields?.own ?? null);
          if (fields === null) return;
          this.#judge(read, `kingdom:${fields.own.parentId}@${branch}`, fields.above);
          this.#judge(read, `structure<settlement:${id}@${branch}`, fields.below);
          this.#judge(read, `edition:all@${branch}`, fields.edition);
        },
      );
    });
  }

  readRealm(replica: Replica, kingdom: string, asView: boolean, branch: string): void {
    const sim = this.#sim;
    replica.process.receive('request', () => {
      const label = `${asView ? 'view' : 'keyed'} realm ${kingdom}@${branch}`;
      const read = sim.begin(replica.process, label);
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
}

/** What is asked of a map with provinces. */
const PLACES = ['nearest:0', 'nearest:1', 'holding:0', 'in:p1', 'in:p1', 'in:p2'] as const;

/** Null where there is no such region. */
async function within(found: Promise<readonly Row[]>): Promise<readonly Row[] | null> {
  return found.catch((error: unknown) => {
    if ((error as { code?: string }).code === 'NOT_PLACED') return null;
    throw error;
  });
}

/** Which list a number stands for. */
function listAt(dice: number, branch: string): ValueName {
  const [type, parent] = pick(LISTS, dice);
  return `${type}<${parent}:${pick(IDS[parent], dice >> 2)}@${branch}`;
}
