import { setTimeout as pause } from 'node:timers/promises';
import { startLink } from './link.mjs';
import { startReplica } from './replica.mjs';
import { throwAwayRedis } from './redis.mjs';

/**
 * What a later read gets when an invalidation meets a load, a lost message or an error. Gates order the steps: an origin
 * that answers when it is told to, links that are cut or held up. Pauses only let messages arrive that are on their way,
 * and outages be noticed: they favour whoever is tested.
 */

/** For messages on a bus that works. */
const ARRIVAL_MS = 500;
/** After an outage. */
const RECOVERY_MS = 6000;
const WRONG_CLOCK_MS = 5000;
/** How long a second load is waited for that may not come. */
const SECOND_LOAD_MS = 500;
const TAG = 'settlement';

/** @typedef {'key' | 'tag'} Kind What is invalidated: one key, or everything that hangs on another. */

/** By kind, how replicas are asked. */
const VERBS = { key: ['read', 'invalidate'], tag: ['readTagged', 'invalidateTag'] };

/** The origin: its value is a version, taken when a call arrives; calls made while it holds are answered after `release`. */
function createOrigin() {
  let version = 1;
  let gate = null;
  let calls = 0;
  const waiting = [];
  return {
    load: async (id) => {
      const row = { id, settlementId: TAG, version };
      calls++;
      for (const { least, resolve } of waiting) if (calls >= least) resolve();
      await gate?.promise;
      return row;
    },
    write: () => ++version,
    hold: () => {
      gate = Promise.withResolvers();
    },
    release: () => {
      gate?.resolve();
      gate = null;
    },
    get calls() {
      return calls;
    },
    /** Resolves once that many calls have arrived. */
    called: (least) => new Promise((resolve) => (calls >= least ? resolve() : waiting.push({ least, resolve }))),
  };
}

/**
 * Runs `experiment` with a Redis, an origin and replicas of one library of its own, of one kind of invalidation.
 *
 * @param {{ library: string, hasBus: boolean, memoryOnly?: boolean }} settings
 * @param {Kind} kind
 */
export async function staged({ library, hasBus, memoryOnly = false }, kind, experiment) {
  const server = await throwAwayRedis();
  const origin = createOrigin();
  const toStop = [() => server.stop()];
  const [read, invalidate] = VERBS[kind];
  const replica = async ({ port = server.port, bus = server.port, clockMs = 0 } = {}) => {
    const place = memoryOnly ? {} : { port, ...(hasBus ? { bus } : {}) };
    const started = await startReplica(library, { ...place, tier1: true, tags: kind === 'tag', clockMs }, origin.load);
    toStop.unshift(started.stop);
    return {
      ask: started.ask,
      read: async (key = 'a') => (await started.ask(read, key, TAG)).version,
      invalidate: (key = 'a') => started.ask(invalidate, kind === 'key' ? key : TAG),
    };
  };
  const link = async () => {
    const started = await startLink(server.port);
    toStop.unshift(started.stop);
    return started;
  };
  try {
    return await experiment({ server, origin, replica, link, hasBus });
  } finally {
    origin.release();
    for (const stop of toStop) await stop();
  }
}

/** A load is under way in `loading` when `changing` writes and invalidates; then it ends. Gives the version written. */
async function changedDuringLoad({ origin }, loading, changing) {
  origin.hold();
  const first = loading.read();
  await origin.called(1);
  const version = origin.write();
  await changing.invalidate();
  await pause(ARRIVAL_MS);
  origin.release();
  await first;
  // What it fills is filled.
  await pause(ARRIVAL_MS);
  return version;
}

const verdict = (isFresh) => (isFresh ? 'fresh' : 'STALE');

/** Which of the replicas, by name, read something older. */
async function staleOf(version, replicas) {
  const stale = [];
  for (const [name, replica] of Object.entries(replicas)) if ((await replica.read()) < version) stale.push(name);
  return stale.length === 0 ? 'fresh' : `STALE ${stale.join(', ')}`;
}

