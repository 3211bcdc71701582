import { type TidemarkErrorCode, isTidemarkError } from '../../errors.js';

/** Whose messages are about what a client said or may do. All others tell of the server, its data and its database. */
const SHOWN: ReadonlySet<string> = new Set<TidemarkErrorCode>([
  'ABORTED',
  'BLANK_ID',
  'BRANCH_REQUIRED',
  'CLOSED',
  'FIELD_FAILED',
  'INVALID_CHANGE',
  'INVALID_CURSOR',
  'INVALID_GEOMETRY',
  'INVALID_KEY',
  'INVALID_PARAMS',
  'INVALID_RECEIPT',
  'INVALID_RULE',
  'LIMIT_EXCEEDED',
  'MISSED',
  'NOT_PLACED',
  'OVERFLOW',
  'OVERLOADED',
  'REVOKED',
  'RULE_ARGUMENTS',
  'RULE_CONFLICT',
  'RULE_CYCLE',
  'RULE_KIND',
  'RULE_LIMIT',
  'RULE_NAN',
  'RULE_OPERATOR',
  'RULE_SYNTAX',
  'RULE_TOO_LARGE',
  'RULE_TYPE',
  'UNAUTHORIZED',
  'UNKNOWN_TYPE',
]);

/** What a client is told in the place of other messages. */
const UNTOLD = 'The server could not do this.';

interface Told {
  readonly message: string;
  readonly code: string;
}

/** What a client is told of an error of this library, however many errors of GraphQL it lies in; null of any other. */
function toldOf(error: unknown): Told | null {
  for (
    let at: unknown = error;
    typeof at === 'object' && at !== null;
    at = (at as { originalError?: unknown }).originalError
  ) {
    if (isTidemarkError(at)) return { code: at.code, message: SHOWN.has(at.code) ? at.message : UNTOLD };
  }
  return null;
}

/** An error as results of any version of graphql have them. */
export interface ExecutionError extends Error {
  readonly nodes?: unknown;
  readonly source?: unknown;
  readonly positions?: unknown;
  readonly path?: unknown;
  readonly extensions?: unknown;
}

type ErrorClass<E> = new (message: string, options: object) => E;

/**
 * The error of a result as a client may see it: one that began as an error of this library has its code in `extensions.code`,
 * and its message where that is about what the client said; any other is left as it is. For servers that mask all errors but
 * their own it is one of their own.
 */
export function clientError<E extends ExecutionError>(error: E): E {
  return isTidemarkError(error) ? error : clientErrorOf(error, error);
}

/** What a client is told of `cause`, in the place of `error`. */
export function clientErrorOf<E extends ExecutionError>(cause: unknown, error: E): E {
  const told = toldOf(cause);
  if (told === null) return error;
  const { nodes, source, positions, path } = error;
  // The class of the error itself: of whichever version of graphql, of whichever copy.
  const GraphQLError = error.constructor as ErrorClass<E>;
  return new GraphQLError(told.message, { nodes, source, positions, path, extensions: { code: told.code } });
}

/** An error as it goes over the wire. */
export interface FormattedError {
  readonly message: string;
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/**
 * `formatError` of Apollo Server, and of whatever else formats errors by themselves: the same as {@link clientError}.
 *
 * @example
 * new ApolloServer({ schema, formatError });
 */
export function formatError<E extends FormattedError>(formatted: E, error: unknown): E {
  const told = toldOf(error);
  if (told === null) return formatted;
  return { ...formatted, message: told.message, extensions: { code: told.code } };
}
