import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'pg';
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest';
import type { PostgresServer } from '../../scripts/services.mjs';
import { systemClock } from '../../src/clock.js';
import { describeOwnPostgres, ownPostgres } from '../services/own-postgres.js';
import { migrate } from '../services/replicas.js';
import { type Diagnosed, diagnosed, troubles } from './diagnosed.js';
import { productionPostgres } from './production.js';

const TABLES = `
create table kingdoms (id text primary key, name text, deleted_at timestamptz);
create index kingdoms_deleted on kingdoms (deleted_at) where deleted_at is not null;
create table settlements (
  id text primary key, kingdom_id text, founded_at timestamptz, deleted_at timestamptz, geom geometry(Geometry, 3857)
);
create index settlements_parent on settlements (kingdom_id, founded_at desc) where deleted_at is null;
create index settlements_deleted on settlements (deleted_at) where deleted_at is not null;
create index settlements_place on settlements using gist (geom);
`;
const MODULE = `
export const tables = {
  kingdom: { table: 'kingdoms', id: 'id', deletedAt: 'deleted_at', columns: { name: 'name' } },
  settlement: {
    table: 'settlements', id: 'id', deletedAt: 'deleted_at', geometry: 'geom',
    columns: { kingdomId: 'kingdom_id', foundedAt: 'founded_at' },
    parents: { kingdom: 'kingdom_id' }, orderBy: [{ column: 'founded_at', descending: true }],
  },
};
`;

