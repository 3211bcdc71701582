import { isTidemarkError } from '../../errors.js';

/** Why a request is answered with no stream. */
export interface Refused {
  readonly status: 400 | 401 | 405 | 413 | 415 | 503;
  readonly code: string;
  readonly message: string;
}

export const UNAUTHORIZED: Refused = {
  status: 401,
  code: 'UNAUTHORIZED',
  message: 'Expected credentials that are good.',
};
export const CLOSED: Refused = { status: 503, code: 'CLOSED', message: 'The server is going away.' };
/** A body that names a thousand subscriptions with their cursors is a quarter of it. */
export const MAX_BODY_BYTES = 1_048_576;
export const TOO_LARGE: Refused = {
  status: 413,
  code: 'TOO_LARGE',
  message: `Expected a body of at most ${String(MAX_BODY_BYTES)} bytes.`,
};
export const NOT_JSON: Refused = {
  status: 415,
  code: 'UNSUPPORTED_MEDIA_TYPE',
  message: 'Expected application/json.',
};
export const NO_METHOD: Refused = { status: 405, code: 'METHOD_NOT_ALLOWED', message: 'Expected GET or POST.' };

/** An error in what was asked, as an answer; others are thrown on. */
export function refusedFor(error: unknown): Refused {
  if (!isTidemarkError(error)) throw error;
  const { code, message } = error;
  if (code === 'UNAUTHORIZED') return UNAUTHORIZED;
  if (code === 'CLOSED') return CLOSED;
  return { status: 400, code, message };
}

/** The response to a request that is refused. */
export function answerOf({ status, code, message }: Refused) {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (status === 405) headers['allow'] = 'GET, POST';
  return { status, headers, body: JSON.stringify({ code, message }) };
}
