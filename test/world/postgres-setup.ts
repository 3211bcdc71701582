import { onTestFinished } from 'vitest';
import { createTables } from '../../examples/world/data/memory-tables.js';
import type { Mirror, WorldSource, WorldTables } from '../../examples/world/data/tables.js';
import type { Kingdom, Settlement, Structure } from '../../examples/world/model.js';
import { type OpenWorld, openWorld } from '../../examples/world/postgres/open.js';
import { type ServeOptions, type Serving, serve } from '../../examples/world/server/serve.js';
import type { Database } from '../services/postgres.js';
import { type Answer, answerOf } from './server-setup.js';

const fresh = { version: 1, deleted: false } as const;
const outline = {
  type: 'Polygon',
  coordinates: [
    [
      [-30, 60],
      [-10, 60],
      [-10, 70],
      [-30, 70],
      [-30, 60],
    ],
  ],
};

const kingdom = (id: string, more: Partial<Kingdom> = {}): Kingdom => ({
  ...{ id, name: `Kingdom ${id}`, campaignId: 'earth', level: 3, ...fresh },
  ...more,
});
const town = (id: string, lon: number, more: Partial<Settlement> = {}): Settlement => ({
  ...{ id, name: `Town ${id}`, kingdomId: 'IS', population: 1_000 + lon, level: 2, lon, lat: 64.5, ...fresh },
  ...more,
});
const structure = (id: string, settlementId: string, more: Partial<Structure> = {}): Structure => ({
  ...{ id, name: `Field ${id}`, settlementId, kind: 'airport', code: '', level: 1, lon: -20, lat: 64.5, ...fresh },
  ...more,
});

/** Names that COPY has to escape, numbers of all kinds, deleted parents, and a branch that changes, adds and removes. */
export function rows(): Mirror {
  return createTables()
    .add('campaign', [{ id: 'earth', name: 'Earth', ...fresh }])
    .add('kingdom', [kingdom('IS', { outline }), kingdom('FR'), kingdom('gone', { deleted: true })])
    .add('settlement', [
      town('t0', -20, { name: 'a\ttab, a\nnew line, a \\ and a \\N' }),
      town('t1', -19.000000000000004),
      town('t:*', -18, { name: 'Łódź \'"$1;', population: 2 ** 31 - 1 }),
      town('p', 2, { kingdomId: 'FR', lat: 49, name: '\\N' }),
      town('removed', -17, { deleted: true }),
      town('beneath', -16, { kingdomId: 'gone' }),
    ])
    .add('structure', [
      structure('t0/1', 't0', { code: 'KEF' }),
      structure('t0/2', 't0', { deleted: true }),
      structure('t1/1', 't1'),
      structure('lost', 'removed'),
      structure('deep', 'beneath'),
    ])
    .add('settlement', [town('t1', -19, { deleted: true, version: 2 }), town('new', -15)], 'rising-seas')
    .add('structure', [structure('new/1', 'new'), structure('t0/1', 't0', { name: 'Pier', version: 2 })], 'rising-seas')
    .add('kingdom', [kingdom('gone', { version: 2 })], 'open-skies')
    .build();
}

export interface CountedSource extends WorldSource {
  readonly loads: () => number;
}

export function source(name = 'small', made: () => Mirror = rows): CountedSource {
  let loads = 0;
  return {
    ...{ name, credits: [], loads: () => loads },
    load: async () => {
      loads++;
      return made();
    },
  };
}

/** A schema of the test's own, gone when it is done. */
export function ownSchema({ pool }: Database): string {
  const schema = `test_${crypto.randomUUID().replaceAll('-', '')}`;
  onTestFinished(async () => {
    await pool.query(`drop schema if exists ${schema} cascade; drop schema if exists ${schema}_outbox cascade`);
  });
  return schema;
}

interface Opening {
  readonly schema: string;
  readonly of?: WorldSource;
  readonly replace?: boolean;
}

export async function open({ connectionString }: Database, { schema, of = source(), replace = false }: Opening) {
  const progress = (): void => {};
  const opened = await openWorld(connectionString, of, { schema, replace, progress, report: console.error });
  let closed: Promise<void> | undefined;
  const world: OpenWorld = { ...opened, close: () => (closed ??= opened.close()) };
  onTestFinished(() => world.close());
  return world;
}

export interface Served {
  readonly url: string;
  readonly serving: Serving;
  query(query: string, variables?: object): Promise<Answer>;
}

/** The whole server, asked by somebody who may edit. */
export async function served(tables: WorldTables, options: Partial<ServeOptions> = {}): Promise<Served> {
  const serving = await serve(tables, { port: 0, outlines: () => ({}), credits: [], ...options });
  onTestFinished(() => serving.close());
  const headers = { 'content-type': 'application/json', authorization: 'Bearer cartographer' };
  return {
    ...{ url: serving.url, serving },
    query: async (query, variables = {}) =>
      answerOf(
        await fetch(`${serving.url}/graphql`, { method: 'POST', headers, body: JSON.stringify({ query, variables }) }),
      ),
  };
}

export function servedFrom(
  { tables, origin, outbox }: OpenWorld,
  options: Partial<ServeOptions> = {},
): Promise<Served> {
  return served(tables, { origin, shared: { outbox }, ...options });
}
