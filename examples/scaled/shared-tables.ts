import { randomUUID } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';
import type { SearchHit, Tables, Write, Written } from '../world/data/tables.ts';
import type { TypeName, WorldRow } from '../world/model.ts';

/** One write as it was asked for. What it comes to is what applying it comes to, which is the same for everybody. */
export interface Command {
  readonly nonce: string;
  /** Wall-clock milliseconds. */
  readonly at: number;
  readonly type: TypeName;
  readonly branch: string;
  readonly id: string;
  readonly fields: object;
  readonly expectedVersion?: number | undefined;
}

type Outcome = { readonly written: Written<TypeName> } | { readonly refused: unknown };

const LINE_END = 0x0a;

/**
 * One truth for several processes of a machine: a file of writes, to which is only appended. Everybody begins with the
 * same rows in memory and applies what is new in the file before looking anything up. A write is appended first, whole,
 * and then counts as what applying it in the order of the file comes to: of two that expect the same version, the first.
 */
export class SharedTables implements Tables {
  readonly #rows: Tables;
  readonly #file: number;
  readonly #applied: (command: Command, outcome: Outcome) => void;
  #read = 0;

  /** `applied` hears of every write, whoever asked for it. */
  constructor(rows: Tables, path: string, applied: (command: Command, outcome: Outcome) => void = () => {}) {
    this.#rows = rows;
    this.#file = openSync(path, 'a+');
    this.#applied = applied;
  }

  byIds<T extends TypeName>(type: T, branch: string, ids: readonly string[]): WorldRow<T>[] {
    return this.#now().byIds(type, branch, ids);
  }

  childrenOf<T extends TypeName>(type: T, branch: string, parentIds: readonly string[]): WorldRow<T>[] {
    return this.#now().childrenOf(type, branch, parentIds);
  }

  all<T extends TypeName>(type: T, branch: string): Iterable<WorldRow<T>> {
    return this.#now().all(type, branch);
  }

  overrides<T extends TypeName>(type: T, branch: string): readonly WorldRow<T>[] {
    return this.#now().overrides(type, branch);
  }

  search(text: string, branch: string, limit: number): SearchHit[] {
    return this.#now().search(text, branch, limit);
  }

  get counts(): Tables['counts'] {
    return this.#now().counts;
  }

  write<T extends TypeName>(
    type: T,
    branch: string,
    id: string,
    fields: Partial<WorldRow<T>>,
    expectedVersion?: number,
  ): Written<T> {
    const command: Command = { nonce: randomUUID(), at: Date.now(), type, branch, id, fields, expectedVersion };
    writeSync(this.#file, `${JSON.stringify(command)}\n`);
    const outcome = this.#catchUp(command.nonce);
    if (outcome === undefined) throw new Error('The file of writes does not hold what was appended to it.');
    if ('refused' in outcome) throw outcome.refused;
    return outcome.written as Written<T>;
  }

  transaction<Result>(work: (write: Write) => Promise<Result>): Promise<Result> {
    return work(async (...given) => this.write(...given));
  }

  close(): void {
    closeSync(this.#file);
  }

  #now(): Tables {
    this.#catchUp();
    return this.#rows;
  }

  /** Applies what is new in the file; returns what the command with this nonce came to. */
  #catchUp(nonce?: string): Outcome | undefined {
    const { size } = fstatSync(this.#file);
    if (size === this.#read) return undefined;
    const bytes = Buffer.alloc(size - this.#read);
    readSync(this.#file, bytes, 0, bytes.length, this.#read);
    const whole = bytes.lastIndexOf(LINE_END) + 1; // the last line may still be under way
    this.#read += whole;
    let mine: Outcome | undefined;
    for (const line of bytes.toString('utf8', 0, whole).split('\n').slice(0, -1)) {
      const command = JSON.parse(line) as Command;
      const outcome = this.#apply(command);
      if (command.nonce === nonce) mine = outcome;
      this.#applied(command, outcome);
    }
    return mine;
  }

  #apply({ type, branch, id, fields, expectedVersion }: Command): Outcome {
    try {
      return { written: this.#rows.write(type, branch, id, fields, expectedVersion) };
    } catch (refused) {
      return { refused };
    }
  }
}
