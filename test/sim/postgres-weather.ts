import type { Step } from './plan.js';
import { type Transactions, partitionRow, partitionRows } from './postgres-server.js';
import type { Simulation } from './simulation.js';

/**
 * What goes wrong with a Postgres in place of what goes wrong with a Redis alone: nothing is evicted, no copy takes over, and no
 * message is lost while its connection is there. False for what happens to both alike.
 */
export function strikePostgres(sim: Simulation, transactions: Transactions, [, what, a, b, c]: Step): boolean {
  const { client, subscriber, process } = sim.replica(a);
  const { engine, trace, primary, replicas } = sim;
  const bar = (lane: string, ms: number, label: string): void => {
    trace?.fault(lane, label, engine.now, engine.now + ms);
  };
  const cutAll = (ms: number): void => {
    transactions.terminate();
    for (const each of replicas) for (const one of [each.client, each.subscriber]) one.cut(ms);
  };
  switch (what) {
    case 'lostReply':
      sim.storeTrouble(c + 1000);
      bar(process.name, c, 'backends terminated');
      transactions.terminate(client);
      client.cut(c);
      return true;
    case 'lose':
      sim.trouble(c + 1000);
      bar(process.name, c, 'the backend that listens is terminated');
      subscriber.cut(c);
      return true;
    case 'evict':
      sim.storeTrouble(1000);
      bar(primary.name, 20, 'all backends terminated');
      cutAll(20);
      return true;
    case 'evictMarks':
    case 'full':
      sim.storeTrouble(c + 1000);
      bar(primary.name, c, 'rows locked by a long transaction');
      void transactions
        .run(
          'somebody',
          what === 'full' ? partitionRows(primary) : [partitionRow(b % primary.partitions)],
          () => () => undefined,
          c,
        )
        .catch(() => undefined);
      return true;
    case 'flush':
      sim.trouble(2000);
      bar(primary.name, 20, 'truncated');
      void transactions
        .run(
          'somebody',
          partitionRows(primary),
          () => () => {
            primary.flush();
          },
          1,
        )
        .catch(() => undefined);
      return true;
    case 'snapshot':
      return true;
    case 'restore':
    case 'failover':
    case 'split': {
      const down = Math.min(c, 800);
      const isInOrder = what === 'restore';
      sim.storeTrouble(down + 2500);
      bar(primary.name, down, isInOrder ? 'restarted' : what === 'failover' ? 'crashed' : 'lost a process');
      cutAll(down);
      // What is not logged is emptied, and nothing else.
      if (!isInOrder) primary.flush();
      // The postmaster lives on where one of its processes was killed.
      if (what === 'split') primary.disconnect();
      else primary.restart(primary.state);
      return true;
    }
    default:
      return false;
  }
}
