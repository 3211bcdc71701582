import { createRandom, randomId, systemClock } from '../../clock.js';
import { type Channels, channelsOf, patternsOf } from './channels.js';
import { type SubscriberOptions, checkClients, checkPrefix, listenForErrors } from './client.js';
import { type RunScript, scriptRunner } from './script.js';

/** How a channel is announced on. */
export type Announce = 'PUBLISH' | 'SPUBLISH';

/** What Marks and Bus need of the two clients. */
export interface Connection {
  readonly prefix: string;
  /** Whether keys of different slots lie on different servers. */
  readonly apart: boolean;
  /** Announcements stay on the node of the channel's slot if the subscriber can hear them there. */
  readonly announce: Announce;
  /** Channels are the same in all databases of a server, keys are not: the end of a channel's name says whose it is. */
  readonly channelEnd: string;
  readonly channels: Channels;
  /** The same by pattern; null where the subscriber has none, or hears only the nodes of its channels. */
  readonly patterns: Channels | null;
  readonly run: RunScript;
  /** Announces without a script. */
  send(channel: string, bytes: Buffer): Promise<void>;
  /** What an epoch begins with, should a script have to begin one. */
  seed(): string;
  /** Takes back what was done to the clients. */
  close(): void;
}

/** Throws INVALID_OPTION for clients that cannot serve. */
export function connect(options: SubscriberOptions): Connection {
  checkClients(options);
  const { client, subscriber, clock = systemClock, random = createRandom() } = options;
  const apart = client.isCluster === true;
  const sharded = subscriber.isCluster === true;
  // Channels are subscribed again here. ioredis does so too, in a promise that nobody handles: where the connection goes away
  // once more before the answer, it would end the process.
  subscriber.options.autoResubscribe = false;
  const unlisten = [listenForErrors(client), listenForErrors(subscriber)];
  return {
    prefix: checkPrefix(options.prefix),
    apart,
    announce: sharded ? 'SPUBLISH' : 'PUBLISH',
    channelEnd: `@${String(apart ? 0 : (client.options.db ?? 0))}`,
    channels: channelsOf(subscriber, sharded, clock),
    patterns: sharded || subscriber.psubscribe === undefined ? null : patternsOf(subscriber, clock),
    run: scriptRunner(client, clock),
    send: async (channel, bytes) => {
      await (sharded ? client.spublish(channel, bytes) : client.publish(channel, bytes));
    },
    seed: () => randomId(random),
    close: () => {
      for (const stop of unlisten) stop();
    },
  };
}
