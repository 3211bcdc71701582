import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { installByApt, onPath } from './install.mjs';

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
  const failure = installByApt('chromium');
  if (failure !== undefined) return { missing: `${found.missing}, and ${failure}` };
  const installed = findChromium();
  if (installed.path !== undefined)
    console.log(execFileSync(installed.path, ['--version'], { encoding: 'utf8' }).trim());
  return installed;
}
