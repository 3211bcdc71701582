import type { TidemarkErrorCode } from '../../errors.js';

/** Of errors that are the client's, or pass by themselves. */
const STATUS: Partial<Record<TidemarkErrorCode, number>> = {
  BLANK_ID: 400,
  INVALID_CURSOR: 400,
  INVALID_FRAME: 400,
  INVALID_GEOMETRY: 400,
  INVALID_PARAMS: 400,
  INVALID_RECEIPT: 400,
  INVALID_REQUEST: 400,
  // Of rules that are saved: those that are read were checked.
  INVALID_RULE: 400,
  RULE_ARGUMENTS: 400,
  RULE_CYCLE: 400,
  RULE_KIND: 400,
  RULE_OPERATOR: 400,
  RULE_SYNTAX: 400,
  RULE_TOO_LARGE: 400,
  RULE_TYPE: 400,
  UNSUPPORTED_GEOMETRY: 400,
  REVOKED: 403,
  UNAUTHORIZED: 403,
  NOT_PLACED: 404,
  RULE_CONFLICT: 409,
  LIMIT_EXCEEDED: 429,
  // Nobody reads it: the client has gone.
  ABORTED: 499,
  CLOSED: 503,
  MARKS_UNAVAILABLE: 503,
  OVERLOADED: 503,
  RULES_UNAVAILABLE: 503,
  ORIGIN_TIMEOUT: 504,
};

/** The status that a request fails with by this error; 500 for what is no fault of the client. */
export const statusOf = (code: TidemarkErrorCode): number => STATUS[code] ?? 500;
