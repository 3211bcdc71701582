import type { Kingdom, Settlement } from './model.js';
import { now } from './time.js';
import type { Written } from './wire.js';

export interface Commit {
  readonly id: string;
  readonly version: number;
  readonly at: number;
}

export interface Size {
  readonly kingdoms: number;
  /** Per kingdom. */
  readonly settlements: number;
  /** Of each row. */
  readonly paddingBytes: number;
}

/** A serial database in memory that remembers every version it ever had. An id is `<kingdom>.<number>`. */
export class Database {
  readonly commits: Commit[] = [];
  readonly kingdoms: readonly string[];
  readonly settlements: readonly string[];
  readonly #versions = new Map<string, number>();
  readonly #padding: string;

  constructor({ kingdoms, settlements, paddingBytes }: Size) {
    const names = (count: number, of: (n: number) => string): string[] =>
      Array.from({ length: count }, (_, i) => of(i));
    this.kingdoms = names(kingdoms, (n) => `k${String(n)}`);
    this.settlements = this.kingdoms.flatMap((kingdom) => names(settlements, (n) => `${kingdom}.${String(n)}`));
    this.#padding = 'x'.repeat(paddingBytes);
    for (const id of this.settlements) this.#versions.set(id, 1);
  }

  /** 0 for what is not there. */
  version(id: string): number {
    return this.#versions.get(id) ?? 0;
  }

  commit(id: string, shape: string): Written {
    const before = this.row(id, shape);
    const version = this.version(id) + 1;
    this.#versions.set(id, version);
    this.commits.push({ id, version, at: now() });
    return { before, after: this.row(id, shape) as Settlement };
  }

  row(id: string, shape: string): Settlement | null {
    const version = this.version(id);
    if (version === 0) return null;
    const [kingdomId = ''] = id.split('.');
    return { id, kingdomId, version, name: `${id}#${String(version)}`, padding: this.#padding, shape };
  }

  byIds(type: string, ids: readonly string[], shape: string): (Kingdom | Settlement)[] {
    if (type === 'kingdom') return ids.filter((id) => this.kingdoms.includes(id)).map((id) => ({ id, version: 1 }));
    return ids.flatMap((id) => this.row(id, shape) ?? []);
  }

  childrenOf(kingdoms: readonly string[], shape: string): Settlement[] {
    return [...this.#versions.keys()]
      .filter((id) => kingdoms.includes(id.split('.', 1)[0] as string))
      .flatMap((id) => this.row(id, shape) ?? []);
  }
}
