import type { Loaders, Scope, ScopeOptions, Tidemark } from '../../api.js';
import type { Awaitable } from '../../contract.js';
import { TidemarkError } from '../../errors.js';
import type { AnyModel } from '../../model.js';
import { type Closing, untilClosed } from '../http/requests.js';

/** What resolvers of one request read, write and subscribe through. */
export interface ScopeContext<M extends AnyModel, Principal> {
  readonly scope: Scope<M, Principal>;
  /** Those of the scope. */
  readonly loaders: Loaders<M>;
}

/** Of a scope, who asks is not to be forgotten: one without a principal would be trusted. */
export type RequestScope<M extends AnyModel, Principal> = Omit<ScopeOptions<M, Principal>, 'principal'> & {
  /** Who asks; of a visitor something that says so, such as null. */
  readonly principal: Principal;
};

/** What is needed of a tide. */
export type ScopingTide<M extends AnyModel, Principal> = Pick<Tidemark<M, Principal>, 'scope'>;

/**
 * A `context` for any server: one scope for each request, of whom and where `settingsOf` says, which may be asked the request's
 * headers. What the scope waits for is given up when the client goes, if the server's own initial context has the request
 * (`request`, of Yoga and other fetch servers) or the response (`res` or `reply`, of Apollo on Express or Fastify). Rejects with what
 * `settingsOf` throws, and with UNAUTHORIZED if it names nobody.
 *
 * @example
 * const context = scopeContext(tide, ({ req }) => ({ principal: userOf(req), after: req.get('x-after') }));
 * expressMiddleware(server, { context });
 */
export function scopeContext<M extends AnyModel, Principal, Initial = object>(
  tide: ScopingTide<M, Principal>,
  settingsOf: (initial: Initial) => Awaitable<RequestScope<M, Principal>>,
): (initial: Initial) => Promise<ScopeContext<M, Principal>> {
  return async (initial) => {
    const settings = await settingsOf(initial);
    if (settings.principal === undefined) {
      const message = 'principal: expected who asks, or null for a visitor, got undefined, which is trusted code.';
      throw new TidemarkError('UNAUTHORIZED', message);
    }
    const { signal = signalOf(initial) } = settings;
    const open = tide.scope as (options: object) => Scope<M, Principal>;
    const scope = open.call(tide, { ...settings, signal });
    return { scope, loaders: scope.loaders };
  };
}

/** When the client goes, as far as the server says. */
function signalOf(initial: unknown): AbortSignal | undefined {
  if (typeof initial !== 'object' || initial === null) return undefined;
  const { request, res, reply } = initial as Readonly<Record<string, unknown>>;
  const signal = fieldOf(request, 'signal');
  if (signal instanceof AbortSignal) return signal;
  const response = [res, fieldOf(reply, 'raw')].find(
    (each): each is Closing => typeof fieldOf(each, 'once') === 'function',
  );
  return response && untilClosed(response);
}

const fieldOf = (value: unknown, field: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[field] : undefined;
