/** A socket of Socket.IO 4, as its server has it, or what has its shape. */
export interface IoSocket {
  readonly connected: boolean;
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

/** What Socket.IO has and does not declare. */
interface Undeclared {
  readonly nsp?: { readonly server?: { readonly opts?: { readonly connectionStateRecovery?: unknown } } } | undefined;
  packet?(packet: { readonly type: number; readonly data: readonly unknown[] }): void;
}

/** The type of a packet with an event, in every version of Socket.IO's protocol. */
const EVENT = 2;

/**
 * Emits, past what recovers connections. That would keep the event, and send it once more to whoever comes back before
 * anybody is asked whether he still may see it; and to a client that goes on from its cursor it would come twice.
 */
export function emitOnce(socket: IoSocket, event: string, ...args: readonly unknown[]): void {
  const undeclared = socket as Undeclared;
  const recovers = undeclared.nsp?.server?.opts?.connectionStateRecovery !== undefined;
  if (recovers && undeclared.packet !== undefined) undeclared.packet({ type: EVENT, data: [event, ...args] });
  else socket.emit(event, ...args);
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
