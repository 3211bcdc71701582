import type { Platform, Socket, StreamRequest, StreamResponse } from '../../src/client/index.js';
import type { ClientFrame, ServerFrame } from '../../src/realtime/frames.js';
import type { FakeClock } from '../../src/testing/index.js';
import type { TestTide } from '../realtime/clients.js';
import type { FakeTab } from './browser.js';

const ALIVE_MS = 15_000;

interface OpenLink {
  /** Both ends hear that it is gone. */
  cut(): void;
  /** Only the server hears it: to the client it is silent. */
  stall(): void;
}

/**
 * The two links as a network of the test's has them: every frame takes its time and comes in order, until somebody cuts. A new link
 * leads to the replica that `replica()` names then; undefined is none.
 */
export function fakeLinks(
  clock: FakeClock,
  replica: () => TestTide | undefined,
  latency: () => number,
  limits: Partial<Parameters<TestTide['realtime']['connect']>[0]> = {},
) {
  const open = new Set<OpenLink>();

  /** The server's end of a link; `deliver` and `end` are the client's. */
  function serve(
    tide: TestTide,
    deliver: (frame: ServerFrame) => void,
    end: (code: number, reason: string) => void,
    tab: FakeTab,
  ) {
    let isOpen = true;
    let arrival = 0;
    let reception = 0;
    let last = clock.now();
    const later = (run: () => void): void => {
      arrival = Math.max(arrival, clock.now() + latency());
      clock.after(arrival - clock.now(), run);
    };
    const down = (run: () => void): void => {
      later(() => {
        if (tab.isAlive) run();
      });
    };
    const send = (frame: ServerFrame): void => {
      last = clock.now();
      const json = JSON.stringify(frame);
      down(() => {
        if (!stalled) deliver(JSON.parse(json) as ServerFrame);
      });
    };
    let stalled = false;
    const connection = tide.realtime.connect({
      ...limits,
      principal: { name: 'ada' },
      send,
      close: (code, reason) => {
        over();
        down(() => {
          end(code, reason);
        });
      },
    });
    const over = (): void => {
      isOpen = false;
      cancelAlive();
      open.delete(link);
      connection.end();
    };
    let cancelAlive = (): void => {};
    const alive = (): void => {
      cancelAlive = clock.after(Math.max(1, Math.ceil(last + ALIVE_MS - clock.now())), () => {
        if (!tab.isAlive) {
          over();
          return;
        }
        if (clock.now() - last >= ALIVE_MS) send({ kind: 'alive' });
        alive();
      });
    };
    alive();
    const link: OpenLink = {
      cut: () => {
        stalled = true;
        over();
        down(() => {
          end(1006, 'cut');
        });
      },
      stall: () => {
        stalled = true;
        over();
      },
    };
    open.add(link);
    return {
      receive: (frame: ClientFrame) => {
        reception = Math.max(reception, clock.now() + latency());
        clock.after(reception - clock.now(), () => {
          if (isOpen) void connection.receive(frame);
        });
      },
      /** The client is gone. */
      end: over,
      get isOpen() {
        return isOpen;
      },
    };
  }

  const platform = (tab: FakeTab): Pick<Platform, 'fetch' | 'WebSocket'> => {
    class FakeSocket implements Socket {
      onopen: Socket['onopen'] = null;
      onmessage: Socket['onmessage'] = null;
      onclose: Socket['onclose'] = null;
      onerror: Socket['onerror'] = null;
      #server: ReturnType<typeof serve> | undefined;
      #closed = false;

      constructor() {
        clock.after(latency(), () => {
          const tide = replica();
          if (this.#closed || !tab.isAlive) return;
          if (tide === undefined) {
            this.onclose?.({ code: 1006, reason: '' });
            return;
          }
          this.onopen?.({} as never);
          this.#server = serve(
            tide,
            (frame) => this.onmessage?.({ data: JSON.stringify(frame) }),
            (code, reason) => this.onclose?.({ code, reason }),
            tab,
          );
        });
      }

      send(text: string): void {
        this.#server?.receive(JSON.parse(text) as ClientFrame);
      }

      close(): void {
        this.#closed = true;
        if (this.#server?.isOpen === true) this.#server.end();
      }
    }

    const fetch = (_: string, { body, signal }: StreamRequest): Promise<StreamResponse> =>
      new Promise((resolve, reject) => {
        clock.after(latency(), () => {
          const tide = replica();
          if (signal.aborted || tide === undefined) {
            reject(new Error('no way'));
            return;
          }
          const encoder = new TextEncoder();
          const stream = new ReadableStream<Uint8Array>({
            start: (controller) => {
              let over = false;
              const put = (text: string): void => {
                // In pieces that are no blocks.
                const bytes = encoder.encode(text);
                const middle = bytes.length >> 1;
                if (!over) controller.enqueue(bytes.slice(0, middle));
                if (!over) controller.enqueue(bytes.slice(middle));
              };
              const server = serve(
                tide,
                (frame) => {
                  put(`data: ${JSON.stringify(frame)}\n\n`);
                },
                (code, reason) => {
                  if (over) return;
                  if (code === 1006) controller.error(new Error('cut'));
                  else put(`event: close\ndata: ${JSON.stringify({ code, reason })}\n\n`);
                  over = true;
                },
                tab,
              );
              signal.addEventListener('abort', () => {
                if (!over) controller.error(new Error('aborted'));
                over = true;
                if (server.isOpen) server.end();
              });
              const { subscribe } = JSON.parse(body) as { readonly subscribe: readonly ClientFrame[] };
              for (const frame of subscribe) server.receive(frame);
            },
          });
          resolve({ ok: true, status: 200, body: stream, text: async () => '' });
        });
      });
    return { fetch, WebSocket: FakeSocket };
  };

  return {
    platform,
    cutAll: () => {
      for (const link of [...open]) link.cut();
    },
    stallAll: () => {
      for (const link of [...open]) link.stall();
    },
    get open() {
      return open.size;
    },
  };
}
