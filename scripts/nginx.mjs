import { existsSync } from 'node:fs';
import { installByApt, onPath } from './install.mjs';

/** Where Debian has it, which is on the PATH of root only. */
const DEBIAN = '/usr/sbin/nginx';

/** An nginx: `{ path }`, or `{ missing }` with the reason. */
export function findNginx() {
  const path = onPath('nginx') ?? (existsSync(DEBIAN) ? DEBIAN : undefined);
  return path === undefined ? { missing: 'nginx is not on the PATH' } : { path };
}

/** As `findNginx`, but where it is not there, it is installed if this is Debian and its root. */
export function provideNginx() {
  const found = findNginx();
  if (found.path !== undefined) return found;
  const failure = installByApt('nginx-light');
  return failure === undefined ? findNginx() : { missing: `${found.missing}, and ${failure}` };
}
