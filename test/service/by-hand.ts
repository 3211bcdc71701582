// The same service built by hand, the way the source system is: a DataLoader for each request; computed fields and lists as JSON in Redis,
// each with a TTL; a cache of what rules came to in this process; keys deleted by name and by SCAN after a write; events over Redis
// pub/sub. Its faults in correctness are left out: what is measured is what its way costs.
import type { AddressInfo } from 'node:net';
import DataLoader from 'dataloader';
import express, { type Response } from 'express';
import { Redis } from 'ioredis';
import { Pool } from 'pg';
import jsonLogic from 'json-logic-js';
import NodeCache from 'node-cache';
import { RULES, type Kingdom, type Settlement, type Structure } from '../../examples/campaign/model.ts';
import { rowsInPostgres } from '../../examples/campaign/postgres.ts';
import { seedOf } from '../../examples/campaign/seed.ts';

const COMPUTED_SECONDS = 300;
const LIST_SECONDS = 600;
const PLACES_SECONDS = 300;
const { DATABASE_URL = '', REDIS_URL = '' } = process.env;
const rows = await rowsInPostgres(DATABASE_URL, seedOf(process.env['CAMPAIGN_SIZE']));
const places = new Pool({ connectionString: DATABASE_URL });
const client = new Redis(REDIS_URL);
const subscriber = new Redis(REDIS_URL);
const results = new NodeCache({ stdTTL: COMPUTED_SECONDS, checkperiod: 60, maxKeys: 100_000, useClones: false });
const streams = new Set<Response>();
await subscriber.subscribe('entity.modified');
subscriber.on('message', (_channel, text: string) => {
  const { change } = JSON.parse(text) as { readonly change: { readonly entityId: string } };
  results.del(change.entityId);
  for (const stream of streams) stream.write(`data: ${text}\n\n`);
});

const none = { signal: new AbortController().signal, recentlyChanged: false, branch: 'main' } as never;
type Table = {
  byIds(ids: readonly string[], ctx: never): PromiseLike<readonly object[]>;
  childrenOf?: Readonly<Record<string, (ids: readonly string[], ctx: never) => PromiseLike<readonly object[]>>>;
};
const table = (type: string): Table => (rows.origin as unknown as Record<string, Table>)[type] as Table;

/** Of one request. */
function loaders() {
  const byId = <Row extends { readonly id: string }>(type: string) =>
    new DataLoader<string, Row | null>(async (ids) => {
      const found = new Map(((await table(type).byIds(ids, none)) as readonly Row[]).map((row) => [row.id, row]));
      return ids.map((id) => found.get(id) ?? null);
    });
  const under = <Row extends object>(type: string, parent: string, field: keyof Row) =>
    new DataLoader<string, Row[]>(async (ids) => {
      const all = (await table(type).childrenOf?.[parent]?.(ids, none)) as readonly Row[];
      const groups = new Map<string, Row[]>(ids.map((id) => [id, []]));
      for (const row of all) groups.get(row[field] as string)?.push(row);
      return ids.map((id) => groups.get(id) ?? []);
    });
  return {
    settlement: byId<Settlement>('settlement'),
    kingdom: byId<Kingdom>('kingdom'),
    kingdoms: under<Kingdom>('kingdom', 'campaign', 'campaignId'),
    settlements: under<Settlement>('settlement', 'kingdom', 'kingdomId'),
    structures: under<Structure>('structure', 'settlement', 'settlementId'),
    variables: under<{ settlementId: string }>('stateVariable', 'settlement', 'settlementId'),
  };
}
type Loaders = ReturnType<typeof loaders>;

async function cached<T>(key: string, seconds: number, load: () => Promise<T>): Promise<T> {
  const text = await client.get(key);
  if (text !== null) return JSON.parse(text) as T;
  const value = await load();
  await client.set(key, JSON.stringify(value), 'EX', seconds);
  return value;
}

async function settlementOf(by: Loaders, settlement: Settlement) {
  const { id } = settlement;
  const [structures, variables, computed] = await Promise.all([
    cached(`structures:settlement:${id}:main`, LIST_SECONDS, () => by.structures.load(id)),
    cached(`variables:settlement:${id}:main`, LIST_SECONDS, () => by.variables.load(id)),
    cached(`computed-fields:settlement:${id}:main`, COMPUTED_SECONDS, () => computedOf(by, settlement)),
  ]);
  return { ...settlement, ...computed, structures, variables };
}

