import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { configFromEnv } from '../src/config.js';
import { isTidemarkError } from '../src/errors.js';

function faultsOf(env: Record<string, string>): string[] {
  try {
    configFromEnv(env);
  } catch (error) {
    if (!isTidemarkError(error) || error.code !== 'INVALID_CONFIG') throw error;
    return error.message.split('\n').slice(1);
  }
  return [];
}

const EVERY_VARIABLE = {
  CACHE_DEFAULT_TTL: '60',
  CACHE_METRICS_ENABLED: 'false',
  CACHE_LOGGING_ENABLED: 'true',
  CACHE_STATS_RESET_PERIOD_MS: '1000',
  CACHE_TTL_SECONDS: '10',
  CACHE_CHECK_PERIOD_SECONDS: '20',
  CACHE_MAX_KEYS: '500',
  REDIS_URL: 'rediss://user:secret@cache.example:6380/2',
  REDIS_HOST: 'cache.example',
  REDIS_PORT: '6380',
  REDIS_PASSWORD: ' secret ',
  REDIS_CACHE_DB: '3',
  REDIS_PUBSUB_DB: '4',
  DATABASE_URL: 'postgresql://user:secret@db.example/world',
  RULES_ENGINE_ENABLED: 'off',
  RULES_ENGINE_GRPC_HOST: 'rules.example',
  RULES_ENGINE_GRPC_PORT: '50052',
  RULES_ENGINE_TIMEOUT_MS: '250',
};

/** Lists keep their own. */
const ttlOf = (ms: number): object => ({ record: ms, list: 600_000, view: ms, key: ms, spatial: ms });

const DEFAULTS = {
  cache: { ttlMs: ttlOf(300_000), metrics: true, logging: false, statsResetPeriodMs: 0 },
  rules: {
    enabled: true,
    host: 'localhost',
    port: 50_051,
    timeoutMs: 5000,
    cacheTtlMs: 300_000,
    cacheCheckPeriodMs: 60_000,
    cacheMaxKeys: 10_000,
  },
  redis: null,
  databaseUrl: null,
  clamped: [],
};

describe('what is read', () => {
  test('an empty environment gives the defaults, and so does a blank one', () => {
    expect(configFromEnv({})).toEqual(DEFAULTS);
    const blank = (text: string): object => Object.fromEntries(Object.keys(EVERY_VARIABLE).map((name) => [name, text]));
    expect(configFromEnv({ ...blank('') })).toEqual(DEFAULTS);
    expect(configFromEnv({ ...blank(' \t') })).toEqual(DEFAULTS);
  });

  test('every variable has its effect, seconds as milliseconds', () => {
    const config = configFromEnv(EVERY_VARIABLE);
    expect(config).toEqual({
      cache: { ttlMs: ttlOf(60_000), metrics: false, logging: true, statsResetPeriodMs: 1000 },
      rules: {
        enabled: false,
        host: 'rules.example',
        port: 50_052,
        timeoutMs: 250,
        cacheTtlMs: 10_000,
        cacheCheckPeriodMs: 20_000,
        cacheMaxKeys: 500,
      },
      redis: {
        url: 'rediss://user:secret@cache.example:6380/2',
        host: 'cache.example',
        port: 6380,
        password: ' secret ',
        cacheDb: 3,
        pubsubDb: 4,
      },
      databaseUrl: 'postgresql://user:secret@db.example/world',
      clamped: [],
    });
  });

  test('a Redis host alone is a Redis with the usual port and databases', () => {
    expect(configFromEnv({ REDIS_HOST: 'cache.example' }).redis).toEqual({
      url: null,
      host: 'cache.example',
      port: 6379,
      password: null,
      cacheDb: 1,
      pubsubDb: 0,
    });
  });

  test.each([
    ['true', true],
    ['TRUE', true],
    [' 1 ', true],
    ['yes', true],
    ['On', true],
    ['false', false],
    ['0', false],
    ['No', false],
    ['off', false],
  ])('the word %j is %s', (word, meaning) => {
    expect(configFromEnv({ CACHE_METRICS_ENABLED: word, CACHE_LOGGING_ENABLED: word }).cache).toMatchObject({
      metrics: meaning,
      logging: meaning,
    });
  });

  test('a default TTL of 0 is accepted: nothing expires by time', () => {
    expect(configFromEnv({ CACHE_DEFAULT_TTL: '0' }).cache.ttlMs).toEqual(ttlOf(0));
  });

  test('the process environment is read unless another is given', () => {
    vi.stubEnv('CACHE_DEFAULT_TTL', '7');
    expect(configFromEnv().cache.ttlMs).toEqual(ttlOf(7000));
    expect(configFromEnv({}).cache.ttlMs).toEqual(ttlOf(300_000));
    vi.unstubAllEnvs();
  });

  test('the result is frozen in all its parts', () => {
    const config = configFromEnv({ REDIS_HOST: 'cache.example' });
    for (const part of [config, config.cache, config.rules, config.redis, config.clamped]) {
      expect(Object.isFrozen(part)).toBe(true);
    }
  });
});

