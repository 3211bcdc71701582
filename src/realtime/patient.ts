import { inTime } from '../clock.js';
import type { Bus, Clock } from '../contract.js';
import { TidemarkError } from '../errors.js';

/** Long enough for thousands of subscriptions that are made at once. */
const PATIENCE_MS = 10_000;

/**
 * A bus that is not waited for for ever: a read or a subscription without an answer has failed, and may be tried again.
 * One that is made after all is undone. Publications are not limited here: what became of one decides what comes after it.
 */
export function patientBus(bus: Bus, clock: Clock): Bus {
  const late = (verb: string, topic: string) => (): Error =>
    new TidemarkError(
      'STORE_TIMEOUT',
      `bus.${verb} ${topic}: expected an answer within ${String(PATIENCE_MS)} ms, got none.`,
    );
  return {
    publish: (topic, bytes, message) => bus.publish(topic, bytes, message),
    read: (topic, since, limit) => inTime(clock, PATIENCE_MS, () => bus.read(topic, since, limit), late('read', topic)),
    subscribe: async (topic, listener) => {
      const subscribing = bus.subscribe(topic, listener);
      try {
        return await inTime(clock, PATIENCE_MS, () => subscribing, late('subscribe', topic));
      } catch (error) {
        void subscribing.then(
          (unsubscribe) => unsubscribe(),
          () => undefined,
        );
        throw error;
      }
    },
    ephemeral: bus.ephemeral,
    close: () => bus.close(),
  };
}
