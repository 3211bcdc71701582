/** A scope for each request, health, errors and an end for apps on Express. */
export type { FollowedServer } from '../http/requests.js';
export type { RequestOptions } from '../http/scopes.js';
export type { StopOptions, StoppedServer } from '../http/stopping.js';
export { type ExpressHost, type ExpressOptions, type ExpressRequest, expressHost } from './host.js';
