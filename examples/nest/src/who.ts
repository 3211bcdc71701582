import { type CanActivate, type ExecutionContext, Injectable } from '@nestjs/common';
import type { User } from './campaign/model.js';

/** Of a request what this app goes by. */
export interface Asked {
  readonly headers: { readonly 'x-user'?: string; readonly 'x-after'?: string };
  user?: User;
}

/** Everybody is who they say they are. In an app of your own: a token that is verified, and a request without one refused. */
@Injectable()
export class Who implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<Asked>();
    request.user = { name: request.headers['x-user'] ?? 'somebody' };
    return true;
  }
}
