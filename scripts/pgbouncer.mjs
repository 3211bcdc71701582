import { existsSync } from 'node:fs';
import { installByApt, onPath } from './install.mjs';

/** Where Debian has it, which is on the PATH of root only. */
const DEBIAN = '/usr/sbin/pgbouncer';

/** A PgBouncer: `{ path }`, or `{ missing }` with the reason. */
export function findPgbouncer() {
  const path = onPath('pgbouncer') ?? (existsSync(DEBIAN) ? DEBIAN : undefined);
  return path === undefined ? { missing: 'pgbouncer is not on the PATH' } : { path };
}

/** As `findPgbouncer`, but where it is not there, it is installed if this is Debian and its root. */
export function providePgbouncer() {
  const found = findPgbouncer();
  if (found.path !== undefined) return found;
  const failure = installByApt('pgbouncer');
  return failure === undefined ? findPgbouncer() : { missing: `${found.missing}, and ${failure}` };
}
