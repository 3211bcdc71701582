import { execFileSync } from 'node:child_process';
import { installByApt, onPath } from './install.mjs';

const PROGRAMS = ['redis-server', 'redis-sentinel', 'redis-cli'];

/** The programs of a Redis on the PATH: `{ paths }` by name, or `{ missing }` with the reason. */
export function findRedis() {
  const paths = Object.fromEntries(PROGRAMS.map((name) => [name, onPath(name)]));
  const lacking = PROGRAMS.filter((name) => paths[name] === undefined);
  return lacking.length === 0 ? { paths } : { missing: `${lacking.join(', ')} not on the PATH` };
}

/** As `findRedis`, but where it is not there, it is installed if this is Debian and its root. */
export function provideRedis() {
  const found = findRedis();
  if (found.paths !== undefined) return found;
  const failure = installByApt('redis-server', 'redis-sentinel');
  if (failure !== undefined) return { missing: `${found.missing}, and ${failure}` };
  const installed = findRedis();
  if (installed.paths !== undefined)
    console.log(execFileSync(installed.paths['redis-server'], ['--version'], { encoding: 'utf8' }).trim());
  return installed;
}
