import type { Origin, Reader } from './api.js';
import type { Codec } from './cache/codec.js';
import { TidemarkError } from './errors.js';
import type { Bus, Clock, LocalStore, Marks, Outbox, Spatial, Store } from './contract.js';
import type { AnyModel, AnyRow } from './model.js';
import type { Authorize } from './realtime/authorize.js';
import type { HealthThresholds } from './report.js';
import type { FieldOptions, FieldRule } from './rules/fields/rule.js';
import type { RuleTable } from './rules/rule-table.js';

/** Milliseconds to live by kind of value. 0: until evicted or changed. */
export interface TtlByKind {
  readonly record?: number | undefined;
  readonly list?: number | undefined;
  readonly view?: number | undefined;
  readonly key?: number | undefined;
  readonly spatial?: number | undefined;
  readonly computed?: number | undefined;
}

/**
 * Where rules come from: a list; a function of where they are to hold, asked again once they are said to have changed, which
 * may give more than it is asked for; or a table, in which `tide.rules` saves them.
 */
export type RuleSource =
  | readonly FieldRule[]
  | ((where: {
      readonly scope: string;
      readonly branch: string;
      /** Of the entities that the rules are for. */
      readonly type: string;
      readonly signal: AbortSignal | undefined;
    }) => readonly FieldRule[] | PromiseLike<readonly FieldRule[]>)
  | RuleTable;

/** The rules of computed fields. */
export interface RulesOptions extends Pick<FieldOptions, 'operators' | 'limits' | 'failing'> {
  readonly source: RuleSource;
  /** Whose rules an entity obeys, such as its campaign's: a name for `tide.subject.rules`. Default: `'all'` for every one. */
  readonly scopeOf?: ((type: string, row: AnyRow, read: Reader<AnyModel>) => string | PromiseLike<string>) | undefined;
  /** What rules find in their context besides the entity and `now`. */
  readonly inputs?: Readonly<Record<string, unknown>> | undefined;
}

/** What createTidemark() takes. `docs/guides/options.md` lists every option with its default. */
export interface TideOptions<M extends AnyModel, Principal = unknown> {
  readonly model: M;
  /** Where rows come from. */
  readonly origin: Origin<NoInfer<M>>;

  /** Tier 2. Default: none; values are kept in this process only. */
  readonly store?: Store | undefined;
  /** Default: in this process. */
  readonly marks?: Marks | undefined;
  /** Default: in this process. */
  readonly bus?: Bus | undefined;
  /** Where things are, PostGIS say. Default: an index in this process, filled from `origin.<type>.all`. */
  readonly spatial?: Spatial | undefined;
  /**
   * Where changes of `tide.transaction` are written down, in the host's own transaction: committed with its data or not at
   * all. One for each namespace. Default: none, and a change is lost whose process dies before it is made.
   */
  readonly outbox?: Outbox | undefined;
  /** Between two looks for what is left in the outbox. Default 1,000. */
  readonly outboxIntervalMs?: number | undefined;
  /** Separates tides that share a store, marks and bus. Default: none. */
  readonly namespace?: string | undefined;

  /** Who may subscribe to what. Without it, a scope with a principal may subscribe to nothing. */
  readonly authorize?: Authorize<Principal> | undefined;
  /** The name of a principal, for `realtime.revoke` and for new credentials of a connection. Default: they have none. */
  readonly principalId?: ((principal: Principal) => string) | undefined;

  /** The rules of the model's computed fields. Default: none, and every field is null. */
  readonly rules?: RulesOptions | undefined;

  /** Default 300,000; lists 600,000. */
  readonly ttlMs?: number | TtlByKind | undefined;
  /** How long an expired but unchanged value may be served while it is refreshed. Default 0. */
  readonly graceMs?: number | undefined;
  /** How long "there is none" is kept. Default 60,000. */
  readonly absentTtlMs?: number | undefined;
  /**
   * When a loader that has not settled fails with ORIGIN_TIMEOUT; a view's begins anew with each of its own reads that is
   * answered. Default 10,000.
   */
  readonly originTimeoutMs?: number | undefined;
  /** When a call of the store or the marks counts as failed. Default 1,000. */
  readonly storeTimeoutMs?: number | undefined;

