import { expect } from 'vitest';
import { MAX_STALENESS_MS } from './fleet.js';
import { single } from './ground.js';
import { fault, onFleet } from './run.js';
import { now, pause, until } from './time.js';

const LEASE_MS = 1000;

export function processes(): void {
  fault('SIGKILL of a lease holder: one more origin call, and nobody hangs past the lease', () =>
    onFleet(
      single(),
      async (fleet) => {
        const { a, b, origin, ground } = fleet;
        // The holder's call does not come back in time; the next one does.
        origin.gate = ({ replica }) => (replica === 'a' ? new Promise(() => undefined) : Promise.resolve());
        void a.call.read('record:k0.0').catch(() => undefined);
        await until('it holds the lease', async () => (await ground.admin.keys('*tm1:l:*')).length === 1);
        await until('it has asked the origin', () => origin.callsFor('k0.0').length === 1);
        const waiting = b.call.herd('record:k0.0', 100);
        await until('the other replica waits', async () => (await b.call.stats()).misses > 0);
        await a.kill();
        const killedAt = now();
        expect((await waiting).versions).toEqual([1]);
        const takenOverMs = now() - killedAt;
        expect(takenOverMs).toBeLessThan(LEASE_MS + 500);
        expect(origin.callsFor('k0.0')).toHaveLength(2);
        return { takenOverMs, originCalls: 2 };
      },
      { tide: { leaseMs: LEASE_MS } },
    ),
  );

  fault('SIGKILL of a replica under load: the others go on', () =>
    onFleet(
      single(),
      async (fleet) => {
        await fleet.begin();
        await fleet.a.kill();
        await pause(300);
        await fleet.settle();
        return { ...(await fleet.verdict()) };
      },
      { replicas: 3 },
    ),
  );

  fault('a replica stopped for longer than marks are trusted, and continued, serves nothing of before', () =>
    onFleet(single(), async (fleet) => {
      await fleet.begin();
      for (let i = 0; i < 2; i++) {
        fleet.b.signal('SIGSTOP');
        await pause(MAX_STALENESS_MS + 500);
        fleet.b.signal('SIGCONT');
        await pause(300);
      }
      await fleet.settle();
      return { ...(await fleet.verdict()) };
    }),
  );

  fault('a replica stopped while its subscriber is cut', () =>
    onFleet(single(), async (fleet) => {
      await fleet.begin();
      fleet.b.signal('SIGSTOP');
      fleet.b.subscriber.cut();
      await pause(MAX_STALENESS_MS + 500);
      fleet.b.signal('SIGCONT');
      await pause(500);
      await fleet.settle();
      return { ...(await fleet.verdict()) };
    }),
  );
}
