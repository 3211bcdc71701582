import { type ArgumentsHost, Catch, type ExceptionFilter, Logger } from '@nestjs/common';
import { type TidemarkError, type TidemarkErrorCode, isTidemarkError } from '../../errors.js';

/** Errors of every copy of this library, of which an app that loads it both ways has two. */
abstract class AnyTidemarkError {
  static [Symbol.hasInstance](error: unknown): boolean {
    return isTidemarkError(error);
  }
}

/** Of errors that are the client's, or pass by themselves; all others are 500. */
const STATUS: Partial<Record<TidemarkErrorCode, number>> = {
  BLANK_ID: 400,
  INVALID_CURSOR: 400,
  INVALID_FRAME: 400,
  INVALID_GEOMETRY: 400,
  INVALID_PARAMS: 400,
  INVALID_RECEIPT: 400,
  INVALID_REQUEST: 400,
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

/** A response of Express or Fastify. */
interface Response {
  readonly raw?: { readonly headersSent: boolean; end(): unknown } | undefined;
  readonly headersSent?: boolean | undefined;
  status(code: number): Response;
  send(body: object): unknown;
  end?(): unknown;
}

/**
 * Answers requests that fail with an error of this library: `{ statusCode, code, message }`, as Nest answers others. What is
 * no fault of the client says no more than its code, and is logged. For HTTP; elsewhere the error goes on as it is.
 *
 * @example
 * app.useGlobalFilters(new TidemarkFilter());
 */
export class TidemarkFilter implements ExceptionFilter<TidemarkError> {
  readonly #logger = new Logger('Tidemark');

  catch(error: TidemarkError, host: ArgumentsHost): void {
    if (host.getType() !== 'http') throw error;
    const { code, message } = error;
    const status = STATUS[code] ?? 500;
    if (status >= 500) this.#logger.error(error);
    const response = host.switchToHttp().getResponse<Response>();
    const sent = response.raw ?? response;
    if (sent.headersSent === true) sent.end?.();
    else
      response
        .status(status)
        .send({ statusCode: status, code, message: status < 500 ? message : 'Internal server error' });
  }
}
Catch(AnyTidemarkError as never)(TidemarkFilter);
