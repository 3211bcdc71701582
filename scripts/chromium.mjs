import { execFileSync, spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/**
 * A Chromium that is there: CHROMIUM_PATH, else one on the PATH. Returns `{ path }`, or `{ missing }` with the reason.
 * Throws if CHROMIUM_PATH names a file that does not exist.
 */
export function findChromium() {
  const named = process.env.CHROMIUM_PATH;
  if (named) {
    if (!existsSync(named))
      throw new Error(`CHROMIUM_PATH: expected an executable, got '${named}', which does not exist.`);
    return { path: named };
  }
  const path = NAMES.map(onPath).find((found) => found !== undefined);
  return path === undefined ? { missing: `none of ${NAMES.join(', ')} is on the PATH` } : { path };
}

/** As `findChromium`, but where there is none, it is installed if this is Debian and its root. */
export function provideChromium() {
  const found = findChromium();
  if (found.path !== undefined) return found;
  if (onPath('apt-get') === undefined || process.getuid?.() !== 0) {
    return { missing: `${found.missing}, and it can be installed only on Debian as root` };
  }
  console.log('Installing Chromium by apt-get …');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  for (const args of [
    ['update', '-q'],
    ['install', '-qy', '--no-install-recommends', 'chromium'],
  ]) {
    const { status, stdout, stderr } = spawnSync('apt-get', args, { env, encoding: 'utf8' });
    if (status !== 0) return { missing: `apt-get ${args.join(' ')} failed: ${stdout}${stderr}` };
  }
  const installed = findChromium();
  if (installed.path !== undefined)
    console.log(execFileSync(installed.path, ['--version'], { encoding: 'utf8' }).trim());
  return installed;
}

function onPath(name) {
  return (process.env.PATH ?? '')
    .split(delimiter)
    .map((directory) => join(directory, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
