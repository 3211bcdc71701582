import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { createTables } from '../../examples/world/data/memory-tables.js';
import { type CountedOrigin, worldOrigin } from '../../examples/world/data/origin.js';
import type { Tables } from '../../examples/world/data/tables.js';
import {
  type Kingdom,
  type Principal,
  type Settlement,
  type Structure,
  type WorldModel,
  type WorldOrigin,
  type WorldTide,
  model,
} from '../../examples/world/model.js';
import { authorize } from '../../examples/world/server/access.js';
import { createApp } from '../../examples/world/server/app.js';
import { liveOf } from '../../examples/world/server/live.js';
import type { World } from '../../examples/world/server/request.js';
import { type RuleSource, createTidemark } from '../../src/index.js';
import { type FakeClock, fakeClock } from '../../src/testing/index.js';

const fresh = { version: 1, deleted: false } as const;
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** Kingdom IS with towns t0, t1, …, each a degree east of the last and smaller; structures t0-0, t0-1, …. Kingdom FR with one town, p. */
export function smallWorld(towns = 3, structures = 2): Tables {
  const kingdom = (id: string, name: string): Kingdom => ({ id, name, campaignId: 'earth', level: 3, ...fresh });
  const town = (i: number): Settlement => ({
    ...{ id: `t${String(i)}`, name: `Town ${String(i)}`, kingdomId: 'IS', ...fresh },
    ...{ population: 1_000 - i, level: 2, lon: -20 + i, lat: 64 },
  });
  const structure = (at: Settlement, i: number): Structure => ({
    ...{ id: `${at.id}-${String(i)}`, name: `Field ${at.id} ${String(i)}`, settlementId: at.id, ...fresh },
    ...{ kind: i % 2 === 0 ? 'airport' : 'heliport', code: '', level: 1, lon: at.lon, lat: at.lat },
  });
  const paris: Settlement = { ...town(0), id: 'p', name: 'Paris', kingdomId: 'FR', lon: 2, lat: 49 };
  const settlements = range(towns).map(town);
  return createTables()
    .add('campaign', [{ id: 'earth', name: 'Earth', ...fresh }])
    .add('kingdom', [kingdom('IS', 'Iceland'), kingdom('FR', 'France')])
    .add('settlement', [...settlements, paris])
    .add(
      'structure',
      settlements.flatMap((at) => range(structures).map((i) => structure(at, i))),
    )
    .build();
}

export interface Answer {
  readonly status: number;
  readonly data: Data;
  readonly errors: readonly { readonly message: string; readonly code: string | undefined }[];
}
/** What a query gave: read by tests as they wrote it. */
export interface Data {
  readonly [field: string]: Data;
}

export interface TestServer {
  readonly url: string;
  readonly server: Server;
  readonly tables: Tables;
  readonly tide: WorldTide;
  readonly clock: FakeClock;
  /** Of the origin, so far. */
  calls(): CountedOrigin['calls'];
  /** What was nobody's fault but the server's. */
  readonly reported: unknown[];
  /** Ends live streams, as a shutdown does. */
  readonly closing: AbortController;
  query(query: string, options?: { readonly variables?: object; readonly token?: string }): Promise<Answer>;
  /** As somebody who may edit. */
  edit(query: string, variables?: object): Promise<Answer>;
  post(body: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
}

export interface ServerOptions {
  readonly tables?: Tables;
  /** In place of what asks the tables. */
  readonly origin?: WorldOrigin;
  readonly authorize?: World['authorize'];
  /** Default: none, so that fields are null and nobody is told of them. */
  readonly rules?: RuleSource;
}

/** The whole server on a free port, on a clock that stands still. Closed when the test is done. */
export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const { tables = smallWorld() } = options;
  const counted = worldOrigin(tables);
  const origin = options.origin ?? counted;
  const clock = fakeClock();
  const allowed = options.authorize ?? authorize;
  const rules = options.rules && { source: options.rules };
  const tide = createTidemark<WorldModel, Principal>({ model, origin, clock, authorize: allowed, rules });
  const closing = new AbortController();
  const reported: unknown[] = [];
  const world: World = {
    tables,
    tide,
    clock,
    authorize: allowed,
    outlines: () => ({ type: 'FeatureCollection', features: [] }),
    credits: [],
    closing: closing.signal,
    report: (error) => reported.push(error),
  };
  const live = liveOf(world);
  const server = createServer(createApp(world, live))
    .on('upgrade', (request, socket, head) => {
      live.upgrade(request, socket, head);
    })
    .listen(0);
  await once(server, 'listening');
  const url = `http://localhost:${String((server.address() as AddressInfo).port)}`;
  onTestFinished(async () => {
    closing.abort();
    server.closeAllConnections();
    server.close();
    await tide.close();
  });

  const post: TestServer['post'] = (body, headers = {}) =>
    fetch(`${url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });
  const query: TestServer['query'] = async (text, { variables = {}, token } = {}) => {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await post(JSON.stringify({ query: text, variables }), headers);
    return answerOf(response);
  };
  const edit: TestServer['edit'] = (text, variables = {}) => query(text, { variables, token: 'cartographer' });
  return { url, server, tables, tide, clock, calls: () => counted.calls, reported, closing, query, edit, post };
}

interface Raw {
  readonly data?: Data | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

export async function answerOf(response: Response): Promise<Answer> {
  const { data, errors = [] } = (await response.json()) as Raw;
  return {
    status: response.status,
    data: data ?? {},
    errors: errors.map(({ message, extensions }) => ({ message, code: extensions?.code })),
  };
}

export const codesOf = ({ errors }: Answer): (string | undefined)[] => errors.map(({ code }) => code);
