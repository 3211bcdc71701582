import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { seedOf } from '../../examples/campaign/seed.js';
import type { Seen } from '../faults/wire.js';
import { compileNest, copyExample } from '../package/linked.js';
import { type Program, Replica } from './replicas.js';
import type { StreamEvent } from './http.js';
import type { Service } from './traffic.js';

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Kingdoms, settlements of each, structures of each: so many rows as a page shows at once. */
export const SIZE = { kingdoms: 4, settlements: 5, structures: 10 } as const;
const CAMPAIGN_SIZE = Object.values(SIZE).join('x');
const places = seedOf(CAMPAIGN_SIZE).settlement;

/** Where a service has its rows, and what its replicas share. */
export interface Backends {
  readonly redisUrl: string;
  readonly databaseUrl: string;
}

export type Kind = 'express' | 'nest' | 'byHand';

/** A service that runs, and the processes that it is. */
export interface Running {
  readonly service: Service;
  readonly replicas: readonly Replica[];
}

/** As many processes that answer with what this one answers now, and do nothing else. */
export async function startBare({ service, replicas: { length } }: Running, scratch: string): Promise<Running> {
  const program = placedBeside(scratch, 'bare.ts');
  const env = { ANSWER_OF: `${service.urls[0] ?? ''}${service.campaignPath(service.campaigns[0] ?? '')}` };
  const replicas = await Promise.all(Array.from({ length }, () => Replica.start({ ...program, env })));
  return { service: serviceOf('express', replicas), replicas };
}

/** Where a service lies and how it begins. `scratch`: of `linkedFolder()`. */
export async function placed(kind: Kind, scratch: string): Promise<Omit<Program, 'env'>> {
  if (kind === 'byHand') {
    copyExample(scratch, 'express');
    return placedBeside(scratch, 'by-hand.ts');
  }
  const cwd = copyExample(scratch, kind);
  if (kind === 'express') return { cwd, main: join(cwd, 'src/main.ts') };
  await compileNest(cwd, join(scratch, 'node_modules/tidemark'));
  return { cwd, main: join(cwd, 'dist/nest/src/main.js') };
}

/** A program of this folder, as far from the domain that it serves as here. */
function placedBeside(scratch: string, name: string): Omit<Program, 'env'> {
  const cwd = join(scratch, 'test/service');
  mkdirSync(cwd, { recursive: true });
  copyFileSync(file(name), join(cwd, name));
  return { cwd, main: join(cwd, name) };
}

export async function start(
  kind: Kind,
  { cwd, main }: Omit<Program, 'env'>,
  { count, redisUrl, databaseUrl }: Backends & { readonly count: number },
): Promise<Running> {
  const env = {
    ...{ REDIS_URL: redisUrl, DATABASE_URL: databaseUrl, DRAIN_MS: '0' },
    CAMPAIGN_SIZE,
  };
  const replicas: Replica[] = [];
  // One after the other: the first puts the rows where they are kept.
  for (let i = 0; i < count; i++) replicas.push(await Replica.start({ cwd, main, env }));
  return { service: serviceOf(kind, replicas), replicas };
}

function serviceOf(kind: Kind, replicas: readonly Replica[]): Service {
  return {
    urls: replicas.map(({ url }) => url),
    campaigns: ['c1'],
    settlements: places.map(({ id }) => id),
    places,
    campaignPath: (id) => `/campaigns/${id}`,
    settlementPath: (id) => `/settlements/${id}`,
    nearPath: ({ x, y, radius }) => `/near?x=${String(x)}&y=${String(y)}&radius=${String(radius)}`,
    livePath: (ids) => `/live?${kind === 'byHand' ? '' : ids.map((id) => `room=settlement:${id}`).join('&')}`,
    seenIn,
    heardIn,
  };
}

type Told = ReturnType<Service['heardIn']>;

/** A frame of tidemark/sse, or a change as the one built by hand tells it. */
function heardIn({ data }: StreamEvent): Told {
  const { kind, change, on = {} } = JSON.parse(data) as Frame;
  if (kind === 'change' && change?.entityType === 'settlement')
    return [{ id: String(change.entityId), version: change.version ?? null }];
  if (kind !== 'subscribed' && kind !== 'resync') return [];
  return Object.keys(on).map((room) => ({ id: room.replace('settlement:', ''), version: null, reason: kind }));
}

interface Frame {
  readonly kind: string;
  readonly change?: { readonly entityId: string; readonly entityType: string; readonly version?: number | null };
  readonly on?: Readonly<Record<string, string>>;
}

interface Tree {
  readonly id: string;
  readonly version?: number;
  readonly kingdoms?: readonly { readonly settlements: readonly Tree[] }[];
}

/** Of a campaign, all its settlements; of a settlement, itself. */
function seenIn(body: unknown): Seen {
  const { id, version = 0, kingdoms } = body as Tree;
  if (kingdoms === undefined) return [[id, version]];
  return kingdoms.flatMap(({ settlements: all }) => all.map((one) => [one.id, one.version ?? 0] as const));
}
