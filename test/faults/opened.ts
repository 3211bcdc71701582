import { Cluster, Redis } from 'ioredis';
import { Pool } from 'pg';
import { postgres } from '../../src/adapters/postgres/index.js';
import { redis } from '../../src/adapters/redis/index.js';
import { systemClock } from '../../src/clock.js';
import { createTidemark } from '../../src/index.js';
import { type Settlement, crownOf, modelOf } from './model.js';
import { now, pause } from './time.js';
import type { Answer, Batch, Changed, Connection, HostOptions, Load, PostgresConnection, Question } from './wire.js';
import type { Read, ReadOptions, Receipted, RedisConnection, Seen, Verbs, Written } from './wire.js';

/** A replica at work. */
export interface Opened {
  readonly verbs: Verbs;
  /** Somebody changed something. */
  told(receipt: Receipted): void;
}

type Ask = (question: Question) => Promise<Answer>;
type Freshness = { readonly after?: string; readonly consistency?: 'strong' | 'bounded' };

/** A tide over Redis whose origin is asked by `ask`; what it sees is written down and goes to `tell`. */
export async function openReplica(options: HostOptions, ask: Ask, tell: (batch: Batch) => void): Promise<Opened> {
  const shared = await sharedBy(options.connection);
  const log = logTo(tell);
  const model = modelOf(options.schema);
  const crown = crownOf(model);
  const rows = async <Row>(kind: Question['kind'], type: string, ids: readonly string[]): Promise<readonly Row[]> =>
    (await ask({ kind, type, ids })).rows as unknown as readonly Row[];
  const tide = createTidemark({
    model,
    origin: {
      kingdom: { byIds: (ids) => rows('byIds', 'kingdom', ids) },
      settlement: {
        byIds: (ids) => rows('byIds', 'settlement', ids),
        childrenOf: { kingdom: (ids) => rows('childrenOf', 'settlement', ids) },
      },
    },
    ...shared.parts,
    ...options.tide,
    clock: { ...systemClock, wallNow: () => systemClock.wallNow() + options.skewMs },
  });
  const bumpedAt = new Map<string, number>();
  tide.on('change', ({ changeId }) => void bumpedAt.set(changeId, now()));
  tide.on('sent', ({ changeId }) => void log.batch.sent.push({ changeId, at: now() }));
  tide.on('gap', ({ partition }) => log.event('gap', String(partition)));
  tide.on('trusted', ({ partition }) => log.event('trusted', String(partition)));
  tide.on('outage', ({ part, state }) => log.event('outage', `${part} ${state}`));
  tide.on('error', ({ error, where }) => log.event('error', `${where}: ${error.message}`));

  // ── Reading and changing ──────────────────────────────────────────────────────────────────────────────────────

  const seenOf = ({ id, version, name, shape }: Settlement): Seen[number] => {
    if (name !== `${id}#${String(version)}`) throw new Error(`mixed: ${name} at version ${String(version)}`);
    if (shape !== options.schema) throw new Error(`shape '${shape}' at schema '${options.schema}'`);
    return [id, version];
  };
  /** What is not there has version 0. */
  const get = async (what: string, freshness: Freshness): Promise<Seen> => {
    const [kind, id = ''] = what.split(':');
    if (kind === 'list') return (await tide.children('settlement', { kingdom: id }, freshness)).map(seenOf);
    if (kind === 'view') return tide.view(crown, { kingdom: id }, freshness);
    if (kind === 'key') {
      return tide.cache.getOrLoad(tide.key('crown', { id }), freshness, (read) => read.view(crown, { kingdom: id }));
    }
    const row = await tide.get('settlement', id, freshness);
    return row === null ? [[id, 0]] : [seenOf(row)];
  };
  const read = async (what: string, { after, consistency }: ReadOptions = {}): Promise<Read> => {
    const freshness: Freshness = {
      ...(after === undefined ? {} : { after: after.receipt }),
      ...(consistency === undefined ? {} : { consistency }),
    };
    const start = now();
    const asked = {
      ...{ what, start, strong: consistency === 'strong' },
      after: after === undefined ? undefined : ([after.id, after.version] as const),
    };
    let result: Read;
    try {
      const seen = await get(what, freshness);
      result = { ...asked, end: now(), seen };
    } catch (error) {
      const { code = '', message } = error as Error & { code?: string };
      result = { ...asked, end: now(), error: `${code} ${message}`.trim() };
    }
    log.batch.reads.push(result);
    return result;
  };
  const change = async (id: string): Promise<Changed> => {
    const { before, after } = (await ask({ kind: 'commit', type: 'settlement', ids: [id] })).written as Written;
    const op = before === null ? 'create' : 'update';
    const what = { id, version: after.version, start: now() };
    let result: Changed;
    try {
      const receipt = await tide.change({ type: 'settlement', id, op, before, after });
      const { state, changeId } = receipt;
      const marked = state === 'done' ? bumpedAt.get(changeId) : undefined;
      result = { ...what, end: now(), state, changeId, bumpedAt: marked, receipt: String(receipt) };
      bumpedAt.delete(changeId);
    } catch (error) {
      result = { ...what, end: now(), error: String(error) };
    }
    log.batch.changes.push(result);
    log.flush();
    return result;
  };
  const herd: Verbs['herd'] = async (what, callers) => {
    const start = now();
    const seen = await Promise.all(Array.from({ length: callers }, () => get(what, {})));
    return { ms: now() - start, versions: [...new Set(seen.flatMap((one) => one.map(([, version]) => version)))] };
  };

  // ── Load ──────────────────────────────────────────────────────────────────────────────────────────────────────

  const receipts = new Map<string, Receipted>();
  let loading = false;
  let workers: Promise<void>[] = [];
  const receiptFor = (what: string): Receipted | undefined => {
    const [kind, id = ''] = what.split(':');
    if (kind === 'record') return receipts.get(id);
    const beneath = [...receipts.values()].filter((receipt) => receipt.id.startsWith(`${id}.`));
    return beneath.length === 0 ? undefined : pick(beneath);
  };
  const reader = async ({ targets, pauseMs, afterShare, strongShare }: Load): Promise<void> => {
    while (loading) {
      const what = pick(targets);
      const dice = Math.random();
      const after = dice < afterShare ? receiptFor(what) : undefined;
      const consistency = dice > 1 - strongShare ? 'strong' : 'bounded';
      await read(what, { after, consistency });
      await pause(pauseMs * (0.5 + Math.random()));
    }
  };
  const writer = async ({ writes, writePauseMs }: Load): Promise<void> => {
    for (let i = 0; loading; i++) {
      await change(writes[i % writes.length] as string);
      await pause(writePauseMs * (0.5 + Math.random()));
    }
  };

  let subscriptions = 0;
  const follow = async (id: string): Promise<void> => {
    const subscription = `${options.name}/${String(++subscriptions)}`;
    for await (const item of tide.subscribe({ type: 'settlement', id })) {
      const told = { subscription, id, at: now() };
      if (item.kind === 'change') log.batch.heard.push({ ...told, version: item.version });
      else if (item.kind === 'resync') log.batch.heard.push({ ...told, version: null, reason: item.reason });
    }
  };

  const rest = async (): Promise<void> => {
    loading = false;
    await Promise.all(workers);
    log.flush();
  };
  const verbs: Verbs = {
    ...{ read, change, herd, rest },
    open: async () => {},
    ready: () => tide.ready(),
    load: async (load) => {
      loading = true;
      workers = Array.from({ length: load.readers }, () => reader(load));
      if (load.writes.length > 0) workers.push(writer(load));
    },
    subscribe: async (ids) => {
      for (const id of ids) void follow(id);
    },
    stats: async () => {
      const { hits, misses, tier2Hits, loads, tier1 } = tide.stats();
      return { hits, misses, tier2Hits, loads, entries: tier1.entries };
    },
    resetStats: async () => {
      tide.resetStats();
    },
    close: async () => {
      await rest();
      await tide.close();
      await shared.close();
      log.end();
    },
  };
  return { verbs, told: (receipt) => void receipts.set(receipt.id, receipt) };
}

