import { setTimeout as pause } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { Pool } from 'pg';
import { pgOutbox, postgres } from '../../src/adapters/postgres/index.js';
import { redis } from '../../src/adapters/redis/index.js';
import { createTidemark } from '../../src/index.js';
import { type Errand, PATIENCE_MS, type StepName, model, originOf } from './model.js';

/** A process that writes one row and tells of it, and dies on the way by SIGKILL. */

const { database, schema, redis: server, id, death } = JSON.parse(process.argv[2] ?? '') as Errand;

function die(): Promise<never> {
  process.kill(process.pid, 'SIGKILL');
  return new Promise(() => {});
}

let times = 0;
const at =
  <Args extends readonly unknown[], T>(step: StepName, call: (...args: Args) => Promise<T>) =>
  async (...args: Args): Promise<T> => {
    const isHere = step === death.step && ++times === death.nth;
    if (isHere && death.moment === 'before') return die();
    const answer = call(...args);
    if (isHere && death.moment === 'during') {
      await (death.afterMs > 0 ? pause(death.afterMs) : new Promise((resume) => setImmediate(resume)));
      return die();
    }
    const result = await answer;
    return isHere ? die() : result;
  };

const pool = new Pool({ connectionString: database });
const overRedis = ({ url, prefix }: { readonly url: string; readonly prefix: string }) => {
  const client = new Redis(url);
  return redis({ client, subscriber: client.duplicate(), prefix });
};
const parts = server === null ? postgres({ pool, schema }) : overRedis(server);
const outbox = pgOutbox({ pool, schema });
const tide = createTidemark({
  model,
  origin: originOf(pool, schema),
  storeTimeoutMs: PATIENCE_MS,
  marks: { ...parts.marks, bump: at('bump', parts.marks.bump) },
  bus: { ...parts.bus, publish: at('publish', parts.bus.publish) },
  outbox: {
    ...outbox,
    // What this process leaves behind is for others.
    sweep: async () => 0,
    add: at('add', outbox.add),
    committed: at('committed', outbox.committed),
    remove: at('remove', outbox.remove),
  },
});
await tide.ready();
const connection = await pool.connect();
const query = (step: StepName, text: string) => at(step, () => connection.query(text))();
await tide.transaction(
  async (changes) => {
    await query('begin', 'begin');
    await query('update', `update ${schema}.settlement set version = version + 1 where id = '${id}'`);
    const before = { id, kingdomId: 'k', version: 1 };
    await changes.add({ type: 'settlement', id, op: 'update', before, after: { ...before, version: 2 } });
    await query('commit', 'commit');
  },
  { via: connection },
);
await tide.close();
process.exit();