  /** How long a value may be served whose marks were not confirmed since; then the store is asked first. Default 3,000. */
  readonly maxStalenessMs?: number | undefined;
  /** `'strong'`: every read asks the store whether its marks are current, one round trip. Default `'bounded'`. */
  readonly consistency?: 'bounded' | 'strong' | undefined;
  /** How far copies of the origin that are read from may be behind. Newer than that, what was loaded is not kept. Default 0. */
  readonly originLagMs?: number | undefined;
  /** How long a load of one replica holds up the same load of another without a sign of life. Default 2,000. */
  readonly leaseMs?: number | undefined;
  /** If the origin fails: a value loaded at most so long ago will do, whether or not it is known to be current. Default 0. */
  readonly staleIfOutageMs?: number | undefined;
  /** Calls of the origin at once while marks or store cannot be reached. Default 16. */
  readonly outageOriginCalls?: number | undefined;
  /** Calls that may wait for that; further ones fail with OVERLOADED. Default 1,000. */
  readonly outageQueue?: number | undefined;

  /** Keeps the entries of tier 1 in this store, which may forget any of them. Default: in maps of its own, faster. */
  readonly local?: LocalStore | undefined;
  /** Entries in tier 1. Default 50,000. */
  readonly maxEntries?: number | undefined;
  /** Bytes in tier 1, as `bytesOf` says. Default: not bounded. */
  readonly maxBytes?: number | undefined;
  /** The size of a value. Default: as the codec writes it. */
  readonly bytesOf?: ((value: unknown) => number) | undefined;
  /** Marks held for tier 1 together. Default: 16 per entry. */
  readonly maxMarks?: number | undefined;
  /** Larger entries stay out of tier 2. Default 1 MiB. */
  readonly maxEntryBytes?: number | undefined;
  /** Ids per call of the origin. Default 1,000. */
  readonly maxBatchSize?: number | undefined;
  /** Items that a subscriber may fall behind. Default 1,024. */
  readonly ringSize?: number | undefined;
  /** Hand out frozen copies of rows. Off: readers share the origin's own objects and must not change them. Default true. */
  readonly freeze?: boolean | undefined;
  /** How values become bytes for tier 2. */
  readonly codec?: Codec | undefined;
  /** Count hits, misses and the rest. Default true. */
  readonly metrics?: boolean | undefined;
  readonly thresholds?: Partial<HealthThresholds> | undefined;
  readonly clock?: Clock | undefined;
  /** Uniform in [0, 1): ids, nonces and jitter. */
  readonly random?: (() => number) | undefined;
}

const BOUNDS = {
  graceMs: 0,
  absentTtlMs: 0,
  originTimeoutMs: 1,
  storeTimeoutMs: 1,
  maxStalenessMs: 1,
  originLagMs: 0,
  leaseMs: 1,
  outboxIntervalMs: 1,
  staleIfOutageMs: 0,
  outageOriginCalls: 1,
  outageQueue: 0,
  maxEntries: 1,
  maxBytes: 1,
  maxMarks: 1,
  maxEntryBytes: 1,
  maxBatchSize: 1,
  ringSize: 1,
} as const;

/** Throws INVALID_OPTION for a number below its least value, or a TTL that is none. */
export function checkOptions(options: TideOptions<AnyModel, never>): void {
  for (const [name, least] of Object.entries(BOUNDS)) checkNumber(name, options[name as keyof typeof BOUNDS], least);
  const { ttlMs } = options;
  if (typeof ttlMs === 'object')
    for (const [kind, ms] of Object.entries(ttlMs)) checkNumber(`ttlMs.${kind}`, ms as unknown, 0);
  else checkNumber('ttlMs', ttlMs, 0);
  checkConsistency(options.consistency);
  checkOutbox(options.outbox);
  const { topology } = options.model;
  for (const type of Object.keys(options.origin)) {
    if (!topology.types.has(type)) {
      const known = [...topology.types.keys()].join(', ');
      throw new TidemarkError('UNKNOWN_TYPE', `origin.${type}: expected an entity type of the model (${known}).`);
    }
  }
}

/** Throws INVALID_OPTION. */
export function checkConsistency(value: unknown): void {
  if (value === undefined || value === 'bounded' || value === 'strong') return;
  throw new TidemarkError(
    'INVALID_OPTION',
    `consistency: expected 'bounded' or 'strong', got ${JSON.stringify(value)}.`,
  );
}

function checkOutbox(outbox: object | undefined): void {
  if (outbox === undefined || 'sweep' in outbox) return;
  throw new TidemarkError('INVALID_OPTION', `outbox: expected an outbox, as of pgOutbox(), got ${typeof outbox}.`);
}

function checkNumber(name: string, value: unknown, least: number): void {
  if (value === undefined || (typeof value === 'number' && value >= least)) return;
  throw new TidemarkError(
    'INVALID_OPTION',
    `${name}: expected a number of at least ${String(least)}, got ${typeof value === 'number' ? String(value) : typeof value}.`,
  );
}
