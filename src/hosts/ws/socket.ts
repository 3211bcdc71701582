import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';

/** A WebSocket of the package `ws`, version 8, or what has its shape. */
export interface Socket {
  readonly bufferedAmount: number;
  send(text: string, sent: (error?: Error | null) => void): void;
  ping(): void;
  close(code: number, reason: string): void;
  terminate(): void;
  on(event: 'message', listener: (data: unknown, isBinary: boolean) => void): unknown;
  on(event: 'pong' | 'close', listener: () => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** A WebSocketServer of it: `new WebSocketServer({ noServer: true, maxPayload: 65_536 })`. */
export interface SocketServer {
  handleUpgrade(
    request: IncomingMessage,
    socket: Duplex,
    head: Buffer,
    done: (socket: Socket, request: IncomingMessage) => void,
  ): void;
}