export async function staleSet(stage) {
  const a = await stage.replica();
  const version = await changedDuringLoad(stage, a, a);
  return verdict((await a.read()) >= version);
}

export async function staleSetElsewhere(stage) {
  const [a, b] = [await stage.replica(), await stage.replica()];
  const version = await changedDuringLoad(stage, b, a);
  return staleOf(version, { B: b, A: a, C: await stage.replica() });
}

export async function joinedLoad({ origin, replica }) {
  const a = await replica();
  origin.hold();
  const first = a.read();
  await origin.called(1);
  const version = origin.write();
  await a.invalidate();
  const second = a.read();
  await Promise.race([origin.called(2), pause(SECOND_LOAD_MS)]);
  origin.release();
  await first;
  return verdict((await second) >= version);
}

export async function busCut({ origin, replica, link }) {
  const toBus = await link();
  const [a, b] = [await replica(), await replica({ bus: toBus.port })];
  await a.read();
  await b.read();
  await pause(ARRIVAL_MS);
  toBus.cut();
  await pause(ARRIVAL_MS);
  const version = origin.write();
  await a.invalidate();
  await pause(ARRIVAL_MS);
  toBus.heal();
  await pause(RECOVERY_MS);
  const after = verdict((await b.read()) >= version);
  await a.read('another');
  await b.read('another');
  const next = origin.write();
  await a.invalidate('another');
  await pause(ARRIVAL_MS);
  return `${after}, next ${(await b.read('another')) >= next ? 'heard' : 'NOT HEARD'}`;
}

export async function lateFill({ origin, replica, link, hasBus }) {
  const [toStore, toBus] = [await link(), await link()];
  const [a, b] = [await replica(), await replica({ port: toStore.port, bus: toBus.port })];
  await a.read();
  await b.read('another');
  await pause(ARRIVAL_MS);
  toStore.hold();
  const first = b.read();
  await Promise.race([toStore.holds(), pause(RECOVERY_MS)]);
  const version = origin.write();
  const heard = toBus.passes();
  await a.invalidate();
  if (hasBus) await Promise.race([heard, pause(RECOVERY_MS)]);
  await pause(ARRIVAL_MS);
  toStore.release();
  await first;
  await pause(ARRIVAL_MS);
  return verdict((await b.read()) >= version);
}

export async function failedDelete({ origin, replica, server }) {
  const [a, b] = [await replica(), await replica()];
  await a.read();
  await b.read();
  await pause(ARRIVAL_MS);
  // Every command that writes is refused, as by a primary that has lost its replicas.
  server.cli('config', 'set', 'min-replicas-to-write', '1');
  const version = origin.write();
  const said = await a.invalidate().then(
    (answer) => (answer === undefined ? 'nothing' : JSON.stringify(answer)),
    () => 'an error',
  );
  server.cli('config', 'set', 'min-replicas-to-write', '0');
  await pause(RECOVERY_MS);
  return `${await staleOf(version, { A: a, B: b })}; said ${said}`;
}

export async function slowClock({ origin, replica }) {
  const [a, b] = [await replica({ clockMs: -WRONG_CLOCK_MS }), await replica()];
  await b.read();
  const version = origin.write();
  await a.invalidate();
  await pause(ARRIVAL_MS);
  return verdict((await b.read()) >= version);
}

export async function fastClock({ origin, replica }) {
  const [a, b] = [await replica({ clockMs: WRONG_CLOCK_MS }), await replica()];
  await b.read();
  origin.write();
  await a.invalidate();
  await pause(ARRIVAL_MS);
  const before = origin.calls;
  for (let i = 0; i < 5; i++) {
    await b.read();
    await pause(ARRIVAL_MS);
  }
  return `${origin.calls - before}`;
}

export async function receipt({ origin, replica, link }) {
  const toBus = await link();
  const [a, b] = [await replica(), await replica({ bus: toBus.port })];
  await a.read();
  await b.read();
  toBus.hold();
  const version = origin.write();
  const after = await a.ask('invalidateForReceipt', 'a');
  return verdict((await b.ask('readAfter', 'a', after)).version >= version);
}
