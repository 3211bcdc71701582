import { fork } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import type { Pool } from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { pgOutbox, postgres } from '../../src/adapters/postgres/index.js';
import { redis } from '../../src/adapters/redis/index.js';
import { type SubscriptionItem, createTidemark } from '../../src/index.js';
import { seededRandom } from '../../src/testing/index.js';
import { record } from '../faults/results.js';
import { pause, until } from '../faults/time.js';
import { describePostgis } from '../services/postgres.js';
import { reach } from '../services/reach.js';
import { deleteAll } from '../services/redis.js';
import { migrate } from '../services/replicas.js';
import { type Death, type Errand, MOMENTS, PATIENCE_MS, STEPS, model, originOf } from './model.js';

const LONG = process.env['TIDEMARK_LONG'] !== undefined;
const single = await reach('single');
const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Topics on which the writer's change is announced: the entity, its list and its type. */
const PUBLICATIONS = 3;
/** Writers at once. */
const AT_ONCE = 3;

/** Every step at every moment; in the long run nine times over, with other delays and other publications. */
function deaths(): readonly Death[] {
  const random = seededRandom(1);
  const every = STEPS.flatMap((step) => MOMENTS.map((moment) => ({ step, moment, nth: 1, afterMs: 0 })));
  const again = every.map((death) => ({
    ...death,
    nth: death.step === 'publish' ? 1 + Math.floor(random() * PUBLICATIONS) : 1,
    afterMs: 3 * random(),
  }));
  return LONG ? [...every, ...Array.from({ length: 8 }, () => again).flat()] : every;
}

/** Runs a writer to its end. */
async function send(errand: Errand): Promise<void> {
  const child = fork(file('writer.ts'), [JSON.stringify(errand)], {
    execArgv: ['--import', file('../faults/resolve.mjs')],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    env: { ...process.env, NODE_OPTIONS: '', NODE_COMPILE_CACHE: join(tmpdir(), 'tidemark-compiled') },
  });
  let text = '';
  child.stderr?.on('data', (bytes) => (text += String(bytes)));
  const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
  expect([errand.death, code, signal, text]).toEqual([errand.death, null, 'SIGKILL', '']);
}

interface Watched {
  readonly id: string;
  readonly death: Death;
  readonly items: SubscriptionItem[];
  readonly seen: Set<number | undefined>;
}

const changesOf = ({ items }: Watched) => items.filter(({ kind }) => kind === 'change');

/** What replicas share, and how it is left. */
function sharedBy(url: string | null, pool: Pool, schema: string) {
  if (url === null) {
    const parts = postgres({ pool, schema });
    const leave = async (): Promise<void> => {
      await Promise.all([parts.store, parts.marks, parts.bus].map((part) => part.close()));
    };
    return { parts, server: null, leave };
  }
  const prefix = `test:${crypto.randomUUID()}:`;
  const client = new Redis(url);
  const leave = async (): Promise<void> => {
    await deleteAll(client, prefix);
    client.disconnect();
  };
  return { parts: redis({ client, subscriber: client.duplicate(), prefix }), server: { url, prefix }, leave };
}