describeOwnPostgres('the doctor', () => {
  let server: PostgresServer;
  let pool: Pool;
  let folder: string;
  const look = (...more: string[]): Promise<Diagnosed> =>
    diagnosed(['--database', server.url, '--database-memory', '2GB', '--app', join(folder, 'app.mjs'), ...more]);

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'tidemark-app-'));
    writeFileSync(join(folder, 'app.mjs'), MODULE);
    server = await productionPostgres();
    pool = new Pool({ connectionString: server.url, max: 2 });
  });
  beforeEach(async () => {
    await pool.query('drop schema public cascade; create schema public; drop schema if exists tidemark cascade');
    await pool.query('create extension postgis');
    await pool.query(TABLES);
    await migrate(pool);
  });
  afterAll(async () => {
    await pool.end();
    await server.stop();
    rmSync(folder, { recursive: true });
  });

  test('finds nothing on a PostgreSQL as examples/production has it', async () => {
    const { findings, exitCode } = await look('--schema', 'tidemark', '--pool', '25');
    expect([troubles(findings), exitCode]).toEqual([[], 0]);
    expect(findings.filter(({ level }) => level === 'skipped').map(({ id }) => id)).toEqual(['redis.reach']);
    expect(findings.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['postgres.memory', 'postgres.settings', 'postgres.indexes', 'postgres.postgis']),
    );
  });

  const shown = async (name: string): Promise<unknown> =>
    (await pool.query<{ it: string }>('select current_setting($1) as it', [name])).rows[0]?.it;
  const alter = async (name: string, change: string): Promise<void> => {
    const before = await shown(name);
    await pool.query(`alter system ${change}`);
    await pool.query('select pg_reload_conf()');
    await expect.poll(() => shown(name)).not.toBe(before);
  };
  const settings = async (name: string, value: string): Promise<void> => {
    await alter(name, `set ${name} = '${value}'`);
    onTestFinished(() => alter(name, `reset ${name}`));
  };
  const PLANTED: readonly [
    what: string,
    plant: () => Promise<unknown>,
    found: { readonly id: string; readonly what: RegExp; readonly mend: RegExp },
    flags?: readonly string[],
  ][] = [
    [
      'a dropped GiST index',
      () => pool.query('drop index settlements_place'),
      { id: 'postgres.indexes', what: /"geom" has no GiST index/, mend: /create index on "settlements" using gist/ },
    ],
    [
      'a dropped index of a parent',
      () => pool.query('drop index settlements_parent'),
      {
        id: 'postgres.indexes',
        what: /"kingdom_id" has no index/,
        mend: /create index concurrently on "settlements" \("kingdom_id", "founded_at" desc\) where "deleted_at" is null/,
      },
    ],
    [
      'an index of a parent without the order in time',
      () => pool.query('drop index settlements_parent; create index on settlements (kingdom_id)'),
      { id: 'postgres.indexes', what: /sorted by "founded_at" each time/, mend: /\("kingdom_id", "founded_at" desc\)/ },
    ],
    [
      'a dropped index of what is deleted',
      () => pool.query('drop index kingdoms_deleted'),
      { id: 'postgres.indexes', what: /"kingdoms"."deleted_at" has no index/, mend: /where "deleted_at" is not null/ },
    ],
    [
      'a table that is not there',
      () => pool.query('drop table kingdoms'),
      { id: 'postgres.tables', what: /kingdoms/, mend: /Run the migrations/ },
    ],
    [
      'a missing extension',
      () => pool.query('drop extension postgis cascade; alter table settlements add geom text'),
      { id: 'postgres.postgis', what: /has no PostGIS/, mend: /create extension postgis/ },
    ],
    [
      'migrations that were not made',
      () => pool.query('drop schema tidemark cascade'),
      { id: 'postgres.migrations', what: /no schema tidemark/, mend: /npx tidemark migrate --print --schema tidemark/ },
      ['--schema', 'tidemark'],
    ],
    [
      'half of the migrations',
      () => pool.query('delete from tidemark.migration'),
      { id: 'postgres.migrations', what: /not made: 1/, mend: /npx tidemark migrate --print/ },
    ],
    [
      'an outbox that nobody sweeps',
      () =>
        pool.query(
          `insert into tidemark.outbox (id, change, written_at) values ('a', '{}', now() - interval '1 hour')`,
        ),
      { id: 'postgres.outbox', what: /1 changes wait, the oldest for 3600 s/, mend: /pgOutbox\(\{ pool \}\)/ },
    ],
    [
      'a change in the outbox that is not understood',
      () => pool.query(`insert into tidemark.outbox (id, change, refused_at) values ('a', '{}', now())`),
      { id: 'postgres.outbox', what: /1 changes are not understood/, mend: /OUTBOX_REFUSED/ },
    ],
    [
      'more pools than there are connections',
      async () => {},
      {
        id: 'postgres.connections',
        what: /20 replicas with pools of 10 take 200 .* of the 197/,
        mend: /max: 9 .*max_connections/,
      },
      ['--replicas', '20'],
    ],
    [
      'no room for one replica more during a deploy',
      async () => {},
      { id: 'postgres.connections', what: /during a deploy/, mend: /PgBouncer/ },
      ['--replicas', '19'],
    ],
    [
      'sorts that do not fit into memory',
      () => settings('work_mem', '64MB'),
      { id: 'postgres.memory', what: /can take 13GB, and there are 2GB/, mend: /alter system set work_mem/ },
    ],
    [
      'costs of turning disks',
      () => settings('random_page_cost', '4'),
      { id: 'postgres.settings', what: /random_page_cost is 4/, mend: /random_page_cost = '1.1'/ },
    ],
    [
      'a planner that thinks there is little memory',
      () => settings('effective_cache_size', '128MB'),
      { id: 'postgres.settings', what: /effective_cache_size is 128MB/, mend: /effective_cache_size = '1536MB'/ },
    ],
    [
      'autovacuum that is off',
      () => settings('autovacuum', 'off'),
      { id: 'postgres.safety', what: /autovacuum is off/, mend: /alter system set autovacuum = 'on'/ },
    ],
    [
      'commits that may be lost',
      () => {
        onTestFinished(async () => void (await pool.query('alter role postgres reset synchronous_commit')));
        return pool.query('alter role postgres set synchronous_commit = off');
      },
      { id: 'postgres.safety', what: /synchronous_commit is off/, mend: /synchronous_commit = 'on'/ },
    ],
    [
      'a database that takes no writes',
      () => settings('default_transaction_read_only', 'on'),
      { id: 'postgres.role', what: /read-only by default/, mend: /reset default_transaction_read_only/ },
    ],
  ];
  test.each(PLANTED)('finds %s, and says how to mend it', async (_, plant, expected, flags = []) => {
    await plant();
    const { findings } = await look(...flags);
    expect(troubles(findings)).toContainEqual(
      expect.objectContaining({
        id: expected.id,
        what: expect.stringMatching(expected.what) as string,
        mend: expect.stringMatching(expected.mend) as string,
      }),
    );
    expect(new Set(troubles(findings).map(({ id }) => id))).toEqual(new Set([expected.id]));
  });

  test('the SQL that it gives mends the indexes', async () => {
    await pool.query('drop index settlements_parent, settlements_deleted, settlements_place, kingdoms_deleted');
    const broken = await look();
    const mends = troubles(broken.findings).map(({ mend }) => mend ?? '');
    expect(mends).toHaveLength(4);
    for (const sql of mends) await pool.query(sql);
    expect(troubles((await look()).findings)).toEqual([]);
  });

  test('finds what a server of defaults lacks for the memory of its machine', async () => {
    const plain = await ownPostgres({ fsync: 'on', full_page_writes: 'on' });
    const { findings } = await diagnosed(['--database', plain.url, '--database-memory', '16GB']);
    const names = troubles(findings).map(({ what }) => what.split(' ')[0]);
    expect(names).toEqual(
      expect.arrayContaining(['shared_buffers', 'effective_cache_size', 'work_mem', 'max_wal_size']),
    );
    expect(troubles(findings)).toContainEqual(
      expect.objectContaining({ mend: `alter system set shared_buffers = '4GB'; then restart the server` }),
    );
  });

  test('without a module, and without a size, says what it did not look at', async () => {
    const proxy = createServer((socket) => {
      const behind = connect(server.port, '127.0.0.1');
      for (const one of [socket, behind]) one.on('error', () => one.destroy());
      socket.pipe(behind).pipe(socket);
    }).listen(0, '127.0.0.2');
    await once(proxy, 'listening');
    onTestFinished(() => void proxy.close());
    // As on another machine, of which this one does not know the size.
    const elsewhere = server.url.replace(
      `127.0.0.1:${String(server.port)}`,
      `127.0.0.2:${String((proxy.address() as AddressInfo).port)}`,
    );
    const { findings } = await diagnosed(['--database', elsewhere]);
    const unseen = findings.filter(({ level }) => level === 'skipped');
    expect(unseen.map(({ id }) => id)).toEqual(['redis.reach', 'postgres.memory', 'postgres.indexes']);
    expect(unseen.every(({ mend }) => mend !== null)).toBe(true);
  });

  test('a clock that is elsewhere is said to be', async () => {
    const clock = { ...systemClock, now: () => 0, wallNow: () => systemClock.wallNow() - 600_000 };
    const args = ['--database', server.url, '--database-memory', '2GB', '--app', join(folder, 'app.mjs')];
    const { findings } = await diagnosed(args, { clock });
    expect(troubles(findings)).toEqual([
      expect.objectContaining({
        id: 'environment.clock',
        what: expect.stringMatching(/60\d\.\d s ahead of/) as string,
      }),
    ]);
  });

  test('a password is never said', async () => {
    const url = server.url.replace('postgres@', 'nobody:very-secret@').replace('127.0.0.1', 'nowhere.invalid');
    const { findings, exitCode } = await diagnosed(['--database', url]);
    expect([troubles(findings).map(({ id }) => id), exitCode]).toEqual([['postgres.reach'], 1]);
    expect(JSON.stringify(findings)).not.toContain('very-secret');
  });
});
