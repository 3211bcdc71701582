/**
 * Everybody who waits on a signal, behind one listener: a signal warns of a leak above ten of them, and a request or a
 * tide may have thousands of reads under way.
 */
export class Aborts {
  readonly #waiting = new WeakMap<AbortSignal, Set<() => void>>();

  /** Calls `run` once the signal fires, unless it has fired already. Returns the function that stops waiting. */
  on(signal: AbortSignal, run: () => void): () => void {
    const waiting = this.#waiting.get(signal) ?? this.#listen(signal);
    waiting.add(run);
    return () => waiting.delete(run);
  }

  #listen(signal: AbortSignal): Set<() => void> {
    const waiting = new Set<() => void>();
    this.#waiting.set(signal, waiting);
    const fire = (): void => {
      for (const run of waiting) run();
      waiting.clear();
    };
    signal.addEventListener('abort', fire, { once: true });
    return waiting;
  }
}
