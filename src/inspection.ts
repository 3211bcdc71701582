import type { Box } from './contract.js';
import type { ChangeOp } from './watching.js';

/** What `tide.inspect()` tells, as types. No code. Ids, names and values of the host's data are in it: it is for those who may see them. */

/** Why a read could not be answered from tier 1. */
export type LoadReason =
  /** Nothing was held: never loaded, evicted or deleted. */
  | { readonly kind: 'absent' }
  /** These marks had moved. */
  | { readonly kind: 'changed'; readonly marks: readonly string[] }
  /** These marks were not held any more, so that nothing vouched for the value. */
  | { readonly kind: 'forgotten'; readonly marks: readonly string[] }
  /** A pattern deletion met its key. */
  | { readonly kind: 'deleted' }
  | { readonly kind: 'expired'; readonly ageMs: number }
  /** Its marks had not been confirmed for `maxStalenessMs`. */
  | { readonly kind: 'unconfirmed' }
  /** The reader asked for more: `consistency: 'strong'`, or `after` a receipt not heard of yet. */
  | { readonly kind: 'demanded' };

/** One load since the inspection began, at the moment it ended. */
export interface SeenLoad {
  /** Rises from load to load. */
  readonly number: number;
  readonly at: Date;
  readonly tookMs: number;
  readonly key: string;
  readonly kind: string;
  /** `tier1`: what was held, its marks having been asked for. */
  readonly from: 'tier1' | 'tier2' | 'load';
  readonly why: LoadReason;
  /** The change that made the value stale which was held before; null if none that is known did. */
  readonly killedBy: string | null;
  /** `overtaken`: handed out and not kept, since something it depends on changed meanwhile. */
  readonly outcome: 'kept' | 'overtaken' | 'failed';
  /** What it was computed from: subjects, as many as are shown. */
  readonly marks: readonly string[];
  /** How many they are. */
  readonly markCount: number;
}

/** What of an entity was changed. */
export interface ChangedEntity {
  readonly type: string;
  /** As text; null for a bulk change. */
  readonly id: string | null;
  readonly branch: string;
  /** Null where only its marks were heard, as of a change of another replica. */
  readonly op: ChangeOp | 'bulk' | null;
  /** Fields that differ; null if that is not known. */
  readonly fields: readonly string[] | null;
  readonly by: string | null;
}

/** One change that was heard since the inspection began, of this replica or another. */
export interface SeenChange {
  readonly number: number;
  readonly at: Date;
  readonly changeId: string;
  /** Whether it was made here. Then it is known what was changed, and why each mark was written. */
  readonly own: boolean;
  readonly changed: readonly ChangedEntity[];
  /** The subjects whose marks it wrote, as many as are kept, and why where that is known. */
  readonly subjects: readonly { readonly subject: string; readonly why: string | null }[];
  readonly subjectCount: number;
}

/** What a change did to what this replica holds. */
export interface Cascade {
  readonly change: SeenChange;
  /** Made stale and not read since. */
  readonly stale: readonly CascadeEntry[];
  /** Made stale and loaded again since, as far as that is remembered. */
  readonly reloaded: readonly CascadeEntry[];
  /** Of the kinds that it made stale or wrote marks of, what is held and fresh: by kind and type, a few of each by name. */
  readonly stayed: readonly {
    readonly kind: string;
    readonly type: string;
    readonly count: number;
    readonly keys: readonly string[];
  }[];
  /** Spatial answers whose cells it wrote and that stayed, since it lay beside what they are about. */
  readonly spared: readonly string[];
  /** Entries beyond those shown. */
  readonly more: number;
}

export interface CascadeEntry {
  readonly key: string;
  readonly kind: string;
  /** The marks that moved. */
  readonly because: readonly string[];
}

/** One value that is or was held here. */
export interface SeenValue {
  readonly key: string;
  readonly kind: string;
  /** In the story of an entity: it is its record, its computed fields, or a list of its children. Else it depends on it. */
  readonly own: boolean;
  /** The entity whose record or computed fields it is; null for other values. */
  readonly entity: { readonly type: string; readonly id: string; readonly branch: string } | null;
  readonly held: {
    /** Null: it may be served. Else why the next read loads it. */
    readonly stale: LoadReason | null;
    readonly killedBy: string | null;
    readonly ageMs: number;
    /** Null: until evicted. */
    readonly expiresInMs: number | null;
    readonly marks: readonly { readonly subject: string; readonly moved: boolean }[];
    readonly markCount: number;
    readonly value: unknown;
  } | null;
  /** Oldest first. */
  readonly loads: readonly SeenLoad[];
}

/** What is known here of one entity. */
export interface Story {
  readonly type: string;
  readonly id: string;
  readonly branch: string;
  /** Its own values first. */
  readonly values: readonly SeenValue[];
  /** Values beyond those shown. */
  readonly more: number;
  /** Changes that named it, oldest first. */
  readonly changes: readonly SeenChange[];
}

export interface SeenSubscription {
  /** The subjects it is about. */
  readonly target: string;
  readonly count: number;
  /** Items that the one has to read that is furthest behind. */
  readonly behind: number;
}

/** Where things of a type lie, as far as they are held here, and what the cached answers about them carry. */
export interface SeenMap {
  readonly type: string;
  readonly branch: string;
  readonly extent: Box;
  /** From the records and answers that are held. */
  readonly places: readonly ({ readonly id: string } & Box)[];
  readonly answers: readonly {
    readonly key: string;
    readonly fresh: boolean;
    readonly ageMs: number;
    readonly cells: readonly ({ readonly cell: string } & Box)[];
  }[];
  /** What is held beyond those shown. */
  readonly more: { readonly places: number; readonly answers: number };
}

/** What is remembered, and for how long marks count that nobody confirms. */
export interface InspectionBounds {
  readonly loads: number;
  readonly changes: number;
  readonly maxStalenessMs: number;
}

/**
 * A look into one tide. From when it is made until `close()` the tide remembers its last loads and changes; without one it
 * remembers nothing. Looking counts as no read, loads nothing and keeps nothing longer.
 */
export interface Inspection {
  readonly bounds: InspectionBounds;
  /** The last ones, oldest first; with a number, those after it. */
  loads(after?: number): readonly SeenLoad[];
  changes(after?: number): readonly SeenChange[];
  /** Walks tier 1. Null for a change that is not remembered. */
  cascade(changeId: string): Cascade | null;
  /** Walks tier 1. Throws UNKNOWN_TYPE, BLANK_ID, BRANCH_REQUIRED. */
  story(type: string, id: string, branch?: string): Story;
  /** One value, by its key as the others name it. Walks tier 1. Null if it is neither held nor remembered. */
  value(key: string): SeenValue | null;
  /** The record as it is held, fresh or not; undefined if it is not. */
  record(type: string, id: string, branch?: string): unknown;
  /** Walks tier 1. Throws UNKNOWN_TYPE, BRANCH_REQUIRED, INVALID_GEOMETRY for a type that lies nowhere. */
  map(type: string, branch?: string): SeenMap;
  subscriptions(): readonly SeenSubscription[];
  /** Entries held, by type of key. */
  entriesByType(): Readonly<Record<string, number>>;
  close(): void;
}
