import type { AnyRow, EntityPlan, Id } from '../model.js';
import type { Footprint } from '../subject.js';
import type { Place as MapPlace } from './moves.js';

/** A checked question about where entities are. */
export interface MapQuestion {
  /** Unique within the type. */
  readonly text: string;
  /** Null where only the answer tells. */
  readonly footprint: () => Footprint | null;
  /** Where an answer comes from that is found in tier 2; null where only the answer tells. */
  readonly area: () => MapPlace | null;
  readonly answer: (branch: string, reader: RowReader) => Promise<MapAnswer>;
  /** The answer must include changes that this replica has not heard of; `known`: that there are some. */
  readonly unheard: (known: boolean) => void;
}

export interface MapAnswer {
  readonly rows: readonly AnyRow[];
  readonly area: MapPlace;
  /** Null if it was known before. */
  readonly footprint: Footprint | null;
}

/** Questions about where entities are, types erased. */
export interface MapQuestions {
  /** What can be asked about the entities of a type. */
  readonly verbs: readonly string[];
  question(verb: string, plan: EntityPlan, query: unknown): MapQuestion;
  /** Of two entities or geometries, read through this. */
  distance(pair: readonly [unknown, unknown], reader: RowReader): Promise<number>;
  overlaps(pair: readonly [unknown, unknown], reader: RowReader): Promise<boolean>;
}

export interface RowReader {
  readonly signal?: AbortSignal | undefined;
  get(type: string, id: Id): Promise<unknown>;
}

/** The verbs of `spatial`, by name, over a way to read what they ask for. */
export type SpatialVerbs = Readonly<Record<'inBox' | 'near' | 'nearest' | 'within' | 'containing', Asking>> &
  Readonly<Record<'distance' | 'overlaps', (a: unknown, b: unknown, call?: never) => Promise<never>>>;

type Asking = (type: string, query: object, call?: never) => Promise<never>;

/** Every verb over the way in which one kind of reader reads; `call` is what was said of this call. */
export function spatialVerbs(
  map: MapQuestions,
  how: {
    readonly read: (verb: string, type: string, query: unknown, call: unknown) => unknown;
    readonly readerOf: (call: unknown) => RowReader;
  },
): SpatialVerbs {
  const asking = map.verbs.map((verb) => [
    verb,
    async (type: string, query: unknown, call: unknown) => how.read(verb, type, query, call),
  ]);
  const comparing = (['distance', 'overlaps'] as const).map((verb) => [
    verb,
    (a: unknown, b: unknown, call: unknown) => map[verb]([a, b], how.readerOf(call)),
  ]);
  return Object.freeze(Object.fromEntries([...asking, ...comparing]) as SpatialVerbs);
}
