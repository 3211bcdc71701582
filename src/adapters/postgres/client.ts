/*
 * A Pool of `pg`, or what has its shape. Whoever made it ends it.
 */

export interface PgNotification {
  readonly channel: string;
  readonly payload?: string | undefined;
}

/** A connection taken from the pool. */
export interface PgClient {
  query(text: string, values?: readonly unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
  on(event: 'notification', listener: (message: PgNotification) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  /** Whether its socket keeps the process alive. */
  ref?(): void;
  unref?(): void;
  /** True: it is closed and not used again. */
  release(destroy?: boolean): void;
}

export interface PgPool {
  readonly options?: { readonly max?: number | undefined } | undefined;
  query(text: string, values?: readonly unknown[]): Promise<{ readonly rows: readonly unknown[] }>;
  connect(): Promise<PgClient>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  off(event: 'error', listener: (error: Error) => void): unknown;
}

/**
 * Keeps 'error' events of idle connections from ending the process; returns the function that stops it, which may be called
 * again. A statement that fails says so itself.
 */
export function listenForErrors(pool: PgPool): () => void {
  const ignore = (): void => {};
  pool.on('error', ignore);
  return () => {
    pool.off('error', ignore);
  };
}

/**
 * Takes a connection whose errors are told to `onError` from the first moment on. A server may say in one packet that a
 * connection is ready and that it ends: `pg` raises that before any promise could be settled, and where nobody listens it ends the process.
 */
export function take<Client extends Raising>(
  pool: { connect(): Promise<Client> },
  onError: (error: Error) => void,
): Promise<Client> {
  return new Promise((resolve, reject) => {
    let isTaken = false;
    const taken = (client: Client): void => {
      if (!isTaken) client.on?.('error', onError);
      isTaken = true;
      resolve(client);
    };
    const called = (error: Error | null | undefined, client: Client): void => {
      if (error) reject(error);
      else taken(client);
    };
    // A Pool of pg calls back at once, and gives no promise then; what has its shape may know of promises only.
    const byCallback = pool as { connect(callback: typeof called): Promise<Client> | undefined };
    byCallback.connect(called)?.then(taken, reject);
  });
}

interface Raising {
  on?(event: 'error', listener: (error: Error) => void): unknown;
}
