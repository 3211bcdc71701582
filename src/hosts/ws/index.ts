/** Live updates over WebSockets, with the package `ws` or a server that has its shape. */
export type { LinkOptions, LiveTide } from '../links/options.js';
export { type WsHost, type WsHostOptions, wsHost } from './host.js';
export type { Socket, SocketServer } from './socket.js';
