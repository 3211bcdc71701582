/** Every check of `tidemark doctor`, with what it looks at. `docs/guides/production.md` lists them; a test compares the two both ways. */
export const CHECKS = {
  'environment.config': 'The variables of the environment can be read, and none is outside its range.',
  'environment.node': 'Node is a version that tidemark supports.',
  'environment.packages': 'What is installed beside tidemark is of versions that it is tested with.',
  'environment.clock': 'This machine and its servers agree about the time.',
  'redis.reach': 'The server answers, and lets this user in.',
  'redis.version': 'Redis 7 or Valkey.',
  'redis.role': 'It is a primary.',
  'redis.commands': 'The user may run scripts, and read the server’s settings.',
  'redis.identity': 'Every connection leads to the same server, which is the one it was a moment ago.',
  'redis.memory': 'maxmemory is set, and leaves the machine room.',
  'redis.policy': 'What is evicted when memory is full suits what lies there.',
  'redis.persistence': 'Snapshots and the log of writes do not fail, and what needs them has them.',
  'redis.subscribers': 'A subscriber may lag behind by a burst, and not without end.',
  'redis.clients': 'All replicas can connect, and idle connections are kept and watched.',
  'redis.latency': 'A ping takes at most 5 ms.',
  'redis.cluster': 'All slots are served, by three masters or more, each with a replica.',
  'redis.sentinel': 'Three sentinels or more know the primary and a replica of it.',
  'postgres.reach': 'The server answers, and lets this user in.',
  'postgres.version': 'PostgreSQL 12 or later.',
  'postgres.role': 'It is a primary, and takes writes.',
  'postgres.memory': 'Caches and sorts fit into the memory of the machine.',
  'postgres.settings': 'Settings are about what examples/production has, for the memory there is.',
  'postgres.safety': 'What was committed survives a crash, and dead rows are cleared away.',
  'postgres.connections': 'All replicas can have their pools, and one replica more during a deploy.',
  'postgres.postgis': 'PostGIS 3 is there, where a table has a geometry.',
  'postgres.tables': 'The tables that the app names are there, as they are described.',
  'postgres.indexes': 'Each table has an index for its parents, its order, soft deletion and its geometry.',
  'postgres.migrations': 'The migrations of this version were made.',
  'postgres.outbox': 'Changes in the outbox are applied, and understood.',
  'postgres.latency': 'A statement that does nothing takes at most 5 ms.',
} as const;

export type CheckId = keyof typeof CHECKS;

/** `error`: something is lost, refused or wrong. `warning`: it will be slower than it need be, or break under load. `skipped`: not looked at. */
export type Level = 'ok' | 'warning' | 'error' | 'skipped';

export interface Finding {
  readonly id: CheckId;
  readonly level: Level;
  /** One sentence. */
  readonly what: string;
  /** What to do about it: a command, SQL or a sentence. Null where nothing is to be done. */
  readonly mend: string | null;
}

/** What was found at one place: a server, or this machine. */
export interface Section {
  readonly where: string;
  readonly findings: readonly Finding[];
}

const made =
  (level: Level) =>
  (id: CheckId, what: string, mend: string | null = null): Finding => ({ id, level, what, mend });

export const fine = made('ok');
export const warning = made('warning');
export const fault = made('error');
export const skipped = made('skipped');

/** The findings that are not null, or a line that says all is well. */
export function either(found: readonly (Finding | null)[], well: Finding): readonly Finding[] {
  const some = found.filter((one) => one !== null);
  return some.length > 0 ? some : [well];
}
