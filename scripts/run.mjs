import { spawnSync } from 'node:child_process';

/** Runs a command in the foreground and returns its exit code; a command that cannot be started counts as failed. */
export function run(command, args, env = {}) {
  const { status, error } = spawnSync(command, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
  if (error) console.error(`${command}: ${error.message}`);
  return status ?? 1;
}
