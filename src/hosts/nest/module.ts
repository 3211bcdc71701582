import { type DynamicModule, type InjectionToken, Module, type Provider, Scope as Lifetime } from '@nestjs/common';
import { HttpAdapterHost, REQUEST } from '@nestjs/core';
import type { Tidemark } from '../../api.js';
import type { AnyModel } from '../../model.js';
import { createTidemark } from '../../tidemark.js';
import { Closing } from './closing.js';
import { TidemarkHealth } from './health.js';
import {
  type AnyAsyncOptions,
  type AnyModuleOptions,
  type TidemarkModuleAsyncOptions,
  type TidemarkModuleExtras,
  type TidemarkModuleOptions,
  type TidemarkOptionsFactory,
  checkAsync,
  checkOptions,
  checkRoot,
} from './options.js';
import { Requests } from '../http/requests.js';
import { Scopes } from './scopes.js';
import {
  closingToken,
  optionsToken,
  requestsToken,
  scopesToken,
  tideHealthToken,
  tideScopeToken,
  tideToken,
} from './tokens.js';

/** A tide as a module of Nest: to inject, a scope for each request, health, and an end that drops no request. */
export class TidemarkModule {
  /**
   * Makes a tide when the app starts, and closes it when the app stops. Throws INVALID_OPTION for names it does not know.
   *
   * @example
   * imports: [TidemarkModule.forRoot({ isGlobal: true, tide: { model, origin }, scope: (request: Request) => ({ principal: request.user }) })]
   */
  static forRoot<M extends AnyModel, Principal = unknown, Request = unknown>(
    options: TidemarkModuleOptions<M, Principal, Request> & TidemarkModuleExtras,
  ): DynamicModule {
    const { name, isGlobal, ...own } = options;
    checkRoot(options as unknown as AnyModuleOptions);
    return assemble({ name, isGlobal, imports: [], providers: [{ provide: optionsToken(name), useValue: own }] });
  }

  /**
   * The same with options that need what is injected. Throws INVALID_OPTION for names it does not know; starting the app
   * rejects with it if the factory's options have such.
   *
   * @example
   * imports: [TidemarkModule.forRootAsync({
   *   imports: [DatabaseModule], inject: [Database], useFactory: (database: Database) => ({ tide: { model, origin: originOf(database) } }),
   * })]
   */
  static forRootAsync<
    M extends AnyModel,
    Principal = unknown,
    Request = unknown,
    Injected extends readonly unknown[] = never,
  >(options: TidemarkModuleAsyncOptions<M, Principal, Request, Injected>): DynamicModule {
    const given = options as unknown as AnyAsyncOptions;
    checkAsync(given);
    const { name, isGlobal, imports = [] } = given;
    return assemble({ name, isGlobal, imports, providers: optionsProviders(given) });
  }
}
Module({})(TidemarkModule);

function optionsProviders({ name, inject = [], useFactory, useClass, useExisting }: AnyAsyncOptions): Provider[] {
  const provide = optionsToken(name);
  if (useFactory !== undefined) return [{ provide, inject: [...inject], useFactory }];
  const factory = (useClass ?? useExisting) as InjectionToken;
  const made: Provider = {
    provide,
    inject: [factory],
    useFactory: (from: TidemarkOptionsFactory<AnyModel, unknown, unknown>) => from.createTidemarkOptions(),
  };
  return useClass === undefined ? [made] : [useClass, made];
}

interface Parts extends TidemarkModuleExtras {
  readonly imports: NonNullable<DynamicModule['imports']>;
  readonly providers: readonly Provider[];
}

function assemble({ name, isGlobal = false, imports, providers }: Parts): DynamicModule {
  const tide = tideToken(name);
  const [options, requests, scopes] = [optionsToken(name), requestsToken(name), scopesToken(name)];
  const [scope, health] = [tideScopeToken(name), tideHealthToken(name)];
  const own: Provider[] = [
    {
      provide: tide,
      inject: [options],
      useFactory: (given: AnyModuleOptions): Tidemark<AnyModel> => {
        checkOptions(given);
        return createTidemark(given.tide);
      },
    },
    { provide: requests, useFactory: () => new Requests() },
    {
      provide: scopes,
      inject: [tide, options, requests],
      useFactory: (from: Tidemark<AnyModel>, given: AnyModuleOptions, of: Requests) =>
        new Scopes({ tide: from, options: given, requests: of }),
    },
    {
      provide: scope,
      scope: Lifetime.REQUEST,
      inject: [scopes, REQUEST],
      useFactory: (of: Scopes, request: object) => of.later(request),
    },
    {
      provide: health,
      inject: [tide, requests],
      useFactory: (of: Tidemark<AnyModel>, by: Requests) => new TidemarkHealth(of, by),
    },
    {
      provide: closingToken(name),
      inject: [tide, options, requests, HttpAdapterHost],
      useFactory: (of: Tidemark<AnyModel>, given: AnyModuleOptions, by: Requests, host: HttpAdapterHost) =>
        new Closing({ tide: of, options: given, requests: by, host }),
    },
  ];
  const byClass: Provider[] = name === undefined ? [{ provide: TidemarkHealth, useExisting: health }] : [];
  const exported = [tide, scope, health, ...(name === undefined ? [TidemarkHealth] : [])];
  return {
    module: TidemarkModule,
    global: isGlobal,
    imports: [...imports],
    providers: [...providers, ...own, ...byClass],
    exports: exported,
  };
}
