import { bumpOf } from './history.js';
import type { Step } from './plan.js';
import type { Replica } from './replica.js';
import type { Simulation } from './simulation.js';

/** Clients that set values by hand, and delete by pattern. */
export class Keys {
  readonly #sim: Simulation;
  #values = 0;

  constructor(sim: Simulation) {
    this.#sim = sim;
  }

  act([, what, a, b]: Step): boolean {
    const replica = this.#sim.replica(a);
    const key = `flag:${String(b % 2)}`;
    switch (what) {
      case 'setKey':
        this.#set(replica, key, ++this.#values);
        return true;
      case 'delKey':
        this.#set(replica, key, undefined);
        return true;
      case 'getKey':
        this.get(replica, key);
        return true;
      case 'delPattern':
        this.#deleteAll(replica);
        return true;
      default:
        return false;
    }
  }

  #set(replica: Replica, key: string, value: number | undefined): void {
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

  get(replica: Replica, key: string): void {
    const sim = this.#sim;
    replica.process.receive('request', () => {
      const read = sim.begin(replica.process, `get ${key}`);
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

  /** It stands for everything committed so far: what was loaded before is gone. */
  #deleteAll(replica: Replica): void {
    const sim = this.#sim;
    const { process, tide } = replica;
    process.receive('request', () => {
      const what = { commits: [...sim.world.commits], bump: bumpOf.patterns };
      const change = sim.history.change(process, 'delPattern *', what);
      const call = () => tide.cache.delPattern('*');
      sim.track(process, change.label, call, ({ success }) => {
        change.endAt = sim.engine.now;
        if (success) sim.history.resolved(change, null);
      });
    });
  }
}
