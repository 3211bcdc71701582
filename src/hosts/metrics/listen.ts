import { type Message, OPERATIONS, type Operation, channelOf } from '../../traces.js';

/** What is made of operations as they begin and end. */
export interface Watcher {
  began(operation: Operation, message: Message): void;
  ended(operation: Operation, message: Message): void;
}

/** Hears of these operations of these tides, and of no others in the process. Returns what ends it. */
export function listen(
  tides: ReadonlyMap<object, unknown>,
  watcher: Watcher,
  operations: readonly Operation[] = OPERATIONS,
): () => void {
  const ends = operations.map((operation) => {
    const channel = channelOf(operation);
    const start = (message: unknown): void => {
      if (tides.has((message as Message).tide)) watcher.began(operation, message as Message);
    };
    const asyncEnd = (message: unknown): void => {
      if (tides.has((message as Message).tide)) watcher.ended(operation, message as Message);
    };
    channel.start.subscribe(start);
    channel.asyncEnd.subscribe(asyncEnd);
    return () => {
      channel.start.unsubscribe(start);
      channel.asyncEnd.unsubscribe(asyncEnd);
    };
  });
  return () => {
    for (const end of ends) end();
  };
}
