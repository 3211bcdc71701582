import { expect } from 'vitest';
import { single } from './ground.js';
import { fault, onFleet } from './run.js';
import { pause, until } from './time.js';

const POLICIES = ['noeviction', 'allkeys-lru', 'allkeys-random', 'volatile-lru', 'volatile-ttl'];

/** `<name>:<value>` in what INFO says. */
const fieldOf = (info: string, name: string): number => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1]);

export function memoryFaults(): void {
  for (const policy of POLICIES) {
    fault(`a small maxmemory with ${policy}`, () =>
      onFleet(
        single({ settings: { 'maxmemory-policy': policy, 'maxmemory-samples': 3 } }),
        async (fleet) => {
          const { admin } = fleet.ground;
          const used = fieldOf(await admin.info('memory'), 'used_memory');
          await fleet.begin({ writePauseMs: 15 });
          // Less than is there already: everything that follows happens at the limit.
          const full = fieldOf(await admin.info('memory'), 'used_memory');
          await admin.config('SET', 'maxmemory', String(Math.round(used + (full - used) * 0.6)));
          const evictions = async (): Promise<number> => fieldOf(await admin.info('stats'), 'evicted_keys');
          if (policy === 'noeviction') {
            await until('the store refuses to hold more', () =>
              fleet.history.events.some(({ name, detail }) => name === 'error' && detail.includes('OOM')),
            );
          } else await until('keys are evicted', async () => (await evictions()) > 200);
          await pause(500);
          const evicted = await evictions();
          await admin.config('SET', 'maxmemory', '0');
          await fleet.settle();
          const epochs = new Set(
            fleet.history.changes.map(({ receipt }) => receipt?.split('.').slice(3, -1).join('.') ?? ''),
          );
          expect(epochs.size).toBeGreaterThan(0);
          return { ...(await fleet.verdict()), evicted, epochs: epochs.size };
        },
        { settlements: 40, paddingBytes: 8000 },
      ),
    );
  }
}
