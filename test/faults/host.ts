import { Cluster, Redis } from 'ioredis';
import { redis } from '../../src/adapters/redis/index.js';
import { systemClock } from '../../src/clock.js';
import { createTidemark } from '../../src/index.js';
import { type Settlement, crownOf, modelOf } from './model.js';
import { now, pause } from './time.js';
import type { Changed, Connection, FromHost, HostOptions, Load, Question, Read, ReadOptions } from './wire.js';
import type { Batch, Seen, ToHost, Verbs, Written } from './wire.js';

/** One replica in a process of its own: a tide over Redis whose origin is the parent, and what it sees, written down. */

const options = JSON.parse(process.argv[2] as string) as HostOptions;
const say = (message: FromHost): void => void process.send?.(message);

// ── The origin, asked for over the wire ─────────────────────────────────────────────────────────────────────────

type Answer = Extract<ToHost, { readonly kind: 'answer' }>;
const asking = new Map<number, (answer: Answer) => void>();
let asked = 0;

function ask(question: Question): Promise<Answer> {
  const n = ++asked;
  say({ kind: 'question', n, question });
  return new Promise((resolve, reject) => {
    asking.set(n, (answer) => {
      asking.delete(n);
      if (answer.error === undefined) resolve(answer);
      else reject(new Error(answer.error));
    });
  });
}
const rows = async <Row>(kind: Question['kind'], type: string, ids: readonly string[]): Promise<readonly Row[]> =>
  (await ask({ kind, type, ids })).rows as unknown as readonly Row[];

// ── The tide ────────────────────────────────────────────────────────────────────────────────────────────────────

function clientsOf({ cluster, nodes, client, subscriber }: Connection) {
  if (!cluster) return { client: new Redis(client), subscriber: new Redis(subscriber) };
  return { client: new Cluster([...nodes], client), subscriber: new Cluster([...nodes], subscriber) };
}

const model = modelOf(options.schema);
const crown = crownOf(model);
const clients = clientsOf(options.connection);
const tide = createTidemark({
  model,
  origin: {
    kingdom: { byIds: (ids) => rows('byIds', 'kingdom', ids) },
    settlement: {
      byIds: (ids) => rows('byIds', 'settlement', ids),
      childrenOf: { kingdom: (ids) => rows('childrenOf', 'settlement', ids) },
    },
  },
  ...redis(clients),
  ...options.tide,
  clock: { ...systemClock, wallNow: () => systemClock.wallNow() + options.skewMs },
});

// ── What is seen ────────────────────────────────────────────────────────────────────────────────────────────────

type Written_ = { -readonly [Part in keyof Batch]: Batch[Part][number][] };
const fresh = (): Written_ => ({ reads: [], changes: [], sent: [], heard: [], events: [] });
let batch = fresh();
let lagMs = 0;

/** To the parent, in batches. */
function flush(): void {
  const full = batch;
  batch = fresh();
  if (Object.values(full).some((part) => part.length > 0)) say({ kind: 'batch', batch: full });
}
let ticked = now();
setInterval(() => {
  const at = now();
  lagMs = Math.max(lagMs, at - ticked - 25);
  ticked = at;
  flush();
}, 25);

const note = (name: string, detail: string): void => void batch.events.push({ name, detail, at: now() });
tide.on('sent', ({ changeId }) => void batch.sent.push({ changeId, at: now() }));
tide.on('gap', ({ partition }) => {
  note('gap', String(partition));
});
tide.on('trusted', ({ partition }) => {
  note('trusted', String(partition));
});
tide.on('outage', ({ part, state }) => {
  note('outage', `${part} ${state}`);
});
tide.on('error', ({ error, where }) => {
  note('error', `${where}: ${error.message}`);
});

// ── Reading ─────────────────────────────────────────────────────────────────────────────────────────────────────

const seenOf = ({ id, version, name, shape }: Settlement): Seen[number] => {
  if (name !== `${id}#${String(version)}`) throw new Error(`mixed: ${name} at version ${String(version)}`);
  if (shape !== options.schema) throw new Error(`shape '${shape}' at schema '${options.schema}'`);
  return [id, version];
};

type Freshness = { readonly after?: string; readonly consistency?: 'strong' | 'bounded' };

/** Null stands for version 0. */
async function ask1(what: string, freshness: Freshness): Promise<Seen> {
  const [kind, id = ''] = what.split(':');
  if (kind === 'list') return (await tide.children('settlement', { kingdom: id }, freshness)).map(seenOf);
  if (kind === 'view') return tide.view(crown, { kingdom: id }, freshness);
  if (kind === 'key') {
    return tide.cache.getOrLoad(tide.key('crown', { id }), freshness, (read) => read.view(crown, { kingdom: id }));
  }
  const row = await tide.get('settlement', id, freshness);
  return row === null ? [[id, 0]] : [seenOf(row)];
}

