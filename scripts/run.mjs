import { spawn, spawnSync } from 'node:child_process';

/** Runs a command in the foreground and returns its exit code; a command that cannot be started counts as failed. */
export function run(command, args, env = {}) {
  const { status, error } = spawnSync(command, args, {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, ...env },
  });
  if (error) console.error(`${command}: ${error.message}`);
  return status ?? 1;
}

/** The same beside others: resolves with the exit code and what it printed. */
export function runBeside(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const printed = [];
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => printed.push(chunk));
    const end = (exitCode) => resolve({ exitCode, output: Buffer.concat(printed).toString() });
    child.on('error', (error) => {
      printed.push(Buffer.from(`${command}: ${error.message}\n`));
      end(1);
    });
    child.on('close', (exitCode) => end(exitCode ?? 1));
  });
}
