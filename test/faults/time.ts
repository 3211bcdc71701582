import { setTimeout as pause } from 'node:timers/promises';

/** Milliseconds by the machine's one monotonic clock: all processes on it read the same. */
export const now = (): number => Number(process.hrtime.bigint()) / 1e6;

export { pause };

const PATIENCE_MS = 20_000;

/** Resolves once it is so; rejects with `what` if it is not in time. */
export async function until(
  what: string,
  isSo: () => unknown,
  { limitMs = PATIENCE_MS, everyMs = 10 }: { readonly limitMs?: number; readonly everyMs?: number } = {},
): Promise<void> {
  const deadline = now() + limitMs;
  while (!(await isSo())) {
    if (now() > deadline) throw new Error(`expected within ${String(limitMs)} ms: ${what}.`);
    await pause(everyMs);
  }
}
