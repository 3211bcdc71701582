import type { PipeTransform } from '@nestjs/common';
import { Inject, Injectable, type ExecutionContext, createParamDecorator } from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import type { Scope, Tidemark } from '../../api.js';
import { TidemarkError } from '../../errors.js';
import type { AnyModel } from '../../model.js';
import type { AnyModuleOptions } from './options.js';
import type { Requests } from '../http/requests.js';
import { Scopes as RequestScopes } from '../http/scopes.js';
import { scopesToken } from './tokens.js';

type AnyScope = Scope<AnyModel>;

/** What a framework puts around a request of node: Fastify has the request, a context of GraphQL the framework's. */
interface Wrapped {
  readonly raw?: object | undefined;
  readonly req?: Wrapped | undefined;
}

/** What node has of a request, however a framework wraps it. */
function rawOf(given: object): object {
  const request = (given as Wrapped).req ?? given;
  return (request as Wrapped).raw ?? request;
}

export interface ScopeParts {
  readonly tide: Tidemark<AnyModel>;
  readonly options: AnyModuleOptions;
  readonly requests: Requests;
}

/** The scopes of one tide: one for each request, whoever asks for it. */
export class Scopes {
  readonly #scopes: RequestScopes<AnyModel, unknown, object>;

  constructor({ tide, options: { scope }, requests }: ScopeParts) {
    this.#scopes = new RequestScopes({ tide, scope, signalOf: (request) => requests.signalOf(rawOf(request)) });
  }

  /** Throws what `scope` of the options throws. */
  of(given: object): AnyScope {
    return this.#scopes.of((given as Wrapped).req ?? given, rawOf(given));
  }

  /**
   * The same, made at its first use. A provider is made before guards have run, so that a scope made with it would not know
   * whom they let in, and one without a principal is trusted.
   */
  later(given: object): AnyScope {
    return new Proxy({} as AnyScope, {
      get: (_, name) => {
        // Nest waits for what factories give: this is no promise, and asking it must not make the scope.
        if (name === 'then') return undefined;
        const scope = this.of(given);
        const value: unknown = Reflect.get(scope, name);
        return typeof value === 'function' ? (value.bind(scope) as unknown) : value;
      },
    });
  }
}

interface Asked {
  readonly name: string | undefined;
  readonly context: ExecutionContext;
}

/** Where a parameter comes by providers. */
class ScopePipe implements PipeTransform<() => Asked, AnyScope> {
  readonly #module: ModuleRef;

  constructor(module: ModuleRef) {
    this.#module = module;
  }

  transform(asked: () => Asked): AnyScope {
    const { name, context } = asked();
    return this.#module.get<Scopes>(scopesToken(name), { strict: false }).of(requestOf(context));
  }
}
Injectable()(ScopePipe);
Inject(ModuleRef)(ScopePipe, undefined, 0);

/** Where a resolver of GraphQL has its context. */
const CONTEXT = 2;

function requestOf(context: ExecutionContext): object {
  const type = context.getType<string>();
  if (type === 'http') return context.switchToHttp().getRequest<object>();
  if (type === 'graphql') return context.getArgByIndex<object>(CONTEXT);
  // What a socket or a message has of one is not there for each request, and a scope remembers for ever.
  throw new TidemarkError('INVALID_OPTION', `@TideScope: expected a request of HTTP or GraphQL, got one of '${type}'.`);
}

// A function, so that global pipes that look into values leave it alone.
const scopeParameter = createParamDecorator((name: string | undefined, context: ExecutionContext) => (): Asked => ({
  name,
  context,
}));

/**
 * The scope of the request as a parameter of a handler: nothing becomes request-scoped by it.
 *
 * @example
 * @Get(':id') one(@TideScope() world: World, @Param('id') id: string) { return world.get('settlement', id); }
 */
export const TideScope = (name?: string): ParameterDecorator => scopeParameter(name, ScopePipe);
