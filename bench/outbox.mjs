import assert from 'node:assert/strict';
import pg from 'pg';
import { createTidemark, defineModel, entity } from 'tidemark';
import { migrations, pgOutbox, postgres } from 'tidemark/postgres';
import { redis } from 'tidemark/redis';
import { findRedis } from '../scripts/redis.mjs';
import { throwAwayPostgis } from './postgis.mjs';
import { clientsOf, throwAwayRedis } from './redis.mjs';

const WRITERS = 16;
/** One operation, so that all writers are busy for nearly all of it. */
const TRANSACTIONS = 320;
const GROUP = `${WRITERS} writers`;
const SLOW_DISK_MS = 2;
const SLOW_DISK = `${WRITERS} writers, flushes of ${SLOW_DISK_MS} ms`;
const PLAIN = 'a transaction alone';
const OUTBOX = 'with the outbox';
const NOTIFY = 'with pg_notify';
/** What PostgreSQL does by default, and a service relies on: a commit waits for the disk. */
const DURABLE = { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on', max_connections: 400 };
/** Whoever writes the log waits for so long before it flushes it, and those who commit meanwhile wait for the same flush. */
const SLOWLY_DURABLE = { ...DURABLE, commit_delay: SLOW_DISK_MS * 1000, commit_siblings: 0 };
const CHANNEL = 'changes';

const model = defineModel({ entities: { place: entity()({ version: 'version' }) } });

const ON_REDIS =
  findRedis().paths === undefined
    ? []
    : [{ name: `${OUTBOX}, marks and bus in Redis`, make: (given) => writing(given, outboxedOnRedis) }];

export default {
  title: 'Changes that commit with the data, on PostgreSQL',
  question: 'What does it cost a write to take its change along?',
  setting: `${WRITERS} writers in one process, each with a connection and a row of its own: begin, update, commit, one transaction after the other, ${TRANSACTIONS} in all, on a server whose commits wait for the disk. With the outbox the change is a row in the same transaction; after the commit it is asked for, applied and announced, and removed with others; marks and bus are in the process, or where the name says. With pg_notify the change is a notification sent by the commit, to one connection that listens. tide.change after the commit is what can be had without an outbox: a process that dies in between tells nobody. Flushes of ${SLOW_DISK_MS} ms are those of the same disk: PostgreSQL waits for so long before each one (commit_delay, commit_siblings = 0). Cases and server share two processors, in this run with thirty other processes that wanted them. Times are those of the wall clock.`,
  packages: ['pg', 'ioredis'],
  goals: [GROUP, SLOW_DISK].flatMap((group) => [
    {
      text: `${group}: with the outbox ≤ 1.5 × alone`,
      limit: 1.5,
      actual: ({ ratio }) => ratio(group, OUTBOX),
    },
    {
      text: `${group}: at least 3 × as many with the outbox as with pg_notify`,
      limit: 3,
      atLeast: true,
      actual: ({ between }) => between(group, NOTIFY, OUTBOX),
    },
  ]),
  start: async ({ title }) => {
    const { url, pool, stop } = await throwAwayPostgis({ settings: title === SLOW_DISK ? SLOWLY_DURABLE : DURABLE });
    for (const { sql } of migrations()) await pool.query(sql);
    const store = ON_REDIS.length > 0 ? await throwAwayRedis() : undefined;
    return {
      given: { url, redisPort: store?.port },
      stop: async () => {
        await stop();
        await store?.stop();
      },
    };
  },
  groups: [
    {
      title: GROUP,
      operation: `${TRANSACTIONS} transactions`,
      reference: PLAIN,
      cases: [
        { name: PLAIN, make: (given) => writing(given, plain) },
        { name: OUTBOX, make: (given) => writing(given, outboxed) },
        ...ON_REDIS,
        { name: `${OUTBOX}, marks and bus in the database`, make: (given) => writing(given, outboxedOnPostgres) },
        { name: 'with the row alone, nobody reads it', make: (given) => writing(given, inserting) },
        { name: 'tide.change after the commit', make: (given) => writing(given, changing) },
        { name: NOTIFY, make: (given) => writing(given, notifying) },
      ],
    },
    {
      title: SLOW_DISK,
      operation: `${TRANSACTIONS} transactions`,
      reference: PLAIN,
      cases: [
        { name: PLAIN, make: (given) => writing(given, plain) },
        { name: OUTBOX, make: (given) => writing(given, outboxed) },
        { name: 'with the row alone, nobody reads it', make: (given) => writing(given, inserting) },
        { name: NOTIFY, make: (given) => writing(given, notifying) },
      ],
    },
  ],
};

/** Each case has a table of its own, and its writers a row each of it. */
async function writing({ url, redisPort }, of) {
  const pool = new pg.Pool({ connectionString: url, max: WRITERS + 1 });
  const table = `places_${process.pid}_${of.name}`;
  await pool.query(`create table ${table} (id text primary key, version int not null) with (fillfactor = 50)`);
  await pool.query(`insert into ${table} select i, 0 from generate_series(1, $1) as i`, [WRITERS]);
  const clients = await Promise.all(Array.from({ length: WRITERS }, () => pool.connect()));
  const { write, verify = () => {} } = await of({ url, table, redisPort });
  let written = 0;
  return {
    timed: async (n, watch) => {
      let left = n * TRANSACTIONS;
      watch.start();
      await Promise.all(
        clients.map(async (client, i) => {
          while (left-- > 0) await write(client, String(i + 1));
        }),
      );
      watch.stop();
      written += n * TRANSACTIONS;
      return n;
    },
    verify: async () => {
      const { rows } = await pool.query(`select sum(version)::int as versions from ${table}`);
      assert.equal(rows[0].versions, written);
      await verify(written);
    },
  };
}

const update = async (client, table, id) => {
  const { rows } = await client.query(`update ${table} set version = version + 1 where id = $1 returning id, version`, [
    id,
  ]);
  return rows[0];
};
const changeOf = (after) => ({
  type: 'place',
  id: after.id,
  op: 'update',
  before: { ...after, version: after.version - 1 },
  after,
});

function plain({ table }) {
  return {
    write: async (client, id) => {
      await client.query('begin');
      await update(client, table, id);
      await client.query('commit');
    },
  };
}

function tideOf(options = {}) {
  return createTidemark({ model, origin: {}, ...options });
}

const outboxed = (place) => writingDown(place, () => ({}));
const outboxedOnRedis = (place) => writingDown(place, () => redis(clientsOf(place.redisPort)));
const outboxedOnPostgres = (place) => writingDown(place, (pool) => postgres({ pool }));

async function writingDown({ url, table }, partsOn) {
  const pool = new pg.Pool({ connectionString: url, max: 6 });
  // The server is stopped under it at the end.
  pool.on('error', () => {});
  // While the cases start, all at once, answers are late.
  const tide = tideOf({ ...partsOn(pool), outbox: pgOutbox({ pool }), storeTimeoutMs: 20_000 });
  await tide.ready();
  const states = new Map();
  return {
    write: async (client, id) => {
      const { receipt } = await tide.transaction(
        async (changes) => {
          await client.query('begin');
          await changes.add(changeOf(await update(client, table, id)));
          await client.query('commit');
        },
        { via: client },
      );
      states.set(receipt.state, (states.get(receipt.state) ?? 0) + 1);
    },
    verify: (written) => assert.deepEqual([...states], written === 0 ? [] : [['done', written]]),
  };
}

function inserting({ table }) {
  const outbox = pgOutbox({ pool: { query: () => {}, connect: () => {}, on: () => {}, off: () => {} } });
  return {
    write: async (client, id) => {
      await client.query('begin');
      const change = JSON.stringify({ v: 1, change: changeOf(await update(client, table, id)) });
      await outbox.add(client, [{ id: `${crypto.randomUUID()}.0`, change }]);
      await client.query('commit');
    },
  };
}

function changing({ table }) {
  const tide = tideOf();
  return {
    write: async (client, id) => {
      await client.query('begin');
      const after = await update(client, table, id);
      await client.query('commit');
      await tide.change(changeOf(after));
    },
  };
}

async function notifying({ url, table }) {
  const listener = new pg.Client({ connectionString: url });
  // The server is stopped under it at the end.
  listener.on('error', () => {});
  await listener.connect();
  let heard = 0;
  listener.on('notification', () => heard++);
  const channel = `${CHANNEL}_${process.pid}`;
  await listener.query(`listen ${channel}`);
  let sent = 0;
  return {
    write: async (client, id) => {
      await client.query('begin');
      const change = JSON.stringify(changeOf(await update(client, table, id)));
      await client.query('select pg_notify($1, $2)', [channel, `${++sent} ${change}`]);
      await client.query('commit');
    },
    verify: async (written) => {
      await listener.query('select');
      assert.equal(heard, written);
    },
  };
}
