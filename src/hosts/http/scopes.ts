import type { Scope, ScopeOptions, Tidemark } from '../../api.js';
import type { AnyModel } from '../../model.js';

/** What of a request its scope goes by. */
export interface RequestOptions<M extends AnyModel, Principal, Request> {
  /**
   * Branch, principal and receipt of a request. Asked once for each, when its scope is first used. Throws what the request is to
   * fail with. Default: trusted host code.
   *
   * @example
   * scope: (request) => ({ principal: request.user, after: request.get('x-after') })
   */
  readonly scope?: ((request: Request) => Omit<ScopeOptions<M, Principal>, 'signal'>) | undefined;
}

export interface ScopesParts<M extends AnyModel, Principal, Request> extends RequestOptions<M, Principal, Request> {
  readonly tide: Pick<Tidemark<M, Principal>, 'scope'>;
  /** Aborts when the client has gone, or its response is sent. */
  readonly signalOf: (request: Request) => AbortSignal | undefined;
}

/** One scope for each request, whoever asks for it. */
export class Scopes<M extends AnyModel, Principal, Request extends object> {
  readonly #parts: ScopesParts<M, Principal, Request>;
  readonly #scopes = new WeakMap<object, Scope<M, Principal>>();

  constructor(parts: ScopesParts<M, Principal, Request>) {
    this.#parts = parts;
  }

  /** `key`: what stands for the request, however it is wrapped. Throws what `scope` of the options throws. */
  of(request: Request, key: object = request): Scope<M, Principal> {
    const known = this.#scopes.get(key);
    if (known !== undefined) return known;
    const { tide, scope: settingsOf, signalOf } = this.#parts;
    const open = tide.scope as (options: object) => Scope<M, Principal>;
    const scope = open.call(tide, { ...settingsOf?.(request), signal: signalOf(request) });
    this.#scopes.set(key, scope);
    return scope;
  }
}