describe('numbers that are moved into their range', () => {
  test.each([
    ['CACHE_TTL_SECONDS', '0', 'cacheTtlMs', 1000],
    ['CACHE_TTL_SECONDS', '100000', 'cacheTtlMs', 86_400_000],
    ['CACHE_CHECK_PERIOD_SECONDS', '5', 'cacheCheckPeriodMs', 10_000],
    ['CACHE_CHECK_PERIOD_SECONDS', '5000', 'cacheCheckPeriodMs', 3_600_000],
    ['CACHE_MAX_KEYS', '50', 'cacheMaxKeys', 100],
    ['CACHE_MAX_KEYS', '-1', 'cacheMaxKeys', 100],
    ['CACHE_MAX_KEYS', '999999999999999999999', 'cacheMaxKeys', 1_000_000],
  ] as const)('%s=%s gives %s %d, and says so', (name, value, field, expected) => {
    const config = configFromEnv({ [name]: value });
    expect(config.rules[field]).toBe(expected);
    expect(config.clamped).toHaveLength(1);
    expect(config.clamped[0]).toContain(name);
    expect(config.clamped[0]).toContain(value);
  });

  test('the edges of a range are within it', () => {
    for (const [ttl, period, keys] of [
      ['1', '10', '100'],
      ['86400', '3600', '1000000'],
    ] as const) {
      const env = { CACHE_TTL_SECONDS: ttl, CACHE_CHECK_PERIOD_SECONDS: period, CACHE_MAX_KEYS: keys };
      expect(configFromEnv(env).clamped).toEqual([]);
    }
  });
});

describe('faults', () => {
  test('all of them are in one error, a line each, with variable, value and allowed form', () => {
    expect(
      faultsOf({
        CACHE_DEFAULT_TTL: '300s',
        REDIS_PORT: '70000',
        CACHE_LOGGING_ENABLED: 'maybe',
        CACHE_TTL_SECONDS: '-5',
        DATABASE_URL: 'db.example',
      }),
    ).toEqual([
      'CACHE_DEFAULT_TTL: expected a whole number from 0 to 9007199254740, got "300s".',
      'CACHE_LOGGING_ENABLED: expected true or false, got "maybe".',
      'CACHE_TTL_SECONDS: expected a whole number from 1 to 86400, got "-5".',
      'REDIS_PORT: expected a whole number from 1 to 65535, got "70000".',
      'DATABASE_URL: expected a URL beginning with postgres:// or postgresql://, got a value that is no URL.',
    ]);
  });

  test.each([
    ['CACHE_DEFAULT_TTL', ['-1', '1.5', '1e3', '0x10', 'Infinity', 'NaN', '99999999999999999999']],
    ['CACHE_TTL_SECONDS', ['-1', '60.5', 'soon']],
    ['CACHE_CHECK_PERIOD_SECONDS', ['60.5', '1m']],
    ['CACHE_MAX_KEYS', ['1000.5', '10k']],
    ['CACHE_STATS_RESET_PERIOD_MS', ['-1', '0.5', '2147483648']],
    ['RULES_ENGINE_TIMEOUT_MS', ['0', '-1', '2147483648']],
    ['RULES_ENGINE_GRPC_PORT', ['0', '65536', '-1', '80.5', 'http']],
    ['REDIS_PORT', ['0', '65536', 'tcp://10.0.0.1:6379']],
    ['REDIS_CACHE_DB', ['-1', '1.5', 'one']],
    ['REDIS_PUBSUB_DB', ['-1']],
    ['REDIS_URL', ['cache.example:6379', 'http://cache.example', 'redis://host:port', '//x']],
    ['DATABASE_URL', ['nowhere', 'mysql://db.example', 'postgres://host:port/x']],
    ['CACHE_METRICS_ENABLED', ['2', 'y', 'enabled']],
    ['RULES_ENGINE_ENABLED', ['maybe']],
  ])('%s cannot be any of %j', (name, values) => {
    for (const value of values) {
      const faults = faultsOf({ [name]: value });
      expect(faults).toHaveLength(1);
      expect(faults[0]).toMatch(new RegExp(`^${name}: expected .+, got .+\\.$`));
    }
  });

  test.each([
    ['REDIS_URL', 'redis://user:hunter2@cache.example:port'],
    ['REDIS_URL', 'http://user:hunter2@cache.example'],
    ['REDIS_URL', 'hunter2'],
    ['REDIS_URL', 'redis://default:hunter2'],
    ['DATABASE_URL', 'postgres//user:hunter2@db.example/world'],
    ['DATABASE_URL', 'mysql://user:hunter2@db.example/world?password=hunter2'],
    ['REDIS_PORT', 'redis://user:hunter2@cache.example:6379'],
    ['CACHE_METRICS_ENABLED', 'redis://user:hunter2@cache.example:6379'],
  ])('%s=%s is a fault that does not show the password, nor that of REDIS_PASSWORD', (name, value) => {
    const [fault = '', ...others] = faultsOf({ REDIS_PASSWORD: 'hunter2', [name]: value });
    expect(fault).toContain(name);
    expect(fault).not.toContain('hunter2');
    expect(others).toEqual([]);
  });

  test('any text in any variable gives a config or INVALID_CONFIG with a line for each fault', () => {
    const name = fc.constantFrom(
      'CACHE_DEFAULT_TTL',
      'CACHE_MAX_KEYS',
      'CACHE_METRICS_ENABLED',
      'REDIS_URL',
      'REDIS_PORT',
    );
    const value = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.double().map(String),
      fc.integer().map(String),
      fc.webUrl(),
    );
    fc.assert(
      fc.property(fc.dictionary(name, value), (env) => {
        for (const line of faultsOf(env)) expect(line).toMatch(/^[A-Z_]+: expected .+, got .+\.$/);
      }),
    );
  });
});
