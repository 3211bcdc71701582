import { expect } from 'vitest';
import { MAX_STALENESS_MS } from './fleet.js';
import { single } from './ground.js';
import { fault, onFleet, seconds } from './run.js';
import { pause, until } from './time.js';

const OUTAGE_MS = seconds(10, 3);

export function restarts(): void {
  fault('a restart from an old RDB: saved, written to, killed, started from the old file', () =>
    onFleet(single(), async (fleet) => {
      const { admin, server } = fleet.ground;
      await fleet.begin();
      await admin.save();
      const saved = fleet.history.changes.length;
      await until('more is changed than the file knows', () => fleet.history.changes.length > saved + 20);
      await server.restart();
      await pause(MAX_STALENESS_MS);
      await fleet.settle();
      return { ...(await fleet.verdict()), mostOriginCalls: fleet.origin.most };
    }),
  );

  fault('a restart with nothing', () =>
    onFleet(single(), async (fleet) => {
      await fleet.begin();
      await fleet.ground.server.restart();
      await pause(MAX_STALENESS_MS);
      await fleet.settle();
      return { ...(await fleet.verdict()), mostOriginCalls: fleet.origin.most };
    }),
  );

  for (const untold of [false, true]) {
    fault(`a server that is away for 10 s under load${untold ? ', with ioredis as it comes' : ''}`, () =>
      onFleet(
        single({ untold }),
        async (fleet) => {
          const { server } = fleet.ground;
          await fleet.begin({ readers: 40, pauseMs: 30 });
          await server.kill();
          const begun = performance.now();
          // What is under way when the server goes was not held back by anything.
          await until('both replicas know of the outage', () =>
            fleet.replicas.every(({ name }) =>
              fleet.history.events.some((one) => one.replica === name && one.name === 'outage'),
            ),
          );
          await pause(200);
          fleet.origin.forget();
          await pause(Math.max(0, OUTAGE_MS - (performance.now() - begun)));
          const { most: mostOriginCalls } = fleet.origin;
          expect(mostOriginCalls).toBeLessThanOrEqual(4);
          const queued = fleet.history.changes.filter(({ state }) => state === 'queued').length;
          expect(queued).toBeGreaterThan(0);
          const back = performance.now();
          await server.restart();
          await until('everything that waited is sent', () => fleet.history.sent.length >= queued);
          const sentMs = performance.now() - back;
          await fleet.settle();
          return { ...(await fleet.verdict()), mostOriginCalls, sentMs };
        },
        { settlements: 30, originDelayMs: 10, tide: { outageOriginCalls: 4 } },
      ),
    );
  }
}
