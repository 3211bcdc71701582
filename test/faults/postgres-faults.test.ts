import { expect } from 'vitest';
import { describeOwnPostgres } from '../services/own-postgres.js';
import type { Fleet } from './fleet.js';
import { MAX_STALENESS_MS } from './fleet.js';
import type { Link } from './link.js';
import { type PostgresGround, isUp, onPostgres } from './postgres-ground.js';
import { fault, onFleet } from './run.js';
import { pause, until } from './time.js';

/*
 * The same replicas and the same checker as in faults.test.ts, with marks, store and bus in Postgres.
 */

type OnPostgres = Fleet<PostgresGround>;

const OTHERS = `select pg_terminate_backend(pid) from pg_stat_activity
  where backend_type = 'client backend' and pid <> pg_backend_pid()`;

/** What happens to the server, or beside it. */
const BLOWS: Readonly<Record<string, (fleet: OnPostgres) => Promise<unknown>>> = {
  'ends all connections': ({ ground }) => ground.operate(OTHERS),
  'ends all connections that listen': ({ ground }) => ground.operate(`${OTHERS} and query ilike 'listen%'`),
  'is restarted in order': async ({ ground }) => {
    await ground.server.kill('SIGINT');
    await ground.server.restart();
    await isUp(ground);
  },
  crashes: async ({ ground }) => {
    await ground.server.kill('SIGQUIT');
    await ground.server.restart();
    await isUp(ground);
  },
  'loses a process, and with it what was not logged': async ({ ground }) => {
    const victim = await ground.connect();
    const { rows } = await victim.query<{ pid: number }>('select pg_backend_pid() as pid');
    process.kill((rows[0] as { pid: number }).pid, 'SIGKILL');
    await isUp(ground);
  },
  'has its tables emptied': ({ ground }) => {
    const truncate = 'truncate tidemark.partition, tidemark.mark, tidemark.entry, tidemark.topic, tidemark.message';
    // It locks one table after the other, and may be the one that gives way to a bump.
    return until('the tables are emptied', () =>
      ground.operate(truncate).then(
        () => true,
        ({ code }: { readonly code?: string }) => expect(code).toBe('40P01'),
      ),
    );
  },
  'keeps a transaction open that locks the marks for longer than they are trusted': async ({ ground }) => {
    const client = await ground.connect();
    await client.query('begin; select from tidemark.partition for update');
    await pause(MAX_STALENESS_MS + 700);
    await client.query('rollback');
  },
  'keeps a transaction open that sees what was': async ({ ground }) => {
    const client = await ground.connect();
    await client.query('begin isolation level repeatable read; select count(*) from tidemark.mark');
    await pause(MAX_STALENESS_MS + 700);
  },
  'keeps a transaction open that has notified': async ({ ground }) => {
    const client = await ground.connect();
    await client.query(`begin; select pg_notify('other', 'x')`);
    await pause(MAX_STALENESS_MS + 700);
    await client.query('commit');
  },
};

const BREAKS: Readonly<Record<string, (link: Link) => unknown>> = {
  'is cut, time and again': async (link) => {
    for (let i = 0; i < 4; i++) {
      link.cut();
      await pause(MAX_STALENESS_MS / 4);
    }
  },
  'refuses connections': (link) => link.refuse(),
  'holds back what is answered': (link) => {
    link.hold('down');
  },
  'is half open': (link) => {
    link.halfOpen();
  },
};

describeOwnPostgres('a fault on Postgres', () => {
  for (const [what, inflict] of Object.entries(BLOWS)) {
    fault(`Postgres: a server that ${what}`, () =>
      onFleet(onPostgres(), async (fleet) => {
        await fleet.begin();
        for (let i = 0; i < 2; i++) {
          await inflict(fleet);
          await pause(300);
        }
        await fleet.settle();
        return { ...(await fleet.verdict()), mostOriginCalls: fleet.origin.most };
      }),
    );
  }

  for (const kind of ['client', 'subscriber'] as const) {
    for (const [what, inflict] of Object.entries(BREAKS)) {
      fault(`Postgres: the ${kind} link of one replica ${what}`, () =>
        onFleet(onPostgres(), async (fleet) => {
          await fleet.begin();
          await inflict(fleet.b[kind]);
          await pause(MAX_STALENESS_MS + 700);
          await fleet.b[kind].heal();
          await fleet.settle();
          return { ...(await fleet.verdict()), mostOriginCalls: fleet.origin.most };
        }),
      );
    }
  }

  fault('Postgres: SIGKILL of a replica under load: the others go on', () =>
    onFleet(
      onPostgres(),
      async (fleet) => {
        await fleet.begin();
        await fleet.a.kill();
        await pause(300);
        await fleet.settle();
        return { ...(await fleet.verdict()) };
      },
      { replicas: 3 },
    ),
  );
});
