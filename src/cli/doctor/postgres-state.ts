import type { OutboxInfo } from '../../contract.js';

export interface Setting {
  /** As SHOW prints it. */
  readonly shown: string;
  /** In bytes, milliseconds or as it is; null for a setting that is no number. */
  readonly value: number | null;
  /** Whether it takes a restart to change it. */
  readonly restart: boolean;
}

/** What a server says of itself, read by `postgres-facts.ts`. */
export interface PostgresFacts {
  /** server_version_num: 150004. */
  readonly version: number;
  readonly settings: ReadonlyMap<string, Setting>;
  readonly isStandby: boolean;
  /** Connections that there are now. */
  readonly connections: number;
  /** Those that this role and database may have, where that is less than the server's. */
  readonly connectionLimit: number | null;
  readonly postgis: { readonly version: string } | null;
  /** Whether its files are on the server: an extension that is not there cannot be created. */
  readonly isPostgisInstalled: boolean;
  /** Versions of the migrations that were made; null where the schema does not exist. */
  readonly migrations: readonly number[] | null;
  readonly outbox: OutboxInfo | null;
  readonly pingsMs: readonly number[];
  readonly memoryBytes: number | null;
  readonly needed: {
    readonly replicas: number;
    /** Connections of each. */
    readonly pool: number;
    /** The schema that has to be there; null where none was asked for. */
    readonly schema: string | null;
    readonly migrations: readonly number[];
  };
}

/** The statement that changes a setting. */
export function alterSystem(name: string, value: string, setting: Setting | undefined): string {
  const then = setting?.restart === true ? 'then restart the server' : 'select pg_reload_conf()';
  return `alter system set ${name} = '${value}'; ${then}`;
}