async function read(what: string, { after, consistency }: ReadOptions = {}): Promise<Read> {
  const start = now();
  const required = after === undefined ? undefined : ([after.id, after.version] as const);
  let result: Read;
  try {
    const seen = await ask1(what, {
      ...(after === undefined ? {} : { after: after.receipt }),
      ...(consistency === undefined ? {} : { consistency }),
    });
    result = { what, start, end: now(), seen, after: required };
  } catch (error) {
    const { code = '', message } = error as Error & { code?: string };
    result = { what, start, end: now(), error: `${code} ${message}`.trim(), after: required };
  }
  batch.reads.push(result);
  return result;
}

async function change(id: string): Promise<Changed> {
  const { before, after } = (await ask({ kind: 'commit', type: 'settlement', ids: [id] })).written as Written;
  const start = now();
  const what = { id, version: after.version, start };
  let result: Changed;
  try {
    const receipt = await tide.change({ type: 'settlement', id, op: before === null ? 'create' : 'update', before, after });
    const { state, changeId } = receipt;
    result = { ...what, end: now(), state, changeId, receipt: String(receipt) };
  } catch (error) {
    result = { ...what, end: now(), error: String(error) };
  }
  batch.changes.push(result);
  flush();
  return result;
}

// ── Load ────────────────────────────────────────────────────────────────────────────────────────────────────────

const receipts = new Map<string, NonNullable<ReadOptions['after']>>();
let loading = false;
let workers: Promise<void>[] = [];

const pick = <T>(from: readonly T[]): T => from[Math.floor(Math.random() * from.length)] as T;

async function reader({ targets, pauseMs, afterShare }: Load): Promise<void> {
  while (loading) {
    const what = pick(targets);
    const after = Math.random() < afterShare ? receiptFor(what) : undefined;
    await read(what, { after });
    await pause(pauseMs * (0.5 + Math.random()));
  }
}

function receiptFor(what: string): ReadOptions['after'] {
  const [kind, id = ''] = what.split(':');
  if (kind === 'record') return receipts.get(id);
  const beneath = [...receipts.values()].filter((receipt) => receipt.id.startsWith(`${id}.`));
  return beneath.length === 0 ? undefined : pick(beneath);
}

async function writer({ writes, writePauseMs }: Load): Promise<void> {
  for (let i = 0; loading; i++) {
    await change(writes[i % writes.length] as string);
    await pause(writePauseMs * (0.5 + Math.random()));
  }
}

let subscriptions = 0;

async function follow(id: string): Promise<void> {
  const subscription = `${options.name}/${String(++subscriptions)}`;
  for await (const item of tide.subscribe({ type: 'settlement', id })) {
    if (item.kind === 'change') batch.heard.push({ subscription, id, version: item.version, at: now() });
    else batch.heard.push({ subscription, id, version: null, reason: item.reason, at: now() });
  }
}

// ── What the parent asks for ────────────────────────────────────────────────────────────────────────────────────

const verbs: Verbs = {
  ready: () => tide.ready(),
  read,
  change,
  herd: async (what, callers) => {
    const start = now();
    const seen = await Promise.all(Array.from({ length: callers }, () => ask1(what, {})));
    return { ms: now() - start, versions: [...new Set(seen.flatMap((one) => one.map(([, version]) => version)))] };
  },
  load: async (load) => {
    loading = true;
    workers = Array.from({ length: load.readers }, () => reader(load));
    if (load.writes.length > 0) workers.push(writer(load));
  },
  rest: async () => {
    loading = false;
    await Promise.all(workers);
    flush();
  },
  subscribe: async (ids) => {
    for (const id of ids) void follow(id);
  },
  stats: async () => {
    const { hits, misses, tier2Hits, loads, tier1 } = tide.stats();
    const lag = lagMs;
    lagMs = 0;
    return { hits, misses, tier2Hits, loads, entries: tier1.entries, lagMs: lag };
  },
  resetStats: async () => {
    tide.resetStats();
  },
  close: async () => {
    loading = false;
    await tide.close();
    clients.client.disconnect();
    clients.subscriber.disconnect();
    flush();
  },
};

process.on('message', (message: ToHost) => {
  if (message.kind === 'answer') asking.get(message.n)?.(message);
  if (message.kind === 'receipt') receipts.set(message.id, message);
  if (message.kind !== 'call') return;
  const { n, verb, args } = message;
  (verbs[verb] as (...args: readonly unknown[]) => Promise<unknown>)(...args).then(
    (result) => {
      say({ kind: 'reply', n, result });
    },
    (error: unknown) => {
      say({ kind: 'reply', n, error: String(error) });
    },
  );
});
process.on('disconnect', () => process.exit());
say({ kind: 'reply', n: 0 });

