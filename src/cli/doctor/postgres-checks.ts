import { type Finding, either, fault, fine, skipped, warning } from './finding.js';
import { medianOf } from './figures.js';
import { type PostgresFacts, alterSystem } from './postgres-state.js';
import { checkSettings } from './postgres-settings.js';

const SLOW_MS = 5;
/** A sweep comes every few seconds. */
const UNSWEPT_MS = 60_000;

export function checkPostgres(facts: PostgresFacts): readonly Finding[] {
  return [
    ...version(facts),
    ...role(facts),
    ...checkSettings(facts),
    ...safety(facts),
    ...connections(facts),
    ...postgis(facts),
    ...migrations(facts),
    ...outbox(facts),
    ...latency(facts),
  ];
}

function version({ version }: PostgresFacts): readonly Finding[] {
  const major = Math.floor(version / 10_000);
  const said = `PostgreSQL ${String(major)}.${String(version % 10_000)}`;
  if (major >= 12) return [fine('postgres.version', `${said}.`)];
  return [fault('postgres.version', `${said} is older than 12.`, 'Upgrade to a release that is still maintained.')];
}

function role({ isStandby, settings }: PostgresFacts): readonly Finding[] {
  const found = [
    isStandby
      ? fault(
          'postgres.role',
          'It is a standby, and takes no writes.',
          'Point DATABASE_URL at the primary; a standby may be the `replica` of pgOrigin().',
        )
      : null,
    !isStandby && settings.get('default_transaction_read_only')?.shown === 'on'
      ? fault(
          'postgres.role',
          'Transactions are read-only by default.',
          'alter system reset default_transaction_read_only; select pg_reload_conf(); look at alter role … and alter database … set too',
        )
      : null,
  ];
  return either(found, fine('postgres.role', 'It is a primary, and takes writes.'));
}

/** What is lost when it is off. */
const SAFE: readonly (readonly [name: string, level: typeof fault, what: string])[] = [
  ['fsync', fault, 'a crash of the machine can destroy the database'],
  ['full_page_writes', fault, 'a crash of the machine can leave torn pages'],
  ['autovacuum', fault, 'dead rows are never cleared away, of the outbox and the marks least of all'],
  ['synchronous_commit', warning, 'a crash loses what was committed last, and with it changes in the outbox'],
];

function safety({ settings }: PostgresFacts): readonly Finding[] {
  const found = SAFE.map(([name, level, what]) => {
    const setting = settings.get(name);
    if (setting?.shown !== 'off') return null;
    return level('postgres.safety', `${name} is off: ${what}.`, alterSystem(name, 'on', setting));
  });
  return either(found, fine('postgres.safety', 'What was committed survives a crash.'));
}

function connections({
  settings,
  connections,
  connectionLimit,
  needed,
  migrations,
}: PostgresFacts): readonly Finding[] {
  const most = settings.get('max_connections')?.value ?? null;
  if (most === null) return [];
  const reserved = ['superuser_reserved_connections', 'reserved_connections'].reduce(
    (sum, name) => sum + (settings.get(name)?.value ?? 0),
    0,
  );
  const free = Math.min(most - reserved, connectionLimit ?? Infinity);
  const { replicas, pool } = needed;
  const all = replicas * pool;
  const budget = `${String(replicas)} replicas with pools of ${String(pool)}`;
  const isLimited = free < most - reserved;
  const smaller = Math.max(1, Math.floor(free / (replicas + 1)));
  const mend = isLimited
    ? `alter role … connection limit ${String(all + pool)}, or of the database; or new Pool({ max: ${String(smaller)} })`
    : `new Pool({ max: ${String(smaller)} }), or a PgBouncer between, or ${alterSystem('max_connections', String(all + pool + reserved), settings.get('max_connections'))}`;
  const found = [
    all > free
      ? fault(
          'postgres.connections',
          `${budget} take ${String(all)} connections of the ${String(free)} that they can have.`,
          mend,
        )
      : null,
    all <= free && all + pool > free
      ? warning(
          'postgres.connections',
          `${budget} take ${String(all)} connections of ${String(free)}: during a deploy, one replica more has no room.`,
          mend,
        )
      : null,
    connections > 0.8 * free
      ? warning('postgres.connections', `${String(connections)} connections of ${String(free)} are taken now.`, mend)
      : null,
    migrations !== null && pool < 4
      ? warning(
          'postgres.connections',
          `A pool of ${String(pool)} is small: LISTEN keeps one connection, a sweep of the outbox up to two.`,
          'new Pool({ max: 10 }), and --pool 10',
        )
      : null,
  ];
  const well = `${budget} take ${String(all)} connections of ${String(free)}, of which ${String(connections)} are taken now.`;
  return either(found, fine('postgres.connections', well));
}

