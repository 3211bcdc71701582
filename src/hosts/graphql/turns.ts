/**
 * Calls by key, in groups: what is asked in one turn begins together and in order, what comes while a group is under way
 * begins once that is settled. A bus keeps the order of what it is given at once, yet not of what it is given while it tries
 * something again.
 */
export class Turns {
  readonly #waiting = new Map<string, (() => Promise<void>)[]>();

  /** What the call comes to, once it is its turn. */
  run<T>(key: string, call: () => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const begin = async (): Promise<void> => {
        const called = call();
        called.then(resolve, reject);
        await called.catch(() => undefined);
      };
      const waiting = this.#waiting.get(key);
      if (waiting !== undefined) {
        waiting.push(begin);
        return;
      }
      this.#waiting.set(key, [begin]);
      queueMicrotask(() => void this.#take(key));
    });
  }

  async #take(key: string): Promise<void> {
    for (;;) {
      const group = this.#waiting.get(key) ?? [];
      if (group.length === 0) break;
      this.#waiting.set(key, []);
      await Promise.all(group.map((begin) => begin()));
    }
    this.#waiting.delete(key);
  }
}
