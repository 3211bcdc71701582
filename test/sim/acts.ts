import { Herds } from './herds.js';
import { Keys } from './keys.js';
import type { Step } from './plan.js';
import { Readers } from './readers.js';
import type { Replica } from './replica.js';
import type { Simulation } from './simulation.js';
import { Writers } from './writers.js';
import { IDS, type ValueName } from './world.js';

/** What clients of the replicas do: each request reaches its replica's process, and waits there if that is paused. */
export class Acts {
  readonly #sim: Simulation;
  readonly #readers: Readers;
  readonly #writers: Writers;
  readonly #keys: Keys;
  readonly #herds: Herds;

  constructor(sim: Simulation, realm: unknown) {
    this.#sim = sim;
    this.#readers = new Readers(sim, realm);
    this.#writers = new Writers(sim);
    this.#keys = new Keys(sim);
    this.#herds = new Herds(sim);
  }

  act(step: Step): boolean {
    const [, what, , b] = step;
    if (what === 'herd') this.#herds.gather(b % 2 === 0);
    else return this.#readers.act(step) || this.#writers.act(step) || this.#keys.act(step);
    return true;
  }

  /** Everything, on one replica after the other: what the first stores the others find. */
  audit(names: readonly ValueName[]): void {
    const { replicas, engine } = this.#sim;
    for (const [i, replica] of replicas.entries()) {
      engine.at(engine.now + 30 * i, () => {
        for (const name of names) this.#readers.read(replica, name);
        for (const key of ['flag:0', 'flag:1']) this.#keys.get(replica, key);
        if (this.#sim.isMapped) this.#readers.readPlaces(replica, 'main');
        if (this.#sim.isRuled) for (const id of IDS.settlement) this.#readers.readFields(replica, id, 'main');
        for (const kingdom of IDS.kingdom) this.#readers.readRealm(replica, kingdom, true, 'main');
      });
    }
  }

  /** A subscriber that reads again what it was told of. */
  refetch(replica: Replica, type: string, id: string, branch: string): void {
    this.#readers.read(replica, `${type}:${id}@${branch}`);
  }
}
