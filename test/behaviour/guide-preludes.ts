import { Client } from 'pg';
import { type Origin, createTidemark, defineModel, entity } from '../../src/index.js';
import { remoteRules } from '../../src/hosts/grpc/index.js';
import { fakeOrigin } from '../../src/testing/index.js';
import { reach } from '../services/reach.js';

/** What the code of a guide takes for granted: names by file. A guide that needs nothing has none. */

interface Kingdom {
  id: string;
  name: string;
}
interface Settlement {
  id: string;
  kingdomId: string;
  name: string;
  level: number;
  version: number;
  deletedAt: Date | null;
  x: number;
  y: number;
}
interface Structure {
  id: number;
  settlementId: string;
  kind: string;
}

const settlement = (i: number): Settlement => ({
  id: `s${String(i)}`,
  kingdomId: 'k1',
  name: `Settlement ${String(i)}`,
  level: i,
  version: 1,
  deletedAt: null,
  x: i,
  y: i,
});
const structure = (id: number): Structure => ({ id, settlementId: `s${String(1 + (id % 2))}`, kind: 'mill' });

/** The model of the model's guide. */
const model = defineModel({
  entities: {
    kingdom: entity<Kingdom>()({}),
    settlement: entity<Settlement>()({
      parents: { kingdom: 'kingdomId' },
      version: 'version',
      deleted: (row) => row.deletedAt !== null,
      geometry: (row) => ({ x: row.x, y: row.y }),
      announce: ['name', 'level'],
    }),
    structure: entity<Structure>()({ parseId: Number, parents: { settlement: 'settlementId' } }),
  },
});

function settings() {
  const db = fakeOrigin({
    kingdom: { rows: [{ id: 'k1', name: 'North' }] as Kingdom[] },
    settlement: { rows: [1, 2, 3, 4].map(settlement), parents: { kingdom: 'kingdomId' } },
    structure: { rows: [5, 6, 7, 8].map(structure), parents: { settlement: 'settlementId' } },
  });
  const { origin: rows } = db;
  const origin = {
    ...rows,
    settlement: {
      ...rows.settlement,
      all: async function* () {
        yield* [1, 2, 3, 4].map(settlement);
      },
    },
  } as unknown as Origin<typeof model>;
  return { db, origin, tide: createTidemark({ model, origin }) };
}
const context = { branch: 'main', branches: ['main'], signal: new AbortController().signal, recentlyChanged: false };

const [single, sentinel, cluster, postgis] = await Promise.all([
  reach('single'),
  reach('sentinel'),
  reach('cluster'),
  reach('postgis'),
]);

/** A database that is the guides' own: their code makes schemas and tables as a host would. Dropped by `dropDatabase`. */
const database = postgis.missing === undefined ? await createDatabase(postgis.url) : undefined;

async function createDatabase(server: string) {
  const name = `guides_${crypto.randomUUID().replaceAll('-', '')}`;
  const run = async (sql: string): Promise<void> => {
    const client = new Client({ connectionString: server });
    await client.connect();
    await client.query(sql).finally(() => client.end());
  };
  await run(`create database ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.toString(), drop: () => run(`drop database ${name} with (force)`) };
}

export const dropDatabase = async (): Promise<void> => database?.drop();

/** Why a guide cannot be run here. */
export const LACKING: Readonly<Record<string, string | undefined>> = {
  'docs/guides/migrating.md': single.missing,
  'docs/guides/redis.md': single.missing ?? sentinel.missing ?? cluster.missing,
  'docs/guides/graphql-subscriptions.md': single.missing,
  'docs/guides/postgres.md': postgis.missing,
  'docs/guides/transactions.md': postgis.missing,
};
for (const [path, missing] of Object.entries(LACKING))
  if (missing !== undefined) console.warn(`NO SERVER: ${path} is not run: ${missing}`);

export const PRELUDES = {
  'docs/guides/transactions.md': () => ({ url: database?.url ?? '' }),
  'docs/guides/postgres.md': () => {
    // Tables of its own, that go with the connection.
    const url = new URL(postgis.missing === undefined ? postgis.url : 'postgres://nowhere');
    url.searchParams.set('options', '-c search_path=pg_temp,public');
    return { url: url.toString(), schema: `guide_${crypto.randomUUID().replaceAll('-', '')}` };
  },
  'docs/guides/model.md': () => {
    const { origin } = settings().db;
    const database = {
      kingdomsByIds: (ids: readonly string[], branch: string) => origin.kingdom.byIds(ids, { ...context, branch }),
      settlementsByIds: (ids: readonly string[]) => origin.settlement.byIds(ids, context),
      settlementsOfKingdoms: (ids: readonly string[]) => origin.settlement.childrenOf['kingdom']?.(ids, context) ?? [],
      structuresByIds: (ids: readonly number[]) => origin.structure.byIds(ids, context),
      structuresOfSettlements: (ids: readonly string[]) =>
        origin.structure.childrenOf['settlement']?.(ids, context) ?? [],
    };
    return {
      database: database as {
        readonly [Name in keyof typeof database]: (...asked: Parameters<(typeof database)[Name]>) => Promise<never[]>;
      },
    };
  },
  'docs/guides/reading.md': () => ({
    model,
    tide: settings().tide,
    request: { signal: new AbortController().signal },
  }),
  'docs/guides/changing.md': () => {
    const { db, tide } = settings();
    const database = {
      lockSettlement: async (id: string): Promise<Settlement> => settlement(Number(id.slice(1))),
      saveSettlement: async (row: Settlement): Promise<void> => db.put('settlement', row),
    };
    return { tide, database };
  },
  'docs/guides/migrating.md': () => ({
    url: single.missing === undefined ? single.url : '',
    prefix: `guide:${crypto.randomUUID()}:`,
  }),
  'docs/guides/metrics.md': () => ({
    tide: settings().tide,
    other: settings().tide,
    remoteRules: () => remoteRules({ enabled: false }),
  }),
  'docs/guides/stores.md': () => {
    const { db, origin } = settings();
    return { model, origin, db };
  },
  'docs/guides/graphql-subscriptions.md': () => ({
    ...{ model, origin: settings().origin },
    url: single.missing === undefined ? single.url : '',
  }),
  'docs/guides/redis.md': () => ({
    ...{ model, origin: settings().origin },
    url: single.missing === undefined ? single.url : '',
    name: sentinel.missing === undefined ? sentinel.name : '',
    sentinels: sentinel.missing === undefined ? [...sentinel.sentinels] : [],
    nodes: cluster.missing === undefined ? [...cluster.nodes] : [],
  }),
  'docs/guides/health.md': () => ({ model, origin: settings().origin }),
  'docs/guides/inspector.md': () => ({
    ...{ model, origin: settings().origin },
    isOperator: (authorization: string | undefined) => authorization === 'Bearer operator',
  }),
  'docs/guides/staleness.md': () => ({ model, ...settings(), createTidemark }),
};
