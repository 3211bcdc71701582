import type { Surroundings } from '../surroundings.js';
import { type DatabaseOptions, type Target, databaseClient, saidBy } from './clients.js';
import { fault, skipped } from './finding.js';
import { checkPostgres } from './postgres-checks.js';
import { readPostgres } from './postgres-facts.js';
import type { Asked, Seen } from './seen.js';
import { checkHostTables, checkNames } from './tables.js';

/** One section. Rejects where there is no `pg`, and for names that are none. */
export async function lookAtDatabase(
  target: Target<DatabaseOptions> | null,
  asked: Asked,
  { cwd, clock, memoryBytes }: Surroundings,
): Promise<readonly Seen[]> {
  if (target === null) {
    const what = 'No database is named: none was looked at.';
    return [
      {
        where: 'PostgreSQL',
        findings: [skipped('postgres.reach', what, '--database <url>, or DATABASE_URL')],
        aheadMs: null,
      },
    ];
  }
  checkNames(asked.schema, asked.tables);
  const where = `PostgreSQL ${target.where}`;
  const client = await databaseClient(cwd, target);
  try {
    await client.connect();
    const { replicas, pool, schema, databaseMemory, tables } = asked;
    const memory = databaseMemory ?? (target.isLocal ? memoryBytes : null);
    const { facts, aheadMs } = await readPostgres(client, { clock, memoryBytes: memory, replicas, pool, schema });
    const inTables = await checkHostTables(client, tables);
    // What the tables need of PostGIS is said with more than whether it is there.
    const said = new Set(inTables.map(({ id }) => id));
    const findings = [...checkPostgres(facts).filter(({ id }) => !said.has(id)), ...inTables];
    return [{ where, findings, aheadMs }];
  } catch (error) {
    const said = saidBy(error, target.secrets);
    const mend =
      'Start it, or correct the URL: host, port, database, user, password, sslmode; look at pg_hba.conf and firewalls.';
    return [{ where, findings: [fault('postgres.reach', `It cannot be asked: ${said}`, mend)], aheadMs: null }];
  } finally {
    await client.end().catch(() => undefined);
  }
}
