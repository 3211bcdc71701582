import { execFileSync } from 'node:child_process';

/** Prometheus' own tool, where it is installed: `PROMTOOL` or on the path. */
const command = process.env['PROMTOOL'] ?? 'promtool';

export const hasPromtool = ((): boolean => {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
})();

/** Throws what it says of what it does not accept. */
export function promtool(args: readonly string[], input?: string): void {
  execFileSync(command, args, { stdio: 'pipe', ...(input === undefined ? {} : { input }) });
}
