import { defineModel, entity } from '../../src/index.js';
import type { TideOptions } from '../../src/options.js';
import type { FrameTarget } from '../../src/realtime/frames.js';
import type { Library } from '../plant.js';

export interface Kingdom {
  readonly id: string;
  readonly version: number;
}
export interface Settlement extends Kingdom {
  readonly kingdomId: string;
}

export const model = defineModel({
  entities: {
    kingdom: entity<Kingdom>()({ version: 'version', announce: ['version'] }),
    settlement: entity<Settlement>()({ version: 'version', parents: { kingdom: 'kingdomId' }, announce: ['version'] }),
  },
});
export type PromiseModel = typeof model;

export interface Principal {
  readonly name: string;
}

/** What is changed, by name. */
export const ENTITIES = ['k1', 's1', 's2', 's3'] as const;
export type EntityName = (typeof ENTITIES)[number];

export const typeOf = (name: EntityName): 'kingdom' | 'settlement' => (name === 'k1' ? 'kingdom' : 'settlement');

/** The children of k1; s3 has another parent. */
const CHILDREN: readonly EntityName[] = ['s1', 's2'];

interface Watched {
  readonly target: FrameTarget;
  readonly entities: readonly EntityName[];
  /** Whether all of it is announced on one topic, so that there is one order of it. */
  readonly ordered: boolean;
}

/** What is subscribed to, by the key of the subscription. */
export const WATCHED = {
  one: { target: { type: 'settlement', id: 's1' }, entities: ['s1'], ordered: true },
  all: { target: { type: 'settlement' }, entities: ['s1', 's2', 's3'], ordered: true },
  list: { target: { type: 'settlement', parent: { kingdom: 'k1' } }, entities: CHILDREN, ordered: true },
  room: { target: { room: 'kingdom:k1' }, entities: ['k1', ...CHILDREN], ordered: false },
} as const satisfies Record<string, Watched>;
export type Key = keyof typeof WATCHED;
export const KEYS = Object.keys(WATCHED) as readonly Key[];

export const parentOf = (name: EntityName): string => (CHILDREN.includes(name) ? 'k1' : 'k2');

/** Versions as the database has them. */
export type Truth = Record<EntityName, number>;
export const atFirst = (): Truth => ({ k1: 0, s1: 0, s2: 0, s3: 0 });

export const rowOf = (id: EntityName, version: number): Kingdom | Settlement =>
  id === 'k1' ? { id, version } : { id, version, kingdomId: parentOf(id) };

export type Parts = Pick<TideOptions<PromiseModel, Principal>, 'store' | 'marks' | 'bus' | 'clock' | 'random'>;

/** One replica: everybody may see everything but who is banned. */
export function openTide(library: Library, parts: Parts, { truth, banned }: { truth: Truth; banned: Set<string> }) {
  return library.createTidemark<PromiseModel, Principal>({
    model,
    origin: {
      kingdom: { byIds: async (ids) => ids.map((id) => rowOf(id as EntityName, truth[id as EntityName])) },
      settlement: {
        byIds: async (ids) => ids.map((id) => rowOf(id as EntityName, truth[id as EntityName]) as Settlement),
      },
    },
    ringSize: RING_SIZE,
    authorize: ({ name }) => !banned.has(name),
    principalId: ({ name }) => name,
    ...parts,
  });
}
export type PromiseTide = ReturnType<typeof openTide>;

/** Small, so that who does not read soon falls out of it. */
const RING_SIZE = 6;
