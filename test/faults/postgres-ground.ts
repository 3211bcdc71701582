import { Client } from 'pg';
import { type PostgresServer, startPostgres } from '../../scripts/services.mjs';
import { migrate } from '../services/replicas.js';
import type { Ground } from './ground.js';
import type { Link } from './link.js';
import { until } from './time.js';

/** Replicas that have nothing but a Postgres. */
export interface PostgresGround extends Ground {
  readonly server: PostgresServer;
  /** What an operator does, past all links; a connection each, which the server may end. */
  operate(text: string): Promise<readonly unknown[]>;
  /** Connections that somebody else holds, until the ground is left. */
  connect(): Promise<Client>;
}

/** What the guide tells to set. */
const POOL = { user: 'postgres', database: 'postgres', max: 4, connectionTimeoutMillis: 2000, query_timeout: 2000 };

export async function onPostgres(settings: Readonly<Record<string, string | number>> = {}): Promise<PostgresGround> {
  const server = await startPostgres({ synchronous_commit: 'on', ...settings });
  const clients = new Set<Client>();
  const connect = async (): Promise<Client> => {
    const client = new Client({ connectionString: server.url });
    client.on('error', () => undefined);
    await client.connect();
    clients.add(client);
    return client;
  };
  const first = await connect();
  await migrate(first as never);
  await first.end();
  clients.delete(first);
  return {
    ...{ server, nodes: [server], connect },
    operate: async (text) => {
      const client = await connect();
      try {
        return (await client.query<Record<string, unknown>>(text)).rows;
      } finally {
        clients.delete(client);
        await client.end();
      }
    },
    connection: (client: Link, subscriber: Link) => ({
      client: { ...POOL, ...client.at(server) },
      subscriber: { ...POOL, ...subscriber.at(server), max: 1 },
    }),
    stop: async () => {
      await Promise.allSettled([...clients].map((client) => client.end()));
      await server.stop();
    },
  };
}

/** Resolves once the server answers again. */
export const isUp = (ground: PostgresGround): Promise<void> =>
  until('the server answers', () =>
    ground.operate('select 1').then(
      () => true,
      () => false,
    ),
  );
