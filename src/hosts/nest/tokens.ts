import { Inject } from '@nestjs/common';

// Symbols of the whole process: an app that loads this path both by import and by require has one set of them.

const DEFAULT = 'default';
const tokenOf = (what: string, name: string): symbol => Symbol.for(`tidemark.${what}:${name}`);

/** The injection token of a tide; `name` as given to `TidemarkModule.forRoot`. */
export const tideToken = (name: string = DEFAULT): symbol => tokenOf('tide', name);
/** The injection token of a request's scope. Whoever injects it is made for each request. */
export const tideScopeToken = (name: string = DEFAULT): symbol => tokenOf('scope', name);
/** The injection token of a {@link TidemarkHealth}. */
export const tideHealthToken = (name: string = DEFAULT): symbol => tokenOf('health', name);

export const optionsToken = (name: string = DEFAULT): symbol => tokenOf('options', name);
export const requestsToken = (name: string = DEFAULT): symbol => tokenOf('requests', name);
export const scopesToken = (name: string = DEFAULT): symbol => tokenOf('scopes', name);
export const closingToken = (name: string = DEFAULT): symbol => tokenOf('closing', name);

/**
 * Injects a tide.
 *
 * @example
 * constructor(@InjectTidemark() private readonly tide: Tidemark<typeof model, User>) {}
 */
export const InjectTidemark = (name?: string): PropertyDecorator & ParameterDecorator => Inject(tideToken(name));

/** Injects the scope of the request. What injects it, and what injects that, is made anew for each request. */
export const InjectTideScope = (name?: string): PropertyDecorator & ParameterDecorator => Inject(tideScopeToken(name));

/** Injects the {@link TidemarkHealth} of a tide that has a name; the class itself is the token of the one without. */
export const InjectTideHealth = (name?: string): PropertyDecorator & ParameterDecorator =>
  Inject(tideHealthToken(name));
