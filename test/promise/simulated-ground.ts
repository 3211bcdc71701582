import { Connection, type Pace } from '../sim/connection.js';
import { contractsOver } from '../sim/contracts.js';
import { randomOf } from '../sim/dice.js';
import { Engine } from '../sim/engine.js';
import { Process } from '../sim/process.js';
import { Server } from '../sim/server.js';
import { RIGHT } from '../sim/server-rules.js';
import { type ServerState, copyState, emptyState } from '../sim/server-state.js';
import type { Fault, Ground, GroundOptions } from './ground.js';
import { type PromiseTide, openTide } from './model.js';

const PARTITIONS = 3;
const RECONNECT_MS = 40;
const PACE: Pace = { usualMs: 1.2, slowMs: 40, slowShare: 0.05 };

interface Replica {
  readonly tide: PromiseTide;
  readonly client: Connection;
  readonly subscriber: Connection;
}

/** Replicas on a server that behaves as a Redis does, and on links, none of which are there. Time is true time. */
export async function simulatedGround({ library, plan, truth, banned }: GroundOptions): Promise<Ground> {
  const { seed } = plan;
  const engine = new Engine();
  const words = randomOf(seed, 'ids');
  const newId = (): string => Math.floor(words() * 2 ** 48).toString(36);
  const observer = { executed: () => undefined, published: () => undefined };
  const serverWith = (state: number | ServerState): Server =>
    new Server('server', { engine, newId, rules: RIGHT, observer, state });
  let server = serverWith(PARTITIONS);
  let kept = emptyState(PARTITIONS);
  let standby: ServerState | undefined;

  const replicas = Array.from({ length: plan.replicas }, (_, i): Replica => {
    const random = (of: string) => randomOf(seed, `${String(i)} ${of}`);
    const process = new Process('ABC'.charAt(i), { engine, random: random('process'), rate: 1, stranger: false });
    const connect = (role: 'client' | 'subscriber'): Connection =>
      new Connection({
        ...{ engine, random: random(role), process, role, pace: PACE },
        resends: seed % 4 !== 0,
        postgres: false,
        startsAt: 0,
        route: () => server,
        note: () => undefined,
      });
    const [client, subscriber] = [connect('client'), connect('subscriber')];
    const overheard = {
      ...{ bumping: () => undefined, bumped: () => undefined, heard: () => undefined },
      ...{ reconnected: () => undefined, watching: () => undefined },
    };
    const contracts = contractsOver({
      ...{ client, subscriber, partitions: PARTITIONS, fetches: true, transactions: null, rules: RIGHT, overheard },
    });
    const parts = { ...contracts, clock: process.clock, random: random('core') };
    return { client, subscriber, tide: openTide(library, parts, { truth, banned }) };
  });
  const links = (): Connection[] => replicas.flatMap(({ client, subscriber }) => [client, subscriber]);
  const clock = new Process('test', { engine, random: words, rate: 1, stranger: false }).clock;

  const strike = (fault: Fault): void => {
    const { what, ms } = fault;
    switch (what) {
      case 'cut':
      case 'refuse':
      case 'hold':
      case 'silence':
      case 'delay':
      case 'lose': {
        const link = (replicas[fault.replica] as Replica)[fault.link];
        if (what === 'cut') link.cut(RECONNECT_MS);
        else if (what === 'refuse') link.cut(ms);
        else if (what === 'silence') link.halfOpen(ms);
        else if (what === 'hold') link.stall(ms);
        else if (what === 'lose') link.lose(1 + (ms % 2));
        else link.slowReplies(400, ms);
        return;
      }
      case 'wipe':
        server.flush();
        return;
      case 'trim':
        for (const { kept: messages } of server.state.topics.values()) messages.splice(0, messages.length - 1);
        return;
      case 'full': {
        const filled = server;
        filled.full = true;
        engine.at(engine.now + ms, () => (filled.full = false));
        return;
      }
      case 'keep':
        kept = copyState(server.state);
        return;
      case 'part':
        standby = copyState(server.state);
        return;
      case 'restart':
        for (const link of links()) link.cut(100);
        server.restart(kept);
        return;
      case 'failover': {
        const old = server;
        old.die();
        server = serverWith(standby ?? old.state);
        standby = undefined;
        for (const link of links()) link.reroute();
        return;
      }
      case 'kill':
        for (const { subscriber } of replicas) subscriber.cut(RECONNECT_MS);
        return;
      case 'pause':
        for (const link of links()) link.stall(ms);
    }
  };

  return {
    tides: replicas.map(({ tide }) => tide),
    clock,
    pass: (ms) => engine.run(engine.now + ms),
    strike: async (fault) => {
      strike(fault);
    },
    // What is still broken ends by itself: no fault lasts longer.
    heal: () => engine.run(engine.now + 4000),
    close: async () => {
      const closing = Promise.all(replicas.map(({ tide }) => tide.close()));
      await engine.run(engine.now + 5000);
      await closing;
      engine.stop();
    },
  };
}
