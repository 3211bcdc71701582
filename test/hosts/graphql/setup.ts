import { createPubSub, type PubSub, type PubSubOptions, type Resync } from '../../../src/hosts/graphql/index.js';
import { type FakeClock, fakeClock } from '../../../src/testing/index.js';
import { type FakeBus, FakeServer } from '../../realtime/fake-bus.js';

export const DONE = { done: true, value: undefined };

/** A payload that stands for a hole. */
export const standIn = ({ topic, reason }: Resync): string => `resync ${topic} ${reason}`;

export interface World {
  readonly server: FakeServer;
  readonly bus: FakeBus;
  readonly clock: FakeClock;
  readonly pubsub: PubSub;
  readonly errors: string[];
  /** Lets everything settle that needs no time. */
  settle(): Promise<void>;
  /** What an iterator gives without time passing. It stays open. */
  read(iterator: AsyncIterator<unknown, undefined>): Promise<unknown[]>;
}

/** A bus in the hands of the test and the pub/sub of one process over it. */
export function world(more: Partial<PubSubOptions> = {}): World {
  const server = new FakeServer();
  const bus = server.connect();
  const clock = fakeClock();
  const errors: string[] = [];
  const onError = (error: Error, where: string): void => {
    errors.push(`${where}: ${error.message}`);
  };
  const pubsub = createPubSub({ bus, clock, onError, onResync: standIn, ...more });
  const settle = (): Promise<void> => clock.advance(0);
  const pending = new WeakMap<object, Promise<IteratorResult<unknown, undefined>>>();
  const read = async (iterator: AsyncIterator<unknown, undefined>): Promise<unknown[]> => {
    const read: unknown[] = [];
    for (;;) {
      const asked = pending.get(iterator) ?? iterator.next();
      pending.set(iterator, asked);
      let outcome: { readonly result: IteratorResult<unknown, undefined> } | { readonly failure: unknown } | undefined;
      asked.then(
        (result) => (outcome = { result }),
        (failure: unknown) => (outcome = { failure }),
      );
      await settle();
      if (outcome === undefined) return read;
      pending.delete(iterator);
      if ('failure' in outcome) throw outcome.failure as Error;
      if (outcome.result.done === true) return [...read, 'done'];
      read.push(outcome.result.value);
    }
  };
  return { server, bus, clock, pubsub, errors, settle, read };
}
