import { pick, randomOf } from './dice.js';
import type { Step } from './plan.js';
import { strikePostgres } from './postgres-weather.js';
import type { Replica } from './replica.js';
import type { Server } from './server.js';
import { copyState } from './server-state.js';
import type { Simulation } from './simulation.js';

/** Everything that goes wrong around the replicas. Each fault says for how long nothing can be relied on. */
export function strike(sim: Simulation, step: Step): boolean {
  const [at, what, a, b, c] = step;
  if (sim.transactions !== null && strikePostgres(sim, sim.transactions, step)) return true;
  const replica = sim.replica(a);
  const { process, client, subscriber } = replica;
  const { engine, trace, primary } = sim;
  const bar = (lane: string, ms: number, label: string = what): void => {
    trace?.fault(lane, label, engine.now, engine.now + ms);
  };
  switch (what) {
    case 'pause':
    case 'suspend':
      sim.trouble(c);
      bar(process.name, c);
      process.pause(c, what === 'suspend');
      return true;
    case 'wall':
      sim.trouble(0);
      bar(process.name, 20, 'wall clock set');
      process.shiftWall((b % 2 === 0 ? 1 : -1) * (c + 800));
      return true;
    case 'cut':
    case 'halfOpen':
    case 'stall':
      for (const connection of pick([[client], [subscriber], [client, subscriber]], b)) {
        sim.storeTrouble(c + 1000);
        bar(process.name, c, `${what} ${connection.role}`);
        if (what === 'cut') connection.cut(c);
        else if (what === 'halfOpen') connection.halfOpen(c);
        else connection.stall(c / 4);
      }
      return true;
    case 'lose':
      bar(process.name, 20, `loses ${String(1 + (b % 2))} messages`);
      subscriber.lose(1 + (b % 2));
      sim.trouble(c);
      return true;
    case 'slowReplies':
      bar(process.name, c, 'replies are slow');
      client.slowReplies(420, c);
      sim.trouble(c);
      return true;
    case 'lostReply':
      sim.storeTrouble(c + 1000);
      bar(process.name, c, 'reply lost, sent again');
      client.cut(c, true);
      return true;
    case 'evict': {
      const random = randomOf(sim.plan.seed, `evict ${String(at)}`);
      bar(primary.name, 20);
      for (const key of [...primary.state.cells.keys()]) if (random() < 0.5) primary.state.cells.delete(key);
      return true;
    }
    case 'evictMarks':
      sim.trouble(2000);
      bar(primary.name, 20, `marks ${String(b % primary.partitions)} evicted`);
      primary.forget(b % primary.partitions);
      return true;
    case 'flush':
      sim.trouble(2000);
      bar(primary.name, 20);
      primary.flush();
      return true;
    case 'full':
      sim.storeTrouble(c);
      bar(primary.name, c);
      primary.full = true;
      engine.at(engine.now + c, () => (primary.full = false));
      return true;
    case 'refuse':
      sim.storeTrouble(c);
      bar(primary.name, c, 'READONLY');
      primary.refusesUntil = engine.now + c;
      return true;
    case 'snapshot':
      bar(primary.name, 20);
      sim.snapshot = copyState(primary.state);
      return true;
    case 'restore':
      if (sim.snapshot !== null) restore(sim, primary, c);
      return true;
    case 'outage':
      sim.storeTrouble(c + 1000);
      bar(primary.name, c, 'down');
      for (const { client: one, subscriber: other } of sim.replicas) {
        if (b % 2 === 0) for (const each of [one, other]) each.cut(c);
        else for (const each of [one, other]) each.halfOpen(c);
      }
      return true;
    case 'failover':
      failover(sim, b % 2 === 0);
      return true;
    case 'split':
      split(sim, b, c);
      return true;
    case 'crash':
      crash(sim, replica, c);
      return true;
    case 'originSlow':
      sim.trouble(c);
      bar('origin', c, 'slow');
      sim.database.slowUntil = engine.now + c;
      sim.database.slowMs = b % 3 === 0 ? 12_000 : 400;
      return true;
    case 'originFails':
      sim.trouble(c);
      bar('origin', c, 'down');
      sim.database.failsUntil = engine.now + c;
      return true;
    default:
      return false;
  }
}

/** The server comes back with an old copy. */
function restore(sim: Simulation, server: Server, downMs: number): void {
  const down = Math.min(downMs, 800);
  sim.storeTrouble(down + 2500);
  sim.trace?.fault(server.name, 'restored from a copy', sim.engine.now, sim.engine.now + down);
  for (const { client, subscriber } of sim.replicas) for (const each of [client, subscriber]) each.cut(down);
  server.restart(sim.snapshot as NonNullable<typeof sim.snapshot>);
  sim.wentBack(server);
}

/** The standby, which has not had the last writes, takes over. */
function failover(sim: Simulation, noticed: boolean): void {
  const old = sim.primary;
  sim.storeTrouble(4000);
  sim.trace?.fault(old.name, 'failed', sim.engine.now, sim.engine.now + 50);
  old.die();
  sim.primary = sim.addServer(sim.snapshot ?? old.state);
  sim.routes.clear();
  for (const { client, subscriber } of sim.replicas) {
    for (const each of [client, subscriber]) {
      if (noticed) each.reroute();
      else each.halfOpen(1500);
    }
  }
  sim.wentBack(sim.primary);
}

/** Two servers for a while, the replicas spread over both; then the old one disappears, and its writes with it. */
function split(sim: Simulation, dice: number, ms: number): void {
  if (sim.routes.size > 0) return;
  const { engine } = sim;
  const old = sim.primary;
  sim.storeTrouble(ms + 4000);
  sim.trace?.fault(old.name, 'split off', engine.now, engine.now + ms);
  sim.primary = sim.addServer(old.state);
  for (const { index, client, subscriber } of sim.replicas) {
    if (((dice >> index) & 1) === 1) sim.routes.set(index, old);
    else for (const each of [client, subscriber]) each.reroute();
  }
  engine.at(engine.now + ms, () => {
    if (!old.alive) return;
    old.die();
    sim.routes.clear();
    for (const { client, subscriber } of sim.replicas) for (const each of [client, subscriber]) each.reroute();
    sim.wentBack(sim.primary);
  });
}

/** At any await: what it was doing never ends. Another may start in its place. */
function crash(sim: Simulation, { index, process }: Replica, afterMs: number): void {
  const { engine } = sim;
  sim.trouble(afterMs + 1000);
  sim.trace?.fault(process.name, 'crashed', engine.now, engine.now + afterMs);
  process.alive = false;
  for (const session of sim.sessions)
    if (session.process === process && session.until === Infinity) session.until = engine.now;
  engine.at(engine.now + afterMs, () => {
    if (sim.replicas[index]?.process === process) sim.start(index);
  });
}
