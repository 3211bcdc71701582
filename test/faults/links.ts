import { expect } from 'vitest';
import { MAX_STALENESS_MS } from './fleet.js';
import { single } from './ground.js';
import type { Link } from './link.js';
import { fault, onFleet } from './run.js';
import { pause, until } from './time.js';

const KINDS = ['client', 'subscriber'] as const;

/** How a link breaks. Each lasts longer than marks are trusted. */
const BREAKS: Readonly<Record<string, (link: Link) => unknown>> = {
  'is cut, time and again': async (link) => {
    for (let i = 0; i < 4; i++) {
      link.cut();
      await pause(MAX_STALENESS_MS / 4);
    }
  },
  'refuses connections': (link) => link.refuse(),
  'holds back what is sent': (link) => {
    link.hold();
  },
  'holds back what is answered': (link) => {
    link.hold('down');
  },
  'is slow': (link) => {
    link.delay(200);
  },
};

export function links(): void {
  for (const kind of KINDS) {
    for (const [what, inflict] of Object.entries(BREAKS)) {
      fault(`the ${kind} link of one replica ${what}`, () =>
        onFleet(single(), async (fleet) => {
          await fleet.begin();
          await inflict(fleet.b[kind]);
          await pause(MAX_STALENESS_MS + 700);
          await fleet.b[kind].heal();
          await fleet.settle();
          return { ...(await fleet.verdict()), mostOriginCalls: fleet.origin.most };
        }),
      );
    }

    fault(`the ${kind} link of one replica is half open`, () =>
      onFleet(single(), async (fleet) => {
        await fleet.begin();
        fleet.b[kind].halfOpen();
        await pause(MAX_STALENESS_MS + 700);
        await fleet.settle();
        return { ...(await fleet.verdict()), mostOriginCalls: fleet.origin.most };
      }),
    );
  }

  fault('the client link of one replica holds back what is sent, with ioredis as it comes', () =>
    onFleet(single({ untold: true }), async (fleet) => {
      await fleet.begin();
      fleet.b.client.hold('up');
      await pause(MAX_STALENESS_MS + 700);
      await fleet.b.client.heal();
      await fleet.settle();
      return { ...(await fleet.verdict()), mostOriginCalls: fleet.origin.most };
    }),
  );

  fault('a bus cut during changes heals without a flush of tier 1', () =>
    onFleet(
      single(),
      async (fleet) => {
        const { a, b, database, origin } = fleet;
        const written = ['k0.0', 'k0.1'];
        await fleet.begin({ writes: written, targets: database.settlements.map((id) => `record:${id}`) });
        const hitRate = async (): Promise<number> => {
          await b.call.resetStats();
          await pause(600);
          const { hits, misses } = await b.call.stats();
          return hits / (hits + misses);
        };
        const before = await hitRate();
        origin.forget();
        await b.subscriber.refuse();
        const { version } = await a.call.change('k0.0');
        const cutAt = performance.now();
        await until('the change is seen although the bus is cut', async () => {
          const { seen } = await b.call.read('record:k0.0');
          return (seen?.[0]?.[1] ?? 0) >= version;
        });
        const seenMs = performance.now() - cutAt;
        const during = await hitRate();
        await b.subscriber.heal();
        const after = await hitRate();
        await fleet.settle();
        const loaded = origin.calls.filter(({ replica, kind }) => replica === 'b' && kind === 'byIds');
        const others = loaded.flatMap(({ ids }) => ids).filter((id) => !written.includes(id));
        // Reads that came within the round trip of the re-read are the only ones that may need the origin.
        expect(others.length).toBeLessThan(database.settlements.length / 20);
        expect(during).toBeGreaterThan(0.95);
        return { ...(await fleet.verdict()), seenMs, before, during, after, loadedAgain: others.length };
      },
      { settlements: 200 },
    ),
  );
}
