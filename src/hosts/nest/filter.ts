import { type ArgumentsHost, Catch, type ExceptionFilter, Logger } from '@nestjs/common';
import { type TidemarkError, isTidemarkError } from '../../errors.js';
import { statusOf } from '../http/status.js';

/** Errors of every copy of this library, of which an app that loads it both ways has two. */
abstract class AnyTidemarkError {
  static [Symbol.hasInstance](error: unknown): boolean {
    return isTidemarkError(error);
  }
}

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
    const status = statusOf(code);
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
