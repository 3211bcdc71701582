import { expect } from 'vitest';
import type { Fleet } from './fleet.js';
import { single } from './ground.js';
import type { Origin } from './origin.js';
import type { Replica } from './replica.js';
import { fault, onFleet } from './run.js';
import { until } from './time.js';

/*
 * The experiments that caches of this kind were seen to fail, on two processes and a real Redis. Gates order the steps,
 * not time. `record` is what others call a key, `list` and `view` what they call a tag.
 */

const KINDS = ['record:k0.0', 'list:k0', 'view:k0', 'key:k0'];
const ID = 'k0.0';

/** Holds back the next answer of the origin, which has been decided by then. */
function holdNext(origin: Origin): { readonly asked: Promise<void>; readonly release: () => void } {
  let [release, onAsked] = [(): void => {}, (): void => {}];
  const asked = new Promise<void>((resolve) => (onAsked = resolve));
  const held = new Promise<void>((resolve) => (release = resolve));
  let first = true;
  origin.gate = async () => {
    if (!first) return;
    first = false;
    onAsked();
    await held;
  };
  return { asked, release };
}

const versionOf = async (replica: Replica, what: string): Promise<number> => {
  const { seen, error } = await replica.call.read(what);
  return seen?.find(([id]) => id === ID)?.[1] ?? expect.fail(`${ID} in ${what}: ${String(error)}`);
};

const isFresh = (replica: Replica, what: string, version = 2): Promise<void> =>
  until(`${replica.name} reads ${what} at version ${String(version)}`, async () => {
    return (await versionOf(replica, what)) === version;
  });

async function judged(fleet: Fleet): Promise<Record<string, number>> {
  const { stalestMs } = await fleet.verdict();
  return { stalestMs, originCalls: fleet.origin.calls.length };
}

export function cases(): void {
  for (const what of KINDS) {
    fault(`E1, E3: a load begins, a change comes, the load ends: ${what}`, () =>
      onFleet(single(), async (fleet) => {
        const { a, origin } = fleet;
        const { asked, release } = holdNext(origin);
        const loading = a.call.read(what);
        await asked;
        expect((await a.call.change(ID)).state).toBe('done');
        expect(await versionOf(a, what)).toBe(2); // E3: does not join
        release();
        await loading;
        expect(await versionOf(a, what)).toBe(2); // E1: was not kept
        return judged(fleet);
      }),
    );

    fault(`E2: a load on one, a change on another, the load ends; one, another and a third read: ${what}`, () =>
      onFleet(
        single(),
        async (fleet) => {
          const [a, b, c] = fleet.replicas as [Replica, Replica, Replica];
          const { asked, release } = holdNext(fleet.origin);
          const loading = b.call.read(what);
          await asked;
          const { state, receipt = '', version } = await a.call.change(ID);
          expect(state).toBe('done');
          const late = b.call.read(what, { after: { receipt, id: ID, version } });
          release();
          await Promise.all([loading, late]);
          expect(await versionOf(a, what)).toBe(2);
          expect(await versionOf(c, what)).toBe(2);
          await isFresh(b, what);
          return judged(fleet);
        },
        { replicas: 3 },
      ),
    );

    fault(`E4: a change while another replica's bus is cut, which heals; only it reads: ${what}`, () =>
      onFleet(single(), async (fleet) => {
        const { a, b } = fleet;
        expect(await versionOf(b, what)).toBe(1);
        await b.subscriber.refuse();
        expect((await a.call.change(ID)).state).toBe('done');
        const begun = performance.now();
        await isFresh(b, what);
        const healedMs = performance.now() - begun;
        await b.subscriber.heal();
        expect((await a.call.change(ID)).state).toBe('done');
        await isFresh(b, what, 3); // E4b
        return { ...(await judged(fleet)), healedMs };
      }),
    );

    fault(`E5: an answer of tier 2 is overtaken by a change: ${what}`, () =>
      onFleet(single(), async (fleet) => {
        const { a, b } = fleet;
        expect(await versionOf(a, what)).toBe(1);
        await b.call.subscribe([ID]);
        await until('the other replica hears', async () => {
          const { version } = await a.call.change('k1.7');
          await a.call.change(ID);
          return version > 1 && fleet.history.heard.length > 0;
        });
        const before = fleet.database.version(ID);
        expect(await versionOf(a, what)).toBe(before);
        b.client.hold('down');
        const reading = b.call.read(what);
        await until('the answer is on its way', () => b.client.held.includes(ID));
        expect((await a.call.change(ID)).state).toBe('done');
        await until('the message has overtaken it', () =>
          fleet.history.heard.some(({ version }) => version === before + 1),
        );
        await b.client.heal();
        await reading;
        expect(await versionOf(b, what)).toBe(before + 1);
        return judged(fleet);
      }),
    );

    fault(`E8: the store cannot be reached for a change; its receipt says so: ${what}`, () =>
      onFleet(single(), async (fleet) => {
        const { a, b, history } = fleet;
        expect([await versionOf(a, what), await versionOf(b, what)]).toEqual([1, 1]);
        await a.client.refuse();
        const { state, receipt = '', version } = await a.call.change(ID);
        expect(state).toBe('queued');
        expect(await versionOf(a, what)).toBe(2);
        const { seen } = await b.call.read(what, { after: { receipt, id: ID, version } });
        expect(seen?.find(([id]) => id === ID)?.[1]).toBe(2);
        await a.client.heal();
        await until('it is sent', () => history.sent.length === 1);
        await isFresh(b, what);
        return judged(fleet);
      }),
    );

    for (const skewMs of [-5000, 5000]) {
      fault(`E6: a change by a replica whose clock is off by ${String(skewMs)} ms: ${what}`, () =>
        onFleet(
          single(),
          async (fleet) => {
            const { a, b, origin } = fleet;
            expect(await versionOf(b, what)).toBe(1);
            await a.call.change(ID);
            await isFresh(b, what);
            const calls = origin.calls.length;
            for (let i = 0; i < 5; i++) expect(await versionOf(b, what)).toBe(2);
            expect(origin.calls).toHaveLength(calls); // E6b: not dead on arrival
            return judged(fleet);
          },
          { hosts: [{ skewMs }] },
        ),
      );
    }
  }
}
