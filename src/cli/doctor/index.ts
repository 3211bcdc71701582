import { parseArgs } from 'node:util';
import { type Config, configFromEnv, refusesColour } from '../../config.js';
import { messageOf } from '../../errors.js';
import type { AnyModel } from '../../model.js';
import { exported, loadModule, versionOf } from '../host-module.js';
import type { Command, Surroundings } from '../surroundings.js';
import {
  type DatabaseOptions,
  type RedisOptions,
  type Target,
  databaseTarget,
  redisOfConfig,
  redisTarget,
} from './clients.js';
import { lookAtDatabase } from './database.js';
import type { Section } from './finding.js';
import { asJson, inColour, plain, printed } from './print.js';
import { lookAtRedis } from './redis.js';
import { SUPPORTED, checkRuntime } from './runtime.js';
import type { Seen } from './seen.js';
import { bytesOf } from './figures.js';
import type { HostTables } from './tables.js';

const OPTIONS = {
  redis: { type: 'string' },
  database: { type: 'string' },
  app: { type: 'string' },
  replicas: { type: 'string' },
  pool: { type: 'string' },
  schema: { type: 'string' },
  'redis-memory': { type: 'string' },
  'database-memory': { type: 'string' },
  json: { type: 'boolean' },
} as const;

export const doctor: Command = {
  usage: 'doctor [options]   compares what runs with what production needs, and says how to mend it; changes nothing',
  help: `  --redis <url>             default REDIS_URL, or REDIS_HOST with REDIS_PORT and REDIS_PASSWORD. A sentinel, or a
                            node of a cluster, is known as such, and what belongs to it is looked at too.
  --database <url>          default DATABASE_URL
  --app <module>            a module of yours that exports \`tables\`, as pgOrigin() takes them, and, where a table has
                            a geometry, \`model\`; then columns and indexes are looked at as well
  --replicas <n>            of your app; default 2
  --pool <n>                connections of each replica to the database; default 10
  --schema <name>           where tidemark's tables have to be; without it they need not be there
  --redis-memory <size>     of the container that Redis runs in, such as 1GB; default what its machine has
  --database-memory <size>  of the machine or container of the database; default this machine's, if it runs here
  --json                    for programs

Exit code 0: no errors, warnings perhaps. 1: errors. 2: it could not look.`,
  run: async (args, surroundings) => {
    const { values } = parseArgs({ args, options: OPTIONS });
    const asked = {
      replicas: countOf('replicas', values.replicas, 2),
      pool: countOf('pool', values.pool, 10),
      schema: values.schema ?? null,
      redisMemory: sizeOption('redis-memory', values['redis-memory']),
      databaseMemory: sizeOption('database-memory', values['database-memory']),
      tables: values.app === undefined ? null : await tablesIn(surroundings.cwd, values.app),
    };
    const { config, refused } = configOf(surroundings);
    const seen = [
      ...(await lookAtRedis(redisOf(values.redis, config), asked, surroundings)),
      ...(await lookAtDatabase(databaseOf(values.database, config), asked, surroundings)),
    ];
    const runtime = checkRuntime({
      node: surroundings.node,
      installed: Object.keys(SUPPORTED).flatMap((name) => {
        const version = versionOf(surroundings.cwd, name);
        return version === undefined ? [] : [{ name, version }];
      }),
      clocks: seen.flatMap(({ where, aheadMs }) => (aheadMs === null ? [] : [{ where, aheadMs }])),
      wallMs: surroundings.clock.wallNow(),
      configRefused: refused,
      clamped: config?.clamped ?? [],
    });
    const sections: readonly Section[] = [{ where: 'This machine', findings: runtime }, ...seen.map(sectionOf)];
    const paint = surroundings.isTerminal && !refusesColour(surroundings.env) ? inColour : plain;
    return {
      stdout: values.json === true ? asJson(sections) : printed(sections, paint),
      exitCode: sections.some(({ findings }) => findings.some(({ level }) => level === 'error')) ? 1 : 0,
    };
  },
};

const sectionOf = ({ where, findings }: Seen): Section => ({ where, findings });

function redisOf(flag: string | undefined, config: Config | null): Target<RedisOptions> | null {
  if (flag !== undefined) return redisTarget('--redis', flag);
  return config?.redis == null ? null : redisOfConfig(config.redis);
}

function databaseOf(flag: string | undefined, config: Config | null): Target<DatabaseOptions> | null {
  if (flag !== undefined) return databaseTarget('--database', flag);
  return config?.databaseUrl == null ? null : databaseTarget('DATABASE_URL', config.databaseUrl);
}

function countOf(name: string, text: string | undefined, byDefault: number): number {
  if (text === undefined) return byDefault;
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new Error(`--${name}: expected a whole number of at least 1, got '${text}'.`);
}

function sizeOption(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const bytes = bytesOf(text);
  if (bytes !== undefined && bytes > 0) return bytes;
  throw new Error(`--${name}: expected a size such as 512MB or 2GB, got '${text}'.`);
}

function configOf({ env }: Surroundings): { readonly config: Config | null; readonly refused: string | null } {
  try {
    return { config: configFromEnv(env), refused: null };
  } catch (error) {
    return { config: null, refused: messageOf(error) };
  }
}

async function tablesIn(cwd: string, path: string): Promise<HostTables> {
  const module = await loadModule(cwd, path);
  const tables = await exported(module, 'tables');
  if (typeof tables !== 'object' || tables === null) {
    throw new Error(`--app: expected ${path} to export \`tables\`, as pgOrigin() takes them.`);
  }
  const model = (await exported(module, 'model')) as AnyModel | undefined;
  const { srid, distance } = model?.topology.frame ?? { srid: 3857, distance: 'planar' };
  return { tables: tables as HostTables['tables'], system: { srid, distance } };
}
