import type { EphemeralTopics } from '../contract.js';
import { type Retrying, untilDone } from './retry.js';

/**
 * Listens until the signal fires, tried again until the bus takes it. Resolves once it is acknowledged or the signal has
 * fired. Never rejects.
 */
export async function keepListening(
  topics: EphemeralTopics,
  { topic, hear }: { readonly topic: string; readonly hear: (bytes: Uint8Array) => void },
  retrying: Retrying,
): Promise<void> {
  const { signal } = retrying;
  await untilDone(async () => {
    const end = await topics.listen(topic, hear);
    if (signal.aborted) await end();
    else signal.addEventListener('abort', () => void end().catch(() => undefined), { once: true });
  }, retrying);
}
