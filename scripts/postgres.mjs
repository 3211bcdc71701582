import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { installByApt, onPath } from './install.mjs';

const DEBIAN = '/usr/lib/postgresql';
const PROGRAMS = ['initdb', 'postgres', 'pg_isready', 'psql'];

/**
 * A PostgreSQL whose programs are in one directory and that has PostGIS, the newest of Debian's first, then the one on the
 * PATH: `{ paths }` by name, or `{ missing }` with the reason.
 */
export function findPostgres() {
  const servers = [...debianServers(), ...serverOnPath()];
  const whole = servers.filter(({ bin }) => PROGRAMS.every((name) => existsSync(join(bin, name))));
  const found = whole.find(({ share }) => existsSync(join(share, 'extension', 'postgis.control')));
  if (found !== undefined) return { paths: Object.fromEntries(PROGRAMS.map((name) => [name, join(found.bin, name)])) };
  return {
    missing:
      whole.length === 0
        ? `${PROGRAMS.join(', ')} neither in ${DEBIAN} nor on the PATH`
        : `no PostGIS beside the PostgreSQL in ${whole.map(({ bin }) => bin).join(', ')}`,
  };
}

/** As `findPostgres`, but where it is not there, it is installed if this is Debian and its root. */
export function providePostgres() {
  const found = findPostgres();
  if (found.paths !== undefined) return found;
  // A release of Debian has one version of PostgreSQL, which this expression finds.
  const failure = installByApt('^postgresql-[0-9]+-postgis-3$');
  if (failure !== undefined) return { missing: `${found.missing}, and ${failure}` };
  const installed = findPostgres();
  if (installed.paths !== undefined)
    console.log(execFileSync(installed.paths.postgres, ['--version'], { encoding: 'utf8' }).trim());
  return installed;
}

function debianServers() {
  if (!existsSync(DEBIAN)) return [];
  return readdirSync(DEBIAN)
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => ({ bin: join(DEBIAN, version, 'bin'), share: join('/usr/share/postgresql', version) }));
}

function serverOnPath() {
  const [postgres, config] = [onPath('postgres'), onPath('pg_config')];
  if (postgres === undefined || config === undefined) return [];
  return [{ bin: dirname(postgres), share: execFileSync(config, ['--sharedir'], { encoding: 'utf8' }).trim() }];
}
