import { fileURLToPath } from 'node:url';
import type { Seen } from '../faults/wire.js';
import { type Program, Replica } from './replicas.js';
import type { Service } from './traffic.js';

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Kingdoms, settlements of each, structures of each: so many rows as a page shows at once. */
export const SIZE = { kingdoms: 4, settlements: 5, structures: 10 } as const;
const settlements = Array.from({ length: SIZE.kingdoms * SIZE.settlements }, (_, i) => `s${String(i + 1)}`);

/** Where a service has its rows, and what its replicas share. */
export interface Backends {
  readonly redisUrl: string;
  readonly databaseUrl: string;
}

const FILES = {
  express: file('../../examples/express/src/main.ts'),
  byHand: file('by-hand.ts'),
};
export type Kind = keyof typeof FILES;

/** A service that runs, and the processes that it is. */
export interface Running {
  readonly service: Service;
  readonly replicas: readonly Replica[];
}

export async function start(kind: Kind, count: number, { redisUrl, databaseUrl }: Backends): Promise<Running> {
  const program: Program = {
    file: FILES[kind],
    env: {
      ...{ PORT: '0', REDIS_URL: redisUrl, DATABASE_URL: databaseUrl, DRAIN_MS: '0' },
      CAMPAIGN_SIZE: `${String(SIZE.kingdoms)}x${String(SIZE.settlements)}x${String(SIZE.structures)}`,
    },
    urlIn: /(http:\/\/localhost:\d+)/,
  };
  const replicas: Replica[] = [];
  // One after the other: the first puts the rows where they are kept.
  for (let i = 0; i < count; i++) replicas.push(await Replica.start(program));
  return { service: serviceOf(kind, replicas), replicas };
}

function serviceOf(kind: Kind, replicas: readonly Replica[]): Service {
  return {
    urls: replicas.map(({ url }) => url),
    campaigns: ['c1'],
    settlements,
    campaignPath: (id) => `/campaigns/${id}`,
    settlementPath: (id) => `/settlements/${id}`,
    livePath: (ids) => `/live?${kind === 'byHand' ? '' : ids.map((id) => `room=settlement:${id}`).join('&')}`,
    seenIn,
    heardIn: ({ event, data }) => {
      const item = JSON.parse(data) as Item;
      if (event === 'change' && item.entityType === 'settlement')
        return { id: String(item.entityId), version: item.version ?? null };
      if (event !== 'subscribed' && event !== 'resync') return undefined;
      const id = /^settlement:(\w+)$/.exec(item.key ?? '')?.[1];
      return id === undefined ? undefined : { id, version: null, reason: event };
    },
  };
}

interface Item {
  readonly key?: string;
  readonly entityId?: string;
  readonly entityType?: string;
  readonly version?: number | null;
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
