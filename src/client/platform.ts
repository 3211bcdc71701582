/** What a client takes from its surroundings: the only file of the client that knows the globals. */

/** As `WebSocket`, as far as it is used. */
export interface Socket {
  onopen: ((event: never) => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
  onerror: ((event: never) => void) | null;
  send(text: string): void;
  close(): void;
}

/** As `navigator.locks`, as far as it is used. */
export interface Locks {
  request(name: string, options: { readonly signal: AbortSignal }, held: () => unknown): Promise<unknown>;
}

/** As `BroadcastChannel`, as far as it is used. */
export interface Channel {
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  postMessage(message: unknown): void;
  close(): void;
}

/** As a `Response` of `fetch`, as far as it is used. */
export interface StreamResponse {
  readonly ok: boolean;
  readonly status: number;
  readonly body: {
    getReader(): { read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }> };
  } | null;
  text(): Promise<string>;
}

export interface StreamRequest {
  readonly method: 'POST';
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly cache: 'no-store';
  readonly signal: AbortSignal;
}

export interface Platform {
  readonly fetch: (url: string, request: StreamRequest) => Promise<StreamResponse>;
  readonly WebSocket: new (url: string) => Socket;
  /** Undefined where there is no document, and so no tabs. */
  readonly locks: Locks | undefined;
  readonly BroadcastChannel: (new (name: string) => Channel) | undefined;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Calls `run` once after `delayMs`; returns the function that cancels it. */
  readonly after: (delayMs: number, run: () => void) => () => void;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Calls `run` when an attempt may succeed that did not before; returns the function that ends it. */
  readonly onWake: (run: () => void) => () => void;
  readonly reportError: (error: unknown) => void;
}

interface Events {
  addEventListener(type: string, listener: () => void): void;
  removeEventListener(type: string, listener: () => void): void;
}

interface Globals extends Events, Pick<Platform, 'fetch' | 'WebSocket' | 'BroadcastChannel'> {
  readonly navigator?: { readonly locks?: Locks };
  readonly document?: Events & { readonly visibilityState: string };
  readonly reportError?: (error: unknown) => void;
}

/** That of a browser, or of Node. */
export function platformHere(): Platform {
  const here = globalThis as unknown as Globals;
  const { document } = here;
  return {
    fetch: (url, request) => here.fetch(url, request),
    WebSocket: here.WebSocket,
    locks: document && here.navigator?.locks,
    BroadcastChannel: here.BroadcastChannel,
    now: () => performance.now(),
    after: (delayMs, run) => {
      const timer = setTimeout(run, delayMs);
      return () => {
        clearTimeout(timer);
      };
    },
    random: () => Math.random(),
    onWake: (run) => {
      if (!document) return () => {};
      const seen = (): void => {
        if (document.visibilityState === 'visible') run();
      };
      here.addEventListener('online', run);
      document.addEventListener('visibilitychange', seen);
      return () => {
        here.removeEventListener('online', run);
        document.removeEventListener('visibilitychange', seen);
      };
    },
    reportError: (error) => here.reportError?.(error),
  };
}
