import { EventEmitter } from 'node:events';

/** How a storage fails: it rejects, or emits the error and answers as if nothing had been, as @keyv/redis does. */
export type Failing = 'rejects' | 'emits';

/** A storage of the kind that Keyv 5 takes and Keyv 6 puts a bridge around. The n-th call from now on fails. */
export class Storage extends EventEmitter {
  opts = { dialect: 'redis', url: '' };
  namespace: string | undefined;
  readonly map = new Map<string, string>();
  failing: Failing = 'rejects';
  /** Calls until one fails; all do from then on. */
  left = Infinity;

  protected async answer<T>(run: () => T, nothing: T): Promise<T> {
    if (this.left-- > 0) return run();
    const error = new Error('READONLY the server refuses');
    if (this.failing === 'rejects') throw error;
    this.emit('error', error);
    return nothing;
  }
  async get(key: string) {
    return this.answer(() => this.map.get(key), undefined);
  }
  async set(key: string, value: string) {
    await this.answer(() => this.map.set(key, value), this.map);
  }
  async delete(key: string) {
    return this.answer(() => this.map.delete(key), false);
  }
  async clear() {
    this.map.clear();
  }
  async has(key: string) {
    return this.map.has(key);
  }
}

export class BatchStorage extends Storage {
  async getMany(keys: string[]) {
    return this.answer(
      () => keys.map((key) => this.map.get(key)),
      keys.map(() => undefined),
    );
  }
  async setMany(entries: { key: string; value: string }[]) {
    await this.answer(() => entries.forEach(({ key, value }) => this.map.set(key, value)), undefined);
  }
  async deleteMany(keys: string[]) {
    return this.answer(() => keys.map((key) => this.map.delete(key)).includes(true), false);
  }
  async *iterator() {
    for (const entry of this.map) yield await this.answer(() => entry, entry);
  }
}
