import type { Pool } from 'pg';
import type { Sql } from 'tidemark';
import { chainOf } from '../data/branch-rows.ts';
import type { Mirror, SearchHit, WorldTables, Write } from '../data/tables.ts';
import { BRANCHES, type TypeName, type WorldRow } from '../model.ts';
import { inTransaction } from './transaction.ts';
import { writeRow } from './write.ts';

export interface PgTablesOptions {
  readonly pool: Pool;
  readonly schema: string;
  /** Holds what Postgres held when this began. */
  readonly mirror: Mirror;
}

/** A text that Postgres cannot hold. */
export class Unstorable extends Error {
  readonly code = 'BAD_REQUEST';
}

/**
 * Tables of which the truth is in Postgres. What is asked at once, such as a search, is answered by a mirror in memory,
 * which takes over each write once it is committed. Writes of other processes it does not hear of.
 */
export class PgTables implements WorldTables {
  readonly #options: PgTablesOptions;

  constructor(options: PgTablesOptions) {
    this.#options = options;
  }

  byIds<T extends TypeName>(type: T, branch: string, ids: readonly string[]): WorldRow<T>[] {
    return this.#options.mirror.byIds(type, branch, ids);
  }

  childrenOf<T extends TypeName>(type: T, branch: string, parentIds: readonly string[]): WorldRow<T>[] {
    return this.#options.mirror.childrenOf(type, branch, parentIds);
  }

  all<T extends TypeName>(type: T, branch: string): Iterable<WorldRow<T>> {
    return this.#options.mirror.all(type, branch);
  }

  overrides<T extends TypeName>(type: T, branch: string): readonly WorldRow<T>[] {
    return this.#options.mirror.overrides(type, branch);
  }

  search(text: string, branch: string, limit: number): SearchHit[] {
    return this.#options.mirror.search(text, branch, limit);
  }

  get counts(): Readonly<Record<TypeName, number>> {
    return this.#options.mirror.counts;
  }

  /** A write rejects with Unstorable for a text with a NUL, too. */
  async transaction<Result>(work: (write: Write, via: Sql) => Promise<Result>): Promise<Result> {
    const { pool, schema, mirror } = this.#options;
    const committed: (() => void)[] = [];
    const result = await inTransaction(pool, (client) => {
      const write: Write = async (type, branch, id, fields, expectedVersion) => {
        if (
          [id, ...Object.values<unknown>(fields)].some((value) => typeof value === 'string' && value.includes('\0'))
        ) {
          throw new Unstorable(`${type} '${id}': expected texts without a NUL.`);
        }
        const place = { schema, branch, chain: chainOf(BRANCHES, branch) };
        const written = await writeRow(client, place, { type, id, fields, expectedVersion });
        committed.push(() => mirror.put(type, branch, written.after));
        return written;
      };
      return work(write, client);
    });
    for (const put of committed) put();
    return result;
  }
}
