import { describe, expect, onTestFinished, test } from 'vitest';
import { findPostgres } from '../../scripts/postgres.mjs';
import { findRedis } from '../../scripts/redis.mjs';
import { startPostgres, startRedis } from '../../scripts/services.mjs';
import { judge } from '../faults/checker.js';
import { pause } from '../faults/time.js';
import { type Row, record } from './results.js';
import { linkedFolder } from '../package/linked.js';
import { type Backends, type Kind, type Running, placed, start, startBare } from './services.js';
import { type Load, type Measured, drive, warmReads } from './traffic.js';

// The whole service, as a team would run it: three processes of an example over one Redis and one Postgres, read, written and followed
// at once. Judged from outside, by what its clients saw.

const LONG = process.env['TIDEMARK_LONG'] !== undefined;
const SECONDS = LONG ? 600 : 60;
const REPLICAS = 3;
/** Beside other tests in CI. In the long command so many writes that what is kept of each settlement's events is full before it ends. */
const LOAD: Load = LONG
  ? { readers: 4, readPauseMs: 10, writers: 2, writePauseMs: 10 }
  : { readers: 4, readPauseMs: 100, writers: 2, writePauseMs: 120 };
/** When every cache, and in the long command every ring of events, is full. */
const FULL_AT = LONG ? 0.65 : 0.2;
/** Readers ask as fast as they are answered, and one in some tens of requests writes. */
const COMPARED: Load = { readers: 8, readPauseMs: 0, writers: 2, writePauseMs: 200 };
const KINDS = ['express', 'nest', 'byHand'] as const;
/** As createTidemark() has it by itself. */
const TERMS = { maxStalenessMs: 3000, slackMs: 500 };
const MEGABYTE = 1024 * 1024;
/** What may come and go between two collections: buffers, and code that is optimised. */
const HEAP_NOISE = 6 * MEGABYTE;

const scratch = linkedFolder();
const missing = findRedis().missing ?? findPostgres().missing;
if (missing !== undefined) console.warn(`NO SERVERS: the whole service is not tested: ${missing}`);

async function backends(): Promise<Backends> {
  const [redis, postgres] = await Promise.all([
    startRedis({ maxmemory: '256mb', 'maxmemory-policy': 'noeviction' }),
    startPostgres(),
  ]);
  onTestFinished(async () => {
    await Promise.all([redis.stop(), postgres.stop()]);
  });
  return { redisUrl: `redis://127.0.0.1:${String(redis.port)}/0`, databaseUrl: postgres.url };
}

async function running(kind: Kind): Promise<Running> {
  const program = await placed(kind, scratch);
  return killedAfter(await start(kind, program, { count: REPLICAS, ...(await backends()) }));
}

function killedAfter(service: Running): Running {
  onTestFinished(() => {
    for (const replica of service.replicas) replica.kill();
  });
  return service;
}

const heapsOf = ({ replicas }: Running): Promise<number[]> => Promise.all(replicas.map((one) => one.heapBytes()));

/** Under load for so long; what is in use when all that fills is full, and at its end. */
async function underLoad(service: Running, load: Load, seconds: number) {
  const driven = drive(service.service, load, seconds * 1000);
  await pause(seconds * 1000 * FULL_AT);
  const early = await heapsOf(service);
  const measured = await driven;
  return { measured, early, late: await heapsOf(service) };
}

test.runIf(process.env['CI'] === 'true')('there are servers for the whole service', () => {
  expect(missing).toBeUndefined();
});

describe.skipIf(missing !== undefined)(
  'three replicas over Redis and Postgres, under reads, writes and subscriptions at once',
  () => {
    test.concurrent.each(['express', 'nest'] as const)(
      `the example on %s shows nobody anything stale, loses no event, and keeps no memory in ${String(SECONDS)} s`,
      { timeout: (SECONDS + 120) * 1000 },
      async (kind) => {
        const service = await running(kind);
        const { measured, early, late } = await underLoad(service, LOAD, SECONDS);
        const { violations, figures } = judge(measured.history, TERMS);
        expect(violations.slice(0, 10)).toEqual([]);
        expect(figures.reads).toBeGreaterThan(100);
        expect(figures.changes).toBeGreaterThan(50);
        expect(figures.heard).toBeGreaterThanOrEqual(figures.changes * REPLICAS);
        for (const [i, bytes] of late.entries())
          expect(bytes - (early[i] ?? 0), `replica ${String(i + 1)}`).toBeLessThan(HEAP_NOISE);
        for (const replica of service.replicas) await replica.stop();
        console.info(line(kind, { measured, early, late, stalestMs: figures.stalestMs }));
      },
    );

    test.runIf(LONG)('against the same service built by hand', { timeout: 1_800_000 }, async () => {
      const services: Running[] = [];
      for (const kind of KINDS) services.push(await running(kind));
      const bare = killedAfter(await startBare(services[0] as Running, scratch));
      const [bareMs = [], ...warm] = await warmReads(
        [bare, ...services].map(({ service }) => service),
        3000,
      );
      const rows: Row[] = [];
      for (const [i, kind] of KINDS.entries()) {
        const service = services[i] as Running;
        const { measured, early, late } = await underLoad(service, COMPARED, 60);
        const { violations, figures } = judge(measured.history, TERMS);
        const [warmMs, { stalestMs }] = [warm[i] ?? [], figures];
        rows.push({ kind, warmMs, measured, early, late, stalestMs, violations: violations.length });
        for (const replica of service.replicas) replica.kill();
      }
      record({ bareMs, rows });
    });
  },
);

interface Outcome {
  readonly measured: Measured;
  readonly early: readonly number[];
  readonly late: readonly number[];
  readonly stalestMs: number;
}

function line(
  kind: Kind,
  { measured: { nestedMs, writeMs, lagMs, seconds }, early, late, stalestMs }: Outcome,
): string {
  const at = (all: readonly number[], share: number): string => (all[Math.floor(all.length * share)] ?? 0).toFixed(1);
  const heap = (all: readonly number[]): string => all.map((bytes) => (bytes / MEGABYTE).toFixed(1)).join(' ');
  return [
    `${kind}: ${(nestedMs.length / seconds).toFixed(0)} nested reads/s, p50 ${at(nestedMs, 0.5)} ms, p99 ${at(nestedMs, 0.99)} ms`,
    `${(writeMs.length / seconds).toFixed(0)} writes/s, p50 ${at(writeMs, 0.5)} ms; told after p50 ${at(lagMs, 0.5)} ms, p99 ${at(lagMs, 0.99)} ms`,
    `the stalest read was ${stalestMs.toFixed(0)} ms behind; heap ${heap(early)} MB, then ${heap(late)} MB`,
  ].join('; ');
}
