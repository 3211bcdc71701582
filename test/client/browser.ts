import type { Channel, Locks, Platform } from '../../src/client/index.js';
import type { FakeClock } from '../../src/testing/index.js';

interface Waiting {
  readonly tab: object;
  readonly grant: () => void;
}

/**
 * Tabs of one origin: Web Locks and BroadcastChannel as browsers have them. Messages of one tab to another stay in order and take their
 * time; a tab that crashes leaves its locks and says nothing.
 */
export function fakeBrowser(clock: FakeClock, latency: () => number) {
  const held = new Map<string, Waiting>();
  const queues = new Map<string, Waiting[]>();
  const channels = new Set<FakeChannel>();

  const next = (name: string): void => {
    const waiting = queues.get(name)?.shift();
    if (waiting === undefined) return;
    held.set(name, waiting);
    waiting.grant();
  };
  const release = (name: string, by: Waiting): void => {
    if (held.get(name) !== by) return;
    held.delete(name);
    next(name);
  };

  class FakeChannel implements Channel {
    onmessage: Channel['onmessage'] = null;
    isOpen = true;
    readonly name: string;
    readonly tab: Tab;
    /** By receiver, when its last message arrives. */
    readonly #arrival = new Map<FakeChannel, number>();

    constructor(name: string, tab: Tab) {
      this.name = name;
      this.tab = tab;
      channels.add(this);
    }

    postMessage(message: unknown): void {
      // What is left to run of a tab that crashed never runs in a browser.
      if (!this.tab.isAlive) return;
      if (!this.isOpen) throw new Error('The channel is closed.');
      const data = structuredClone(message);
      for (const other of channels) {
        if (other === this || other.name !== this.name) continue;
        const at = Math.max(clock.now() + latency(), this.#arrival.get(other) ?? 0);
        this.#arrival.set(other, at);
        // A queue and not a timer each, so that what arrives at one time keeps its order.
        clock.after(at - clock.now(), () => {
          if (other.isOpen && other.tab.isAlive) other.onmessage?.({ data });
        });
      }
    }

    close(): void {
      this.isOpen = false;
      channels.delete(this);
    }
  }

  class Tab {
    isAlive = true;
    readonly #cancels = new Set<() => void>();
    readonly #wakers = new Set<() => void>();

    /** What a page in this tab finds, with ways to servers of the test's. */
    platform(links: (tab: Tab) => Pick<Platform, 'fetch' | 'WebSocket'>, random: () => number): Partial<Platform> {
      const here = (name: string): FakeChannel => new FakeChannel(name, this);
      return {
        ...links(this),
        locks: this.#locks(),
        BroadcastChannel: function (name: string) {
          return here(name);
        } as unknown as new (name: string) => Channel,
        now: () => clock.now(),
        after: (delayMs, run) => {
          const cancel = clock.after(delayMs, () => {
            this.#cancels.delete(cancel);
            if (this.isAlive) run();
          });
          this.#cancels.add(cancel);
          return cancel;
        },
        random,
        onWake: (run) => {
          this.#wakers.add(run);
          return () => this.#wakers.delete(run);
        },
      };
    }

    wake(): void {
      for (const run of this.#wakers) run();
    }

    /** Nothing of it runs any more. */
    crash(): void {
      this.isAlive = false;
      for (const cancel of this.#cancels) cancel();
      for (const channel of channels) if (channel.tab === this) channel.close();
      for (const [name, queue] of queues)
        queues.set(
          name,
          queue.filter(({ tab }) => tab !== this),
        );
      for (const [name, by] of held) if (by.tab === this) release(name, by);
    }

    #locks(): Locks {
      return {
        request: (name, { signal }, run) =>
          new Promise((resolve, reject) => {
            const queue = queues.get(name) ?? [];
            queues.set(name, queue);
            const waiting: Waiting = {
              tab: this,
              grant: () => {
                signal.removeEventListener('abort', abort);
                clock.after(0, () => {
                  if (!this.isAlive) return;
                  Promise.resolve()
                    .then(run)
                    .then(resolve, reject)
                    .finally(() => {
                      release(name, waiting);
                    });
                });
              },
            };
            const abort = (): void => {
              queues.set(name, queues.get(name)?.filter((one) => one !== waiting) ?? []);
              reject(new DOMException('aborted', 'AbortError'));
            };
            if (signal.aborted) {
              abort();
              return;
            }
            signal.addEventListener('abort', abort);
            queue.push(waiting);
            if (!held.has(name)) next(name);
          }),
      };
    }
  }

  return {
    open: () => new Tab(),
    /** Locks that are held, in all tabs. */
    get locked() {
      return [...held.keys()];
    },
  };
}

export type FakeTab = ReturnType<ReturnType<typeof fakeBrowser>['open']>;