/** That a table needs it is said with the tables. */
function postgis({ postgis, isPostgisInstalled }: PostgresFacts): readonly Finding[] {
  if (postgis === null) {
    const what = 'There is no PostGIS; postgis() needs it, nothing else does.';
    const install = isPostgisInstalled
      ? ''
      : 'install its package on the server (postgresql-<version>-postgis-3), then ';
    return [skipped('postgres.postgis', what, `${install}create extension postgis`)];
  }
  if (Number.parseInt(postgis.version, 10) >= 3) return [fine('postgres.postgis', `PostGIS ${postgis.version}.`)];
  const what = `PostGIS is ${postgis.version}; expected 3.0 or later.`;
  return [fault('postgres.postgis', what, 'alter extension postgis update')];
}

function migrations({ migrations, needed }: PostgresFacts): readonly Finding[] {
  const print = `npx tidemark migrate --print${needed.schema === null ? '' : ` --schema ${needed.schema}`}`;
  if (migrations === null) {
    if (needed.schema === null) {
      const what = 'There is no schema tidemark; postgres() and pgOutbox() need it, nothing else does.';
      return [
        skipped('postgres.migrations', what, `${print} prints the SQL that makes it; --schema <name> says where it is`),
      ];
    }
    return [fault('postgres.migrations', `There is no schema ${needed.schema}.`, `Run the SQL that ${print} prints.`)];
  }
  const missing = needed.migrations.filter((one) => !migrations.includes(one));
  const newer = migrations.filter((one) => one > Math.max(...needed.migrations));
  const found = [
    missing.length > 0
      ? fault(
          'postgres.migrations',
          `Migrations that were not made: ${missing.join(', ')}.`,
          `Run those parts of the SQL that ${print} prints.`,
        )
      : null,
    newer.length > 0
      ? warning(
          'postgres.migrations',
          `The database has migrations of a later version: ${newer.join(', ')}.`,
          'Run the doctor of the version that the app runs: npm install tidemark@latest',
        )
      : null,
  ];
  return either(
    found,
    fine('postgres.migrations', `${String(migrations.length)} of ${String(needed.migrations.length)} were made.`),
  );
}

function outbox({ outbox }: PostgresFacts): readonly Finding[] {
  if (outbox === null) return [];
  const { waiting, refused, oldestMs } = outbox;
  const found = [
    refused > 0
      ? fault(
          'postgres.outbox',
          `${String(refused)} changes are not understood by the version of the app that sweeps.`,
          'Deploy the version that wrote them, or look at its error events OUTBOX_REFUSED; a row that is of no use is deleted by hand.',
        )
      : null,
    waiting > refused && (oldestMs ?? 0) > UNSWEPT_MS
      ? fault(
          'postgres.outbox',
          `${String(waiting)} changes wait, the oldest for ${String(Math.round((oldestMs ?? 0) / 1000))} s: nobody sweeps, or marks cannot be written.`,
          'Run a replica with createTidemark({ outbox: pgOutbox({ pool }) }); look at its error events.',
        )
      : null,
  ];
  return either(found, fine('postgres.outbox', `${String(waiting)} changes wait.`));
}

function latency({ pingsMs }: PostgresFacts): readonly Finding[] {
  const median = medianOf(pingsMs);
  if (median === undefined) return [];
  const what = `A statement that does nothing takes ${median.toFixed(1)} ms.`;
  if (median <= SLOW_MS) return [fine('postgres.latency', what)];
  const mend = 'Run app and database in one zone, and run doctor where the app runs.';
  return [warning('postgres.latency', what, mend)];
}
