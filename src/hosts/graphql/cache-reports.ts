import type { Tidemark } from '../../api.js';
import type { Awaitable } from '../../contract.js';
import { TidemarkError, counted } from '../../errors.js';
import type { AnyModel } from '../../model.js';
import {
  COUNTED,
  type Health,
  type Merged,
  type MergedOptions,
  type ReplicaHealth,
  type ReplicaStats,
  type Stats,
} from '../../report.js';
import { expectFunction, refuseOthers } from '../given.js';
import type { Piece } from './piece.js';

/** What is needed of a tide. */
export type ReportingTide = Pick<Tidemark<AnyModel>, 'stats' | 'health'>;

const DEFAULT_WAIT_MS = 1000;

export type ReportField = 'cacheStats' | 'cacheHealth';

export interface CacheReportsOptions<Context> {
  /** Whether this client may see it, such as an administrator: they name replicas, key types and what is wrong. */
  readonly authorize: (context: Context, field: ReportField) => Awaitable<boolean>;
  /** How long replicas may take to answer where `merged` is asked for. Default 1,000. */
  readonly waitMs?: number | undefined;
}

/** `merged`: of all replicas. */
export interface ReportArguments {
  readonly merged?: boolean | null | undefined;
}

type ReportResolver<Context> = (root: unknown, args: ReportArguments, context: Context) => Promise<object>;

/**
 * `cacheStats(merged)` and `cacheHealth(merged)`: `tide.stats()` and `tide.health()` of the replica that is asked, or of all. Counts
 * are Float, exact up to 2⁵³, where Int ends at 2³¹; times are ISO 8601. Whom `authorize` does not allow gets UNAUTHORIZED. Throws
 * INVALID_OPTION.
 *
 * @example
 * const { typeDefs, resolvers } = cacheReports(tide, { authorize: ({ user }) => user.role === 'admin' });
 */
export function cacheReports<Context = unknown>(
  tide: ReportingTide,
  options: CacheReportsOptions<Context>,
): Piece<{ readonly Query: Readonly<Record<ReportField, ReportResolver<Context>>> }> {
  refuseOthers(options, 'cacheReports', ['authorize', 'waitMs']);
  expectFunction(options.authorize, 'cacheReports: authorize');
  const waitMs = counted('waitMs', options.waitMs, DEFAULT_WAIT_MS);
  const merged: MergedOptions = { merged: true, waitMs };
  const field =
    (name: ReportField, report: (args: ReportArguments) => Promise<object>): ReportResolver<Context> =>
    async (_, args, context) => {
      if ((await options.authorize(context, name)) === true) return report(args);
      throw new TidemarkError('UNAUTHORIZED', `${name}: it is not allowed to whoever asks.`);
    };
  return {
    typeDefs: SDL,
    resolvers: {
      Query: {
        cacheStats: field('cacheStats', async (args) =>
          args.merged === true ? withReplicas(await tide.stats(merged), statsOf) : statsOf(tide.stats()),
        ),
        cacheHealth: field('cacheHealth', async (args) =>
          args.merged === true ? withReplicas(await tide.health(merged), healthOf) : healthOf(await tide.health()),
        ),
      },
    },
  };
}

const COUNTS = COUNTED.map((name) => `  ${name}: Float!`).join('\n');

const SDL = `"What one kind of key has seen."
type CacheKindStats {
  type: String!
  hitRate: Float!
${COUNTS}
}

"What is held in the process now."
type CacheTier1 {
  entries: Float!
  bytes: Float!
  marks: Float!
}

"Counts are whole numbers: Float, since Int ends at 2147483647."
type CacheStats {
  hitRate: Float!
${COUNTS}
  patternDeletes: Float!
  originCalls: Float!
  changes: Float!
  "ISO 8601."
  startTime: String!
  enabled: Boolean!
  byType: [CacheKindStats!]!
  tier1: CacheTier1!
  "Of merged ones, each that answered; else null."
  replicas: [CacheReplica!]
  "Why only one replica could be asked; null if all could."
  unreachable: String
}

type CacheReplica {
  id: ID!
  "Whether it is the one that asked."
  own: Boolean!
  version: String!
  "ISO 8601."
  startTime: String!
  "For how long its marks have not been confirmed; null: nothing is known of them."
  unconfirmedMs: Float
  stats: CacheStats!
  "Of health only."
  health: CacheHealth
}

enum CacheStatus {
  up
  degraded
  down
}

type CacheKeyCount {
  type: String!
  count: Float!
}

type CacheOutbox {
  waiting: Float!
  oldestMs: Float
  refused: Float!
}

type CacheMetrics {
  "Null before the first read."
  hitRate: Float
  "Null without a store, or where it cannot be reached."
  redisPingMs: Float
  memoryUsageMB: Float
  keyCountByType: [CacheKeyCount!]!
  "Null without an outbox."
  outbox: CacheOutbox
}

"Null: without end."
type CacheThresholds {
  minHitRate: Float
  maxMemory: Float
  maxLatency: Float
}

type CacheHealth {
  status: CacheStatus!
  issues: [String!]!
  metrics: CacheMetrics!
  thresholds: CacheThresholds!
  "Of merged ones, each that answered; else null."
  replicas: [CacheReplica!]
  "Why only one replica could be asked; null if all could."
  unreachable: String
}

extend type Query {
  cacheStats(merged: Boolean = false): CacheStats!
  cacheHealth(merged: Boolean = false): CacheHealth!
}
`;

const listed = <T>(record: Readonly<Record<string, T>>): [type: string, value: T][] =>
  Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));

function statsOf(stats: Stats): object {
  return {
    ...stats,
    startTime: stats.startTime.toISOString(),
    byType: listed(stats.byType).map(([type, kind]) => ({ type, ...kind })),
  };
}

function healthOf({ status, issues, metrics, thresholds }: Health): object {
  const keyCountByType = listed(metrics.keyCountByType).map(([type, count]) => ({ type, count }));
  const finite = Object.entries(thresholds).map(([name, limit]: [string, number]) => [
    name,
    Number.isFinite(limit) ? limit : null,
  ]);
  return {
    status,
    issues,
    metrics: { ...metrics, keyCountByType },
    thresholds: Object.fromEntries(finite) as object,
  };
}

function withReplicas<Report extends Merged<ReplicaStats | ReplicaHealth>>(
  report: Report,
  shown: (report: Report) => object,
): object {
  return {
    ...shown(report),
    replicas: report.replicas.map((replica) => ({
      ...replica,
      startTime: replica.startTime.toISOString(),
      stats: statsOf(replica.stats),
      health: 'health' in replica ? healthOf(replica.health) : null,
    })),
    unreachable: report.unreachable,
  };
}
