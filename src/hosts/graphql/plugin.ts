import type { AnyModel } from '../../model.js';
import type { Awaitable } from '../../contract.js';
import { type RequestScope, type ScopingTide, scopeContext } from './context.js';
import { type ExecutionError, clientError, clientErrorOf } from './errors.js';

/** Results that hooks see: one, or many of a subscription or of `@defer`. */
interface Result {
  readonly errors?: readonly ExecutionError[] | undefined;
}
interface Done {
  readonly result: unknown;
  readonly setResult: (result: never) => void;
}
interface Next {
  onNext(next: Done): void;
}

/** The hooks of Yoga, and of any Envelop, that {@link useTidemark} has. */
export interface TidemarkPlugin<Initial> {
  onContextBuilding(payload: {
    readonly context: Initial;
    readonly extendContext: (more: never) => void;
  }): Promise<void>;
  onExecutionResult(payload: { readonly request: object } & Done): void;
  onExecute(): { onExecuteDone(payload: Done): Next | undefined };
  onSubscribe(): {
    onSubscribeResult(payload: Done): Next | undefined;
    onSubscribeError(payload: { readonly error: unknown; readonly setError: (error: unknown) => void }): void;
  };
}

/**
 * A plugin for graphql-yoga: `context.scope` and `context.loaders` for each request, as {@link scopeContext} makes them, and errors as
 * {@link clientError} has them, which Yoga then does not mask.
 *
 * @example
 * createYoga({ schema, plugins: [useTidemark(tide, ({ request }) => ({ principal: userOf(request) }))] });
 */
export function useTidemark<M extends AnyModel, Principal, Initial = { readonly request: Request }>(
  tide: ScopingTide<M, Principal>,
  settingsOf: (initial: Initial) => Awaitable<RequestScope<M, Principal>>,
): TidemarkPlugin<Initial> {
  const contextOf = scopeContext(tide, settingsOf);
  // Yoga masks what a context could not be made for, and what is no error of GraphQL cannot be made one before it has.
  const failures = new WeakMap<object, unknown>();
  return {
    onContextBuilding: async ({ context, extendContext }) => {
      try {
        extendContext((await contextOf(context)) as never);
      } catch (thrown) {
        const { request } = context as { readonly request?: object };
        if (request !== undefined) failures.set(request, thrown);
        throw thrown;
      }
    },
    onExecutionResult: (done) => {
      const failure = failures.get(done.request);
      if (failure !== undefined) showErrors(done, (error) => clientErrorOf(failure, error));
    },
    onExecute: () => ({ onExecuteDone: shown }),
    onSubscribe: () => ({
      onSubscribeResult: shown,
      onSubscribeError: ({ error, setError }) => {
        if (error instanceof Error) setError(clientError(error));
      },
    }),
  };
}

/** Shows the errors of a result, now or of each one that comes. */
function shown(done: Done): Next | undefined {
  if (typeof done.result === 'object' && done.result !== null && Symbol.asyncIterator in done.result)
    return {
      onNext: (next) => {
        showErrors(next, clientError);
      },
    };
  showErrors(done, clientError);
  return undefined;
}

function showErrors({ result, setResult }: Done, show: (error: ExecutionError) => ExecutionError): void {
  const { errors } = result as Result;
  if (errors !== undefined) setResult({ ...(result as Result), errors: errors.map(show) } as never);
}
