/** Tidemark in Nest: a module, injection, a scope for each request, health, errors, and shutting down. */
export { TidemarkFilter } from './filter.js';
export { TidemarkHealth, type TidemarkHealthResult, type TidemarkReadyResult } from './health.js';
export { TidemarkModule } from './module.js';
export type {
  TidemarkModuleAsyncOptions,
  TidemarkModuleExtras,
  TidemarkModuleOptions,
  TidemarkOptionsFactory,
} from './options.js';
export { TideScope } from './scopes.js';
export {
  InjectTideHealth,
  InjectTideScope,
  InjectTidemark,
  tideHealthToken,
  tideScopeToken,
  tideToken,
} from './tokens.js';