async function computedOf(by: Loaders, settlement: Settlement): Promise<object> {
  const known = results.get<object>(settlement.id);
  if (known !== undefined) return known;
  const [kingdom, structures] = await Promise.all([
    by.kingdom.load(settlement.kingdomId),
    by.structures.load(settlement.id),
  ]);
  const facts: Record<string, unknown> = { ...settlement, kingdom, structures };
  const computed: Record<string, unknown> = {};
  for (const { field, expression } of RULES) {
    const value: unknown = jsonLogic.apply(expression, { settlement: facts });
    computed[field] = facts[field] = value;
  }
  results.set(settlement.id, computed);
  return computed;
}

/** By pages of SCAN, as the source system does. */
async function delPattern(pattern: string): Promise<void> {
  for (let cursor = '0', first = true; first || cursor !== '0'; first = false) {
    const [next, keys] = await client.scan(cursor, 'MATCH', pattern, 'COUNT', 100);
    cursor = next;
    if (keys.length > 0) await client.del(...keys);
  }
}

const app = express().disable('x-powered-by');
app.use(express.json({ limit: '100kb' }));
app.get('/campaigns/:id', async (request, response) => {
  const by = loaders();
  const { id } = request.params;
  const [[campaign], kingdoms] = await Promise.all([table('campaign').byIds([id], none), by.kingdoms.load(id)]);
  response.json({
    ...campaign,
    kingdoms: await Promise.all(
      kingdoms.map(async (kingdom) => {
        const key = `settlements:kingdom:${kingdom.id}:main`;
        const settlements = await cached(key, LIST_SECONDS, () => by.settlements.load(kingdom.id));
        return { ...kingdom, settlements: await Promise.all(settlements.map((each) => settlementOf(by, each))) };
      }),
    ),
  });
});
app.get('/settlements/:id', async (request, response) => {
  const by = loaders();
  const settlement = await by.settlement.load(request.params.id);
  if (settlement === null) response.status(404).json({});
  else response.json(await settlementOf(by, settlement));
});
app.get('/near', async (request, response) => {
  const by = loaders();
  const [x, y, radius] = ['x', 'y', 'radius'].map((name) => Number(request.query[name]));
  const key = `spatial:settlements-near:${String(x)}:${String(y)}:${String(radius)}:main`;
  const ids = await cached(key, PLACES_SECONDS, async () => {
    const within = `select id from tidemark_campaign.settlement where ST_DWithin(place, ST_MakePoint($1, $2), $3)
      order by place <-> ST_MakePoint($1, $2), id`;
    return (await places.query<{ id: string }>(within, [x, y, radius])).rows.map(({ id }) => id);
  });
  response.json(await by.settlement.loadMany(ids));
});
app.patch('/settlements/:id', async (request, response) => {
  const { id } = request.params;
  const written = await rows.editSettlement(id, request.body as Partial<Settlement>);
  if (written === null) {
    response.status(404).json({});
    return;
  }
  const { after } = written;
  results.del(id);
  await client.del(`computed-fields:settlement:${id}:main`, `settlements:kingdom:${after.kingdomId}:main`);
  await delPattern('computed-fields:structure:*');
  await delPattern('spatial:*');
  const { version } = after as { readonly version?: number };
  const change = { entityId: id, entityType: 'settlement', branch: 'main', op: 'update', version };
  await client.publish('entity.modified', JSON.stringify({ kind: 'change', change }));
  response.json(after);
});
app.get('/live', (_request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream', connection: 'close' }).flushHeaders();
  streams.add(response);
  response.on('close', () => streams.delete(response));
});
const server = app.listen(Number(process.env['PORT'] ?? 0), () => {
  console.log(`http://localhost:${String((server.address() as AddressInfo).port)}/campaigns/c1`);
});
process.once('SIGTERM', () => {
  for (const stream of streams) stream.end();
  server.close(() => {
    client.disconnect();
    subscriber.disconnect();
    results.close();
    void places.end();
    void rows.close();
  });
});
