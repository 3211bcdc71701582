/** Live updates as server-sent events. */
export type { LinkOptions, LiveTide } from '../links/options.js';
export type { SseOptions } from './host.js';
export { type NodeRequest, type NodeResponse, type SseHost, sseHost } from './node.js';
export { type WebSseHost, webSseHost } from './web.js';
