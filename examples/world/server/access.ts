import type { IncomingHttpHeaders } from 'node:http';
import type { Authorize } from 'tidemark';
import { BRANCHES, type Principal } from '../model.ts';
import { Refused } from './errors.ts';

/** Who asks, and what they may. A real service would verify a signed token where this one looks into a table. */

const PRINCIPALS: ReadonlyMap<string, Principal> = new Map([
  ['visitor', { name: 'visitor', mayEdit: false }],
  ['cartographer', { name: 'cartographer', mayEdit: true }],
]);

/** By the header `Authorization: Bearer …`, else by the cookie `token`, else a visitor. */
export function principalOf({ authorization, cookie }: IncomingHttpHeaders): Principal {
  const token = /^Bearer +(.+)$/i.exec(authorization ?? '')?.[1] ?? /(?:^|; *)token=([^;]*)/.exec(cookie ?? '')?.[1];
  const principal = PRINCIPALS.get(token ?? 'visitor');
  if (principal === undefined) throw new Refused('UNAUTHENTICATED', 'The token is not one that this server gave out.');
  return principal;
}

/** Whether somebody asks from this machine itself. Behind a proxy that would be everybody. */
export function isHere({ remoteAddress = '' }: { readonly remoteAddress?: string | undefined }): boolean {
  return ['127.0.0.1', '::1', '::ffff:127.0.0.1'].includes(remoteAddress);
}

export function requireEditor({ name, mayEdit }: Principal): void {
  if (!mayEdit) throw new Refused('FORBIDDEN', `A ${name} may look at everything and change nothing.`);
}

/** Everybody may watch entities, lists and types of a branch that is there; what concerns a whole branch is for those who edit. */
export const authorize: Authorize<Principal> = ({ mayEdit }, { kind, branch }) =>
  Object.hasOwn(BRANCHES, branch) && (mayEdit || kind === 'entity' || kind === 'list' || kind === 'type');
