import { status } from '@grpc/grpc-js';
import { ERROR_CODES, TidemarkError, type TidemarkErrorCode, isTidemarkError } from '../../errors.js';

/** Where a failure names the code of its error. */
export const CODE_KEY = 'tidemark-code';

/** Troubles of whoever answers, not of the question: another one, or the same a little later, may do better. */
const OF_SERVICE: readonly TidemarkErrorCode[] = [
  'CLOSED',
  'LOAD_FAILED',
  'MARKS_UNAVAILABLE',
  'ORIGIN_FAILED',
  'ORIGIN_TIMEOUT',
  'OVERLOADED',
  'RULES_UNAVAILABLE',
  'STORE_DOWN',
  'STORE_FAILED',
  'STORE_TIMEOUT',
];

/** Statuses of the others; what is not here holds of the data: FAILED_PRECONDITION. */
const STATUS_OF: { readonly [Code in TidemarkErrorCode]?: status } = {
  ABORTED: status.CANCELLED,
  BLANK_ID: status.INVALID_ARGUMENT,
  BRANCH_REQUIRED: status.INVALID_ARGUMENT,
  INVALID_PARAMS: status.INVALID_ARGUMENT,
  INVALID_RECEIPT: status.INVALID_ARGUMENT,
  INVALID_REQUEST: status.INVALID_ARGUMENT,
  INVALID_RULE: status.INVALID_ARGUMENT,
  RULE_ARGUMENTS: status.INVALID_ARGUMENT,
  RULE_LIMIT: status.RESOURCE_EXHAUSTED,
  RULE_OPERATOR: status.INVALID_ARGUMENT,
  RULE_SYNTAX: status.INVALID_ARGUMENT,
  RULE_TOO_LARGE: status.RESOURCE_EXHAUSTED,
  RULE_TYPE: status.INVALID_ARGUMENT,
  UNAUTHORIZED: status.PERMISSION_DENIED,
  UNKNOWN_TYPE: status.INVALID_ARGUMENT,
};

export function isOfService(code: TidemarkErrorCode): boolean {
  return OF_SERVICE.includes(code);
}

/** Trailers have to fit a header of HTTP/2, with three bytes for each that is no ASCII. */
const MOST_CHARACTERS = 1000;

/** A text as gRPC can send it. */
export function sendable(text: string): string {
  const cut = text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS - 1)}…` : text;
  return cut.replaceAll(/\p{Surrogate}/gu, '\u{fffd}');
}

/** An error as gRPC has it. What is no error of this library is not told to anybody. */
export function statusOf(error: unknown): {
  readonly code: status;
  readonly details: string;
  readonly from: TidemarkErrorCode | null;
} {
  if (!isTidemarkError(error)) return { code: status.INTERNAL, details: 'internal error', from: null };
  const { code, message } = error;
  const fitting = isOfService(code) ? status.UNAVAILABLE : (STATUS_OF[code] ?? status.FAILED_PRECONDITION);
  return { code: fitting, details: sendable(message), from: code };
}

/** Statuses by which a server, or something before it, refuses a question that others would refuse too. */
const REFUSALS: readonly status[] = [
  status.INVALID_ARGUMENT,
  status.NOT_FOUND,
  status.ALREADY_EXISTS,
  status.PERMISSION_DENIED,
  status.RESOURCE_EXHAUSTED,
  status.FAILED_PRECONDITION,
  status.OUT_OF_RANGE,
  status.UNIMPLEMENTED,
  status.UNAUTHENTICATED,
];

/** What a failed call was told: the error of the question, or null where the service failed. */
export function refusalOf(
  answer: { readonly code: status; readonly details: string },
  from: string | undefined,
): TidemarkError | null {
  if (from !== undefined && Object.hasOwn(ERROR_CODES, from)) {
    const code = from as TidemarkErrorCode;
    // Of whoever answers: it ended the call by itself.
    return isOfService(code) || code === 'ABORTED' ? null : new TidemarkError(code, answer.details, { cause: answer });
  }
  if (!REFUSALS.includes(answer.code)) return null;
  const said = `${status[answer.code]} ${from ?? ''}`.trim();
  return new TidemarkError('RULES_REFUSED', `rules service: refused with ${said}: ${answer.details}`, {
    cause: answer,
  });
}
