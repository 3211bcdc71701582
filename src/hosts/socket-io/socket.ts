/** A socket of Socket.IO 4, as its server has it, or what has its shape. */
export interface IoSocket {
  readonly handshake: IoHandshake;
  /** The connection below, of Engine.IO. */
  readonly conn: IoConnection;
  emit(event: string, ...args: unknown[]): unknown;
  on(event: 'disconnect', listener: () => void): unknown;
  onAny(listener: (event: string, ...args: unknown[]) => void): unknown;
  offAny(listener: (event: string, ...args: unknown[]) => void): unknown;
  disconnect(close: boolean): unknown;
}

export interface IoHandshake {
  readonly auth: Readonly<Record<string, unknown>>;
  readonly query: Readonly<Record<string, unknown>>;
  readonly headers: Readonly<Record<string, unknown>>;
}

export interface IoConnection {
  on(event: 'drain', listener: () => void): unknown;
  off(event: 'drain', listener: () => void): unknown;
}

/** A server of Socket.IO 4, or one of its namespaces. */
export interface IoNamespace {
  use(middleware: (socket: IoSocket, next: (refusal?: Error) => void) => void): unknown;
  on(event: 'connection', listener: (socket: IoSocket) => void): unknown;
}

/** What Engine.IO has and does not declare. */
interface Waiting {
  /** Packets that wait for the transport. */
  readonly writeBuffer?: readonly { readonly data?: unknown }[] | undefined;
  /** The socket of the transport, where it is a WebSocket. */
  readonly transport?: { readonly socket?: { readonly bufferedAmount?: number | undefined } | undefined } | undefined;
}

/** Bytes that wait on a connection, about: of what is not handed to the transport yet its text. */
export function pressureOf(connection: IoConnection): number {
  const { writeBuffer = [], transport } = connection as Waiting;
  let bytes = transport?.socket?.bufferedAmount ?? 0;
  for (const { data } of writeBuffer) if (typeof data === 'string') bytes += data.length;
  return bytes;
}
