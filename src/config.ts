import { TidemarkError } from './errors.js';

/** What {@link configFromEnv} read, checked, in milliseconds. */
export interface Config {
  readonly cache: {
    /** `CACHE_DEFAULT_TTL`, seconds, default 300: pass it as `ttlMs`. Lists keep their own 600 seconds. */
    readonly ttlMs: {
      readonly record: number;
      readonly list: number;
      readonly view: number;
      readonly key: number;
      readonly spatial: number;
    };
    /** `CACHE_METRICS_ENABLED`, default true: pass it as `metrics`. */
    readonly metrics: boolean;
    /** `CACHE_LOGGING_ENABLED`, default false: whether the host should log the tide's events. */
    readonly logging: boolean;
    /** `CACHE_STATS_RESET_PERIOD_MS`, default 0: never. How often the host should call `resetStats()`. */
    readonly statsResetPeriodMs: number;
  };
  readonly rules: {
    /** `RULES_ENGINE_ENABLED`, default true: whether `remoteRules` asks a service, or its fallback alone. */
    readonly enabled: boolean;
    /** `RULES_ENGINE_GRPC_HOST`, default localhost: where `remoteRules` asks, or `serveRules` listens. */
    readonly host: string;
    /** `RULES_ENGINE_GRPC_PORT`, default 50051. */
    readonly port: number;
    /** `RULES_ENGINE_TIMEOUT_MS`, default 5000: of each question to `remoteRules`. */
    readonly timeoutMs: number;
    /** `CACHE_TTL_SECONDS`, default 300, held within 1 to 86,400. */
    readonly cacheTtlMs: number;
    /** `CACHE_CHECK_PERIOD_SECONDS`, default 60, held within 10 to 3,600. */
    readonly cacheCheckPeriodMs: number;
    /** `CACHE_MAX_KEYS`, default 10,000, held within 100 to 1,000,000. */
    readonly cacheMaxKeys: number;
  };
  /** From `REDIS_URL`, or `REDIS_HOST` with `REDIS_PORT` (6379) and `REDIS_PASSWORD`; null if neither names a server, whatever else is set. */
  readonly redis: {
    readonly url: string | null;
    readonly host: string | null;
    readonly port: number;
    readonly password: string | null;
    /** `REDIS_CACHE_DB`, default 1. */
    readonly cacheDb: number;
    /** `REDIS_PUBSUB_DB`, default 0. */
    readonly pubsubDb: number;
  } | null;
  /** `DATABASE_URL`; null if unset. */
  readonly databaseUrl: string | null;
  /** Variables whose number was outside its range and was moved to its edge, a sentence each. */
  readonly clamped: readonly string[];
}

export type Env = Readonly<Record<string, string | undefined>>;

/**
 * Reads the environment: the only place of the library that does. A blank variable counts as unset.
 * The result is frozen. Throws one INVALID_CONFIG that lists every fault: variable, value (secrets hidden) and allowed
 * form.
 *
 * @example
 * const config = configFromEnv({ CACHE_DEFAULT_TTL: '60' });
 * createTidemark({ model, origin, ttlMs: config.cache.ttlMs, metrics: config.cache.metrics });
 */
export function configFromEnv(env: Env = process.env): Config {
  const read = new EnvReader(env);
  const ttlMs = read.whole('CACHE_DEFAULT_TTL', 300, 0, MAX_TTL_SECONDS) * 1000;
  const config: Config = {
    cache: {
      ttlMs: Object.freeze({ record: ttlMs, list: LIST_TTL_MS, view: ttlMs, key: ttlMs, spatial: ttlMs }),
      metrics: read.flag('CACHE_METRICS_ENABLED', true),
      logging: read.flag('CACHE_LOGGING_ENABLED', false),
      statsResetPeriodMs: read.whole('CACHE_STATS_RESET_PERIOD_MS', 0, 0, MAX_TIMER_MS),
    },
    rules: {
      enabled: read.flag('RULES_ENGINE_ENABLED', true),
      host: read.text('RULES_ENGINE_GRPC_HOST') ?? 'localhost',
      port: read.whole('RULES_ENGINE_GRPC_PORT', 50_051, 1, 65_535),
      timeoutMs: read.whole('RULES_ENGINE_TIMEOUT_MS', 5000, 1, MAX_TIMER_MS),
      cacheTtlMs: read.within('CACHE_TTL_SECONDS', 300, 1, 86_400) * 1000,
      cacheCheckPeriodMs: read.within('CACHE_CHECK_PERIOD_SECONDS', 60, 10, 3600) * 1000,
      cacheMaxKeys: read.within('CACHE_MAX_KEYS', 10_000, 100, 1_000_000),
    },
    redis: redisOf(read),
    databaseUrl: read.url('DATABASE_URL', ['postgres:', 'postgresql:']),
    clamped: read.clamped,
  };
  if (read.faults.length > 0) throw new TidemarkError('INVALID_CONFIG', `environment:\n${read.faults.join('\n')}`);
  for (const part of [config, config.cache, config.rules, config.redis, config.clamped]) Object.freeze(part);
  return config;
}

