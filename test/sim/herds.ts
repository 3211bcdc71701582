import type { Process } from './process.js';
import type { Simulation } from './simulation.js';

/** How long slow messages are held off for one herd. */
const QUIET_MS = 6000;
/** Longer than a lease. */
const STUCK_MS = 2600;

/** Everybody asks at once for what nobody has: the origin is asked once (P4). */
export class Herds {
  readonly #sim: Simulation;
  #herds = 0;

  constructor(sim: Simulation) {
    this.#sim = sim;
  }

  /**
   * A reply that takes longer than the whole load of another replica finds the lease given back, and loads once more: not
   * here. `stuck`: whoever loads first is paused until another has taken over, and then fails.
   */
  gather(stuck: boolean): void {
    const { engine } = this.#sim;
    this.#sim.quicken(true);
    engine.at(engine.now + QUIET_MS, () => {
      this.#sim.quicken(false);
    });
    engine.at(engine.now + 1200, () => {
      this.#ask(stuck);
    });
  }

  #ask(stuck: boolean): void {
    const sim = this.#sim;
    const { engine, database } = sim;
    const began = engine.now;
    // After a new epoch everybody reads its marks again, and loads alone meanwhile.
    const isFresh = sim.primary.state.partitions.some(({ beganAt }) => beganAt > began - 5000);
    if (isFresh || sim.troubledUntil + 5000 > began) return;
    const key = `herd:${String(++this.#herds)}`;
    // Replicas of another app version read other entries: they are a herd of their own. So is each that still reads its
    // marks again after a fault: what it loads meanwhile it cannot share.
    const loads = new Map<string, number>();
    for (const { index, process, tide, doubted } of sim.replicas) {
      if (process.stranger) continue;
      const herd = doubted.size > 0 ? process.name : `schema ${String(sim.plan.config.schemas[index])}`;
      const load = async (): Promise<number> => {
        const count = (loads.get(herd) ?? 0) + 1;
        loads.set(herd, count);
        if (stuck && count === 1) return this.#stick(process);
        return database.ask(process, key, { recentlyChanged: false }, () => 1, stuck ? 1500 : 25);
      };
      const call = () => tide.cache.getOrLoad(key, { branch: 'main', ttlMs: 600_000 }, load);
      for (let i = 0; i < 2; i++) {
        process.receive('request', () => {
          sim.track(process, key, call, () => {});
        });
      }
    }
    engine.at(began + QUIET_MS - 1500, () => {
      if (sim.troubledUntil >= began) return;
      for (const count of loads.values()) sim.changes.herded(key, { loads: count, most: stuck ? 2 : 1 });
    });
  }

  /** Its process stands still for longer than its lease. */
  async #stick(process: Process): Promise<never> {
    const { engine, database } = this.#sim;
    database.faultyUntil = engine.now + STUCK_MS;
    engine.at(engine.now + 5, () => {
      process.pause(STUCK_MS, false);
    });
    await new Promise<void>((resume) => process.clock.after(10, resume));
    throw new Error('the database had gone away');
  }
}
