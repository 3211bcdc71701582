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
  /** True: it is closed and not used again. */
  release(destroy?: boolean): void;
}

export interface PgPool {
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