describe.each([
  ['with Redis beside it', single.missing === undefined ? single.url : undefined],
  ['and nothing else', null],
])('on Postgres %s', (beside, url) => {
  describePostgis('a writer killed at any step', (database) => {
    test.skipIf(url === undefined)(
      'leaves a change that is applied once if it was committed, and is never seen otherwise',
      async () => {
        const { pool, schema, connectionString } = database();
        const watched: Watched[] = deaths().map((death, n) => ({
          id: `s${String(n)}`,
          death,
          items: [],
          seen: new Set(),
        }));
        await migrate(pool, schema);
        await pool.query(`create table ${schema}.settlement (id text primary key, kingdom_id text, version int)`);
        await pool.query(`insert into ${schema}.settlement select id, 'k', 1 from unnest($1::text[]) id`, [
          watched.map(({ id }) => id),
        ]);

        const { parts, server, leave } = sharedBy(url ?? null, pool, schema);
        const outbox = pgOutbox({ pool, schema });
        const tide = createTidemark({
          model,
          origin: originOf(pool, schema),
          storeTimeoutMs: PATIENCE_MS,
          ...parts,
          outbox,
        });
        const errors: string[] = [];
        tide.on('error', ({ error, where }) => errors.push(`${where}: ${error.message}`));
        onTestFinished(async () => {
          await tide.close();
          await leave();
        });
        await tide.ready();
        for (const { id, items } of watched) {
          const subscription = tide.subscribe({ type: 'settlement', id });
          void (async () => {
            for await (const item of subscription) items.push(item);
          })();
        }
        let done = false;
        const look = async (): Promise<void> => {
          for (const { id, seen } of watched) seen.add((await tide.get('settlement', id))?.version);
        };
        await look();
        const looking = (async () => {
          for (; !done; await pause(20)) await look();
        })();

        const errands = watched.map(({ id, death }) => ({
          database: connectionString,
          schema,
          redis: server,
          id,
          death,
        }));
        const next = errands[Symbol.iterator]();
        await Promise.all(
          Array.from({ length: AT_ONCE }, async () => {
            for (const errand of next) await send(errand);
          }),
        );
        await until('the outbox is empty', async () => (await outbox.info()).waiting === 0);
        const { rows } = await pool.query<{ id: string; version: number }>(
          `select id, version from ${schema}.settlement`,
        );
        const versions = new Map(rows.map(({ id, version }) => [id, version]));
        const isCommitted = ({ id }: Watched): boolean => versions.get(id) === 2;
        await until('all that was committed is told of', () =>
          watched.filter(isCommitted).every(({ items }) => items.length > 0),
        );
        // What would be told a second time, by those who miss an event, would be by now.
        await pause(4000);
        done = true;
        await looking;

        const outcomes: Record<string, number> = {};
        for (const one of watched) {
          const { id, death, items, seen } = one;
          const now = (await tide.get('settlement', id))?.version;
          const [changes, resyncs] = [changesOf(one).length, items.length - changesOf(one).length];
          const told = changes === 1 && resyncs === 0 ? 'its event' : changes === 0 && resyncs > 0 ? 'a resync' : '';
          const outcome = `${isCommitted(one) ? 'committed' : 'rolled back'}, told ${items.length === 0 ? 'nothing' : told}`;
          outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
          const got = { death, now, seen: [...seen], told: items.map(({ kind }) => kind), outcome };
          if (isCommitted(one)) expect(got).toMatchObject({ now: 2, seen: [1, 2] });
          else expect(got).toMatchObject({ now: 1, seen: [1] });
          expect(
            ['committed, told its event', 'committed, told a resync', 'rolled back, told nothing'],
            JSON.stringify(got),
          ).toContain(outcome);
          expect(isCommitted(one), JSON.stringify(death)).toBe(
            STEPS.indexOf(death.step) > STEPS.indexOf('commit') ||
              (death.step === 'commit' &&
                (death.moment === 'after' || (death.moment === 'during' && isCommitted(one)))),
          );
        }
        console.log(`${String(watched.length)} writers killed: ${JSON.stringify(outcomes)}`);
        expect(Object.keys(outcomes).sort()).toEqual([
          'committed, told a resync',
          'committed, told its event',
          'rolled back, told nothing',
        ]);
        expect(errors).toEqual([]);
        if (!LONG) return;
        const {
          'rolled back, told nothing': rolledBack = 0,
          'committed, told its event': toldTheEvent = 0,
          'committed, told a resync': toldAResync = 0,
        } = outcomes;
        const measured = [{ writers: watched.length, rolledBack, toldTheEvent, toldAResync }];
        record({ name: `writers killed at every step of a write, on Postgres ${beside}`, measured, failures: [] });
      },
    );
  });
});
