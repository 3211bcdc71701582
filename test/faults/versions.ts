import { single } from './ground.js';
import { fault, onFleet } from './run.js';
import { pause } from './time.js';

export function versions(): void {
  // A replica that is given a row of the other's shape says so, and that is a violation.
  fault('schema 1 and 2 share one Redis: no value crosses, every change does', () =>
    onFleet(
      single(),
      async (fleet) => {
        await fleet.begin();
        await pause(1000);
        await fleet.settle();
        return { ...(await fleet.verdict()) };
      },
      { hosts: [{ schema: '1' }, { schema: '2' }] },
    ),
  );
}
