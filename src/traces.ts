import { type TracingChannel, tracingChannel } from 'node:diagnostics_channel';
import { isTidemarkError } from './errors.js';

/**
 * What a tide does that takes a while, told on channels of `node:diagnostics_channel` as it begins and ends. While nobody
 * listens nothing is made and nothing told. No message has an id, a key or a value.
 */

/** On every channel. The object is the same from the beginning of one operation to its end. */
export interface Message {
  /** What `createTidemark` returned: of several in one process, which. */
  readonly tide: object;
  /**
   * A listener of `start` that has to be around the work, such as one that makes a span the active one, puts a function here
   * which calls what it is given, and returns what that returns. One that finds another there calls it in its own.
   */
  within?: (<Result>(work: () => Result) => Result) | undefined;
  /** From `error` on. */
  error?: unknown;
}

/** A value is not in tier 1, and is found in tier 2 or loaded. In the context of the reader that began it. */
export interface LoadMessage extends Message {
  readonly kind: 'record' | 'list' | 'view' | 'key' | 'spatial' | 'computed';
  /** The entity type, or the view's name. */
  readonly type: string;
  /** From `asyncStart` on, unless it failed: where the value came from. */
  found?: 'tier1' | 'tier2' | 'load' | undefined;
}

/** One call of the host's origin: in the context of the first reader whose value it is for. */
export interface OriginMessage extends Message {
  readonly type: string;
  readonly method: 'byIds' | 'childrenOf' | 'all';
  /** Ids, or parents, that it is asked about; 0 for `all`. */
  readonly count: number;
  /** The loads that wait for it, as far as somebody listened to these. */
  readonly loads: readonly LoadMessage[];
}

/** One call of the marks or the store. */
export interface StoreMessage extends Message {
  readonly part: 'marks' | 'store';
  /** The method: `fetch` reads values and marks. */
  readonly call: string;
}

/** One `change()`, or the changes of a transaction: until its receipt. */
export interface ChangeMessage extends Message {
  readonly types: readonly string[];
  /** Changes made as one. */
  readonly count: number;
  readonly changeId: string;
  /** From `asyncStart` on, unless it failed. */
  state?: 'done' | 'queued' | undefined;
}

/** The events of a change are handed to the bus: within the change, or later for one that waited. */
export interface PublishMessage extends Message {
  readonly count: number;
  readonly changeId: string;
}

export interface TraceMessages {
  load: LoadMessage;
  origin: OriginMessage;
  store: StoreMessage;
  change: ChangeMessage;
  publish: PublishMessage;
}
export type Operation = keyof TraceMessages;

/** The channels are those of `tracingChannel('tidemark:load')`, and so for each operation. */
export const OPERATIONS = ['load', 'origin', 'store', 'change', 'publish'] as const satisfies readonly Operation[];

export const channelOf = <Name extends Operation>(
  operation: Name,
): TracingChannel<TraceMessages[Name], TraceMessages[Name]> =>
  tracingChannel<TraceMessages[Name], TraceMessages[Name]>(`tidemark:${operation}`);

/** The operations of one tide. */
export class Traces {
  /** Whose they are. Set once it is made. */
  tide: object = {};
  readonly #channels = {
    load: channelOf('load'),
    origin: channelOf('origin'),
    store: channelOf('store'),
    change: channelOf('change'),
    publish: channelOf('publish'),
  };

  /** Whether anybody listens: only then is it worth making a message. */
  hears(operation: Operation): boolean {
    return this.#channels[operation].hasSubscribers;
  }

  /** Tells of work as it begins and ends. `ended` adds to the message what is known then. */
  run<Name extends Operation, Result>(
    operation: Name,
    message: TraceMessages[Name],
    work: () => Promise<Result>,
    ended?: (result: Result) => void,
  ): Promise<Result> {
    const channel = this.#channels[operation] as TracingChannel<Message, Message>;
    const settled = (): void => {
      channel.asyncStart.publish(message);
      channel.asyncEnd.publish(message);
    };
    return channel.start.runStores(message, () => {
      try {
        const working = message.within === undefined ? work() : message.within(work);
        return working.then(
          (result) => {
            ended?.(result);
            settled();
            return result;
          },
          (error: unknown) => {
            message.error = error;
            channel.error.publish(message);
            settled();
            throw error;
          },
        );
      } finally {
        channel.end.publish(message);
      }
    });
  }
}

/** What an error may be known by elsewhere: its text may name entities. */
export const codeOf = (error: unknown): string => (isTidemarkError(error) ? error.code : 'other');