async function sharedBy(connection: Connection) {
  if (!('cluster' in connection)) return inPostgres(connection);
  const clients = await clientsOf(connection);
  return {
    parts: redis(clients),
    close: async () => {
      clients.client.disconnect();
      clients.subscriber.disconnect();
    },
  };
}

function inPostgres({ client, subscriber }: PostgresConnection) {
  const [pool, listen] = [new Pool(client), new Pool(subscriber)];
  const parts = postgres({ pool, listen });
  return {
    parts,
    close: async () => {
      await Promise.all([parts.store, parts.marks, parts.bus].map((part) => part.close()));
      // Not awaited: a server that is away answers nobody.
      for (const one of [pool, listen]) void one.on('error', () => undefined).end();
    },
  };
}

async function clientsOf({ cluster, nodes, client, subscriber }: RedisConnection) {
  if (cluster) return { client: new Cluster([...nodes], client), subscriber: new Cluster([...nodes], subscriber) };
  const clients = { client: new Redis(client), subscriber: new Redis(subscriber) };
  if (clients.client.options.lazyConnect) await clients.client.connect();
  return clients;
}

const pick = <T>(from: readonly T[]): T => from[Math.floor(Math.random() * from.length)] as T;

// ── What is seen ────────────────────────────────────────────────────────────────────────────────────────────────

type Open = { -readonly [Part in keyof Batch]: Batch[Part][number][] };
const EVERY_MS = 25;

/** Gathers what is seen, and tells it in batches. */
function logTo(tell: (batch: Batch) => void) {
  const fresh = (): Open => ({ reads: [], changes: [], sent: [], heard: [], events: [] });
  const log = {
    batch: fresh(),
    event: (name: string, detail: string) => void log.batch.events.push({ name, detail, at: now() }),
    flush: () => {
      const full = log.batch;
      log.batch = fresh();
      if (Object.values(full).some((part) => part.length > 0)) tell(full);
    },
    end: () => {
      clearInterval(timer);
      log.flush();
    },
  };
  const timer = setInterval(log.flush, EVERY_MS);
  return log;
}
