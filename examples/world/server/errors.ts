import { isTidemarkError } from 'tidemark';

/** What a caller is told when something fails: their own doing in words, everything else by its code alone. */

/** A request that cannot be granted as it stands. */
export class Refused extends Error {
  readonly code: keyof typeof STATUS;

  constructor(code: keyof typeof STATUS, message: string) {
    super(message);
    this.code = code;
  }
}

/** Codes of what a caller can put right, whoever found the fault: this server, the tables or tidemark. */
const STATUS = {
  BAD_REQUEST: 400,
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  CONFLICT: 409,
  UNSUPPORTED_MEDIA_TYPE: 415,
  TOO_LARGE: 413,

  INCOMPLETE: 400,

  /** The client left before it was answered: no fault of anybody's. */
  ABORTED: 499,

  BLANK_ID: 400,
  INVALID_CURSOR: 400,
  INVALID_GEOMETRY: 400,
  INVALID_OPTION: 400,
  UNAUTHORIZED: 403,
  RULE_CONFLICT: 409,
  INVALID_RULE: 400,
  UNKNOWN_TYPE: 400,
  RULE_ARGUMENTS: 400,
  RULE_CYCLE: 400,
  RULE_KIND: 400,
  RULE_OPERATOR: 400,
  RULE_SYNTAX: 400,
  RULE_TOO_LARGE: 400,
  RULE_TYPE: 400,
} as const;

export interface PublicError {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** GraphQL wraps errors, and so does tidemark those of an origin: the one to tell of may lie deeper. */
export function publicError(error: unknown): PublicError {
  let found = 'INTERNAL';
  for (let at = error; at instanceof Error; at = causeOf(at)) {
    const { code } = at as { code?: unknown };
    if (typeof code === 'string' && isOurs(code)) return { status: STATUS[code], code, message: at.message };
    if (found === 'INTERNAL' && isTidemarkError(at)) found = at.code;
  }
  return { status: 500, code: found, message: 'Something went wrong on our side.' };
}

function causeOf(error: Error): unknown {
  return (error as { readonly originalError?: unknown }).originalError ?? error.cause;
}

const isOurs = (code: string): code is keyof typeof STATUS => Object.hasOwn(STATUS, code);
