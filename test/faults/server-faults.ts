import { MAX_STALENESS_MS } from './fleet.js';
import { type Single, single } from './ground.js';
import { fault, onFleet } from './run.js';
import { pause } from './time.js';

/** What an operator, or bad luck, does to a server that stays up. */
const BLOWS: Readonly<Record<string, (ground: Single) => Promise<unknown>>> = {
  'kills all connections of clients': ({ admin }) => admin.call('client', 'kill', 'type', 'normal', 'skipme', 'yes'),
  'kills all connections of subscribers': ({ admin }) => admin.call('client', 'kill', 'type', 'pubsub'),
  'pauses everything': ({ admin }) => admin.call('client', 'pause', MAX_STALENESS_MS + 700, 'ALL'),
  'pauses writes': ({ admin }) => admin.call('client', 'pause', MAX_STALENESS_MS + 700, 'WRITE'),
  sleeps: ({ admin }) => admin.call('debug', 'sleep', (MAX_STALENESS_MS + 700) / 1000),
  'loses all it holds': ({ admin }) => admin.call('flushall'),
  'loses all it holds, in the background': ({ admin }) => admin.call('flushall', 'async'),
  'forgets its scripts': ({ admin }) => admin.call('script', 'flush'),
};

export function serverFaults(): void {
  for (const [what, inflict] of Object.entries(BLOWS)) {
    fault(`a server that ${what}`, () =>
      onFleet(single(), async (fleet) => {
        await fleet.begin();
        for (let i = 0; i < 2; i++) {
          await inflict(fleet.ground);
          await pause(300);
        }
        await fleet.settle();
        return { ...(await fleet.verdict()), mostOriginCalls: fleet.origin.most };
      }),
    );
  }
}
