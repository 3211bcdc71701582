import type { Pool } from 'pg';
import { chainOf } from '../data/branch-rows.ts';
import type { Mirror, SearchHit, WorldTables, Written } from '../data/tables.ts';
import type { TypeName, WorldRow } from '../model.ts';
import { inTransaction } from './transaction.ts';
import { writeRow } from './write.ts';

export interface PgTablesOptions {
  readonly pool: Pool;
  readonly schema: string;
  readonly branches: Readonly<Record<string, { readonly parent?: string }>>;
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

  /** One transaction. Rejects as `Tables.write` throws, and with Unstorable for a text with a NUL. */
  async write<T extends TypeName>(
    type: T,
    branch: string,
    id: string,
    fields: Partial<WorldRow<T>>,
    expectedVersion?: number,
  ): Promise<Written<T>> {
    const { pool, schema, branches, mirror } = this.#options;
    const place = { schema, branch, chain: chainOf(branches, branch) };
    if ([id, ...Object.values<unknown>(fields)].some((value) => typeof value === 'string' && value.includes('\0'))) {
      throw new Unstorable(`${type} '${id}': expected texts without a NUL.`);
    }
    const written = await inTransaction(pool, (client) =>
      writeRow(client, place, { type, id, fields, expectedVersion }),
    );
    mirror.put(type, branch, written.after);
    return written;
  }
}
