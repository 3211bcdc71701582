import assert from 'node:assert/strict';
import pg from 'pg';
import { createTidemark, defineModel, entity } from 'tidemark';
import { migrations, pgOutbox } from 'tidemark/postgres';
import { throwAwayPostgis } from './postgis.mjs';

const WRITERS = 16;
const GROUP = `${WRITERS} writers at once`;
const PLAIN = 'a transaction alone';
const OUTBOX = 'with a row of the outbox, by tide.transaction';
const NOTIFY = 'with pg_notify inside';
/** What PostgreSQL does by default, and a service relies on: a commit waits for the disk. */
const DURABLE = { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on', max_connections: 400 };
const CHANNEL = 'changes';

const model = defineModel({ entities: { place: entity()({ version: 'version' }) } });

export default {
  title: 'Changes that commit with the data, on PostgreSQL',
  question: 'What does it cost a write to take its change along?',
  setting: `${WRITERS} writers in one process, each with a connection and a row of its own: begin, update, commit, one transaction after the other, on a server whose commits wait for the disk. With the outbox the change is a row in the same transaction; after the commit it is asked for, applied and announced (marks and bus in the process), and removed with others. With pg_notify the change is a notification sent by the commit, to one connection that listens. tide.change after the commit is what can be had without an outbox: a process that dies in between tells nobody. Times are those of the wall clock.`,
  packages: ['pg'],
  goals: [
    {
      text: 'with the outbox ≤ 1.5 × a transaction alone',
      limit: 1.5,
      actual: ({ ratio }) => ratio(GROUP, OUTBOX),
    },
    {
      text: 'at least 3 × as many transactions with the outbox as with pg_notify',
      limit: 3,
      atLeast: true,
      actual: ({ between }) => between(GROUP, NOTIFY, OUTBOX),
    },
  ],
  start: async () => {
    const { url, pool, stop } = await throwAwayPostgis({ settings: DURABLE });
    for (const { sql } of migrations()) await pool.query(sql);
    return { given: url, stop };
  },
  groups: [
    {
      title: GROUP,
      operation: 'transaction',
      reference: PLAIN,
      checked: WRITERS,
      cases: [
        { name: PLAIN, make: (url) => writing(url, plain) },
        { name: OUTBOX, make: (url) => writing(url, outboxed) },
        { name: 'with a row of the outbox, nobody reads it', make: (url) => writing(url, inserting) },
        { name: 'tide.change after the commit', make: (url) => writing(url, changing) },
        { name: NOTIFY, make: (url) => writing(url, notifying) },
      ],
    },
  ],
};

/** Each case has a table of its own, and its writers a row each of it. */
async function writing(url, of) {
  const pool = new pg.Pool({ connectionString: url, max: WRITERS + 1 });
  const table = `places_${process.pid}_${of.name}`;
  await pool.query(`create table ${table} (id text primary key, version int not null) with (fillfactor = 50)`);
  await pool.query(`insert into ${table} select i, 0 from generate_series(1, $1) as i`, [WRITERS]);
  const clients = await Promise.all(Array.from({ length: WRITERS }, () => pool.connect()));
  const { write, verify = () => {} } = await of({ url, table });
  let written = 0;
  return {
    timed: async (n, watch) => {
      let left = n;
      watch.start();
      await Promise.all(
        clients.map(async (client, i) => {
          while (left-- > 0) await write(client, String(i + 1));
        }),
      );
      watch.stop();
      written += n;
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

function outboxed({ url, table }) {
  const pool = new pg.Pool({ connectionString: url, max: 4 });
  const tide = tideOf({ outbox: pgOutbox({ pool }) });
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