/** Whether `NO_COLOR` is set, to anything: https://no-color.org. */
export const refusesColour = (env: Env = process.env): boolean => (env['NO_COLOR'] ?? '') !== '';

const LIST_TTL_MS = 600_000;
// A longer timer fires at once.
const MAX_TIMER_MS = 2_147_483_647;
const MAX_TTL_SECONDS = Math.floor(Number.MAX_SAFE_INTEGER / 1000);

function redisOf(read: EnvReader): Config['redis'] {
  const redis = {
    url: read.url('REDIS_URL', ['redis:', 'rediss:']),
    host: read.text('REDIS_HOST'),
    port: read.whole('REDIS_PORT', 6379, 1, 65_535),
    password: read.secret('REDIS_PASSWORD'),
    cacheDb: read.whole('REDIS_CACHE_DB', 1, 0),
    pubsubDb: read.whole('REDIS_PUBSUB_DB', 0, 0),
  };
  return redis.url === null && redis.host === null ? null : redis;
}

/** Reads one variable at a time and collects what is wrong. */
class EnvReader {
  readonly faults: string[] = [];
  readonly clamped: string[] = [];
  readonly #env: Env;

  constructor(env: Env) {
    this.#env = env;
  }

  text(name: string): string | null {
    const value = this.#env[name]?.trim();
    return value === undefined || value === '' ? null : value;
  }

  /** As it is: white space at its ends belongs to it. */
  secret(name: string): string | null {
    return this.text(name) === null ? null : (this.#env[name] ?? null);
  }

  flag(name: string, preset: boolean): boolean {
    const text = this.text(name)?.toLowerCase();
    if (text === undefined) return preset;
    if (['true', '1', 'yes', 'on'].includes(text)) return true;
    if (!['false', '0', 'no', 'off'].includes(text)) this.#fault(name, 'true or false', shown(text));
    return false;
  }

  /** A whole number within a range; anything else is a fault. */
  whole(name: string, preset: number, least: number, most = Number.MAX_SAFE_INTEGER): number {
    const text = this.text(name);
    if (text === null) return preset;
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    if (value >= least && value <= most) return value;
    const range =
      most === Number.MAX_SAFE_INTEGER ? `of at least ${String(least)}` : `from ${String(least)} to ${String(most)}`;
    this.#fault(name, `a whole number ${range}`, shown(text));
    return preset;
  }

  /** A whole number, moved into its range; below zero is no extreme of a lifetime, but a mistake. */
  within(name: string, preset: number, least: number, most: number): number {
    const text = this.text(name);
    if (text === null) return preset;
    const form = name.includes('TTL') ? /^\d+$/ : /^-?\d+$/;
    if (!form.test(text)) {
      this.#fault(name, `a whole number from ${String(least)} to ${String(most)}`, shown(text));
      return preset;
    }
    const value = Math.min(most, Math.max(least, Number(text)));
    if (value !== Number(text))
      this.clamped.push(`${name}: ${text} is outside ${String(least)} to ${String(most)}; using ${String(value)}.`);
    return value;
  }

  url(name: string, protocols: readonly string[]): string | null {
    const text = this.text(name);
    if (text === null) return null;
    const url = URL.canParse(text) ? new URL(text) : null;
    if (url !== null && protocols.includes(url.protocol)) return text;
    // May hold a password: only its beginning up to the scheme is shown.
    this.#fault(
      name,
      `a URL beginning with ${protocols.map((p) => `${p}//`).join(' or ')}`,
      url === null ? 'a value that is no URL' : `${url.protocol}//…`,
    );
    return null;
  }

  #fault(name: string, expected: string, got: string): void {
    this.faults.push(`${name}: expected ${expected}, got ${got}.`);
  }
}

/** A value for a message; one that looks like a URL with a password in it is not shown. */
function shown(text: string): string {
  return text.includes('@') ? 'a value with an @ in it' : JSON.stringify(text.slice(0, 80));
}
