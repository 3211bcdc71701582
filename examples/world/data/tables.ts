import type { Sql } from 'tidemark';
import type { TypeName, WorldRow } from '../model.ts';

/**
 * The "database" of the example, as those see it who read. A row beneath a deleted one is absent, whatever its own flag
 * says. A branch that is none throws NotFound.
 */
export interface TableReads {
  /** Rows as the branch sees them: its own override, else its parent's row; in the order of the ids, absent ones left out. Deleted rows are included, marked. */
  byIds<T extends TypeName>(type: T, branch: string, ids: readonly string[]): WorldRow<T>[];
  /** Rows whose parent is one of these, as the branch sees them, largest settlements first, else by name. No deleted rows. */
  childrenOf<T extends TypeName>(type: T, branch: string, parentIds: readonly string[]): WorldRow<T>[];
  /** Every row of a type as the branch sees it. No deleted rows. */
  all<T extends TypeName>(type: T, branch: string): Iterable<WorldRow<T>>;
  /** The branch's own rows of a type: what it overrides or adds; deleted ones too, since a deletion is an override. */
  overrides<T extends TypeName>(type: T, branch: string): readonly WorldRow<T>[];
  /** Names that begin with, or contain a word that begins with, the text, ignoring case and accents; best first. */
  search(text: string, branch: string, limit: number): SearchHit[];
  /** Rows that the root branch shows. */
  readonly counts: Readonly<Record<TypeName, number>>;
}

/** What `createTables` in `memory-tables.ts` makes. */
export interface Tables extends WorldTables {
  /**
   * Writes the fields given, raises `version`, and returns the images before and after as this branch saw them: what
   * tidemark's `change()` takes. Creates the row if `before` is null. Throws `Conflict` if `expectedVersion` is given
   * and is not the present one (0: there is none), `NotFound` if the parent does not exist or is deleted, `Incomplete`
   * if a row to be created lacks a field.
   */
  write<T extends TypeName>(
    type: T,
    branch: string,
    id: string,
    fields: Partial<WorldRow<T>>,
    expectedVersion?: number,
  ): Written<T>;
}

/** Rejects where `write` of {@link Tables} throws. */
export type Write = <T extends TypeName>(
  type: T,
  branch: string,
  id: string,
  fields: Partial<WorldRow<T>>,
  expectedVersion?: number,
) => Promise<Written<T>>;

/** As the server sees them: what is written is written in a transaction. */
export interface WorldTables extends TableReads {
  /** What `work` writes is there for others once it has resolved; of tables in a database, nothing is if it rejects. `via` is the database's transaction. */
  transaction<Result>(work: (write: Write, via?: Sql) => Promise<Result>): Promise<Result>;
}

/** Tables that can follow a truth elsewhere. */
export interface Mirror extends Tables {
  /** Takes over the branch's own row as it was written elsewhere, unless a later version of it is there. */
  put<T extends TypeName>(type: T, branch: string, row: WorldRow<T>): void;
  /** Tells of rows of a type, as the branch sees them, whether all that they hang beneath is there and not deleted. */
  beneathShown<T extends TypeName>(type: T, branch: string): (row: WorldRow<T>) => boolean;
}

export interface Written<T extends TypeName> {
  readonly before: WorldRow<T> | null;
  readonly after: WorldRow<T>;
}

export interface SearchHit {
  readonly type: TypeName;
  readonly id: string;
  readonly name: string;
  /** A word on where it is: 'city in France', 'airport, Reykjavík'. */
  readonly where: string;
  readonly lon: number | null;
  readonly lat: number | null;
}

/** Whom the data is owed to, and under which licence. */
export interface Credit {
  readonly what: string;
  readonly text: string;
  readonly url: string;
}

export interface Words {
  readonly kingdom: string;
  readonly settlement: string;
}

/** What a source of rows yields while it loads, in order: parents before children. */
export interface WorldSource {
  /** 'earth', or the size and seed of an invented world. */
  readonly name: string;
  /** To be shown wherever the data is. */
  readonly credits: readonly Credit[];
  /** What a search result calls a kingdom and a settlement, if not 'kingdom' and 'town'. */
  readonly words?: Words;
  /** Calls `progress` with a step and a share from 0 to 1. */
  load(progress: (step: string, share: number) => void): Promise<Tables>;
}

export class Conflict extends Error {
  readonly code = 'CONFLICT';
}

export class NotFound extends Error {
  readonly code = 'NOT_FOUND';
}

export class Incomplete extends Error {
  readonly code = 'INCOMPLETE';
}
