/** A scope for each request, health, errors and an end for apps on Fastify. */
export type { FollowedServer } from '../http/requests.js';
export type { RequestOptions } from '../http/scopes.js';
export {
  type FastifyApp,
  type FastifyHost,
  type FastifyOptions,
  type FastifyReply,
  type FastifyRequest,
  fastifyHost,
} from './host.js';
