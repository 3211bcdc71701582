/** Live updates over Socket.IO, without one of its adapters. */
export { type SocketIoHost, type SocketIoOptions, type SocketIoTide, socketIoHost } from './host.js';
export type { Reply } from './session.js';
export type { IoConnection, IoHandshake, IoNamespace, IoSocket } from './socket.js';
