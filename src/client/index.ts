/** Live updates in a browser, or in any program that has fetch: subscriptions that go on exactly after every cut. */
export { createClient } from './client.js';
export { revive } from './revive.js';
export type { Channel, Locks, Platform, Socket, StreamRequest, StreamResponse } from './platform.js';
export type {
  Client,
  ClientItem,
  ClientOptions,
  ClientState,
  ClientStatus,
  ClientSubscribeOptions,
  EndedItem,
  SignalItem,
  SubscribedItem,
} from './types.js';
