import type { Section } from './finding.js';
import type { HostTables } from './tables.js';

/** What was asked for on the command line. */
export interface Asked {
  readonly replicas: number;
  /** Connections of each replica to the database. */
  readonly pool: number;
  readonly schema: string | null;
  /** In bytes; null where nothing was said. */
  readonly redisMemory: number | null;
  readonly databaseMemory: number | null;
  readonly tables: HostTables | null;
}

/** A section, and by how much the clock of its server is ahead; null if that was not seen. */
export interface Seen extends Section {
  readonly aheadMs: number | null;
}
