import type { InjectionToken, ModuleMetadata, OptionalFactoryDependency, Type } from '@nestjs/common';
import type { ScopeOptions } from '../../api.js';
import type { Awaitable } from '../../contract.js';
import { TidemarkError } from '../../errors.js';
import { checkMs, refuseOthers } from '../http/options.js';
import type { AnyModel } from '../../model.js';
import type { TideOptions } from '../../options.js';

/** How a tide is made, and what of a request it goes by. */
export interface TidemarkModuleOptions<M extends AnyModel, Principal, Request> {
  /** What `createTidemark` takes. The module makes the tide and closes it; clients and pools among these are yours to close. */
  readonly tide: TideOptions<M, Principal>;
  /**
   * Branch, principal and receipt of a request, as Express or Fastify has it. Asked once for each request, when its scope is
   * first used: guards have run by then. Throws what the request is to fail with. Default: trusted host code.
   */
  readonly scope?: ((request: Request) => Omit<ScopeOptions<M, Principal>, 'signal'>) | undefined;
  /**
   * Once the app is to stop: how long health says so, while every request is still served, before live updates end and the
   * server stops. As long as your load balancer takes to notice. Default 0.
   */
  readonly drainMs?: number | undefined;
}

/** Which tide it is, and who sees it. */
export interface TidemarkModuleExtras {
  /** Tells several tides of one app apart. Default: the one without a name. */
  readonly name?: string | undefined;
  /** Injectable everywhere, without importing the module. Default false. */
  readonly isGlobal?: boolean | undefined;
}

/** What `useClass` and `useExisting` name. */
export interface TidemarkOptionsFactory<M extends AnyModel, Principal, Request> {
  createTidemarkOptions(): Awaitable<TidemarkModuleOptions<M, Principal, Request>>;
}

export interface TidemarkModuleAsyncOptions<
  M extends AnyModel,
  Principal,
  Request,
  Injected extends readonly unknown[],
> extends TidemarkModuleExtras {
  /** Modules that export what is injected. */
  readonly imports?: ModuleMetadata['imports'] | undefined;
  /** What `useFactory` is given, in order. */
  readonly inject?: readonly (InjectionToken | OptionalFactoryDependency)[] | undefined;
  readonly useFactory?:
    ((...injected: Injected) => Awaitable<TidemarkModuleOptions<M, Principal, Request>>) | undefined;
  /** Made here, with its own dependencies. */
  readonly useClass?: Type<TidemarkOptionsFactory<M, Principal, Request>> | undefined;
  /** Is a provider of one of the imports. */
  readonly useExisting?: InjectionToken<TidemarkOptionsFactory<M, Principal, Request>> | undefined;
}

export type AnyModuleOptions = TidemarkModuleOptions<AnyModel, unknown, unknown>;
export type AnyAsyncOptions = TidemarkModuleAsyncOptions<AnyModel, unknown, unknown, never>;

const EXTRAS = ['name', 'isGlobal'];
const OPTIONS = ['tide', 'scope', 'drainMs'];
const SOURCES = ['useFactory', 'useClass', 'useExisting'] as const;

/** Throws INVALID_OPTION. */
export function checkRoot(options: AnyModuleOptions & TidemarkModuleExtras): void {
  const { name: _name, isGlobal: _isGlobal, ...own } = options;
  checkOptions(own, 'TidemarkModule.forRoot', [...EXTRAS, ...OPTIONS]);
}

/** Throws INVALID_OPTION. */
export function checkAsync(options: AnyAsyncOptions): void {
  refuseOthers(options, 'TidemarkModule.forRootAsync', [...EXTRAS, 'imports', 'inject', ...SOURCES]);
  const given = SOURCES.filter((source) => options[source] !== undefined);
  if (given.length === 1) return;
  throw new TidemarkError(
    'INVALID_OPTION',
    `TidemarkModule.forRootAsync: expected one of ${SOURCES.join(', ')}, got ${given.join(' and ') || 'none'}.`,
  );
}

/** Throws INVALID_OPTION. */
export function checkOptions(options: AnyModuleOptions, where = 'options of TidemarkModule', known = OPTIONS): void {
  refuseOthers(options, where, known);
  const { tide, drainMs } = options as Partial<AnyModuleOptions>;
  if (typeof tide !== 'object')
    throw new TidemarkError(
      'INVALID_OPTION',
      `${where}: tide: expected what createTidemark() takes, got ${typeof tide}.`,
    );
  checkMs(drainMs, `${where}: drainMs`);
}
